"""
The statement: one page for clinicians and boards. If this building were lost tonight, what would be gone, and how long would it take?

It is made from the same records as every other report, adds no judgment to them, and says in plain words what nobody knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from drcheck.checks.restore import why_refused
from drcheck.model import Assessment, Drill, Observed, Outcome, SiteUsed, Subject, SubjectKind, SystemUsed, Unobserved, number_of, printable
from drcheck.model.bounds import bad_rate, percent_at_least
from drcheck.reports.base import ReportOptions
from drcheck.reports.html_page import page
from drcheck.reports.merged import MergedRow, merged_rows
from drcheck.reports.plain_words import spoken_day, spoken_length, spoken_moment
from drcheck.reports.rows import CopyRow, copy_rows
from drcheck.reports.statement_loss import Fate, Loss, Places, losses
from drcheck.reports.wording import caution
from drcheck.reports.wrapping import listed, shorten, shorten_words

MOST_SYSTEMS = 60
"""So many systems of one place have a row, the worst first; the others are counted."""
_LONGEST_WORD, _LONGEST_TEXT = 48, 320


class Case(IntEnum):
    """What would become of one system, the worst first."""

    GONE = 0
    """Nothing that could be restored from would be left."""
    UNSAID = 1
    """Whether anything would be left, nobody knows."""
    DAMAGED = 2
    """What it would come back from is known to be damaged."""
    MORE = 3
    """More work would be lost than was agreed."""
    UNREAD = 4
    """No more work would be lost than was agreed, if what it would come back from is right, and that was not read whole."""
    AGREED = 5
    """No more work would be lost than was agreed, and what it would come back from was read whole and is right."""


_CASES = {
    Case.GONE: "would be lost altogether",
    Case.UNSAID: "nobody can say",
    Case.DAMAGED: "would come back from a damaged copy",
    Case.MORE: "would lose more work than was agreed",
    Case.UNREAD: "would lose no more work than was agreed if the copy is right, which nobody knows",
    Case.AGREED: "would lose no more work than was agreed",
}


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One system, in plain words."""

    system: SystemUsed
    case: Case
    work: str
    """How much work would be gone."""
    back: str
    """From where it would come back, and what is known of that copy."""
    time: str
    """How long that took when it was last rehearsed."""
    unsaid: tuple[str, ...]
    """What nobody can say."""


