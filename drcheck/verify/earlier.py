"""What earlier nights know of an object, and what that is worth today."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from drcheck.model import Depth, ObjectResult

if TYPE_CHECKING:
    from drcheck.store import Known

_OTHER = "other"
"""In place of a digest that is not the promised one, and that nobody told."""


class Earlier(NamedTuple):
    """What the store knows of the present state of one object. Times are seconds since 1970 in UTC; 0 is never."""

    queue: int
    """
    When it last had its turn: its bytes were tried to be read, or the place hashed it itself, or else it was first seen in this state. The longest
    ago is next.
    """
    read: int
    """When its bytes were last read whole."""
    result: str
    """What came of the last look at it: an `ObjectResult`, or empty."""
    found: str
    """What its bytes came to when they were last read, or what the place said that they come to: `algorithm digest algorithm digest …`."""

    @property
    def digests(self) -> dict[str, str]:
        """What was found, by algorithm."""
        words = self.found.split()
        return dict(zip(words[::2], words[1::2], strict=True))


class Worth(Enum):
    """What an earlier look at an object is worth today."""

    NOTHING = "nothing"
    """It was never read in its present state, or not for what is promised now."""
    STANDS = "stands"
    """Everything promised holds, by bytes that were read within the cycle."""
    STANDS_THERE = "stands-there"
    """The same by the word of the place, which hashed it itself."""
    EXPIRED = "expired"
    """It was read, and longer ago than the cycle allows."""
    SUSPECT = "suspect"
    """It could not be read when it was last tried, or what was found is not what is promised."""


def worth(earlier: Earlier | None, promised: Collection[tuple[str, str]], since: int) -> Worth:
    """
    What is known of an object is worth against its promises, pairs of algorithm and digest (at least one).

    What was read is held against what is promised today, so a manifest that was rewritten since is noticed without reading anything. `since` is the
    earliest reading that still stands.
    """
    if earlier is None or not earlier.result:
        return Worth.NOTHING
    kept = len(promised) == 1 and earlier.found == " ".join(*promised)  # as it nearly always is, seen without taking the text apart
    found = {} if kept else earlier.digests
    contradicted = not kept and any(algorithm in found and found[algorithm] != digest for algorithm, digest in promised)
    if contradicted or earlier.result == ObjectResult.UNREADABLE:
        return Worth.SUSPECT
    matched = earlier.result == ObjectResult.MATCH
    known = kept or all(algorithm in found for algorithm, _ in promised)
    if not known or not (matched or (earlier.result == ObjectResult.MISMATCH and earlier.read)):
        return Worth.NOTHING
    if not matched and earlier.queue > earlier.read:
        return Worth.SUSPECT  # it was tried again since, and not read whole
    if earlier.read and earlier.read >= since:
        return Worth.STANDS
    # A match that is younger than the last reading: the place hashed it since.
    return Worth.STANDS_THERE if matched and earlier.queue >= since else Worth.EXPIRED


def agreed(earlier: Earlier | None, promised: Collection[tuple[str, str]]) -> bool:
    """Whether an earlier night asked the place for the checksum that it keeps with the object, and it was what is promised now."""
    if earlier is None or earlier.result != ObjectResult.NOT_READ:
        return False
    found = earlier.digests
    return bool(found) and all(found[algorithm] == digest for algorithm, digest in promised if algorithm in found)


def earlier_of(known: Known, now: int) -> Earlier:
    """
    What the store knows of an object in the form that is held against promises, at `now` (seconds since 1970).

    What is said to have been done later than that was done by a clock that was wrong: nobody knows when, so it was too long ago.
    """
    result = known.result
    if result is ObjectResult.NOT_READ and known.depth is Depth.READ:
        result = ObjectResult.UNREADABLE  # it was tried, and the place refused
    # A kept checksum that differs need not be a digest of the whole object; that it is another than promised is known all the same.
    other = _OTHER if result is ObjectResult.MISMATCH and known.depth is Depth.ATTRIBUTES else ""
    digests = known.digests if result is not None else ()
    found = " ".join([f"{digest.algorithm} {digest.found or other}" for digest in digests if digest.found or other])
    queue, read = known.tried_seconds or known.changed_seconds, known.read_seconds
    if queue > now or read > now:
        queue = read = 0
    return Earlier(queue, read, result or "", found)
