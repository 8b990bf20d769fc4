"""What is known of one object, as the store keeps it and as others see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import starmap
from math import floor
from typing import Any, NamedTuple

from drcheck.connectors.base import Entry
from drcheck.model import Depth, ObjectResult, ObjectVerdict
from drcheck.store.digests import Digest, digests_of, same_shape, shape_of

REMEMBER = timedelta(days=30)
"""For how long an object that is gone stays known, and what should not have happened to one."""
LATEST = 2**32 - 1
"""The last second since 1970 that a row can hold: in February 2106."""

# The numbers are what stands in stores: they never change, and a new result or depth gets a new one. 0 is "nothing made yet".
RESULT_CODES = {
    ObjectResult.NOT_READ: 1,
    ObjectResult.MATCH: 2,
    ObjectResult.MISMATCH: 3,
    ObjectResult.MISSING: 4,
    ObjectResult.UNREADABLE: 5,
    ObjectResult.EXTRA: 6,
}
DEPTH_CODES = {
    Depth.NONE: 0,
    Depth.LISTED: 10,
    Depth.ATTRIBUTES: 20,
    Depth.STRUCTURE: 30,
    Depth.SAMPLED: 40,
    Depth.READ: 50,
    Depth.RESTORED: 60,
    Depth.PROVEN: 70,
}
RESULTS = {code: result for result, code in RESULT_CODES.items()}
DEPTHS = {code: depth for depth, code in DEPTH_CODES.items()}
_ATTRIBUTES = DEPTH_CODES[Depth.ATTRIBUTES]
_TRIED = DEPTH_CODES[Depth.SAMPLED]
_READ = DEPTH_CODES[Depth.READ]
_MATCH = RESULT_CODES[ObjectResult.MATCH]
_MISMATCH = RESULT_CODES[ObjectResult.MISMATCH]
_BAD = frozenset(RESULT_CODES[result] for result in (ObjectResult.MISMATCH, ObjectResult.MISSING, ObjectResult.UNREADABLE))


class Reading(NamedTuple):
    """The result of one object, as it is recorded the moment that it is made. A named tuple for the same reason as `Digest`."""

    key: str
    result: ObjectResult
    at: datetime
    """When it was made, UTC; kept to the second, rounded down."""
    depth: Depth
    """How hard was looked: `read` where its bytes were, or were tried to be."""
    size: int
    """Bytes, as listed; 0 for a missing one."""
    digests: tuple[Digest, ...] = ()
    version: str = ""
    """
    `version_of` the entry that was read. With it a result is kept even where the listing that showed this version never came to its end; without
    it the result counts for the version that was listed last.
    """

    @classmethod
    def of(cls, verdict: ObjectVerdict, at: datetime, entry: Entry | None = None, digests: Iterable[tuple[str, str, str]] = ()) -> Reading:
        """
        A verdict made at `at`, on what `entry` listed. `digests` are the algorithm, the promised and the found digest of every promise, where there
        are others than the verdict's.

        It counts as `read` where a digest was found or reading was tried, else as `listed`: a wrong size, an absent object and one that nothing was
        promised for are seen without reading. What the place hashed itself, or keeps a checksum of, counts as `attributes`. What was promised
        and is `not-read` was tried where `entry` is given: the place refused it for a reason that speaks of no damage.
        """
        refused = verdict.result is ObjectResult.NOT_READ and entry is not None and bool(verdict.promised)
        tried = verdict.found or verdict.result in (ObjectResult.MATCH, ObjectResult.UNREADABLE) or refused
        depth = Depth.READ if tried else Depth.NONE if verdict.result is ObjectResult.NOT_READ else Depth.LISTED
        depth = Depth.ATTRIBUTES if verdict.there or verdict.kept else depth
        if digests:
            kept = tuple(starmap(Digest, digests))
        else:
            kept = (Digest(verdict.algorithm, verdict.promised, verdict.found),) if verdict.algorithm else ()
        if entry is None:
            return cls(verdict.key, verdict.result, at, depth, verdict.size, kept)
        return cls(verdict.key, verdict.result, at, depth, entry.size, kept, version_of(entry))


class Row(NamedTuple):
    """One object in the form that is packed. Times are seconds since 1970 in UTC, where 0 means never."""

    key: bytes
    size: int
    version: bytes
    first_seen: int
    changed: int
    last_seen: int
    """Only where it is gone: for the others it is the latest listing."""
    gone: int
    result_at: int
    last_tried: int
    last_read: int
    result: int
    depth: int
    shape: str
    """What `raw` holds; see `drcheck.store.digests`."""
    raw: bytes


Cells = tuple[bytes, int, bytes, int, int, int, int, int, int, int, int, int, str, bytes]
"""A row without its names."""
as_row: Callable[[Iterable[Any]], Row] = partial(tuple.__new__, Row)
"""As `Row._make`, without a step of Python: it is called for every object of every run."""


class Known:
    """
    What is known of one object of one copy. A frozen value; times are UTC and to the second.

    It wraps the packed row and works out each property when it is asked for: a million are made in every merge, and few of them are looked at.
    """

    __slots__ = ("_listed", "_row")

    def __init__(self, row: Row, listed: datetime | None) -> None:
        self._row = row
        self._listed = listed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and (self._row, self._listed) == (other._row, other._listed)

    def __hash__(self) -> int:
        return hash(self._row)

    def __repr__(self) -> str:
        return f"Known({self.key!r}, {self.size} bytes, {self.result}, {self.depth}, last read {self.last_read})"

    @property
    def key(self) -> str:
        """Relative to the target, as in listings."""
        return text_of(self._row.key)

    @property
    def size(self) -> int:
        """Bytes, as last listed; of a promised object that was never listed, as its result says."""
        return self._row.size

    @property
    def version(self) -> str:
        """What the place last said in place of a version: an ETag, inode and times, or the time of its last change."""
        return text_of(self._row.version)

    @property
    def first_seen(self) -> datetime | None:
        """The first listing that it was in; None where it was promised and never listed."""
        return moment_of(self._row.first_seen)

    @property
    def changed(self) -> datetime | None:
        """The first listing that it was in with its present size and version: `first_seen` where it never changed."""
        return moment_of(self._row.changed)

    @property
    def last_seen(self) -> datetime | None:
        """The last whole listing that it was in; None where it was never listed."""
        if self._row.gone or not self._row.first_seen:
            return moment_of(self._row.last_seen)
        return self._listed

    @property
    def gone(self) -> datetime | None:
        """The first whole listing that it was no longer in; None while it is there."""
        return moment_of(self._row.gone)

    @property
    def result(self) -> ObjectResult | None:
        """What became of it when it was last looked at in its present state; None where it was not."""
        return RESULTS.get(self._row.result)

    @property
    def result_at(self) -> datetime | None:
        """When that result was made."""
        return moment_of(self._row.result_at)

    @property
    def depth(self) -> Depth:
        """How deep that result goes; not at all where the store holds a depth that there is not."""
        return DEPTHS.get(self._row.depth, Depth.NONE)

    @property
    def last_tried(self) -> datetime | None:
        """
        When it last had its turn, and reading its bytes was tried or the place hashed it itself; None for never in its present state. Rotation by
        `last_read` would stick at unreadable objects.
        """
        return moment_of(self._row.last_tried)

    @property
    def tried_seconds(self) -> int:
        """`last_tried` as seconds since 1970, 0 for never: for sorting many."""
        return self._row.last_tried

    @property
    def read_seconds(self) -> int:
        """`last_read` as seconds since 1970, 0 for never."""
        return self._row.last_read

    @property
    def changed_seconds(self) -> int:
        """`changed` as seconds since 1970, 0 for never."""
        return self._row.changed

    @property
    def result_seconds(self) -> int:
        """`result_at` as seconds since 1970, 0 for never."""
        return self._row.result_at

    @property
    def last_read(self) -> datetime | None:
        """When its bytes were last read whole; None for never in its present state."""
        return moment_of(self._row.last_read)

    @property
    def digests(self) -> tuple[Digest, ...]:
        """What was promised and found when its bytes were last read; where they never were, what was promised."""
        return digests_of(self._row.shape, self._row.raw)


def version_of(entry: Entry) -> str:
    """What tells one state of an object from the next: its version, else the time of its last change; empty where the place tells neither."""
    if entry.version or entry.modified is None:
        return entry.version
    return entry.modified.isoformat()


def key_of(text: str) -> bytes:
    """A key, or a version, as the bytes that it is kept and sorted by."""
    return text.encode("utf-8", "surrogateescape")


def text_of(key: bytes) -> str:
    """The text that `key_of` made these bytes of."""
    return key.decode("utf-8", "surrogateescape")


def seconds_of(moment: datetime) -> int:
    """
    Whole seconds since 1970, rounded down.

    Raises:
        ValueError: the moment is not between 1970 and 2106, or has no zone: this machine's clock is wrong, and no age could be trusted.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    seconds = floor(moment.timestamp())
    if not 0 < seconds <= LATEST:
        raise ValueError(f"{moment.isoformat()} is not between 1970 and 2106; set this machine's clock")
    return seconds


