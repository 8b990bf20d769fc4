"""Pasts beside assessments that hypothesis made."""

from __future__ import annotations

from datetime import timedelta

from drcheck.model import Assessment, Interval, Outcome, Past, Severity, Subject, SubjectKind
from tests.reports.sample import AT, past_of_hospital

OUTCOMES = list(Outcome)


def past_of_others(assessment: Assessment) -> Past:
    """Every other finding was there the night before, each with the next outcome, and one more was."""
    nights = past_of_hospital().nights
    before, since = {}, {}
    for place, finding in enumerate(assessment.findings):
        key = (finding.policy, finding.control, finding.subject)
        since[key] = AT - timedelta(days=3)
        if place % 2:
            outcome = OUTCOMES[(OUTCOMES.index(finding.outcome) + place) % len(OUTCOMES)]
            before[key] = Interval(*key, outcome, finding.waived, finding.severity, 1, AT - timedelta(days=3), len(nights), AT - timedelta(days=1))
    gone = ("gone", "gone", Subject(SubjectKind.TARGET, "gone\x00"))
    before.setdefault(gone, Interval(*gone, Outcome.UNKNOWN, False, Severity.LOW, 1, AT, len(nights), AT))
    return Past(nights, before, since)
