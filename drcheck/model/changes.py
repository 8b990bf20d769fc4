"""Changes: what a listing of a copy says beside the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Breach(StrEnum):
    """How an object broke what was declared or promised of it."""

    ALTERED = "altered"
    """Its size or version is another, although it is declared immutable."""
    VANISHED = "vanished"
    """It is gone before its retention ended, although it is declared immutable."""
    TORN_OUT = "torn-out"
    """It is gone, and the finished recovery point that it belonged to is still there."""


@dataclass(frozen=True, slots=True)
class BrokenObject:
    """One object that should not have changed, and did."""

    key: str
    """Relative to the target."""
    breach: Breach
    detail: str
    """In words: what it was, what it is, since when."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a whole listing of a copy says beside the last whole one. Counts are exact; `broken` is a bounded sample."""

    since: datetime | None
    """When the last whole listing was begun, UTC; None where this is the first, so that nothing could have been seen to change."""
    new: int
    changed: int
    gone: int
    unchanged: int
    breaches: tuple[tuple[Breach, int], ...] = ()
    """How many objects broke what was declared of them, by how."""
    broken: tuple[BrokenObject, ...] = ()

    def count(self, breach: Breach) -> int:
        """How many objects broke what was declared of them in this way."""
        return dict(self.breaches).get(breach, 0)
