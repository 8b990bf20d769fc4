"""What a reader is shown of an assessment, in reading order: findings worst first, copies as declared, targets that did not answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drcheck.model import (
    Assessment,
    Changes,
    CopyFacts,
    CopyPlace,
    Depth,
    Fact,
    FactUsed,
    Finding,
    Observed,
    Outcome,
    Points,
    PointState,
    Reason,
    RecoveryPoint,
    Severity,
    Source,
    Subject,
    TargetPlace,
    Unobserved,
    Verification,
    Waiver,
)

WAIVED_RANK = 3
_RANKS = {Outcome.FAIL: 0, Outcome.ERROR: 1, Outcome.UNKNOWN: 2, Outcome.PASS: 4, Outcome.NOT_APPLICABLE: 5}
_SEVERITIES = list(Severity)
NOT_RECORDED = Unobserved(Reason.NOT_ATTEMPTED, "no facts about it were recorded")


@dataclass(frozen=True, slots=True)
class FindingRow:
    """Findings that say the same of the same thing, so that a reader is told once, with every control that asked."""

    outcome: Outcome
    severity: Severity
    """The worst of the findings'."""
    check: str
    subject: Subject
    assurance: Source | None
    depth: Depth
    message: str
    remediation: str
    waiver: Waiver | None
    facts: tuple[FactUsed, ...]
    asked_by: tuple[Finding, ...]

    @property
    def waived(self) -> bool:
        """Whether it is no pass and somebody accepted that."""
        return accepted(self.outcome, self.waiver)


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One declared copy, and what was seen of it."""

    place: CopyPlace
    points: Fact[Points]
    verification: Fact[Verification]
    changes: Fact[Changes]
    reference: datetime
    """The moment that is judged."""
    newest: RecoveryPoint | None
    """The newest usable recovery point; None where there is none or it is not known."""
    age: timedelta | None
    """How old that is at the reference time."""
    oldest: RecoveryPoint | None
    """The oldest usable one."""
    finished: int | None
    """How many recovery points can be restored from; None where it is not known."""
    unfinished: int | None
    """How many there are besides."""

    @property
    def id(self) -> str:
        """`system@target`."""
        return f"{self.place.system}@{self.place.target}"


@dataclass(frozen=True, slots=True)
class SilentTarget:
    """A target that answered nothing."""

    place: TargetPlace
    why: Unobserved


def accepted(outcome: Outcome, waiver: Waiver | None) -> bool:
    """Whether an outcome that needs accepting was accepted."""
    return waiver is not None and outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN)


def worst_first(findings: Sequence[Finding], only: Collection[str]) -> list[Finding]:
    """Failures by severity, then errors, unknowns, what was waived, passes, and what is not applicable; always in the same order."""
    shown = [finding for finding in findings if not only or finding.outcome in only]
    return sorted(shown, key=_order)


def finding_rows(findings: tuple[Finding, ...], only: Collection[str]) -> list[FindingRow]:
    """The findings worst first; those of several controls that rest on the same check, subject and answer are one row."""
    groups: dict[object, list[Finding]] = {}
    for finding in worst_first(findings, only):
        # Severity, policy, control and clause may differ; the worst comes first, for so they are sorted.
        answer = (finding.outcome, finding.message, finding.remediation, finding.assurance, finding.depth, finding.facts, finding.waiver)
        groups.setdefault((finding.check, finding.subject, answer), []).append(finding)
    return [_row(group) for group in groups.values()]


def _row(group: list[Finding]) -> FindingRow:
    first = group[0]
    return FindingRow(
        outcome=first.outcome,
        severity=first.severity,
        check=first.check,
        subject=first.subject,
        assurance=first.assurance,
        depth=first.depth,
        message=first.message,
        remediation=first.remediation,
        waiver=first.waiver,
        facts=first.facts,
        asked_by=tuple(group),
    )


def copy_rows(assessment: Assessment) -> list[CopyRow]:
    """Every declared copy, in the order of the estate."""
    seen = {(copy.system, copy.target): copy for copy in assessment.facts.copies}
    return [_copy_row(place, seen.get((place.system, place.target)), assessment.run.reference) for place in assessment.copies]


def _copy_row(place: CopyPlace, facts: CopyFacts | None, reference: datetime) -> CopyRow:
    points: Fact[Points] = facts.points if facts else NOT_RECORDED
    verification: Fact[Verification] = facts.verification if facts else NOT_RECORDED
    changes: Fact[Changes] = facts.changes if facts else NOT_RECORDED
    if isinstance(points, Unobserved):
        return CopyRow(place, points, verification, changes, reference, newest=None, age=None, oldest=None, finished=None, unfinished=None)
    newest = points.value.newest_usable(reference)
    finished = points.value.count(PointState.FINISHED)
    return CopyRow(
        place,
        points,
        verification,
        changes,
        reference,
        newest=newest,
        age=reference - newest.time if newest else None,
        oldest=points.value.oldest_usable(reference),
        finished=finished,
        unfinished=points.value.total - finished,
    )


def silent_targets(assessment: Assessment) -> list[SilentTarget]:
    """The declared targets of which nothing was seen: not who they are, not how they protect, and no copy on them."""
    seen = {target.target: target for target in assessment.facts.targets}
    listed = {copy.target for copy in assessment.facts.copies if isinstance(copy.points, Observed)}
    silent = []
    for place in assessment.targets:
        facts = seen.get(place.target)
        why = facts.silence if facts else NOT_RECORDED
        if why is not None and place.target not in listed:
            silent.append(SilentTarget(place, why))
    return silent


def unseen_copies(assessment: Assessment) -> list[CopyRow]:
    """The declared copies that could not be listed, save those whose target gave nothing but that same reason."""
    silent = {target.place.target: target.why for target in silent_targets(assessment)}
    return [row for row in copy_rows(assessment) if isinstance(row.points, Unobserved) and silent.get(row.place.target) != row.points]


def _order(finding: Finding) -> tuple[object, ...]:
    rank = WAIVED_RANK if accepted(finding.outcome, finding.waiver) else _RANKS[finding.outcome]
    return (
        rank,
        _SEVERITIES.index(finding.severity),
        finding.check,
        finding.subject.kind,
        finding.subject.id,
        finding.message,
        finding.policy,
        finding.control,
    )
