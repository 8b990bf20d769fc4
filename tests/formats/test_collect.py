"""Collecting any number of recovery points in bounded memory."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.connectors.base import Entry
from drcheck.formats.collect import FUTURE_RETAINED, RETAINED, PointCollector
from drcheck.formats.draft import Draft, Judge
from drcheck.model import SKEW, PointState
from tests.formats.contract import NOW
from tests.formats.memory import MemoryConnector
from tests.formats.test_dated import dated
from tests.formats.test_dump import dump
from tests.formats.test_mirror import mirror

JUDGE = Judge(NOW, NOW, timedelta(minutes=15))
BEGIN = datetime(2000, 1, 1, tzinfo=UTC)


def draft(minutes: int, size: int = 10, missing: str = "") -> Draft:
    """A recovery point so many minutes after the year 2000."""
    moment = BEGIN + timedelta(minutes=minutes)
    return Draft(moment.isoformat(), moment, objects=1, size=size, newest=BEGIN, missing=missing)


def test_counts_are_exact_and_the_newest_and_the_oldest_are_kept_in_any_order() -> None:
    minutes = list(range(10_000))
    random.Random(4).shuffle(minutes)
    collector = PointCollector(NOW)
    for minute in minutes:
        collector.add(draft(minute, size=0 if minute < 3 else minute), JUDGE)
    points = collector.points()
    assert (points.total, points.objects, points.bytes) == (10_000, 10_000, sum(range(3, 10_000)))
    assert points.by_state == ((PointState.FINISHED, 9_997), (PointState.EMPTY, 3))
    assert len(points.newest) == RETAINED
    assert [point.size for point in points.newest] == list(range(9_999, 9_999 - RETAINED, -1))
    assert points.oldest is not None
    assert points.oldest.size == 3


def test_some_of_those_from_the_future_are_kept_and_all_are_counted() -> None:
    collector = PointCollector(NOW)
    for minute in range(1, 300):
        at = NOW + SKEW + timedelta(minutes=minute)
        collector.add(Draft(at.isoformat(), at, objects=1, size=1), JUDGE)
    at = NOW + SKEW
    collector.add(Draft(at.isoformat(), at, objects=1, size=1), JUDGE)
    points = collector.points()
    assert (points.count(PointState.FUTURE), len(points.future), points.total) == (299, FUTURE_RETAINED, 300)
    assert [point.time for point in points.newest] == [at]


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from([0, 1, 10, 11, 100]), st.booleans()), max_size=30))
def test_however_they_come_the_counts_agree(each: list[tuple[int, int, bool]]) -> None:
    collector = PointCollector(NOW, 0.5)
    for number, (minute, size, whole) in enumerate(each):
        one = draft(minute, size, missing="" if whole else "its marker")
        one.id = str(number)
        collector.add(one, JUDGE)
    points = collector.points()
    assert sum(count for _, count in points.by_state) == points.total == len(each)
    finished = [point for point in points.newest if point.state is PointState.FINISHED]
    assert points.oldest == (finished[-1] if finished else None)
    assert [point.time for point in points.newest] == sorted((point.time for point in points.newest), reverse=True)


def keys_of(kind: str, count: int) -> Iterator[str]:
    """So many keys of one format, in key order."""
    for number in range(count):
        minute, month = number % 40_320, number // 40_320
        at = f"2000-{month + 1:02}-{minute // 1440 + 1:02}T{minute // 60 % 24:02}{minute % 60:02}"
        match kind:
            case "dump":
                yield f"ehr-{at}.dump"
            case "dated":
                yield f"{at}/data"
            case "one dump":
                yield f"ehr-20260309-{number:09}.sql"
            case "one dated":
                yield f"2026-03-09T0000/{number:09}"
            case _:
                yield f"images/{number:09}"


LAYOUTS = {
    "dump": dump("ehr-%Y-%m-%dT%H%M.dump"),
    "one dump": dump("ehr-%Y%m%d-*.sql", marker_suffix=".ok"),
    "dated": dated("%Y-%m-%dT%H%M"),
    "one dated": dated("%Y-%m-%dT%H%M"),
    "mirror": mirror(),
}

SCRIPT = """
import resource, sys
from tests.formats.test_collect import LAYOUTS, look_at

for count in (20_000, 200_000):
    look_at(sys.argv[1], count)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def look_at(kind: str, count: int) -> None:
    """Find the recovery points of a listing of so many objects, which are made one by one."""
    connector = MemoryConnector()
    connector.source = lambda: (Entry(key, 1_000, BEGIN) for key in keys_of(kind, count))
    points = LAYOUTS[kind].points(connector, "", NOW)
    assert (points.objects, points.bytes) == (count, count * 1_000)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_memory_does_not_grow_with_the_number_of_objects(kind: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", SCRIPT, kind], cwd=root, capture_output=True, text=True, timeout=120, check=True)
    few, many = (int(line) / 1024 for line in done.stdout.split())  # ru_maxrss is in KiB on Linux
    assert many - few < 4
