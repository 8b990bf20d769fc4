"""Restores: whether one was proved lately."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from drcheck.checks.base import Case, Check, Parameter, ParameterKind, Verdict, listed, moment
from drcheck.clock import format_duration
from drcheck.model import SKEW, Depth, Drill, FactUsed, Outcome, Severity, SubjectKind, printable


def _tested(case: Case) -> Verdict:
    """
    The newest drill of the system that proves something, against how long ago it may be.

    A drill proves something where it succeeded, ended by now, was made from a copy that is still declared, and no later one from the same copy
    failed. The limit is the smallest of the control's, the system's own and, where asked for, a third of its retention: a silent corruption must
    be found while a clean recovery point still exists.
    """
    fact = case.fact("drills", tuple)
    drills, refused, proved = case.once(_sorted_out, lambda: _sorted_out(case, fact.value))
    limit, whence = _limit(case)
    besides = [f"not counted: {listed(refused, 3)}"] if refused else []

    def said(outcome: Outcome, message: str, drill: Drill | None) -> Verdict:
        words = f"{_named(drill)}, verified by {printable(drill.verified_by) or 'nobody named'}" if drill else f"{len(drills)} for this system"
        facts = (FactUsed("drills", words, fact.source, fact.at),)
        return Verdict(outcome, "; ".join([message, *besides]), facts, Depth.RESTORED if drill else Depth.NONE)

    if not proved:
        return said(Outcome.FAIL, "no successful restore of this system is recorded", None)
    newest = proved[0]
    age = max(case.now - newest.ended, timedelta(0))
    message = f"last restored {format_duration(age)} ago ({_named(newest)}); allowed are {format_duration(limit)} ({whence})"
    if age > limit:
        return said(Outcome.FAIL, message, newest)
    if not case.flag("judge_rto"):
        return said(Outcome.PASS, message, newest)
    took = f"it took {format_duration(newest.took)}"
    if case.system.rto is None:
        return said(Outcome.UNKNOWN, f"{message}; {took}, and no RTO is declared to compare it with", newest)
    within = newest.took <= case.system.rto
    return said(Outcome.PASS if within else Outcome.FAIL, f"{message}; {took}, the RTO is {format_duration(case.system.rto)}", newest)


def _sorted_out(case: Case, recorded: tuple[Drill, ...]) -> tuple[list[Drill], list[str], list[Drill]]:
    """The system's drills, newest first; in words those that prove nothing now; and those that do."""
    drills = sorted((drill for drill in recorded if drill.system == case.system.id), key=lambda drill: drill.ended, reverse=True)
    declared = {name for copy in case.estate.copies_of(case.system.id) for name in (copy.target, copy.id)}
    refused = [f"{_named(drill)} {why}" for drill in drills if (why := why_refused(drill, drills, declared, case.now))]
    return drills, refused, [drill for drill in drills if not why_refused(drill, drills, declared, case.now)]


def why_refused(drill: Drill, drills: Sequence[Drill], declared: Collection[str], now: datetime) -> str:
    """Why a drill proves nothing at `now`; empty where it does. `drills` are all of its system, `declared` the targets and ids of its copies."""
    if drill.ended > now + SKEW:
        return "is dated after now"
    if not drill.success:
        return "did not succeed" + (f": {printable(drill.problems)}" if drill.problems else "")
    if drill.took < timedelta(0):
        return "ended before it began"
    if drill.target not in declared:
        return "was made from a copy that is not declared"
    later = (other for other in drills if other.target == drill.target and drill.ended < other.ended <= now + SKEW)
    return "" if all(other.success for other in later) else "was followed by one from the same copy that did not succeed"


def _limit(case: Case) -> tuple[timedelta, str]:
    limits = [(case.duration("max_age"), "the control's limit")]
    if case.system.restore_test_interval is not None:
        limits.append((case.system.restore_test_interval, "the system's restore-test interval"))
    if case.flag("third_of_retention") and case.system.retention is not None:
        limits.append((case.system.retention / 3, "a third of its retention"))
    return min(limits)


def _named(drill: Drill) -> str:
    return f"from {printable(drill.target)} on {moment(drill.ended)}"


TESTED = Check(
    id="restore.tested",
    title="A restore was proved lately",
    passes="A restore of the system succeeded within the limit, from a copy that is still declared, and no later one from that copy failed. Where "
    "`judge_rto`, it also took no longer than the declared recovery time objective.",
    subject=SubjectKind.SYSTEM,
    needs=("drills",),
    looks_at=(),
    severity=Severity.HIGH,
    parameters=(
        Parameter(
            "max_age", ParameterKind.DURATION, timedelta(days=365), "How long ago the restore may be; the system's own interval can only shorten it"
        ),
        Parameter("third_of_retention", ParameterKind.BOOLEAN, False, "Whether it may be no longer ago than a third of the system's retention"),
        Parameter("judge_rto", ParameterKind.BOOLEAN, False, "Whether the time that it took is compared with the system's RTO"),
    ),
    remediation="Restore the system from a copy to somewhere safe, have somebody check the data, and record date, copy, duration and result.",
    judge=_tested,
    to_know="Correct the file of drills where it cannot be read, and declare the system's `rto`.",
)
