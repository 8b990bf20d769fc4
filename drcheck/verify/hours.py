"""The time of one target, shared between its copies by what must be read of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from drcheck.clock import Deadline

_LEAST = 0.1
"""
The part of its share that a copy may use though the listings to come are expected to need the time. They may turn out to be quicker than those before
them, and it would read one object every night.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """What the share of one copy is reckoned from."""

    copy: str
    """`system@target`."""
    need: int
    """What must be read of it a night, in bytes that take as long; 0 where nothing is. Only its ratio to that of others counts."""
    objects: int
    """How many objects are listed there."""


class Hours:
    """
    What a budget of time leaves each copy of one target. They are listed and read one after the other; used by the thread that does so.

    Every copy is listed every night, however long that takes, so what is parted is the rest: the target's time, less what listing took so far, and
    less what it will take at the copies to come if it goes on as fast. A copy may read for its share of that and for what those before it left over.
    Where those took more than theirs, as they may for their first object, all that are to come bear it by their shares.
    """

    def __init__(self, seconds: float | None, parts: Iterable[Part]) -> None:
        """The time, `seconds` or None for no limit, begins now; `parts` are in the order in which they have their turns."""
        self._whole = Deadline(seconds)
        self._to_come = {part.copy: part for part in parts}
        self._needs = sum(part.need for part in self._to_come.values())
        self._listing: Part | None = None
        self._before = 0.0
        self._listed_seconds = 0.0
        self._listed_objects = 0

    def begin(self, copy: str) -> None:
        """Note that a copy's listing begins, and that nothing more is done at the one before it."""
        self._end_listing()
        self._listing = self._to_come.pop(copy)
        self._before = self._whole.remaining() or 0.0

    def until(self) -> Deadline:
        """When no further object of the copy that was just listed is begun."""
        mine = self._listing
        self._end_listing()
        left, seconds = self._whole.remaining(), self._whole.seconds
        if mine is None or left is None or seconds is None:
            return Deadline(None)
        need, to_come = max(1, mine.need), self._to_come.values()
        later = sum(part.need for part in to_come)
        whole = max(need + later, self._needs)
        pace = self._listed_seconds / self._listed_objects if self._listed_objects else 0.0
        kept = pace * sum(part.objects for part in to_come)
        unlisted = seconds - self._listed_seconds
        free, reading = left - kept, max(0.0, unlisted - kept)
        fair = free * need / (need + later)
        left_over = free - reading * later / whole  # by those before it: all but the shares of those to come
        least = _LEAST * need * min(left / (need + later), unlisted / whole)
        return Deadline(max(fair, left_over, least))

    def rest(self) -> Deadline:
        """When no further object of any copy is begun, once all of them had their turn."""
        return Deadline(self._whole.remaining())

    def _end_listing(self) -> None:
        if self._listing is not None:
            self._listed_seconds += self._before - (self._whole.remaining() or 0.0)
            self._listed_objects += self._listing.objects
            self._listing = None
