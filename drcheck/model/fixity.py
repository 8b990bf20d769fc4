"""Fixity: whether bytes still match what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from drcheck.model.facts import Depth, Unobserved

WEAK_ALGORITHMS = frozenset({"md5", "sha1", "crc32", "crc32c", "crc64nvme"})
"""Algorithms that show accidents but not attacks: collisions can be made (MD5, SHA-1) or the digest is no cryptographic one (CRC)."""


class ObjectResult(StrEnum):
    """What became of one object."""

    NOT_READ = "not-read"
    """It was to be read and was not: no time, an archived storage class, an aborted run."""
    MATCH = "match"
    MISMATCH = "mismatch"
    MISSING = "missing"
    """It was promised, and the place answered that it is not there."""
    UNREADABLE = "unreadable"
    """It is there and could not be read whole."""
    EXTRA = "extra"
    """It is there and nothing was promised for it."""


@dataclass(frozen=True, slots=True)
class ObjectVerdict:
    """The result of one object."""

    key: str
    """Relative to the target."""
    result: ObjectResult
    size: int
    """Bytes; 0 for a missing one."""
    algorithm: str = ""
    promised: str = ""
    """The promised digest, hex."""
    found: str = ""
    """The digest of what was read, hex."""
    manifest: str = ""
    detail: str = ""
    there: bool = False
    """Whether `found` is what the place says of itself: it hashed the object, and not a byte was read here."""
    kept: bool = False
    """Whether it rests on a checksum that the place keeps with the object, as it was uploaded: not a byte was read."""


@dataclass(frozen=True, slots=True)
class ManifestRead:
    """A manifest that was read and understood."""

    name: str
    """Its key on the target, or its path on this machine."""
    kind: str
    """`gnu`, `bsd`, `sfv`, `hashdeep` or `bagit`."""
    beside: bool
    """Whether it lies with the data, so that whoever can rewrite the data can rewrite it too."""
    algorithms: tuple[str, ...]
    promises: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """
    How far rolling verification of one copy has come: each night reads a part, and what was read stands until its cycle is over.

    What it says of the objects that were not read rests on chance alone: the order of those in `unverified` is that of a keyed hash whose key nobody
    knew before the run, and `drawn` of them, the first in that order without a gap, were read. It does not matter why they were.
    """

    cycle: timedelta
    """Within it every object is to be read once; what was read longer ago no longer stands."""
    verified: int
    """Objects that have what was promised by bytes read within the cycle, tonight's among them."""
    oldest_read: datetime | None
    """The earliest reading that any of `verified` rests on, UTC; None where there is none."""
    due: int
    """Objects whose cycle was over, or would have been before the next night."""
    left: int
    """Of these, the objects that were not read tonight: the budget is too small for the cycle."""
    unverified: int
    """Objects that were drawn from: with a promise, and without a reading that stood when the night began. Others like them may be left out."""
    drawn: int
    """Of `unverified`, the objects that tonight's reading drew at random."""
    drawn_bad: int
    """Of `drawn`, those that are not what was promised."""
    ends: datetime | None
    """By when every object will have been read at tonight's pace, UTC; None where nothing was read, or where nothing is left."""
    unread: int = 0
    """Of `unverified`, the objects that were not read tonight: of them, and of no others that were not read, the draw says something."""

    def standing(self, now: datetime) -> int:
        """
        How many of `verified` are known to stand at `now`: all of them, or none where the oldest reading is over its cycle.

        The others may stand then or may not: it is not kept when each of them was read.
        """
        return self.verified if self.oldest_read is not None and now - self.oldest_read <= self.cycle else 0


@dataclass(frozen=True, slots=True)
class Verification:
    """
    What reading one copy's bytes showed. Counts are exact; `problems` is a bounded sample of every result that is not a match.

    With a `rotation`, `counts` hold what stands from earlier nights beside what was read tonight; `objects_read` and `bytes_read` are tonight's.
    """

    counts: tuple[tuple[ObjectResult, int], ...]
    objects_total: int
    """Objects listed, without manifests and markers."""
    objects_read: int
    bytes_read: int
    problems: tuple[ObjectVerdict, ...]
    manifests: tuple[ManifestRead, ...]
    unusable_manifests: tuple[str, ...]
    """Manifests that could not be understood or read, each with the reason; what they promise is unknown."""
    weak_only: int
    """Matches that rest on a weak algorithm alone."""
    started: datetime
    finished: datetime
    depth: Depth
    stopped: Unobserved | None = None
    """Why the run ended before everything was looked at; None where it did not."""
    faults: tuple[str, ...] = ()
    """What a package format says against the whole, such as a bag whose Payload-Oxum does not hold."""
    hashed_there: int = 0
    """Matches that rest on the place's own word: it hashed the object itself, and not a byte was read here."""
    kept: int = 0
    """Of the objects that were not read, those with which the place keeps a checksum that is as promised."""
    rotation: Rotation | None = None
    """How far rolling verification has come; None where no store is kept, so that all was to be read at once."""

    def count(self, result: ObjectResult) -> int:
        """How many objects had `result`."""
        return dict(self.counts).get(result, 0)

    @property
    def bad(self) -> int:
        """Objects that are known not to be what was promised: mismatched or missing."""
        return self.count(ObjectResult.MISMATCH) + self.count(ObjectResult.MISSING)

    def share_done(self, now: datetime) -> float:
        """The share (0 to 1) of the objects with a promise that were read and compared: in this run, or in a rotation with a reading that stands."""
        promised = sum(number for result, number in self.counts if result is not ObjectResult.EXTRA)
        read = self.count(ObjectResult.MATCH) - self.hashed_there
        if self.rotation is not None:
            read = min(read, self.rotation.standing(now))
        return min(1.0, (max(0, read) + self.bad) / promised) if promised else 0.0
