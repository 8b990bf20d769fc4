"""
Inspect: what is there and how it is protected, asked of all targets at once.

Each target has a daemon thread, a deadline and a record, into which its thread writes each fact as it is learnt. When the deadline passes, the record
is read as it stands: what was learnt is kept, and everything else is unobserved with the reason. No payload is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from drcheck.clock import Deadline, monotonic
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, CallSink, Connector, attempt
from drcheck.estate.schema import Copy, Estate, Target
from drcheck.formats import format_for
from drcheck.model import (
    CopyFacts,
    Encryption,
    Fact,
    Identity,
    Observed,
    Permissions,
    Points,
    Protection,
    Reason,
    Source,
    TargetFacts,
    Unobserved,
    Versions,
)
from drcheck.workers import Done, Failed, Late, run_all

log = logging.getLogger(__name__)

OFFLINE_SECONDS = 10.0
"""How long a target that is declared offline is tried, at the most: it should not answer, and it matters when it does."""

Heard = Callable[[TargetFacts], None]
"""Told of each target as soon as it has been looked at or given up."""


def inspect(
    estate: Estate, *, now: datetime, seconds: float, workers: int, run: Deadline, sink: CallSink | None = None, heard: Heard | None = None
) -> tuple[tuple[TargetFacts, ...], tuple[CopyFacts, ...]]:
    """
    The facts of every target and every copy, in the estate's order.

    `now` is the run's reference time (UTC). A target has `seconds`, or its own `timeout`, from the moment when one of the `workers` turns to it, and
    none has more than is left of `run`. Nothing is raised for a target: what cannot be learnt is unobserved, with the reason.
    """
    records = {target.id: _Record(target, estate, CallLog(target.id, sink)) for target in estate.targets}
    jobs = {name: _job(record, estate, now) for name, record in records.items()}
    limits = {name: _limit(record.target, seconds) for name, record in records.items()}
    targets: dict[str, TargetFacts] = {}
    copies: dict[str, CopyFacts] = {}
    for name, result in run_all(jobs, workers=workers, seconds=limits, run=run):
        targets[name], of_copies = records[name].facts(_missing(records[name], result))
        copies.update((facts.id, facts) for facts in of_copies)
        if heard is not None:
            heard(targets[name])
    return tuple(targets[target.id] for target in estate.targets), tuple(copies[copy.id] for copy in estate.copies)


@dataclass(slots=True)
class _Record:
    """What the thread of one target has learnt so far. Each fact is written once, whole, so it can be read at any moment."""

    target: Target
    estate: Estate
    calls: CallLog
    begun: float | None = None
    """When its thread began, on the monotonic clock."""
    refused: Unobserved | None = None
    """Why it could not be opened."""
    identity: Fact[Identity] | None = None
    protection: Fact[Protection] | None = None
    encryption: Fact[Encryption] | None = None
    versions: Fact[Versions] | None = None
    permissions: Fact[Permissions] | None = None
    clock_skew: Fact[float] | None = None
    points: dict[str, Fact[Points]] = field(default_factory=dict)
    locks: dict[str, Fact[Protection]] = field(default_factory=dict)

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The copies that are declared there."""
        return self.estate.copies_at(self.target.id)

    def facts(self, missing: Unobserved) -> tuple[TargetFacts, list[CopyFacts]]:
        """The record as it stands now, with `missing` for what is not in it, or the reason why the target could not be opened."""
        missing = self.refused or missing
        target = TargetFacts(
            target=self.target.id,
            identity=self.identity or missing,
            protection=self.protection or missing,
            encryption=self.encryption or missing,
            versions=self.versions or missing,
            permissions=self.permissions or missing,
            clock_skew=self.clock_skew or missing,
            calls=self.calls.counts(),
            seconds=0.0 if self.begun is None else monotonic() - self.begun,
        )
        return target, [
            CopyFacts(
                system=copy.system,
                target=copy.target,
                points=self.points.get(copy.id, missing),
                lock=self.locks.get(copy.id, missing),
                verification=Unobserved(Reason.NOT_ATTEMPTED, "not read yet"),
            )
            for copy in self.copies
        ]


