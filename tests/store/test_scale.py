"""Ten times as many objects take ten times as long, and no more memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NIGHTS = """
import json, resource, sys, time
from datetime import UTC, datetime, timedelta
from drcheck.connectors.base import Entry
from drcheck.model import Depth, ObjectResult
from drcheck.store import Digest, Reading, open_store

count, at = int(sys.argv[2]), datetime(2026, 3, 1, tzinfo=UTC)
def listing():
    for number in range(count):
        yield Entry(f"imaging/{number // 1000:04d}/{number:07d}.dcm", number % 977, None, f"{number:x}")
def readings():
    for number in range(0, count, 4):  # in another order than the keys'
        number = number * 7_919 % count
        digest = f"{number:064x}"
        yield Reading(f"imaging/{number // 1000:04d}/{number:07d}.dcm", ObjectResult.MATCH, at, Depth.READ, 1, (Digest("sha256", digest, digest),))
seconds = {}
def took(what, step):
    begun = time.process_time()
    result = step()
    seconds[what] = time.process_time() - begun
    return result
with open_store(sys.argv[1]) as store:
    objects = store.objects("trust", "ehr@vault")
    took("first", lambda: sum(1 for _ in objects.merge(listing(), at)))
    took("read", lambda: objects.record(readings()))
    took("fold", lambda: sum(1 for _ in objects.merge(listing(), at + timedelta(days=1))))
    unchanged = took("unchanged", lambda: sum(one.change.value == "unchanged" for one in objects.merge(listing(), at + timedelta(days=2))))
    summary = took("summary", objects.summary)
    assert unchanged == summary.objects == count, summary
    assert count - summary.never_read == len(range(0, count, 4)), summary
print(json.dumps({"seconds": seconds, "KiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


def nights(file: Path, count: int) -> tuple[dict[str, float], int]:
    """Seconds of processor time of each step of three nights of so many objects, and the peak memory in KiB, in a process of their own."""
    run = subprocess.run([sys.executable, "-c", NIGHTS, str(file), str(count)], check=True, capture_output=True, text=True)
    told = json.loads(run.stdout)
    return told["seconds"], told["KiB"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory in Linux's unit")
def test_time_is_linear_and_memory_flat(tmp_path: Path) -> None:
    few_seconds, few_memory = nights(tmp_path / "few.db", 100_000)
    many_seconds, many_memory = nights(tmp_path / "many.db", 1_000_000)
    assert many_memory < 1.1 * few_memory
    for step, seconds in many_seconds.items():
        assert seconds < 14 * few_seconds[step], f"{step}: {few_seconds} became {many_seconds}"
