"""Whether the newest recovery points keep still while they are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from drcheck.clock import Deadline
from drcheck.formats.collect import Held, PointCollector
from drcheck.formats.draft import Judge, Look
from drcheck.model import PointState

APART = 1.0
"""Seconds between two looks at something that was changed just now."""
LOOKS = 16
"""How many are looked at again at once."""


def look_twice(collector: PointCollector, judge: Judge, again: Callable[[Collection[str]], Mapping[str, Look]], deadline: Deadline) -> None:
    """
    Look again at the newest recovery points that may be being written, and mark those that differ as in progress.

    `again` looks at the points with these ids. A point that a marker says is finished is not looked at again. The newest 16 in question are looked
    at, and then more until a finished one has kept still: the newest usable point has always kept still.

    Raises:
        TimedOut: no time is left for the second look.
    """
    doubtful = [
        held
        for held in collector.newest()
        if held.point.state in (PointState.FINISHED, PointState.EMPTY) and held.point.objects and not held.marked and judge.may_grow(held.newest)
    ]
    if any(judge.is_fresh(held.newest) for held in doubtful[:LOOKS]):
        left = deadline.remaining()
        time.sleep(APART if left is None else min(APART, left))
    for start in range(0, len(doubtful), LOOKS):
        deadline.check()
        batch = doubtful[start : start + LOOKS]
        looks = again([held.point.id for held in batch])
        for held in batch:
            _compare(held, looks.get(held.point.id, Look()))
        if any(held.point.state is PointState.FINISHED for held in batch):
            return


def _compare(held: Held, second: Look) -> None:
    first = held.look
    if second.same(first):
        return
    if not second.objects:
        change = "vanished"
    elif (second.objects, second.size) == (first.objects, first.size):
        change = "was written to"
    else:
        change = f"went from {first.size:,} bytes in {first.objects:,} objects to {second.size:,} in {second.objects:,}"
    held.point = replace(held.point, state=PointState.IN_PROGRESS, detail=f"it {change} while it was looked at")
