"""
Runs that are killed at any moment lose no recorded result, and repeat at most what was in flight.

What was read is counted by the system, not by drcheck; what is recorded is asked of the store, before and after each kill.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from drcheck.model import ObjectResult
from drcheck.store import open_store
from tests.e2e.estates import fill, numbered, target, write_estate
from tests.e2e.opened import Opened
from tests.e2e.runs import begin, finish

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what is read by inotify, which only Linux has")
COPY = "records@nas"
COUNT, SIZE, RATE = 7_000, 8_000, 400
"""So many objects of so many bytes, so many of them a second."""
LISTING = {name.partition("/")[0] for name in numbered(COUNT)}
IN_FLIGHT = 4 * RATE // 8
"""Objects that are read and not told yet: two processes have a block of an eighth of a second each, and may have one more where the pace was late."""
RECORDING = 0.25
"""Seconds from a result until it is written: the recorder's interval, and a little."""


@dataclass
class Place:
    """A folder that is verified again and again, and what is known of it from outside."""

    estate: Path
    opened: Opened

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a run."""
        self.opened.begin()
        return begin("verify", "--estate", self.estate, "--format", "json", "--cycle", "10000d", *arguments)

    def read(self) -> set[str]:
        """The objects that were read since the run began."""
        self.opened.look()
        return {name for name in self.opened.files if name != "SHA256SUMS"}


def recorded() -> dict[str, ObjectResult | None]:
    """The objects that the store says were read, and what came of each."""
    with open_store() as store:
        found = [known for known in store.objects("hospital", COPY).known() if known.last_read is not None]
    results = {known.key.removeprefix("data/"): known.result for known in found}
    assert len(results) == len(found), "an object has two results"
    return results


def last_written() -> float:
    """When anything was last written to the store, in seconds since 1970."""
    log = Path(os.environ["XDG_STATE_HOME"]) / "drcheck" / "drcheck.db-wal"
    return log.stat().st_mtime if log.exists() else 0.0


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def place(tmp_path: Path, held: ExitStack) -> Place:
    """Seven thousand small files, none read yet."""
    open_store().close()
    fill(tmp_path / "nas" / "data", numbered(COUNT, SIZE))
    estate = write_estate(tmp_path, [target("nas", "local", {"root": "nas"})])
    return Place(estate, held.enter_context(Opened(tmp_path / "nas" / "data")))


STAGES = ["starting", "listing", "listing", "listing again", "listing again", "manifest", *["reading"] * 14]
"""Where the twenty kills are aimed at: a random while after this began, and in the last up to so many objects later."""
WHILE = {"starting": 1.0, "listing": 0.05, "listing again": 0.1, "manifest": 0.3}
OBJECTS = 480


def wait_for(stage: str, place: Place, process: subprocess.Popen[str], moments: random.Random) -> None:
    """Wait until a run comes to a stage, and a random while longer."""
    folders = len(LISTING)
    if stage == "listing":
        place.opened.until(lambda seen: bool(seen.folders), process=process)
    elif stage == "listing again":  # to be merged with what is known; the first listing was that of the inspection
        place.opened.until(lambda seen: len(seen.folders) > folders + 1, process=process)
    elif stage == "manifest":
        place.opened.until(lambda seen: "SHA256SUMS" in seen.files, process=process)
    elif stage == "reading":
        count = moments.randrange(1, OBJECTS)
        place.opened.until(lambda seen: len(seen.files) > count, process=process)
    time.sleep(moments.uniform(0, WHILE.get(stage, 0.0)))


@pytest.mark.slow
def test_twenty_kills(place: Place, held: ExitStack) -> None:
    moments = random.Random(2026)
    stages = moments.sample(STAGES, len(STAGES))
    known: dict[str, ObjectResult | None] = {}
    reads: Counter[str] = Counter()
    read_each: list[int] = []
    unrecorded: list[int] = []
    killed_within: Counter[str] = Counter()
    killed: int | None = None
    for stage in stages:
        process = held.enter_context(place.begin("--max-rate", f"{RATE * SIZE // 1000}kB/s"))
        held.callback(process.kill)
        wait_for(stage, place, process, moments)
        # Between the two nothing happens: this is what the store held when it was killed.
        process.send_signal(signal.SIGSTOP)
        since, before = max(0.0, time.time() - last_written()), recorded()
        process.kill()
        _, said = process.communicate(timeout=60)
        assert process.returncode == -9, "it ended before it was killed"
        _insist_on_takeover(killed, said)
        now, read = recorded(), place.read()
        killed_within["reading" if read else "manifest" if place.opened.files else "before"] += 1
        if place.opened.folders:
            killed = process.pid  # a run that came to look has taken the lock
        assert now.items() >= before.items() >= known.items(), "a recorded result is lost"
        assert not read & known.keys(), "what was recorded was read again"
        # What was read since results were last written cannot be recorded; of the rest everything must be but what is in flight.
        lost = read - now.keys()
        assert len(lost) <= RATE * (since + RECORDING) + IN_FLIGHT, f"{len(lost)} results are not recorded, {since:.2f} s after the last was"
        read_each.append(len(read))
        unrecorded.append(len(lost))
        known = now
        reads.update(read)
    process = held.enter_context(place.begin())
    place.opened.until(lambda _: process.poll() is not None, process=process)
    done = finish(process)
    _insist_on_takeover(killed, done.stderr)
    assert done.code == 0, done.stderr
    reads.update(place.read())
    (copy,) = json.loads(done.stdout)["copies"]
    assert (copy["counts"], copy["verified"]) == ({"match": COUNT}, COUNT)
    assert recorded() == dict.fromkeys(numbered(COUNT), ObjectResult.MATCH)
    # Whatever was read twice was not recorded the first time, and most of what was read was recorded.
    assert reads.total() - COUNT <= sum(unrecorded)
    assert killed_within["reading"] >= 10, killed_within
    assert sum(unrecorded) < 0.7 * sum(read_each), unrecorded


def _insist_on_takeover(killed: int | None, said: str) -> None:
    """A run says whom it goes on from, where one was killed."""
    if killed is None:
        assert "broke off" not in said
    elif said:
        assert f"the run before broke off, and this one goes on from there: drcheck verify, process {killed} on " in said