def moment_of(seconds: int) -> datetime | None:
    """The moment in UTC; None for 0."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def cells_of(reading: Reading) -> Cells:
    """
    A reading in the form that is packed. Raises ValueError for a moment that a row cannot hold.

    A plain tuple: thousands wait to be written, and the garbage collector keeps looking through those of any other class.
    """
    at = seconds_of(reading.at)
    depth = DEPTH_CODES[reading.depth]
    shape, raw = shape_of(reading.digests) if reading.digests else ("", b"")
    tried = at if depth >= _TRIED or (depth == _ATTRIBUTES and reading.result is ObjectResult.MATCH) else 0
    read = at if depth >= _READ and raw and any(digest.found for digest in reading.digests) else 0
    key, version, result = key_of(reading.key), key_of(reading.version), RESULT_CODES[reading.result]
    return key, reading.size, version, 0, 0, 0, 0, at, tried, read, result, depth, shape, raw


def cells_of_verdict(verdict: ObjectVerdict, at: datetime, entry: Entry | None, digests: Iterable[tuple[str, str, str]]) -> Cells:
    """
    `cells_of(Reading.of(...))`. Raises as that does.

    What nearly every object is, a match of one digest that was read here, goes a way without what lies between: it is half of what recording takes.
    """
    if verdict.result is ObjectResult.MATCH and entry is not None and not digests and not verdict.there and not verdict.kept:
        found = verdict.found
        if verdict.algorithm and found and found == verdict.promised and (same := same_shape(verdict.algorithm, found)) is not None:
            shape, raw = same
            seconds = seconds_of(at)
            key, version = key_of(verdict.key), key_of(entry.version or version_of(entry))
            return key, entry.size, version, 0, 0, 0, 0, seconds, seconds, seconds, _MATCH, _READ, shape, raw
    return cells_of(Reading.of(verdict, at, entry, digests))


def with_reading(row: Row, reading: Row) -> Row:
    """
    The object after one more reading of it.

    A result replaces an earlier one where it goes as deep, where it is bad, or where reading was tried: a glance at attributes does not undo what
    reading showed, and bad news always stands. Digests are those of the last reading of bytes; where the place says since that they are others, what
    was read before counts no more.
    """
    told = reading if reading.depth >= _TRIED or reading.result in _BAD or reading.depth >= row.depth else row
    denied = reading.depth == _ATTRIBUTES and reading.result == _MISMATCH and bool(reading.raw)
    digested = reading if reading.raw and (reading.last_read or denied or not row.last_read) else row
    return as_row(
        (
            row.key,
            row.size,
            row.version,
            row.first_seen,
            row.changed,
            row.last_seen,
            row.gone,
            told.result_at,
            reading.last_tried or row.last_tried,
            reading.last_read or (0 if denied else row.last_read),
            told.result,
            told.depth,
            digested.shape,
            digested.raw,
        )
    )
