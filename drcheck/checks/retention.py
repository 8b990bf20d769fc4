"""Retention: how far back a system can be taken."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from drcheck.checks.base import Case, Check, Parameter, ParameterKind, Verdict, moment, used
from drcheck.checks.counting import Counts, Tally, either, nothing_usable, verdict
from drcheck.checks.seen import CopySeen, SystemCopies
from drcheck.clock import format_duration
from drcheck.model import FactUsed, Outcome, Severity, Source, SubjectKind, Unobserved


def _depth(case: Case) -> Verdict:
    """
    The best copy of the system reaches back as far as is asked, or to the day when it was begun; one interval of its schedule is let pass.

    A begin that is declared in the future is not believed.
    """
    seen = case.fact("copies", SystemCopies).value
    wanted = case.optional_duration("minimum_age") or case.system.retention
    if wanted is None:
        return Verdict(Outcome.NOT_APPLICABLE, "the system declares no retention, and the control gives none")
    tallies = []
    for copy in seen.copies:
        tally = _reaches(copy, wanted, case)
        if case.flag("versions_count"):
            tally = either(tally, _versioned(copy, wanted))
        tallies.append(tally)
    reach = f"back {format_duration(wanted)}" + ("" if case.optional_duration("minimum_age") else " (the system's retention)")
    return verdict(tallies, 1, f"copy reaches {reach}", f"copies reach {reach}")


def _reaches(copy: CopySeen, wanted: timedelta, case: Case) -> Tally:
    name = f"points of {copy.copy.id}"
    if isinstance(copy.points, Unobserved):
        return Tally(copy.name, Counts.PERHAPS, copy.missing(copy.points), (used(name, copy.points),))
    points = copy.points.value
    oldest = points.oldest_usable(case.now)
    if oldest is None:
        return Tally(copy.name, Counts.NO, nothing_usable(points), (used(name, copy.points, nothing_usable(points)),))
    facts: tuple[FactUsed, ...] = copy.once((_reaches, case.now), lambda: (used(name, copy.points, f"oldest usable of {moment(oldest.time)}"),))
    age = case.now - oldest.time
    begun = datetime.combine(copy.copy.since, time(), UTC) if copy.copy.since else None
    if begun is not None and begun <= case.now and case.now - begun < wanted:
        wanted = case.now - begun
        facts = (*facts, FactUsed(f"begin of {copy.copy.id}", f"begun on {begun:%Y-%m-%d}", Source.DECLARED, None))
    if age + (copy.copy.every or case.system.rpo) >= wanted:
        return Tally(copy.name, Counts.YES, "", facts)
    return Tally(copy.name, Counts.NO, f"only {format_duration(age)} back", facts)


def _versioned(copy: CopySeen, wanted: timedelta) -> Tally:
    name, fact = f"versions at {copy.name}", copy.place.facts.versions
    if isinstance(fact, Unobserved):
        return Tally(copy.name, Counts.PERHAPS, copy.missing(fact, "versions"), (used(name, fact),))
    kept = fact.value.noncurrent_days
    words = "kept" + (f" for {kept} days" if kept is not None else "") if fact.value.enabled else "not kept"
    if fact.value.enabled and (kept is None or timedelta(days=kept) >= wanted):
        if isinstance(copy.points, Unobserved):
            return Tally(copy.name, Counts.PERHAPS, copy.missing(copy.points), (used(f"points of {copy.copy.id}", copy.points),))
        if copy.points.value.total:
            return Tally(copy.name, Counts.YES, "", (used(name, fact, f"old versions are {words}"),))
    return Tally(copy.name, Counts.NO, f"old versions are {words}", (used(name, fact, f"old versions are {words}"),))


DEPTH = Check(
    id="retention.depth",
    title="Recovery points reach far enough back",
    passes="At least one copy holds a usable recovery point as old as the retention asks, or as the copy itself is; one interval of its schedule "
    "is let pass. Not applicable where neither the control nor the system gives a retention.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points", "versions"),
    severity=Severity.MEDIUM,
    parameters=(
        Parameter("minimum_age", ParameterKind.DURATION, None, "How far back it must be possible to go; without it the system's retention"),
        Parameter(
            "versions_count",
            ParameterKind.BOOLEAN,
            False,
            "Whether a place that keeps overwritten and deleted versions for that long counts (assurance: configured)",
        ),
    ),
    remediation="Keep recovery points for longer in at least one copy; for a copy that is new, declare `since`.",
    judge=_depth,
)
