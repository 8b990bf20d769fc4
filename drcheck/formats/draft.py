"""Drafts: recovery points while their objects are listed, and the judgment of the state that one is in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from drcheck.clock import format_duration, format_moment
from drcheck.connectors.base import Connector, Entry
from drcheck.errors import ConnectorError
from drcheck.formats.pieces import Role
from drcheck.model import SKEW, PointState, RecoveryPoint, printable


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared between two looks at one recovery point."""

    objects: int = 0
    size: int = 0
    newest: datetime | None = None

    def same(self, other: Look) -> bool:
        """Whether nothing changed, as far as the place can tell: some tell times in parts of a second when listing and in seconds when asked."""
        if (self.objects, self.size) != (other.objects, other.size) or self.newest is None or other.newest is None:
            return self == other
        return abs(self.newest - other.newest) < timedelta(seconds=1)


@dataclass(slots=True)
class Draft:
    """What is known of a recovery point while its objects are listed. Only payload counts: markers and checksum files are not data."""

    id: str
    time: datetime
    time_from: str = "name"
    missing: str = ""
    """The marker that it should have and has not, such as `its marker COMPLETE`; empty where it has it or needs none."""
    marked: bool = False
    """Whether a marker says that it is finished."""
    partial: str = ""
    """A name in it that says that it is being written."""
    objects: int = 0
    size: int = 0
    newest: datetime | None = None
    """When its newest object was changed, UTC; None where the place does not say."""
    sample: str = ""

    def add(self, entry: Entry, role: Role) -> None:
        """Take one object into account. The caller says what its markers mean."""
        if role not in (Role.PAYLOAD, Role.PARTIAL):
            return
        self.objects += 1
        self.size += entry.size
        if entry.modified is not None and (self.newest is None or entry.modified > self.newest):
            self.newest = entry.modified
        if role is Role.PARTIAL:
            self.partial = self.partial or entry.key
        else:
            self.sample = self.sample or entry.key

    @property
    def look(self) -> Look:
        """What this look saw, to be compared with another."""
        return Look(self.objects, self.size, self.newest)


@dataclass(frozen=True, slots=True)
class Judge:
    """
    Tells the state of a draft.

    The first that holds: future, in-progress (a listing of the past, and it changed since or within `settle` before), in-progress (a name says so),
    in-progress (no marker yet, and it changed within `settle`), empty, incomplete (no marker). What is left is finished, as far as one look can tell:
    growing and suddenly small ones are told when all are known.
    """

    now: datetime
    """The run's reference time, UTC."""
    present: datetime
    """What the target's clock shows at that moment, UTC."""
    settle: timedelta
    listed: datetime | None = None
    """The moment that listings there show, UTC; None where that is the present. Nothing can then be looked at twice."""

    @classmethod
    def at(cls, connector: Connector, now: datetime, settle: timedelta) -> Judge:
        """The judge for one target, whose clock is asked where it can be."""
        try:
            skew = timedelta(seconds=connector.clock_skew())
        except ConnectorError:
            # Whatever stands in the way shows in the fact of its own that the clock is; here a margin is left instead.
            skew = timedelta(0)
        return cls(now, now + skew, settle, connector.listed_at())

    def point(self, draft: Draft) -> RecoveryPoint:
        """The recovery point that the draft has become."""
        state, detail = self._state(draft)
        return RecoveryPoint(draft.id, draft.time, draft.time_from, draft.size, draft.objects, state, detail, draft.sample)

    def may_grow(self, newest: datetime | None) -> bool:
        """Whether something that was last changed then may still be being written; a change in the future counts, as clocks differ."""
        return newest is None or newest >= self.present - self.settle - SKEW

    def is_fresh(self, newest: datetime | None) -> bool:
        """Whether something that was last changed then was changed just now, in the target's time."""
        return newest is None or abs(newest - self.present) <= self.settle + SKEW

    @staticmethod
    def _changed_since(draft: Draft, moment: datetime) -> bool:
        return draft.objects > 0 and (draft.newest is None or draft.newest >= moment)

    def _state(self, draft: Draft) -> tuple[PointState, str]:
        if draft.time > self.now + SKEW:
            ahead = format_duration(draft.time - self.now)
            return PointState.FUTURE, f"says that it was made at {format_moment(draft.time)}, {ahead} after {format_moment(self.now)}"
        if self.listed is not None and (draft.time > self.listed or self._changed_since(draft, self.listed - self.settle)):
            return PointState.IN_PROGRESS, f"it was still being written when the listing was begun ({format_moment(self.listed)})"
        if not (draft.partial or draft.missing) and draft.size:
            return PointState.FINISHED, ""
        settled = draft.newest is None or abs(draft.newest - self.present) > self.settle
        changed = "" if draft.newest is None else f"; last changed {format_moment(draft.newest)}"
        if draft.partial:
            doubt = ", so it may have been abandoned" if settled and changed else ""
            return PointState.IN_PROGRESS, f"{printable(draft.partial)} is named as one that is being written{changed}{doubt}"
        if draft.missing and not settled:
            return PointState.IN_PROGRESS, f"{draft.missing} is not there yet{changed}"
        if not draft.size:
            what = (
                f"its {draft.objects:,} objects hold 0 bytes"
                if draft.objects > 1
                else "its one object holds 0 bytes"
                if draft.objects
                else "holds no data"
            )
            return PointState.EMPTY, what
        return PointState.INCOMPLETE, f"{draft.missing} is missing, and nothing is being written{changed}"
