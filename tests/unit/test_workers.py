"""Daemon threads with a deadline each."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from drcheck.clock import Deadline
from drcheck.pace import Pace
from drcheck.workers import GRACE, Done, Failed, Late, Stalled, run_all
from tests.busy import BUSY

Job = Callable[[Deadline], object]


def test_every_job_yields_one_result() -> None:
    def number(value: int) -> Job:
        return lambda deadline: value

    jobs = {str(value): number(value) for value in range(200)}
    results = list(run_all(jobs, workers=4, seconds=10, run=Deadline(None)))
    assert dict(results) == {str(value): Done(value) for value in range(200)}
    assert len(results) == 200


def test_no_jobs_are_no_results() -> None:
    assert list(run_all({}, workers=1, seconds=1, run=Deadline(0))) == []


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(workers: int) -> None:
    with pytest.raises(ValueError, match="worker"):
        list(run_all({"a": lambda deadline: 1}, workers=workers, seconds=1, run=Deadline(None)))


def test_no_more_run_at_once_than_workers() -> None:
    lock = threading.Lock()
    running = most = 0

    def job(deadline: Deadline) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    results = list(run_all({str(number): job for number in range(9)}, workers=3, seconds=10, run=Deadline(None)))
    assert len(results) == 9
    assert most == 3


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), MemoryError()])
def test_what_a_job_raises_is_handed_over(error: BaseException) -> None:
    def job(deadline: Deadline) -> None:
        raise error

    ((name, result),) = run_all({"a": job}, workers=1, seconds=10, run=Deadline(None))
    assert name == "a"
    assert isinstance(result, Failed)
    assert result.error is error


def test_a_job_that_hangs_costs_its_own_deadline_and_delays_nobody() -> None:
    released = threading.Event()

    def hang(deadline: Deadline) -> None:
        released.wait(20)

    jobs: dict[str, Job] = {"hangs": hang, **{str(number): (lambda deadline: 1) for number in range(5)}}
    started = time.monotonic()
    order = []
    for name, result in run_all(jobs, workers=2, seconds=2, run=Deadline(None)):
        order.append((name, type(result), time.monotonic() - started))
    released.set()
    assert [(name, kind) for name, kind, _ in order[:-1]] == [(str(number), Done) for number in range(5)]
    assert max(seconds for _, _, seconds in order[:-1]) < 1.8
    name, kind, seconds = order[-1]
    assert (name, kind) == ("hangs", Late)
    assert 2 <= seconds < 2 + GRACE + BUSY


def test_the_slot_of_an_abandoned_job_goes_to_the_next_and_its_late_answer_is_dropped() -> None:
    def late(deadline: Deadline) -> str:
        time.sleep(0.1 + GRACE + 0.3)
        return "too late"

    def slow(deadline: Deadline) -> str:
        time.sleep(0.5)
        return "in time"

    jobs: dict[str, Job] = {"late": late, "next": slow}
    results = list(run_all(jobs, workers=1, seconds={"late": 0.1, "next": 5}, run=Deadline(None)))
    assert results == [("late", Late(0.1)), ("next", Done("in time"))]


def test_a_job_that_minds_its_deadline_may_hand_in_what_it_has() -> None:
    def job(deadline: Deadline) -> str:
        while not deadline.passed():
            time.sleep(0.01)
        return "a part"

    assert list(run_all({"a": job}, workers=1, seconds=0.2, run=Deadline(None))) == [("a", Done("a part"))]


def test_a_caller_that_stays_away_loses_no_answer() -> None:
    results = run_all({str(number): (lambda deadline: 1) for number in range(4)}, workers=4, seconds=0.1, run=Deadline(None))
    found = [next(results)]
    time.sleep(0.1 + GRACE + 0.2)
    found.extend(results)
    assert sorted(found) == [(str(number), Done(1)) for number in range(4)]


def test_the_deadline_of_the_run_cuts_those_of_the_jobs() -> None:
    given: list[float | None] = []

    def job(deadline: Deadline) -> None:
        given.append(deadline.seconds)
        time.sleep(20)

    started = time.monotonic()
    results = dict(run_all({"a": job, "b": job, "never started": job}, workers=2, seconds=60, run=Deadline(0.3)))
    assert time.monotonic() - started < 0.3 + GRACE + BUSY
    assert all(isinstance(result, Late) for result in results.values())
    assert results["never started"] == Late(0.0)
    assert len(results) == 3
    assert len(given) == 2
    assert all(seconds is not None and seconds <= 0.3 for seconds in given)


def test_a_job_without_a_sign_of_life_is_abandoned_as_stalled() -> None:
    released = threading.Event()
    pace = {"hangs": Pace(), "reads": Pace()}

    def hang(deadline: Deadline) -> str:
        pace["hangs"].add(1)
        released.wait(20)
        return "too late"

    def read(deadline: Deadline) -> str:
        for _ in range(20):
            time.sleep(0.1)
            pace["reads"].add()
        return "read"

    def slow(deadline: Deadline) -> str:
        time.sleep(2.5)
        return "gives no signs"

    started = time.monotonic()
    idle = {name: each.idle for name, each in pace.items()}
    found = {}
    for name, result in run_all({"hangs": hang, "reads": read, "slow": slow}, workers=3, seconds=None, run=Deadline(None), idle=idle, stall=1.5):
        found[name] = result
        if name == "hangs":
            assert time.monotonic() - started >= 1.5
    released.set()
    assert found == {"hangs": Stalled(1.5), "reads": Done("read"), "slow": Done("gives no signs")}
    assert found["hangs"] != Late(1.5)


def test_a_job_is_not_stalled_for_what_it_waited_to_begin() -> None:
    pace = Pace()
    time.sleep(0.5)

    def job(deadline: Deadline) -> float:
        return pace.idle()

    ((_, result),) = run_all({"a": job}, workers=1, seconds=None, run=Deadline(None), idle={"a": pace.idle}, stall=0.3)
    assert isinstance(result, Done)
    assert result.value >= 0.5


def test_the_slot_of_a_stalled_job_goes_to_the_next() -> None:
    released = threading.Event()
    jobs: dict[str, Job] = {"hangs": lambda deadline: released.wait(20), "next": lambda deadline: 1}
    idle = dict.fromkeys(jobs, Pace().idle)
    results = list(run_all(jobs, workers=1, seconds=60, run=Deadline(None), idle=idle, stall=1.0))
    released.set()
    assert results == [("hangs", Stalled(1.0)), ("next", Done(1))]


def test_a_held_back_job_is_not_stalled() -> None:
    pace = Pace(10)

    def job(deadline: Deadline) -> str:
        pace.hold(20, deadline)
        pace.hold(1, deadline)
        return "read"

    assert list(run_all({"a": job}, workers=1, seconds=60, run=Deadline(None), idle={"a": pace.idle}, stall=0.8)) == [("a", Done("read"))]


def test_a_run_without_time_starts_nothing_and_does_not_wait() -> None:
    started = time.monotonic()
    results = list(run_all({"a": lambda deadline: 1, "b": lambda deadline: 1}, workers=2, seconds=60, run=Deadline(0)))
    assert sorted(name for name, _ in results) == ["a", "b"]
    assert all(result == Late(0.0) for _, result in results)
    assert time.monotonic() - started < BUSY


def test_no_deadline_at_all_waits() -> None:
    def job(deadline: Deadline) -> float | None:
        time.sleep(0.1)
        return deadline.remaining()

    assert list(run_all({"a": job}, workers=1, seconds=None, run=Deadline(None))) == [("a", Done(None))]


def test_a_job_that_hangs_does_not_keep_the_process_alive() -> None:
    script = (
        "import time\n"
        "from drcheck.clock import Deadline\n"
        "from drcheck.workers import run_all\n"
        "print(list(run_all({'a': lambda deadline: time.sleep(60)}, workers=1, seconds=0.1, run=Deadline(None))))\n"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[('a', Late(seconds=0.1))]\n"
    assert time.monotonic() - started < 15
