"""A process that is killed at any moment loses no recorded result."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drcheck.store import Store, open_store
from tests.store.model import night

NIGHT = """
import sys
from datetime import UTC, datetime
from drcheck.connectors.base import Entry
from drcheck.model import ObjectResult, ObjectVerdict
from drcheck.store import open_store

where, at = sys.argv[1], datetime.fromisoformat(sys.argv[2])
listing = (Entry(f"{number:06d}", 1, None, "v1") for number in range(4_000))
with open_store(where) as store, store.recorder("trust", every=0.02) as recorder:
    told = 0
    for merged in store.objects("trust", "ehr@vault").merge(listing, at):
        if merged.known is not None and merged.known.last_read is not None:
            continue
        key = merged.entry.key
        print("reading", key, flush=True)
        recorder.record("ehr@vault", ObjectVerdict(key, ObjectResult.MATCH, 1, "sha256", "ab" * 32, "ab" * 32), merged.entry)
        # What is on the disk is said after it is there: it is this that must not be lost.
        if recorder.recorded > told:
            told = recorder.recorded
            print("recorded", told, flush=True)
print("done", flush=True)
"""
KILLS = {"sqlite": 20, "postgresql": 6}


def read_in(store: Store) -> set[str]:
    """The keys of all objects that have been read."""
    objects = store.objects("trust", "ehr@vault")
    return {known.key for known in (*objects.known(), *objects.absent()) if known.last_read is not None}


@pytest.mark.slow
def test_kills_lose_no_recorded_result(where: str) -> None:
    """Twenty of them. Nor is anything read twice but what was in flight, and in the end everything was read."""
    moments = random.Random(20)
    known: set[str] = set()
    times_read: dict[str, int] = {}
    in_flight = 0
    open_store(where).close()
    kills = KILLS["postgresql" if "://" in where else "sqlite"]
    for attempt in range(kills + 1):
        lines = a_night(where, attempt, kill_after=moments.uniform(0.0, 0.4) if attempt < kills else None)
        started = [line.split()[1] for line in lines if line.startswith("reading")]
        said = max((int(line.split()[1]) for line in lines if line.startswith("recorded")), default=0)
        for key in started:
            times_read[key] = times_read.get(key, 0) + 1
        with open_store(where) as store:
            now = read_in(store)
        assert now >= known, "what was recorded in an earlier night is lost"
        assert not known & set(started), "what was recorded was read again"
        assert len(now - known) >= said, "what was said to be on the disk is not"
        in_flight += len(set(started) - now)
        known = now
    assert lines[-1] == "done"
    assert len(known) == 4_000
    assert sum(times_read.values()) - 4_000 == in_flight


def a_night(where: str, number: int, *, kill_after: float | None) -> list[str]:
    """What a run said until it was killed, so many seconds after it began to read."""
    with subprocess.Popen([sys.executable, "-c", NIGHT, where, night(number).isoformat()], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        if kill_after is not None:
            lines.append(process.stdout.readline().strip())
            time.sleep(kill_after)
            process.kill()
        lines += [line.strip() for line in process.stdout if line.endswith("\n")]
    return lines


@pytest.mark.slow
def test_a_kill_within_a_merge_leaves_the_generation_before(tmp_path: Path) -> None:
    """Also where it hits the last transaction."""
    code = NIGHT.replace("4_000", "40_000").replace("if merged.known is not None and merged.known.last_read is not None:", "if True:")
    file = tmp_path / "drcheck.db"
    moments = random.Random(9)
    listed = None
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", code, str(file), night(attempt).isoformat()], stdout=subprocess.DEVNULL) as process:
            time.sleep(moments.uniform(0.5, 1.6))
            process.kill()
        with open_store(file) as store:
            summary = store.objects("trust", "ehr@vault").summary()
        assert summary.objects in (0, 40_000)
        assert (summary.objects == 40_000) == (summary.listed is not None)
        assert listed is None or (summary.listed is not None and summary.listed >= listed)
        listed = summary.listed
