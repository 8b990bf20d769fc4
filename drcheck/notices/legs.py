"""What a night had to look at, and could not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from drcheck.checks.offline import overdue
from drcheck.estate.schema import Estate, Target
from drcheck.model import Assessment, CopyFacts, Finding, Observed, Outcome, Reason, Unobserved

COULD_NOT_LOOK = frozenset(
    {
        Reason.UNREACHABLE,
        Reason.TIMED_OUT,
        Reason.ACCESS_DENIED,
        Reason.NO_CREDENTIALS,
        Reason.UNTRUSTED,
        Reason.MALFORMED,
        Reason.INTERNAL,
    }
)
"""Reasons that say that looking failed, and not that there is nothing of the kind to look at."""


def unexamined(assessment: Assessment, estate: Estate) -> tuple[str, ...]:
    """
    Every copy that had to be looked at and could not be, with the reason; and what else shows that this was no whole night.

    Not asked of: a copy on a target that is declared offline and silent within its rotation, and one whose unknowns are all waived.
    """
    now, unknown = assessment.run.reference, _unknown(assessment)
    found = [
        f"{facts.id}: {why.reason}"
        for facts in assessment.facts.copies
        if (why := _silence(facts)) is not None and not _resting(estate.target(facts.target), why, now) and not _accepted(unknown, facts)
    ]
    crashed = sum(finding.outcome is Outcome.ERROR and not finding.waived for finding in assessment.findings)
    if crashed:
        found.append(f"{crashed} checks ended in an error, which is a bug in drcheck")
    if not assessment.facts.copies or not assessment.findings:
        found.append("nothing was judged")
    return tuple(found)


def _silence(facts: CopyFacts) -> Unobserved | None:
    """Why a copy was not looked at, or not to the end."""
    if isinstance(facts.points, Unobserved):
        return facts.points
    reading = facts.verification
    why = reading.value.stopped if isinstance(reading, Observed) else reading
    return why if why is not None and why.reason in COULD_NOT_LOOK else None


def _resting(target: Target, why: Unobserved, now: datetime) -> bool:
    """Whether the target does as it should by not answering."""
    silent = why.reason in (Reason.UNREACHABLE, Reason.TIMED_OUT)
    return target.offline is not None and silent and not overdue(target.offline, now)


def _unknown(assessment: Assessment) -> dict[str, list[Finding]]:
    """What could not be told, by the id of what it is about."""
    found: dict[str, list[Finding]] = {}
    for finding in assessment.findings:
        if finding.outcome in (Outcome.UNKNOWN, Outcome.ERROR):
            found.setdefault(finding.subject.id, []).append(finding)
    return found


def _accepted(unknown: Mapping[str, list[Finding]], facts: CopyFacts) -> bool:
    """Whether somebody waived everything that is unknown of a copy and its target."""
    about = [*unknown.get(facts.id, ()), *unknown.get(facts.target, ())]
    return bool(about) and all(finding.waived for finding in about)
