"""drcheck's own store: it holds the history and the chain of evidence, so its backup is checked like any other."""

from __future__ import annotations

from datetime import timedelta

from drcheck.checks.base import TO_SEE, Case, Check, Parameter, ParameterKind, Verdict, listed, moment, used
from drcheck.checks.copies import minimum_of, offsite
from drcheck.checks.counting import Counts, Tally, both, held, once_per_place, verdict
from drcheck.checks.seen import CopySeen, SystemCopies
from drcheck.clock import format_duration
from drcheck.model import Depth, FactUsed, Observed, Outcome, Severity, Source, StoreKept, SubjectKind, number_of, printable


def _backed_up(case: Case) -> Verdict:
    """
    One declared system holds the store, and enough of its copies off-site have a usable recovery point within its recovery point objective.

    That the store is part of that system's data cannot be seen, so no finding here is known better than declared. A copy that could not be looked at
    is possible and never counted; no system, or several, is a failure, and never a reason not to be asked.
    """
    fact = case.fact("store", StoreKept)
    kept = used("store", fact, _words(fact.value))
    holders = case.fact("holders", tuple).value
    if len(holders) != 1:
        return Verdict(Outcome.FAIL, _not_one(fact.value, [seen.system.id for seen in holders]), (kept, _none_declared()), Depth.LISTED)
    (seen,) = holders
    if not isinstance(seen, SystemCopies):
        raise TypeError(f"the fact holders has a {type(seen).__name__}, not a SystemCopies")
    declared = FactUsed("system that holds the store", seen.system.id, Source.DECLARED, None)
    tallies, repeated = once_per_place(seen.copies, [both(_fresh(copy, seen, case), offsite(copy, seen)) for copy in seen.copies])
    noun = f"of {seen.system.id}, which holds drcheck's store, off-site within {format_duration(seen.system.rpo)} (its RPO)"
    found = verdict(tallies, case.integer("minimum"), f"copy {noun}", f"copies {noun}", besides=repeated)
    return Verdict(found.outcome, found.message, (kept, declared, *found.facts), found.depth)


def _fresh(copy: CopySeen, seen: SystemCopies, case: Case) -> Tally:
    """Whether the newest usable recovery point is within the system's recovery point objective and the grace, which is at most a quarter of it."""
    held_ = held(copy, case.now)
    newest = copy.points.value.newest_usable(case.now) if isinstance(copy.points, Observed) else None
    if held_.counts is not Counts.YES or newest is None:
        return held_
    age = max(case.now - newest.time, timedelta(0))
    allowed = seen.system.rpo + min(case.duration("grace"), seen.system.rpo / 4)
    if age <= allowed:
        return held_
    return Tally(copy.name, Counts.NO, f"its newest usable recovery point is {format_duration(age)} old, of {moment(newest.time)}", held_.facts)


def _words(kept: StoreKept) -> str:
    since = f" since {moment(kept.first)}" if kept.first is not None else ""
    return f"{kept.kind} at {printable(kept.place)}, {number_of(kept.nights, 'assessment')}{since}"


def _not_one(kept: StoreKept, names: list[str]) -> str:
    if names:
        return f"{len(names)} systems are declared to hold drcheck's store ({listed(names)}); it lies at {printable(kept.place)}, in one of them"
    return f"no system is declared to hold drcheck's store, {_words(kept)}: nothing shows that the history would outlive its disk"


def _none_declared() -> FactUsed:
    return FactUsed("system that holds the store", "none, or not one", Source.DECLARED, None)


BACKED_UP = Check(
    id="store.backed_up",
    title="drcheck's own store is backed up off-site",
    passes="Exactly one system is declared to hold drcheck's own store (`holds_store = true`), and at least `minimum` copies of it at another site "
    "were seen to have a finished recovery point within its RPO. That the store is in that system's data is known by declaration only.",
    subject=SubjectKind.ESTATE,
    needs=("store", "holders"),
    looks_at=("points", "identity"),
    severity=Severity.MEDIUM,
    parameters=(
        minimum_of(1),
        Parameter("grace", ParameterKind.DURATION, timedelta(0), "Added to the RPO, never more than a quarter of it"),
    ),
    remediation="Run `drcheck store backup FILE` (for PostgreSQL: pg_dump) each night after the check, let a copy of that file go off-site, and "
    "declare it: a system with `holds_store = true`, and its copies.",
    judge=_backed_up,
    to_know=TO_SEE + " Keep a store: run without --no-store.",
)
