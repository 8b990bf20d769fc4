"""
Daemon threads with a deadline each.

Executors join their threads when the process ends, so one hung target would keep a finished run alive; daemon threads do not. A job that
misses its deadline, or shows no sign of life for too long, is abandoned: its slot goes to the next job, and a late answer is dropped.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from drcheck.clock import Deadline, monotonic

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A job that ended in time with a value."""

    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that ended in time with an exception that it should not have let out."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Late:
    """A job that was abandoned, or never started, because its time was over."""

    seconds: float
    """How long it was given."""


@dataclass(frozen=True, slots=True)
class Stalled(Late):
    """A job that was abandoned although it had time left: for `seconds` it had shown no sign of life."""


def run_all(
    jobs: Mapping[str, Callable[[Deadline], T]],
    *,
    workers: int,
    seconds: float | Mapping[str, float | None] | None,
    run: Deadline,
    idle: Mapping[str, Callable[[], float]] = MappingProxyType({}),
    stall: float | None = None,
) -> Iterator[tuple[str, Done[T] | Failed | Late]]:
    """
    Run every job on its own daemon thread, at most `workers` at a time, and yield each result once as it comes.

    A job is given the `Deadline` of `seconds` (one number for all, or one a job's name) from its own start, cut to what is left of `run`; it should
    check it, and is abandoned shortly after it where it does not. Every job yields exactly one result.

    Args:
        idle: for each job that gives signs of life, by its name, the seconds since the last; asked about once a second, from this thread.
        stall: the seconds without one after which such a job is abandoned, counted from its start at the earliest; None for never.

    Raises:
        ValueError: there are to be no workers.
    """
    if workers < 1:
        raise ValueError("at least one worker is needed")
    results: queue.SimpleQueue[tuple[str, Done[T] | Failed]] = queue.SimpleQueue()
    waiting = list(jobs.items())[::-1]
    running: dict[str, tuple[Deadline, float]] = {}
    while waiting or running:
        while waiting and len(running) < workers and not run.passed():
            name, job = waiting.pop()
            deadline = _sooner(seconds[name] if isinstance(seconds, Mapping) else seconds, run)
            running[name] = (deadline, monotonic())
            try:
                threading.Thread(target=_work, args=(name, job, deadline, results), name=f"drcheck-{name}", daemon=True).start()
            except RuntimeError as error:  # the system gives no more threads: this job failed, the others stand
                results.put((name, Failed(error)))
        if run.passed():
            for name, _ in waiting:
                yield name, Late(0.0)
            waiting.clear()
        if not running:
            continue
        # Everything that came is taken before anything is called late, and nothing is yielded in between: the caller can stay away for longer
        # than a deadline, and what came meanwhile came in time.
        ended: list[tuple[str, Done[T] | Failed | Late]] = []
        for name, result in _arrived(results, min(_patience(running), _calm(running, idle, stall))):
            if running.pop(name, None) is not None:
                ended.append((name, result))
        for name, (deadline, started) in list(running.items()):
            if deadline.passed() and monotonic() - started > (deadline.seconds or 0) + GRACE:
                del running[name]
                ended.append((name, Late(deadline.seconds or 0.0)))
            elif stall is not None and _silence(name, started, idle) >= stall:
                del running[name]
                ended.append((name, Stalled(stall)))
        yield from ended


GRACE = 0.5
"""Seconds after its deadline in which a well-behaved job may still hand in what it has."""


def _arrived(results: queue.SimpleQueue[tuple[str, Done[T] | Failed]], patience: float) -> list[tuple[str, Done[T] | Failed]]:
    """All results that are there, after waiting at most `patience` seconds for the first."""
    found = []
    try:
        found.append(results.get(timeout=patience))
        while True:
            found.append(results.get_nowait())
    except queue.Empty:
        return found


def _work(name: str, job: Callable[[Deadline], T], deadline: Deadline, results: queue.SimpleQueue[tuple[str, Done[T] | Failed]]) -> None:
    try:
        results.put((name, Done(job(deadline))))
    except BaseException as error:  # noqa: BLE001 - handed to the caller, who decides; a thread must not die silently
        results.put((name, Failed(error)))


def _sooner(seconds: float | None, run: Deadline) -> Deadline:
    left = run.remaining()
    return Deadline(min((value for value in (seconds, left) if value is not None), default=None))


def _patience(running: Mapping[str, tuple[Deadline, float]]) -> float:
    ends = [(deadline.seconds or 0) + GRACE - (monotonic() - started) for deadline, started in running.values() if deadline.seconds is not None]
    return max(0.01, min([*ends, 1.0]))


def _calm(running: Mapping[str, tuple[Deadline, float]], idle: Mapping[str, Callable[[], float]], stall: float | None) -> float:
    """Seconds in which no job can come to be silent for too long."""
    if stall is None:
        return math.inf
    return max(0.01, stall - max((_silence(name, started, idle) for name, (_, started) in running.items()), default=0.0))


def _silence(name: str, started: float, idle: Mapping[str, Callable[[], float]]) -> float:
    """Seconds since a job's last sign of life, or since it began; 0 where it gives none."""
    return min(idle[name](), monotonic() - started) if name in idle else 0.0
