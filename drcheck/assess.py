"""
The one verb: an estate and policies become an assessment. Prints nothing.

`look` does all the I/O and returns facts, a frozen value that can be written down; `assess` judges facts and does none, so any night can be
judged again, under another policy or at another moment.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import metadata

from drcheck import plugins
from drcheck.clock import Deadline, now
from drcheck.connectors import connector_class
from drcheck.errors import ConfigError
from drcheck.estate.schema import Copy, Estate
from drcheck.inspect import Heard, inspect
from drcheck.model import (
    Assessment,
    CopyPlace,
    EstateUsed,
    Facts,
    Run,
    TargetPlace,
    Waiver,
)
from drcheck.policy import Pack, describe, judge
from drcheck.restore.recorded import recorded_drills
from drcheck.verify import verify

CallSink = Callable[[datetime, str, str, str], None]


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


def look(estate: Estate, *, reference: datetime, effort: Effort, calls: CallSink | None = None, heard: Heard | None = None) -> Facts:
    """
    Every fact about every target and copy of the estate, as seen now.

    `reference` is the moment against which future points are told; `calls` and `heard` are told every call, and each target once it was looked at.
    """
    run = Deadline(effort.run_seconds)
    made: Counter[tuple[str, str]] = Counter()
    lock = threading.Lock()

    def sink(at: datetime, target: str, call: str, subject: str) -> None:
        with lock:
            made[target, call] += 1
        if calls is not None:
            calls(at, target, call, subject)

    targets, copies = inspect(estate, now=reference, seconds=effort.target_seconds, workers=effort.workers, run=run, sink=sink, heard=heard)
    if effort.read:
        copies = verify(estate, copies, now=reference, workers=effort.workers, run=run, sink=sink)
    with lock:
        # Inspecting and reading together: what a target's log should show of this run.
        totals = sorted(made.items())
    targets = tuple(replace(seen, calls=tuple((call, count) for (at, call), count in totals if at == seen.target)) for seen in targets)
    return Facts(at=reference, targets=targets, copies=copies, drills=recorded_drills(estate))


def assess(
    estate: Estate,
    packs: tuple[Pack, ...],
    facts: Facts,
    *,
    reference: datetime,
    started: datetime,
    as_of: bool = False,
    facts_from: str = "",
    waivers: tuple[Waiver, ...] = (),
) -> Assessment:
    """
    The facts, judged by the packs at the moment `reference`.

    Raises:
        ConfigError: there is nothing to judge, or the facts are of another estate.
    """
    _refuse_facts_of_another_estate(estate, facts, facts_from)
    findings, notes = judge(estate, packs, facts, now=reference, waivers=waivers)
    return Assessment(
        run=Run(
            id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
            reference=reference,
            as_of=as_of,
            facts_from=facts_from,
            started=started,
            finished=now(),
            version=metadata.version("drcheck"),
            plugins=plugins.versions(estate.plugins),
        ),
        estate=EstateUsed(
            file=str(estate.file),
            digest=estate.digest,
            organisation=estate.organisation.id,
            name=estate.organisation.name,
            country=estate.organisation.country,
            code=estate.organisation.code,
            rehearsal=estate.rehearsal,
        ),
        policies=tuple(describe(pack) for pack in packs),
        targets=tuple(
            TargetPlace(target.id, target.connector, target.site, connector_class(target.connector, estate.plugins).address(target.options))
            for target in estate.targets
        ),
        copies=tuple(_place(copy, estate) for copy in estate.copies),
        facts=facts,
        findings=findings,
        notes=notes,
    )


def _place(copy: Copy, estate: Estate) -> CopyPlace:
    site = estate.target(copy.target).site
    return CopyPlace(
        system=copy.system,
        target=copy.target,
        site=site,
        path=copy.path,
        format=copy.format,
        role=copy.role,
        offsite=site != estate.system(copy.system).production.site,
    )


def _refuse_facts_of_another_estate(estate: Estate, facts: Facts, facts_from: str) -> None:
    declared = {copy.id for copy in estate.copies}, {target.id for target in estate.targets}
    seen = {copy.id for copy in facts.copies}, {target.target for target in facts.targets}
    if declared != seen:
        raise ConfigError(f"{facts_from or 'the facts'}: are not facts of {estate.file}: its targets and copies differ; look again without --facts")
