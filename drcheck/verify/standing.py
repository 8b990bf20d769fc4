"""What the state of a recovery point means for its objects."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from drcheck.model import SKEW, Points, PointState, RecoveryPoint


class Role(IntEnum):
    """What is expected of one listed object."""

    ASIDE = 0
    """It belongs to a recovery point that is not finished; it is not looked at."""
    EXPECTED = 1
    """Something should be promised for it."""
    ALLOWED = 2
    """It is verified where something is promised for it, and nothing need be: manifests, markers, what belongs to no recovery point."""


_ROLES = {
    PointState.FINISHED: Role.EXPECTED,
    # What was promised for these is still looked at: it is there that the promise is likely to be broken. That something promises them is not asked.
    PointState.SMALL: Role.ALLOWED,
    PointState.EMPTY: Role.ALLOWED,
    PointState.IN_PROGRESS: Role.ASIDE,
    PointState.INCOMPLETE: Role.ASIDE,
    PointState.FUTURE: Role.ASIDE,
}


class Standing:
    """The role of each recovery point's objects, from what inspection saw of the copy."""

    def __init__(self, points: Points, now: datetime) -> None:
        self._roles = {point.id: _role(point, now) for point in (*points.newest, *points.future)}
        # One that inspection did not see has come since, and may be half written. Where there were too many to keep them all, it is an old one.
        self._otherwise = Role.ASIDE if len(self._roles) >= points.total else Role.EXPECTED
        self.aside = tuple(point for point, role in self._roles.items() if role is Role.ASIDE)
        """The ids of the points that are not looked at."""

    def of(self, point: str) -> Role:
        """The role of the objects of one recovery point; empty means that they belong to none."""
        return self._roles.get(point, self._otherwise) if point else Role.ALLOWED

    @property
    def anything(self) -> bool:
        """Whether any point is to be looked at."""
        return self._otherwise is not Role.ASIDE or any(role is not Role.ASIDE for role in self._roles.values())


def _role(point: RecoveryPoint, now: datetime) -> Role:
    if point.state is PointState.FINISHED and point.time > now + SKEW:
        return Role.ASIDE
    return _ROLES[point.state]
