"""What a night had to look at, and could not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from drcheck.checks.offline import overdue
from drcheck.estate.schema import Estate, Target
from drcheck.model import Assessment, CopyFacts, Finding, Observed, Outcome, Reason, Subject, SubjectKind, Unobserved

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
    # Nothing is asked where every control is not applicable: that is no night in which all is well.
    if not assessment.facts.copies or all(finding.outcome is Outcome.NOT_APPLICABLE for finding in assessment.findings):
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


def _unknown(assessment: Assessment) -> dict[Subject, list[Finding]]:
    """What could not be told, by what it is about."""
    found: dict[Subject, list[Finding]] = {}
    for finding in assessment.findings:
        if finding.outcome in (Outcome.UNKNOWN, Outcome.ERROR):
            found.setdefault(finding.subject, []).append(finding)
    return found


def _accepted(unknown: Mapping[Subject, list[Finding]], facts: CopyFacts) -> bool:
    """
    Whether somebody waived everything that is unknown of a copy and its target.

    Where no control asks anything of the copy itself, its system stands for it: who waived something of the target alone accepted no silence.
    """
    copy, system, target = (
        unknown.get(Subject(kind, id_), [])
        for kind, id_ in ((SubjectKind.COPY, facts.id), (SubjectKind.SYSTEM, facts.system), (SubjectKind.TARGET, facts.target))
    )
    asked = copy or system
    return bool(asked) and all(finding.waived for finding in (*asked, *target))
