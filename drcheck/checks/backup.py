"""Each copy by itself: how old its newest recovery point is, and whether its newest attempts were finished."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from drcheck.checks.base import TO_SEE, Case, Check, Parameter, ParameterKind, Verdict, listed, moment, used
from drcheck.checks.counting import nothing_usable, points_words
from drcheck.clock import format_duration
from drcheck.model import SKEW, Depth, FactUsed, Observed, Outcome, Points, PointState, RecoveryPoint, Severity, SubjectKind, printable


def _recency(case: Case) -> Verdict:
    """
    The age of the newest usable recovery point against what is allowed. Points dated in the future and unfinished ones are never the newest.

    Allowed is `max_age`; else the copy's own schedule, or with `objective = "rpo"` the system's recovery point objective. A copy that is made less
    often than the objective by declaration is then not asked, provided that another one is declared to meet it.
    """
    fact = case.fact("points", Points)
    points, newest = fact.value, fact.value.newest_usable(case.now)
    facts = _facts(case, fact)
    allowed, whence = _allowed(case)
    if case.word("objective") == "rpo" and case.optional_duration("max_age") is None and _slower_than_objective(case):
        every = format_duration(case.copy.every or case.system.rpo)
        if any((copy.every or case.system.rpo) <= case.system.rpo for copy in case.estate.copies_of(case.system.id)):
            return Verdict(Outcome.NOT_APPLICABLE, f"made every {every} by declaration; another copy is to meet the objective of {whence}", facts)
        return Verdict(Outcome.FAIL, f"made every {every} by declaration, and no copy of {case.system.id} is made as often as {whence}", facts)
    future = f"; {points.count(PointState.FUTURE) or len(points.future)} dated in the future ({_names(points.future)})" if points.future else ""
    if newest is None:
        return Verdict(Outcome.FAIL, nothing_usable(points) + future, facts, Depth.LISTED)
    age = max(case.now - newest.time, timedelta(0))
    dated = ", dated by when it was last modified, which is weak" if newest.time_from == "modified" else ""
    grace = min(case.duration("grace"), allowed / 4)
    message = (
        f"the newest usable recovery point is {format_duration(age)} old ({printable(newest.id)} of {moment(newest.time)}{dated}); "
        f"allowed are {whence}" + (f" and {format_duration(grace)} of grace" if grace else "") + future
    )
    return Verdict(Outcome.PASS if age <= allowed + grace else Outcome.FAIL, message, facts, Depth.LISTED)


def _facts(case: Case, fact: Observed[Points]) -> tuple[FactUsed, ...]:
    return case.once(_facts, lambda: (used("points", fact, points_words(fact.value, case.now)),))


def _allowed(case: Case) -> tuple[timedelta, str]:
    fixed = case.optional_duration("max_age")
    if fixed is not None:
        return fixed, format_duration(fixed)
    if case.word("objective") == "rpo" or case.copy.every is None:
        return case.system.rpo, f"{format_duration(case.system.rpo)} (the system's RPO)"
    return case.copy.every, f"{format_duration(case.copy.every)} (the copy's schedule)"


def _slower_than_objective(case: Case) -> bool:
    return case.copy.every is not None and case.copy.every > case.system.rpo


def _names(points: Iterable[RecoveryPoint]) -> str:
    return listed([printable(point.id) for point in points], 3)


def _completeness(case: Case) -> Verdict:
    """
    The newest attempts: those after the newest usable point, and those within the window before now.

    Any that is incomplete, empty, suddenly small or dated in the future is a failure. One that is being written is fine while it is the newest
    attempt; an older one, or one begun before the window, was never finished.
    """
    fact = case.fact("points", Points)
    points, newest = fact.value, fact.value.newest_usable(case.now)
    facts = _facts(case, fact)
    if newest is None:
        return Verdict(Outcome.FAIL, nothing_usable(points), facts, Depth.LISTED)
    begin = case.now - case.duration("window")
    until_now = [point for point in points.newest if point.time <= case.now + SKEW]
    recent = [point for point in until_now if point.time > newest.time or point.time >= begin]
    bad = [*points.future, *(point for point in recent if _is_bad(point, until_now[0], begin))]
    if bad:
        named = listed([f"{printable(point.id)} ({_why(point, case.now)})" for point in bad])
        count = len(bad) - len(points.future) + max(len(points.future), points.count(PointState.FUTURE))
        return Verdict(Outcome.FAIL, f"{count} of the newest recovery points cannot be used: {named}", facts, Depth.LISTED)
    writing = next((point for point in recent if point.state is PointState.IN_PROGRESS), None)
    besides = f"; {printable(writing.id)} is not finished yet: {printable(writing.detail)}" if writing else ""
    return Verdict(
        Outcome.PASS, f"every attempt of the last {format_duration(case.duration('window'))} was finished{besides}", facts, Depth.ATTRIBUTES
    )


def _is_bad(point: RecoveryPoint, newest: RecoveryPoint, begin: datetime) -> bool:
    if point.state is PointState.IN_PROGRESS:
        return point is not newest or point.time < begin
    return point.state is not PointState.FINISHED


def _why(point: RecoveryPoint, now: datetime) -> str:
    state = "dated in the future" if point.state is PointState.FUTURE or point.time > now else str(point.state)
    if point.state is PointState.IN_PROGRESS:
        state = "begun and never finished"
    return state + (f": {printable(point.detail)}" if point.detail else "")


RECENCY = Check(
    id="backup.recency",
    title="A recent recovery point in every copy",
    passes="The newest finished recovery point of this copy is no older than allowed. Points dated in the future, or unfinished, never count "
    "as newest.",
    subject=SubjectKind.COPY,
    needs=("points",),
    looks_at=(),
    severity=Severity.HIGH,
    parameters=(
        Parameter("max_age", ParameterKind.DURATION, None, "The oldest that the newest recovery point may be; without it the estate says"),
        Parameter(
            "objective",
            ParameterKind.WORD,
            "schedule",
            "Where `max_age` is not set: `schedule` allows the copy's `every` (default: the RPO), `rpo` the system's RPO",
            choices=("schedule", "rpo"),
        ),
        Parameter("grace", ParameterKind.DURATION, timedelta(0), "Added to what is allowed, never more than a quarter of it"),
    ),
    remediation="Look at the backup job of this copy and at its last errors; run it. If it runs less often by intent, declare `every`.",
    judge=_recency,
    to_know=TO_SEE,
)

COMPLETENESS = Check(
    id="backup.completeness",
    title="The newest attempts were finished",
    passes="The copy has a usable recovery point, and no attempt after it or within `window` is incomplete, empty, suddenly small or dated in the "
    "future.",
    subject=SubjectKind.COPY,
    needs=("points",),
    looks_at=(),
    severity=Severity.HIGH,
    parameters=(Parameter("window", ParameterKind.DURATION, timedelta(days=7), "How far back attempts are looked at"),),
    remediation="Find out why the named attempts were not finished (space, time, network), run the job again, and remove or rename the remains.",
    judge=_completeness,
    to_know=TO_SEE,
)
