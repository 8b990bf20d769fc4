"""What earlier nights know of an object, and what that is worth today."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from drcheck.model import Depth, ObjectResult

if TYPE_CHECKING:
    from drcheck.store import Known

_BAD = frozenset({ObjectResult.MISMATCH, ObjectResult.UNREADABLE})


class Earlier(NamedTuple):
    """What the store knows of the present state of one object. Times are seconds since 1970 in UTC; 0 is never."""

    queue: int
    """When it last had its turn: its bytes were tried to be read, or else it was first seen in this state. The longest ago is next."""
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
    found = earlier.digests
    contradicted = any(algorithm in found and found[algorithm] != digest for algorithm, digest in promised)
    if contradicted or earlier.result == ObjectResult.UNREADABLE:
        return Worth.SUSPECT
    if earlier.result not in (ObjectResult.MATCH, ObjectResult.MISMATCH) or any(algorithm not in found for algorithm, _ in promised):
        return Worth.NOTHING
    if earlier.queue < since:
        return Worth.EXPIRED
    return Worth.STANDS if earlier.read else Worth.STANDS_THERE


def agreed(earlier: Earlier | None, promised: Collection[tuple[str, str]]) -> bool:
    """Whether an earlier night asked the place for the checksum that it keeps with the object, and it was what is promised now."""
    if earlier is None or earlier.result != ObjectResult.NOT_READ:
        return False
    found = earlier.digests
    return bool(found) and all(found[algorithm] == digest for algorithm, digest in promised if algorithm in found)


def earlier_of(known: Known) -> Earlier:
    """What the store knows of an object in the form that is held against promises."""
    result, tried = known.result, known.tried_seconds
    if result is ObjectResult.MATCH and not tried and known.depth is Depth.ATTRIBUTES:
        tried = known.result_seconds
    found = " ".join(f"{digest.algorithm} {digest.found}" for digest in known.digests if digest.found) if result is not None else ""
    return Earlier(tried or known.changed_seconds, known.read_seconds, result or "", found)