@dataclass(frozen=True, slots=True)
class WeakPoint:
    """The worst of what is open about the systems of one place."""

    about: str
    found: str
    do: str
    ask: str
    unknown: bool
    accepted: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place where systems run, and what its loss would mean."""

    name: str
    shared: str
    """The building that several sites share; empty where it is one site."""
    lines: tuple[SystemLine, ...]
    more: str
    """What would become of the systems that have no row; empty where all have one."""
    counts: tuple[tuple[str, str], ...]
    """How many systems in which case: a class and words."""
    weakest: WeakPoint | None
    asked: bool
    """Whether any control that was asked of these systems passed."""


def statement(assessment: Assessment, _: ReportOptions) -> str:
    """The assessment as one plain page about the loss of each place where systems run."""
    counts = assessment.counts()
    open_ = counts[Outcome.UNKNOWN] + counts[Outcome.ERROR]
    return page(
        "statement.html",
        ("statement.css",),
        assessment=assessment,
        caution=caution(assessment),
        places=Statement(assessment).places(),
        recorded=bool(assessment.systems),
        seen=spoken_moment(assessment.facts.at),
        spoken=spoken_length,
        judged=spoken_moment(assessment.run.reference),
        unknown=f"{number_of(open_, 'question')} that the policies ask could not be answered" if open_ else "",
        failed=number_of(counts[Outcome.FAIL], "question") if counts[Outcome.FAIL] else "",
    )


class Statement:
    """One assessment, with what is looked up in it again and again."""

    def __init__(self, assessment: Assessment) -> None:
        self._assessment = assessment
        self._now = assessment.run.reference
        self._where = Places(assessment)
        self._sites = {site.id: site for site in assessment.sites}
        self._copies: dict[str, list[CopyRow]] = {}
        for row in copy_rows(assessment):
            self._copies.setdefault(row.place.system, []).append(row)
        names = {row.id: name for name, those in self._copies.items() for row in those}
        self._passed = {_system_of(finding.subject, names) for finding in assessment.findings if finding.outcome is Outcome.PASS}
        self._drills: dict[str, list[Drill]] = {}
        if isinstance(assessment.facts.drills, Observed):
            for drill in assessment.facts.drills.value:
                self._drills.setdefault(drill.system, []).append(drill)

    def places(self) -> list[Place]:
        """What the loss of each place would mean, in the order of the estate."""
        open_ = tuple(finding for finding in self._assessment.findings if finding.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE))
        rows = merged_rows(open_, ())
        return [self._place(loss, rows) for loss in losses(self._assessment)]

    def _place(self, loss: Loss, rows: Sequence[MergedRow]) -> Place:
        lines = sorted((self._line(system, loss) for system in loss.systems), key=lambda line: line.case)
        found = Counter(line.case for line in lines)
        hidden = Counter(line.case for line in lines[MOST_SYSTEMS:])
        return Place(
            name=" and ".join(site.name for site in loss.sites),
            shared=", ".join(sorted({name for site in loss.sites for name in site.buildings})) if len(loss.sites) > 1 else "",
            lines=tuple(lines[:MOST_SYSTEMS]),
            more=", ".join(f"{hidden[case]} {_CASES[case]}" for case in Case if hidden[case]),
            counts=tuple((case.name.lower(), f"{found[case]} {_CASES[case]}") for case in Case if found[case]),
            weakest=self._weakest(loss, rows),
            asked=any(system.id in self._passed for system in loss.systems),
        )

    def _line(self, system: SystemUsed, loss: Loss) -> SystemLine:
        left: list[CopyRow] = []
        unsaid: list[str] = []
        for row in self._copies.get(system.id, []):
            fate, why = self._where.fate(row.place, system, loss)
            if fate is Fate.LOST or (isinstance(row.points, Observed) and row.newest is None):
                continue
            if fate is Fate.PERHAPS:
                unsaid.append(f"Whether the copy at {self._at(row)} would be left: {why}.")
            elif isinstance(row.points, Unobserved):
                unsaid.append(f"What the copy at {self._at(row)} holds: it was not seen ({row.points.reason}).")
            else:
                left.append(row)
        best = max(left, key=lambda row: (row.newest.time if row.newest else self._now, row.id), default=None)
        time, lacking = self._time(system, loss)
        if best is None or best.newest is None or best.age is None:
            case = Case.UNSAID if unsaid else Case.GONE
            work = "Nobody can say." if unsaid else "All of it. No usable copy stands anywhere else."
            return SystemLine(system, case, work, "", time, (*unsaid, *lacking))
        least = "At most " if unsaid else ""
        work = f"{least}{spoken_length(best.age)} of work: everything since {spoken_moment(best.newest.time)}."
        back = " ".join([self._back(best), *self._instead(best, left)])
        return SystemLine(system, _case(best, system), work, back, time, (*unsaid, *lacking))

    def _at(self, row: CopyRow) -> str:
        site = self._sites.get(row.place.site, SiteUsed(row.place.site, row.place.site))
        return f"{site.name} ({row.place.target})"

    def _back(self, row: CopyRow) -> str:
        where = f"From the copy at {self._at(row)}."
        if isinstance(row.verification, Unobserved):
            return f"{where} Whether its content is right was not looked at ({row.verification.reason})."
        seen = row.verification.value
        if seen.bad:
            return f"{where} {number_of(seen.bad, 'object')} in it {'is' if seen.bad == 1 else 'are'} damaged or missing, so not all may come back."
        if _is_right(row):
            return f"{where} All of it was read and is right."
        return f"{where} {percent_at_least(seen.share_done(row.reference))} of it was read and is right, the rest was not."

    def _instead(self, best: CopyRow, left: Sequence[CopyRow]) -> Iterator[str]:
        """The newest copy that was read whole and is right, where the newest of all is not known to be."""
        right = [row for row in left if row.newest is not None and _is_right(row)]
        newest = max(right, key=lambda row: (row.newest.time if row.newest else self._now, row.id), default=None)
        if newest is not None and newest.age is not None and not _is_right(best):
            yield f"The one at {self._at(newest)}, {spoken_length(newest.age)} old, was read whole and is right."

    def _time(self, system: SystemUsed, loss: Loss) -> tuple[str, tuple[str, ...]]:
        """How long the last restore that counts took; and what nobody can say of it."""
        if isinstance(self._assessment.facts.drills, Unobserved):
            return "Nobody can say.", (f"How long it takes: the record of rehearsals could not be read ({self._assessment.facts.drills.reason}).",)
        drills = self._drills.get(system.id, [])
        rows = {name: row for row in self._copies.get(system.id, []) for name in (row.place.target, row.id)}
        proved = [drill for drill in drills if not why_refused(drill, drills, rows.keys(), self._now)]
        if not proved:
            tried = f"; {number_of(len(drills), 'rehearsal')} on record {'does' if len(drills) == 1 else 'do'} not count" if drills else ""
            return f"Never proved{tried}.", ()
        newest = max(proved, key=lambda drill: drill.ended)
        row = rows[newest.target]
        fate, _ = self._where.fate(row.place, system, loss)
        also = ", which would be lost too" if fate is Fate.LOST else ""
        took = f"{spoken_length(newest.took)}, when last rehearsed on {spoken_day(newest.ended)} from {self._at(row)}{also}."
        return took, (("How long it takes from a copy that would be left: that was not rehearsed last.",) if also else ())

    def _weakest(self, loss: Loss, rows: Sequence[MergedRow]) -> WeakPoint | None:
        systems = {system.id: system for system in loss.systems}
        copies = {row.id: name for name in systems for row in self._copies.get(name, [])}
        for row in rows:
            about = {name for subject in row.subjects if (name := _system_of(subject, copies)) in systems}
            if about:
                named = sorted((systems[name] for name in about), key=lambda system: system.name)
                found = row.message or next((answer.message for answer in row.answers), "")
                return WeakPoint(
                    about=listed([system.name for system in named], 4),
                    found=shorten(shorten_words(printable(found), _LONGEST_WORD), _LONGEST_TEXT),
                    do=row.remediation,
                    ask=listed(sorted({system.owner for system in named}), 4),
                    unknown=row.outcome is not Outcome.FAIL,
                    accepted=row.waiver,
                )
        return None


def _case(best: CopyRow, system: SystemUsed) -> Case:
    if isinstance(best.verification, Observed) and best.verification.value.bad:
        return Case.DAMAGED
    if best.age is None or best.age > system.rpo:
        return Case.MORE
    return Case.AGREED if _is_right(best) else Case.UNREAD


def _is_right(row: CopyRow) -> bool:
    """Whether every object of a copy was read and is what was promised."""
    return isinstance(row.verification, Observed) and not bad_rate(row.verification.value, row.reference)


def _system_of(subject: Subject, copies: Mapping[str, str]) -> str:
    """The system that a finding is about; empty where it is about none."""
    if subject.kind is SubjectKind.COPY:
        return copies.get(subject.id, "")
    return subject.id if subject.kind is SubjectKind.SYSTEM else ""
