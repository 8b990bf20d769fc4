"""Looking: everything that a run asks and reads, as facts."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from drcheck.clock import Deadline
from drcheck.connectors.base import CallSink
from drcheck.errors import StoreError
from drcheck.estate.schema import Estate
from drcheck.inspect import Heard, inspect
from drcheck.model import NOT_KEPT, CopyFacts, Fact, Facts, Observed, Reason, Source, StoreKept, TargetFacts, Unobserved
from drcheck.restore.recorded import recorded_drills
from drcheck.verify import Forecast, Manner, Memory, plan, verify


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how hard to look."""

    target_seconds: float = 60.0
    """For listing and asking one target, unless the estate says otherwise."""
    run_seconds: float | None = None
    """For the whole run, reading included; None for as long as it takes."""
    workers: int = 16
    """Targets at once."""
    read: bool = True
    """Whether bytes are read and compared; without, integrity stays unknown."""


def look(
    estate: Estate,
    *,
    reference: datetime,
    effort: Effort,
    calls: CallSink | None = None,
    heard: Heard | None = None,
    memory: Memory | None = None,
    manner: Manner | None = None,
) -> Facts:
    """
    Every fact about every target and copy of the estate, as seen now.

    Args:
        reference: the moment against which future points are told.
        calls: told every call.
        heard: told each target once it was looked at.
        memory: what earlier nights know, so that tonight goes on from there; None to read everything.
        manner: how copies are read.

    Raises:
        ConfigError: a tariff is missing or wrong.
    """
    run, calls_made = Deadline(effort.run_seconds), _Calls(calls)
    targets, copies = _inspected(estate, reference, effort, run, calls_made.add, heard)
    sampling = None
    if effort.read:
        with nullcontext(None) if memory is None else memory.night(estate, copies) as rolling:
            copies = verify(estate, copies, now=reference, workers=effort.workers, run=run, sink=calls_made.add, rolling=rolling, manner=manner)
            sampling = rolling.sampling if rolling is not None else None
    return Facts(
        at=reference,
        targets=calls_made.told(targets),
        copies=copies,
        drills=recorded_drills(estate),
        sampling=sampling,
        store=_kept(estate, memory),
    )


def _kept(estate: Estate, memory: Memory | None) -> Fact[StoreKept]:
    if memory is None:
        return NOT_KEPT
    try:
        return Observed(memory.store.kept(estate.organisation.id), memory.clock(), Source.OBSERVED)
    except StoreError as error:
        return Unobserved(Reason.UNREACHABLE, str(error))


def forecast(
    estate: Estate, *, reference: datetime, effort: Effort, memory: Memory, heard: Heard | None = None, manner: Manner | None = None
) -> tuple[Forecast, ...]:
    """
    What a night that began now would read of each copy, in the estate's order.

    Targets are listed and manifests are read; no backup is, and the store stays as it is. Raises ConfigError as `look`, and StoreError.
    """
    run = Deadline(effort.run_seconds)
    _, copies = _inspected(estate, reference, effort, run, _Calls(None).add, heard)
    with memory.night(estate, copies, keep=False) as rolling:
        return plan(estate, copies, now=reference, workers=effort.workers, run=run, rolling=rolling, manner=manner)


def _inspected(
    estate: Estate, reference: datetime, effort: Effort, run: Deadline, sink: CallSink, heard: Heard | None
) -> tuple[tuple[TargetFacts, ...], tuple[CopyFacts, ...]]:
    return inspect(estate, now=reference, seconds=effort.target_seconds, workers=effort.workers, run=run, sink=sink, heard=heard)


class _Calls:
    """Every call to every target, counted and passed on."""

    def __init__(self, sink: CallSink | None) -> None:
        self._sink = sink
        self._made: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, at: datetime, target: str, call: str, subject: str, times: int) -> None:
        """Note a call, or so many alike."""
        with self._lock:
            self._made[target, call] += times
        if self._sink is not None:
            self._sink(at, target, call, subject, times)

    def told(self, targets: tuple[TargetFacts, ...]) -> tuple[TargetFacts, ...]:
        """The targets with every call that was made there: inspecting and reading together are what a target's log should show of this run."""
        with self._lock:
            totals = sorted(self._made.items())
        return tuple(replace(seen, calls=tuple((call, count) for (at, call), count in totals if at == seen.target)) for seen in targets)