def _job(record: _Record, estate: Estate, now: datetime) -> Callable[[Deadline], None]:
    def look(deadline: Deadline) -> None:
        record.begun = monotonic()
        connector = connector_for(record.target, estate, deadline=deadline, calls=record.calls)
        try:
            opened = attempt(connector.open)
            if isinstance(opened, Unobserved):
                record.refused = replace(opened, detail=f"{_name(record.target)} could not be opened: {opened.detail}")
                return
            _ask_target(record, connector, estate)
            for copy in record.copies:
                _ask_copy(record, connector, copy, estate, now)
        finally:
            connector.close()

    return look


def _ask_target(record: _Record, connector: Connector, estate: Estate) -> None:
    identity = attempt(connector.identity, Source.OBSERVED)
    if estate.rehearsal and isinstance(identity, Observed):
        # In a rehearsal, folders on one machine stand in for places: they share its disk, and that says nothing about the places. Devices are
        # then known by declaration only, and every report says so.
        identity = replace(identity, value=replace(identity.value, device=""))
    record.identity = identity
    record.protection = attempt(connector.protection, Source.CONFIGURED)
    record.encryption = attempt(connector.encryption, Source.CONFIGURED)
    record.versions = attempt(connector.versions, Source.CONFIGURED)
    record.permissions = attempt(connector.permissions, Source.CONFIGURED)
    record.clock_skew = attempt(connector.clock_skew, Source.OBSERVED)


def _ask_copy(record: _Record, connector: Connector, copy: Copy, estate: Estate, now: datetime) -> None:
    points = attempt(lambda: format_for(copy, estate).points(connector, copy.path, now), Source.OBSERVED)
    listed = attempt(connector.listed_at) if isinstance(points, Observed) else points
    if isinstance(points, Observed) and isinstance(listed, Observed) and listed.value is not None:
        # A record of that moment says so, which the place itself did not: what was there then may be gone.
        points = replace(points, at=listed.value, source=Source.ATTESTED)
    record.points[copy.id] = points = listed if isinstance(listed, Unobserved) else points
    if isinstance(points, Unobserved):
        record.locks[copy.id] = replace(points, detail=f"its recovery points are not known: {points.detail}")
        return
    newest = points.value.newest_usable(now)
    if newest is None:
        record.locks[copy.id] = Unobserved(Reason.NOT_ATTEMPTED, "it has no usable recovery point whose lock could be looked at")
    else:
        record.locks[copy.id] = attempt(lambda: connector.protection(newest.sample), Source.OBSERVED)


def _limit(target: Target, seconds: float) -> float:
    own = seconds if target.timeout is None else target.timeout.total_seconds()
    return own if target.offline is None else min(own, OFFLINE_SECONDS)


def _missing(record: _Record, result: Done[None] | Failed | Late) -> Unobserved:
    target = record.target
    match result:
        case Late() if record.begun is None:
            return Unobserved(Reason.TIMED_OUT, f"{_name(target)} was not asked: the time for the whole run was over")
        case Late(seconds=seconds):
            return Unobserved(Reason.TIMED_OUT, f"{_name(target)} did not answer within {seconds:.3g} s")
        case Failed(error=error):
            log.error("looking at %s failed", target.id, exc_info=error)
            return Unobserved(Reason.INTERNAL, f"looking at {_name(target)} failed, which is a bug: {type(error).__name__}: {error}")
        case Done():
            return Unobserved(Reason.INTERNAL, f"{_name(target)} was looked at, and this was left out, which is a bug")


def _name(target: Target) -> str:
    return f"the target {target.id}, which is declared offline," if target.offline else f"the target {target.id}"
