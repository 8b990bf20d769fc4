"""Findings told together, for a reader with little time: one row for all subjects and controls that got the same answer from one check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from drcheck.model import Depth, Finding, Outcome, Severity, Source, Subject, SubjectKind, number_of
from drcheck.reports.rows import accepted, worst_first
from drcheck.reports.wording import subject_name, waiver_text
from drcheck.reports.wrapping import listed

MOST_FAILING = 24
"""So many failing subjects of one row are named; `wide` names all."""
MOST_OTHERS = 8
_DEPTHS = list(Depth)


@dataclass(frozen=True, slots=True)
class Answer:
    """What some of a row's controls were told beyond its message, such as what each of them allows."""

    message: str
    """Empty where nothing was said beyond the row's message."""
    controls: tuple[str, ...]
    """Their ids, each with its severity where that is not the row's."""


@dataclass(frozen=True, slots=True)
class MergedRow:
    """Findings of one check and outcome that say the same, about one or more subjects. No control and no subject is left out."""

    outcome: Outcome
    severity: Severity
    """The worst of the findings'."""
    check: str
    subjects: tuple[Subject, ...]
    assurance: Source | None
    """The weakest of the findings'; None where one of them knew nothing."""
    depth: Depth
    """The shallowest of the findings'."""
    message: str
    """What every control was told; may be empty where each was told something else."""
    answers: tuple[Answer, ...]
    remediation: str
    waiver: str
    """Who accepted it, until when and why; empty where nobody did."""


@dataclass(frozen=True, slots=True)
class PassedSubject:
    """One subject that passed a check, for all of the controls that asked or only for some."""

    subject: Subject
    passed: int
    asked: int


@dataclass(frozen=True, slots=True)
class PassedRow:
    """Everything that passed one check."""

    check: str
    subjects: tuple[PassedSubject, ...]
    assurance: Source | None
    """The weakest of the findings'."""
    depth: Depth
    """The shallowest of the findings'."""


def merged_rows(findings: tuple[Finding, ...], only: Collection[str]) -> list[MergedRow]:
    """
    Whatever is no pass, worst first, except what is not applicable where `only` does not ask for it.

    Where controls that ask the same check of the same subject differ in a part of what they are told, the rest is told once and the parts by control.
    """
    ambiguous = _ambiguous(findings)
    groups: dict[object, list[Finding]] = {}
    hidden = {Outcome.PASS} if Outcome.NOT_APPLICABLE in only else {Outcome.PASS, Outcome.NOT_APPLICABLE}
    for finding in worst_first([finding for finding in findings if finding.outcome not in hidden], only):
        groups.setdefault((finding.outcome, _waived(finding), finding.check, finding.subject, finding.remediation), []).append(finding)
    subjects: dict[MergedRow, list[Subject]] = {}
    for group in groups.values():
        subjects.setdefault(_told(group, ambiguous), []).append(group[0].subject)
    return [replace(row, subjects=tuple(same)) for row, same in subjects.items()]


def passed_rows(findings: tuple[Finding, ...]) -> list[PassedRow]:
    """What passed, one row a check, by its name. A subject that passed for some controls and not for others says for how many."""
    asked: dict[str, Counter[Subject]] = {}
    passed: dict[str, Counter[Subject]] = {}
    grades: dict[str, dict[tuple[Source | None, Depth], Finding]] = {}
    for finding in findings:
        if finding.outcome is not Outcome.NOT_APPLICABLE:
            asked.setdefault(finding.check, Counter())[finding.subject] += 1
        if finding.outcome is Outcome.PASS:
            passed.setdefault(finding.check, Counter())[finding.subject] += 1
            grades.setdefault(finding.check, {}).setdefault((finding.assurance, finding.depth), finding)
    rows = []
    for check, by_subject in sorted(passed.items()):
        subjects = sorted(by_subject, key=lambda subject: (subject.kind, subject.id))
        counted = tuple(PassedSubject(subject, by_subject[subject], asked[check][subject]) for subject in subjects)
        good = grades[check].values()
        rows.append(PassedRow(check, counted, _weakest(good), _shallowest(good)))
    return rows


def subjects_name(row: MergedRow, shown: Callable[[str], str], *, kind: bool = True) -> str:
    """The subjects of a row, with their kind unless told otherwise, each as `shown` gives it: the first few, and more of them where they fail."""
    kinds = {subject.kind for subject in row.subjects}
    most = MOST_FAILING if row.outcome is Outcome.FAIL else MOST_OTHERS
    if not kind:
        return listed([shown(subject.id) for subject in row.subjects], most)
    if len(kinds) == 1 and len(row.subjects) > 1 and SubjectKind.COPY not in kinds:
        return f"{kinds.pop()}s " + listed([shown(subject.id) for subject in row.subjects], most)
    return listed([shown(subject_name(subject)) for subject in row.subjects], most)


def subjects_counted(row: MergedRow) -> str:
    """How many subjects of which kind a row is about, such as `3 copies`."""
    kinds = {subject.kind for subject in row.subjects}
    kind = kinds.pop() if len(kinds) == 1 else "subject"
    return number_of(len(row.subjects), kind, "copies" if kind is SubjectKind.COPY else "")


def passed_name(one: PassedSubject) -> str:
    """A subject that passed, with for how many of the controls that asked where that is not all."""
    return one.subject.id if one.passed == one.asked else f"{one.subject.id} ({one.passed} of {one.asked})"


def _told(group: list[Finding], ambiguous: Collection[str]) -> MergedRow:
    first = group[0]
    parts = [finding.message.split("; ") for finding in group]
    common = [part for part in parts[0] if all(part in others for others in parts)]
    by_rest: dict[str, list[str]] = {}
    for finding, said in zip(group, parts, strict=True):
        name = f"{finding.policy} {finding.control}" if finding.control in ambiguous else finding.control
        severity = "" if finding.severity is first.severity else f" ({finding.severity})"
        by_rest.setdefault("; ".join(part for part in said if part not in common), []).append(name + severity)
    return MergedRow(
        outcome=first.outcome,
        severity=first.severity,
        check=first.check,
        subjects=(),
        assurance=_weakest(group),
        depth=_shallowest(group),
        message="; ".join(common),
        answers=tuple(Answer(rest, tuple(controls)) for rest, controls in by_rest.items()),
        remediation=first.remediation,
        waiver=_waived(first),
    )


def _waived(finding: Finding) -> str:
    return waiver_text(finding.waiver) if finding.waiver and accepted(finding.outcome, finding.waiver) else ""


def _weakest(findings: Iterable[Finding]) -> Source | None:
    sources = [finding.assurance for finding in findings]
    return None if None in sources else Source.weakest(source for source in sources if source is not None)


def _shallowest(findings: Iterable[Finding]) -> Depth:
    return min((finding.depth for finding in findings), key=_DEPTHS.index)


def _ambiguous(findings: Iterable[Finding]) -> set[str]:
    """Ids of controls that more than one policy uses."""
    policies: dict[str, set[str]] = {}
    for finding in findings:
        policies.setdefault(finding.control, set()).add(finding.policy)
    return {control for control, users in policies.items() if len(users) > 1}
