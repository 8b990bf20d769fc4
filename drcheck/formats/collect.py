"""Collecting recovery points in bounded memory, however many there are."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from drcheck.formats.draft import Draft, Judge, Look
from drcheck.model import Points, PointState, RecoveryPoint

RETAINED = 4096
"""How many of the newest recovery points are kept one by one."""
FUTURE_RETAINED = 100
SAMPLE = 10
BEFORE = 7
"""How many finished recovery points a new one is compared with in size, at the most."""
BEFORE_NEEDED = 3


@dataclass(slots=True)
class Held:
    """One retained recovery point, and what a second look at it is compared with."""

    point: RecoveryPoint
    newest: datetime | None
    marked: bool

    @property
    def look(self) -> Look:
        """What the first look saw."""
        return Look(self.point.objects, self.point.size, self.newest)


class PointCollector:
    """
    Takes recovery points in any order and keeps exact counts, the newest ones, the oldest finished one and some from the future.

    Whether one is suddenly small is judged among the retained newest, when all are known.
    """

    def __init__(self, now: datetime, shrink_ratio: float = 0.0) -> None:
        """`now` is the reference time (UTC); a point smaller than `shrink_ratio` times the median of those before it is small."""
        self.now = now
        self.shrink_ratio = shrink_ratio
        self._held: list[tuple[datetime, str, int, Held]] = []
        self._future: list[RecoveryPoint] = []
        self._states: Counter[PointState] = Counter()
        self._oldest: RecoveryPoint | None = None
        self._total = self._objects = self._bytes = self._unrecognised = 0
        self._sample: list[str] = []

    def add(self, draft: Draft, judge: Judge) -> None:
        """Take one recovery point whose objects have all been listed."""
        point = judge.point(draft)
        self._total += 1
        self._objects += point.objects
        self._bytes += point.size
        if point.state is PointState.FUTURE:
            self._states[point.state] += 1
            if len(self._future) < FUTURE_RETAINED:
                self._future.append(point)
            return
        item = (point.time, point.id, self._total, Held(point, draft.newest, draft.marked))
        if len(self._held) < RETAINED:
            heapq.heappush(self._held, item)
        else:
            self._let_go(heapq.heappushpop(self._held, item)[3].point)

    def add_unrecognised(self, key: str) -> None:
        """Count one object that belongs to no recovery point."""
        self._unrecognised += 1
        if len(self._sample) < SAMPLE:
            self._sample.append(key)

    def newest(self) -> list[Held]:
        """The retained recovery points, newest first. Their `point` may be replaced until `points` is called."""
        return [item[3] for item in sorted(self._held, key=lambda item: item[:3], reverse=True)]

    def points(self) -> Points:
        """Everything that was taken."""
        held = self.newest()
        self._mark_small(held)
        newest = tuple(each.point for each in held)
        states = self._states + Counter(point.state for point in newest)
        oldest = self._oldest or next((point for point in reversed(newest) if point.state is PointState.FINISHED), None)
        return Points(
            total=self._total,
            by_state=tuple((state, states[state]) for state in PointState if states[state]),
            newest=newest,
            oldest=oldest,
            future=tuple(sorted(self._future, key=lambda point: (point.time, point.id))),
            objects=self._objects,
            bytes=self._bytes,
            unrecognised=self._unrecognised,
            unrecognised_sample=tuple(self._sample),
        )

    def _let_go(self, point: RecoveryPoint) -> None:
        # Whatever is let go is older than all that is kept, so the oldest finished one is among these once there are any.
        self._states[point.state] += 1
        if point.state is PointState.FINISHED and (self._oldest is None or (point.time, point.id) < (self._oldest.time, self._oldest.id)):
            self._oldest = point

    def _mark_small(self, held: list[Held]) -> None:
        # Small ones do not join those that later ones are compared with: a backup that broke does not become the measure by staying broken.
        before: deque[int] = deque(maxlen=BEFORE)
        for each in reversed(held):
            if each.point.state is not PointState.FINISHED:
                continue
            usual = median(before) if len(before) >= BEFORE_NEEDED else 0
            if each.point.size < self.shrink_ratio * usual:
                detail = f"{each.point.size:,} bytes: less than {self.shrink_ratio:g} × {usual:,.0f}, the median of {len(before)} finished before it"
                each.point = replace(each.point, state=PointState.SMALL, detail=detail)
            else:
                before.append(each.point.size)
