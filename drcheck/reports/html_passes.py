"""What passed and what is not applicable, for a page: in a small estate with facts, in a large one by name, in a huge one counted by target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from drcheck.model import Assessment, Finding, Outcome, Subject, SubjectKind
from drcheck.reports.html_controls import ControlLink, ControlLinks
from drcheck.reports.html_limits import Limits
from drcheck.reports.html_problems import fact_cells
from drcheck.reports.merged import PassedRow, passed_name, passed_rows
from drcheck.reports.rows import finding_rows
from drcheck.reports.wording import known_by, subject_name


@dataclass(frozen=True, slots=True)
class PassedSubject:
    """One subject that passed a check."""

    name: str
    message: str
    known: tuple[str, str]
    asked: tuple[ControlLink, ...]
    facts: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """Everything that passed one check."""

    check: str
    count: int
    known: tuple[str, str]
    subjects: tuple[PassedSubject, ...]
    """Empty where there are too many."""
    names: tuple[str, ...]
    """Empty where there are too many, or where `subjects` has them."""
    groups: tuple[tuple[str, int], ...]
    """Where there are too many to be named: how many on which target, or of which kind."""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """Subjects that were not asked, and why."""

    link: ControlLink
    why: str
    count: int


@dataclass(frozen=True, slots=True)
class Passes:
    """All of both."""

    passed: tuple[Passed, ...]
    not_applicable: tuple[NotApplicable, ...]
    short: str
    """What was left out because there is so much; empty where nothing was."""


def passes(assessment: Assessment, links: ControlLinks, limits: Limits) -> Passes:
    """What passed, check by check, and what was not asked, control by control."""
    rows = passed_rows(assessment.findings)
    good = tuple(finding for finding in assessment.findings if finding.outcome is Outcome.PASS)
    with_facts = len(good) <= limits.passed_with_facts
    named = sum(len(row.subjects) for row in rows) <= limits.passed_named
    subjects = _subjects(good, links) if with_facts else {}
    targets = {f"{copy.system}@{copy.target}": copy.target for copy in assessment.copies} if not named else {}
    return Passes(
        tuple(
            Passed(
                row.check,
                len(row.subjects),
                known_by(row.assurance, row.depth),
                subjects=tuple(subjects.get(row.check, ())),
                names=tuple(map(passed_name, row.subjects)) if named and not with_facts else (),
                groups=() if named else _groups(row, targets),
            )
            for row in rows
        ),
        tuple(_not_applicable(assessment.findings, links)),
        "" if with_facts else "Their facts are left out here." if named else "Their names and facts are left out here.",
    )


def _subjects(good: tuple[Finding, ...], links: ControlLinks) -> dict[str, list[PassedSubject]]:
    found: dict[str, list[PassedSubject]] = {}
    for row in finding_rows(good, ()):
        asked = tuple(links.of(finding.policy, finding.control) for finding in row.asked_by)
        found.setdefault(row.check, []).append(
            PassedSubject(subject_name(row.subject), row.message, known_by(row.assurance, row.depth), asked, fact_cells(row.facts))
        )
    return found


def _groups(row: PassedRow, targets: dict[str, str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(_group(one.subject, targets) for one in row.subjects).items()))


def _group(subject: Subject, targets: dict[str, str]) -> str:
    return f"copies at {targets.get(subject.id, subject.id)}" if subject.kind is SubjectKind.COPY else f"{subject.kind}s"


def _not_applicable(findings: Iterable[Finding], links: ControlLinks) -> Iterable[NotApplicable]:
    counts = Counter((finding.policy, finding.control, finding.message) for finding in findings if finding.outcome is Outcome.NOT_APPLICABLE)
    return (NotApplicable(links.of(policy, control), why, count) for (policy, control, why), count in sorted(counts.items()))
