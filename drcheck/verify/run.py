"""Verifying every copy: one daemon thread a target, each copy's results kept as they are made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from drcheck.clock import Deadline
from drcheck.clock import now as clock_now
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, attempt
from drcheck.estate.schema import Copy, Estate, Manifest
from drcheck.formats import format_for
from drcheck.model import CopyFacts, Fact, Observed, Points, Reason, Source, Unobserved, Verification
from drcheck.verify.copy import verify_copy
from drcheck.verify.spool import Spool
from drcheck.verify.standing import Standing
from drcheck.verify.tally import ResultSink, Tally
from drcheck.workers import Failed, Late, run_all

CallSink = Callable[[datetime, str, str, str], None]


def verify(
    estate: Estate,
    copies: tuple[CopyFacts, ...],
    *,
    now: datetime,
    workers: int,
    run: Deadline,
    sink: CallSink | None = None,
    results: ResultSink | None = None,
) -> tuple[CopyFacts, ...]:
    """
    The copies with what reading their bytes showed, in their order.

    Every object that something is promised for is read once and compared. A copy whose place hangs or is lost, or whose time is over, keeps the
    results it has; the rest is not-read, and `stopped` says why. One about which nothing could be compared is Unobserved. An interrupt
    passes through: `results` has then been told what was done.

    Args:
        copies: what inspection saw of them.
        now: the run's reference time, UTC; recovery points from after it are not looked at.
        workers: how many targets are read at a time.
        run: when everything must have ended.
        sink: told every call to every target.
        results: told every object's result as it is made.
    """
    declared = {copy.id: copy for copy in estate.copies}
    known: dict[str, Fact[Verification]] = {}
    work: dict[str, list[_Work]] = {}
    for facts in copies:
        begun = _work(declared[facts.id], facts, now, results)
        if isinstance(begun, Unobserved):
            known[facts.id] = begun
        else:
            work.setdefault(facts.target, []).append(begun)
    # The folder is removed here and not by the threads: one that hangs never gets to it.
    with tempfile.TemporaryDirectory(prefix="drcheck-", ignore_cleanup_errors=True) as folder:
        jobs = {target: _job(estate, target, each, Path(folder), sink) for target, each in work.items()}
        for target, result in run_all(jobs, workers=workers, seconds=None, run=run):
            for each in work[target]:
                known[each.copy.id] = each.concluded or each.conclude(_why(result, run))
    return tuple(replace(facts, verification=known[facts.id]) for facts in copies)


class _Work:
    """One copy to be verified."""

    def __init__(self, copy: Copy, manifest: Manifest, standing: Standing, results: ResultSink | None) -> None:
        self.copy = copy
        self.manifest = manifest
        self.standing = standing
        self.tally = Tally(copy.id, results)
        self.concluded: Fact[Verification] | None = None

    def conclude(self, stopped: Unobserved | None) -> Fact[Verification]:
        """What is known so far, for good; Unobserved where nothing could be compared."""
        if stopped is not None and not self.tally.begun:
            self.tally.freeze(stopped)
            return stopped
        return Observed(self.tally.freeze(stopped), clock_now(), Source.OBSERVED)


def _work(copy: Copy, facts: CopyFacts, now: datetime, results: ResultSink | None) -> _Work | Unobserved:
    manifest = copy.manifest
    if manifest is None or not (manifest.name or manifest.path or manifest.kind == "bagit"):
        return Unobserved(Reason.NOT_ATTEMPTED, "no manifest is declared for this copy; nothing was promised, so nothing could be compared")
    if isinstance(facts.points, Unobserved):
        return facts.points
    points: Points = facts.points.value
    standing = Standing(points, now)
    if points.total and not standing.anything:
        return Unobserved(Reason.NOT_ATTEMPTED, f"no recovery point of {copy.id} is finished, so there was nothing to compare; look again later")
    return _Work(copy, manifest, standing, results)


def _job(estate: Estate, target: str, work: list[_Work], folder: Path, sink: CallSink | None) -> Callable[[Deadline], None]:
    calls = CallLog(target, sink)

    def job(deadline: Deadline) -> None:
        for number, each in enumerate(work):
            fact = attempt(partial(_verify, estate, each, folder / f"{target}-{number}.sqlite", deadline, calls))
            each.concluded = each.conclude(fact if isinstance(fact, Unobserved) else fact.value)

    return job


def _verify(estate: Estate, work: _Work, file: Path, deadline: Deadline, calls: CallLog) -> Unobserved | None:
    deadline.check()
    layout = format_for(work.copy, estate)
    # Opened anew for each copy: a connection that was lost under one does not cost the next.
    with Spool(file) as spool, connector_for(estate.target(work.copy.target), estate, deadline=deadline, calls=calls) as connector:
        return verify_copy(connector, layout, work.copy, work.manifest, work.standing, spool=spool, tally=work.tally)


def _why(result: object, run: Deadline) -> Unobserved:
    if isinstance(result, Failed):
        return Unobserved(Reason.INTERNAL, f"{type(result.error).__name__}: {result.error}")
    if isinstance(result, Late) and not result.seconds:
        return Unobserved(Reason.TIMED_OUT, "the run's time was over before it was this target's turn")
    return Unobserved(Reason.TIMED_OUT, f"the target did not answer within the run's {run.seconds:g} s; the rest was left")
