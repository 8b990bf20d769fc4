"""Whatever is no pass, for a page: told once for all that it concerns, with what to do, since when, and the facts and clauses behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drcheck.clock import format_moment
from drcheck.model import Assessment, FactUsed, Finding, FindingKey, Outcome, Past, Subject, printable
from drcheck.reports.html_controls import ControlLink, ControlLinks
from drcheck.reports.merged import MergedRow, merged_rows, subjects_counted
from drcheck.reports.rows import accepted
from drcheck.reports.wording import known_by, subject_name, waiver_text
from drcheck.reports.wrapping import shorten, shorten_words

_LONGEST_WORD, _LONGEST_SHORT = 48, 280


@dataclass(frozen=True, slots=True)
class Asked:
    """One control that asked, and what it was told beyond what all were told."""

    link: ControlLink
    clause: str
    severity: str
    said: str


@dataclass(frozen=True, slots=True)
class FactsOf:
    """The same facts of one or more subjects."""

    subjects: tuple[str, ...]
    """Empty where they are those of all subjects of the problem."""
    facts: tuple[tuple[str, str, str, str], ...]
    """Each fact: its name, its value or why it is missing, how it is known, and when it was learnt."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Findings that say the same, with everything that a page shows of them."""

    number: int
    place: int
    """Among those with its result."""
    row: MergedRow
    names: tuple[str, ...]
    """Every subject, with its kind."""
    counted: str
    """How many subjects of which kind."""
    since: str
    """Since when one of them has been so, as a moment; empty where that is not known."""
    new: bool
    """Whether one of them was otherwise the night before."""
    known: tuple[str, ...]
    """How it is known and how hard was looked; empty where nothing was known."""
    asked: tuple[Asked, ...] = ()
    facts: tuple[FactsOf, ...] = ()

    @property
    def anchor(self) -> str:
        """Where the page shows it."""
        return f"f-{self.number}"

    @property
    def short(self) -> str:
        """What was found, in one text of bounded length."""
        found = self.row.message or next((answer.message for answer in self.row.answers), "")
        return shorten(shorten_words(printable(found), _LONGEST_WORD), _LONGEST_SHORT)

    @property
    def result(self) -> str:
        """Its outcome, or `waived`."""
        return "waived" if self.row.waiver else self.row.outcome


@dataclass(frozen=True, slots=True)
class First:
    """A problem that somebody should look at first."""

    problem: Problem
    others: int
    """How many more there are with the same advice."""


@dataclass(frozen=True, slots=True)
class Problems:
    """Every problem, worst first, and which of them a finding belongs to."""

    all: tuple[Problem, ...]
    numbers: dict[FindingKey, int]

    def first(self, most: int) -> list[First]:
        """What to do first: the worst that nobody accepted, those with the same advice told once."""
        found: dict[tuple[str, str, str], list[Problem]] = {}
        for problem in self.all:
            if problem.result != "waived":
                found.setdefault((problem.result, problem.row.check, problem.row.remediation), []).append(problem)
        return [First(those[0], len(those) - 1) for those in list(found.values())[:most]]

    def of(self, result: str) -> list[Problem]:
        """Those with this result."""
        return [problem for problem in self.all if problem.result == result]


def problems(assessment: Assessment, links: ControlLinks, past: Past | None, in_full: int) -> Problems:
    """Every finding that is no pass and not not-applicable, told together as elsewhere; the first `in_full` of each result with facts and clauses."""
    open_ = tuple(finding for finding in assessment.findings if finding.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE))
    groups: dict[object, list[Finding]] = {}
    for finding in open_:
        waiver = waiver_text(finding.waiver) if finding.waiver and accepted(finding.outcome, finding.waiver) else ""
        groups.setdefault((finding.outcome, waiver, finding.check, finding.subject, finding.remediation), []).append(finding)
    found, numbers = [], {}
    places: Counter[str] = Counter()
    for number, row in enumerate(merged_rows(open_, ())):
        by_subject = {subject: groups[row.outcome, row.waiver, row.check, subject, row.remediation] for subject in row.subjects}
        keys = [(finding.policy, finding.control, finding.subject) for findings in by_subject.values() for finding in findings]
        numbers.update(dict.fromkeys(keys, number))
        of_its_kind = "waived" if row.waiver else str(row.outcome)
        problem = Problem(
            number,
            places[of_its_kind],
            row,
            names=tuple(map(subject_name, row.subjects)),
            counted=subjects_counted(row),
            since=_since(keys, past),
            new=_is_new(keys, row.outcome, past),
            known=known_by(row.assurance, row.depth) if row.assurance is not None else (),
        )
        places[of_its_kind] += 1
        if problem.place < in_full:
            problem = replace(problem, asked=_asked(row, by_subject, links), facts=_facts(by_subject))
        found.append(problem)
    return Problems(tuple(found), numbers)


def fact_cells(facts: Iterable[FactUsed]) -> tuple[tuple[str, str, str, str], ...]:
    """Facts that findings rest on as cells of a table: name, value or why it is missing, how known, when learnt. Each once, in order."""
    return tuple(dict.fromkeys(map(_cells, facts)))


def _cells(fact: FactUsed) -> tuple[str, str, str, str]:
    if fact.reason is not None:
        return fact.name, f"not known, {fact.reason}" + (f": {fact.detail}" if fact.detail else ""), "", ""
    return fact.name, fact.value + (f"; {fact.detail}" if fact.detail else ""), str(fact.source or ""), format_moment(fact.at) if fact.at else ""


def _since(keys: Iterable[FindingKey], past: Past | None) -> str:
    known: list[datetime] = [past.since[key] for key in keys if key in past.since] if past else []
    return format_moment(min(known)) if known else ""


def _is_new(keys: Iterable[FindingKey], outcome: Outcome, past: Past | None) -> bool:
    if past is None or not past.nights:
        return False
    before = [past.before.get(key) for key in keys]
    return any(then is None or then.outcome is not outcome for then in before)


def _asked(row: MergedRow, by_subject: dict[Subject, list[Finding]], links: ControlLinks) -> tuple[Asked, ...]:
    """The controls of the first subject: subjects are told together only where the same controls were told the same."""
    common = set(row.message.split("; "))
    findings = sorted(by_subject[row.subjects[0]], key=lambda finding: (finding.policy, finding.control))
    return tuple(
        Asked(
            links.of(finding.policy, finding.control),
            finding.clause,
            finding.severity,
            "; ".join(part for part in finding.message.split("; ") if part not in common),
        )
        for finding in findings
    )


def _facts(by_subject: dict[Subject, list[Finding]]) -> tuple[FactsOf, ...]:
    alike: dict[tuple[tuple[str, str, str, str], ...], list[str]] = {}
    for subject, findings in by_subject.items():
        ordered: Sequence[Finding] = sorted(findings, key=lambda finding: (finding.policy, finding.control))
        facts = fact_cells(fact for finding in ordered for fact in finding.facts)
        alike.setdefault(facts, []).append(subject_name(subject))
    return tuple(FactsOf(tuple(names) if len(alike) > 1 else (), facts) for facts, names in alike.items() if facts)
