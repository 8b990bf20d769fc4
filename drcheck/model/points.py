"""Recovery points: the moments that a copy can be restored to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SKEW = timedelta(minutes=5)
"""How far a recovery point may lie in the future and still be blamed on clocks."""


class PointState(StrEnum):
    """What was seen of one recovery point. Only `finished` ones can be restored from, and only they count as newest."""

    FINISHED = "finished"
    IN_PROGRESS = "in-progress"
    """It is being written: a `.part`, or it grew while looked at."""
    INCOMPLETE = "incomplete"
    """Its marker or a required part is missing, and nobody is writing it any more."""
    EMPTY = "empty"
    """It has no object, or no bytes."""
    SMALL = "small"
    """It is suddenly much smaller than the ones before it."""
    FUTURE = "future"
    """It says that it was made in the future."""


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """One moment that a copy can be restored to."""

    id: str
    """Its key relative to the copy's path: a directory, a file; `.` for a mirror."""
    time: datetime
    """The moment it can be restored to, UTC."""
    time_from: str
    """Where the time was read: `name`, `stamp` (a file's content) or `modified` (weakest)."""
    size: int
    """Bytes."""
    objects: int
    state: PointState
    detail: str = ""
    """Why the state is not `finished`."""
    sample: str = ""
    """The full key (relative to the target) of one object in it, for questions about its protection."""


@dataclass(frozen=True, slots=True)
class Points:
    """
    What a copy holds, in bounded memory: exact counts, the newest points, the oldest one.

    A copy whose path is empty or absent on a place that answered has `total == 0`: seen, and nothing there.
    """

    total: int
    by_state: tuple[tuple[PointState, int], ...]
    newest: tuple[RecoveryPoint, ...]
    """Newest first, every state but `future`, at most a few thousand."""
    oldest: RecoveryPoint | None
    """The oldest finished one."""
    future: tuple[RecoveryPoint, ...]
    """Those that say they are from the future, at most a hundred; `by_state` has the exact count."""
    objects: int
    bytes: int
    unrecognised: int = 0
    """Entries that belong to no recovery point and no manifest."""
    unrecognised_sample: tuple[str, ...] = ()

    def count(self, state: PointState) -> int:
        """How many points are in `state`."""
        return dict(self.by_state).get(state, 0)

    def newest_usable(self, now: datetime) -> RecoveryPoint | None:
        """The newest finished point that is not from after `now`; None where there is none."""
        return next((point for point in self.newest if point.state is PointState.FINISHED and point.time <= now + SKEW), None)

    def oldest_usable(self, now: datetime) -> RecoveryPoint | None:
        """The oldest finished point that is not from after `now`; None where there is none."""
        return self.oldest if self.oldest is not None and self.oldest.time <= now + SKEW else None
