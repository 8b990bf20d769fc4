"""
The statement: one page for clinicians and boards. If this building were lost tonight, or what it shares with another failed, what would be gone, and
how long would it take?

It is made from the same records as every other report, adds no judgment to them, and says in plain words what nobody knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drcheck.checks.restore import why_refused
from drcheck.model import (
    Assessment,
    CopyPlace,
    Drill,
    Observed,
    Outcome,
    SiteUsed,
    Subject,
    SubjectKind,
    SystemUsed,
    Unobserved,
    number_of,
    printable,
)
from drcheck.model.bounds import bad_rate, percent_at_least
from drcheck.reports.base import ReportOptions
from drcheck.reports.html_page import page
from drcheck.reports.merged import MergedRow, merged_rows
from drcheck.reports.plain_words import spoken_day, spoken_length, spoken_moment
from drcheck.reports.rows import CopyRow, copy_rows
from drcheck.reports.statement_loss import Fate, Loss, Places, losses
from drcheck.reports.statement_shared import Failure, Shared, spoken_kind
from drcheck.reports.statement_table import WORST, Case, SystemLine, Table
from drcheck.reports.wording import caution, seen_at
from drcheck.reports.wrapping import listed, shorten, shorten_words

MOST_FAILURES = 6
"""So many failures that take several places have a section, the worst first; the others are counted."""
_LONGEST_WORD, _LONGEST_TEXT = 48, 320
_MOST_NAMES = 4
FateOf = Callable[[CopyPlace], tuple[Fate, str]]
"""What becomes of a copy, and why, where it is not simply left."""


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
    table: Table
    weakest: WeakPoint | None
    asked: bool
    """Whether any control that was asked of these systems passed."""


@dataclass(frozen=True, slots=True)
class Together:
    """One thing that several places share, and what its failure would mean."""

    failure: Failure
    failing: tuple[str, ...]
    """What fails: kinds and names."""
    flooded: bool
    """Whether it is but flood zones, which do not fail."""
    sharing: tuple[str, ...]
    """Who shares it: sites, and what stands in it by itself."""
    stops: str
    """How many systems would stop."""
    takes: tuple[str, ...]
    """Where every copy would go with them."""
    unsure: tuple[str, ...]
    """Systems of which nobody can say whether they would stop too."""
    undeclared: tuple[str, ...]
    """What is not declared and would have to be, to know more."""
    same: tuple[str, ...]
    """Systems that would fare just as if their building were lost, and have no row."""
    table: Table


def statement(assessment: Assessment, _: ReportOptions) -> str:
    """The assessment as one plain page about the loss of each place where systems run."""
    counts = assessment.counts()
    open_ = counts[Outcome.UNKNOWN] + counts[Outcome.ERROR]
    told = Statement(assessment)
    places = told.places()
    together = told.together(places)
    return page(
        "statement.html",
        ("statement.css",),
        assessment=assessment,
        caution=caution(assessment),
        places=places,
        together=together[:MOST_FAILURES],
        beyond=_beyond(together[MOST_FAILURES:]),
        shared_recorded=told.shared_recorded,
        gaps=told.gaps(together[:MOST_FAILURES]),
        recorded=bool(assessment.systems),
        seen=spoken_moment(seen_at(assessment)),
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
        self._losses = losses(assessment)
        self._shared = Shared(assessment, self._where)
        self._sites = {site.id: site for site in assessment.sites}
        self._holding = {copy.target for copy in assessment.copies}
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
        return [self._place(loss, rows) for loss in self._losses]

    def together(self, places: Sequence[Place]) -> list[Together]:
        """What the failure of each thing that several places share would mean, the worst first, where these places were told before."""
        told = [line for place in places for line in place.table.lines]
        found = [self._together(failure, told) for failure in self._shared.failures(self._losses)]
        return sorted(found, key=lambda one: [-count for count in one.table.tally])

    @property
    def shared_recorded(self) -> bool:
        """Whether it was recorded what places share; older records do not hold it."""
        return self._shared.recorded

    def gaps(self, together: Sequence[Together]) -> list[str]:
        """Of which places it is not declared what they stand in, besides those of which that was told before."""
        told = {entry for one in together for entry in one.failure.undeclared}
        alike: dict[tuple[str, ...], list[str]] = {}
        for kind, sites in self._shared.gaps().items():
            if names := tuple(_short(site.name) for site in sites if (kind, site.id) not in told):
                alike.setdefault(names, []).append(spoken_kind(kind))
        return [f"{', '.join(kinds)} of {listed(sites, _MOST_NAMES)}" for sites, kinds in alike.items()]

    def _together(self, failure: Failure, told: Sequence[SystemLine]) -> Together:
        table = Table.of([self._line(system, self._failed_with(failure)) for system in failure.systems], told)
        alone = [system.name for system in failure.alone]
        apart = [self._place_of(target.site, target.target) for target in failure.apart]
        return Together(
            failure=failure,
            failing=_first([f"{spoken_kind(kind)}: {_short(name)}" for kind, name in failure.domains]),
            flooded=all(kind == "flood-zone" for kind, _ in failure.domains),
            sharing=_first([*(_short(site.name) for site in failure.sites), *map(_short, alone), *apart]),
            stops=number_of(len(failure.systems), "system"),
            takes=_first([self._place_of(target.site, target.target) for target in failure.targets if target.target in self._holding]),
            unsure=_first([_short(system.name) for system in failure.unsure]),
            undeclared=_first([f"{spoken_kind(kind)} of {_short(self._site(site))}" for kind, site in failure.undeclared]),
            same=_first([*map(_short, table.same)]),
            table=table,
        )

    def _failed_with(self, failure: Failure) -> FateOf:
        return lambda copy: self._shared.fate(copy, failure)

    def _place(self, loss: Loss, rows: Sequence[MergedRow]) -> Place:
        return Place(
            name=" and ".join(site.name for site in loss.sites),
            shared=", ".join(sorted({name for site in loss.sites for name in site.buildings})) if len(loss.sites) > 1 else "",
            table=Table.of([self._line(system, self._lost_with(loss, system)) for system in loss.systems]),
            weakest=self._weakest(loss, rows),
            asked=any(system.id in self._passed for system in loss.systems),
        )

    def _lost_with(self, loss: Loss, system: SystemUsed) -> FateOf:
        return lambda copy: self._where.fate(copy, system, loss)

    def _line(self, system: SystemUsed, fate_of: FateOf) -> SystemLine:
        left: list[CopyRow] = []
        unsaid: list[str] = []
        for row in self._copies.get(system.id, []):
            fate, why = fate_of(row.place)
            if fate is Fate.LOST or (isinstance(row.points, Observed) and row.newest is None):
                continue
            if fate is Fate.PERHAPS:
                unsaid.append(f"Whether the copy at {self._at(row)} would be left: {why}.")
            elif isinstance(row.points, Unobserved):
                unsaid.append(f"What the copy at {self._at(row)} holds: it was not seen ({row.points.reason}).")
            else:
                left.append(row)
        best = max(left, key=lambda row: (row.newest.time if row.newest else self._now, row.id), default=None)
        time, lacking = self._time(system, fate_of)
        if best is None or best.newest is None or best.age is None:
            case = Case.UNSAID if unsaid else Case.GONE
            work = "Nobody can say." if unsaid else "All of it. No usable copy stands anywhere else."
            return SystemLine(system, case, work, "", time, (*unsaid, *lacking))
        least = "At most " if unsaid else ""
        work = f"{least}{spoken_length(best.age)} of work: everything since {spoken_moment(best.newest.time)}."
        back = " ".join([self._back(best), *self._instead(best, left)])
        return SystemLine(system, _case(best, system), work, back, time, (*unsaid, *lacking))

    def _at(self, row: CopyRow) -> str:
        return f"{self._site(row.place.site)} ({row.place.target})"

    def _place_of(self, site: str, target: str) -> str:
        return f"{_short(self._site(site))} ({_short(target)})"

    def _site(self, site: str) -> str:
        return self._sites.get(site, SiteUsed(site, site)).name

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

    def _time(self, system: SystemUsed, fate_of: FateOf) -> tuple[str, tuple[str, ...]]:
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
        fate, _ = fate_of(row.place)
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


def _short(name: str) -> str:
    return shorten(printable(name), _LONGEST_WORD)


def _first(names: Sequence[str]) -> tuple[str, ...]:
    """The first names, and in place of more than one more how many there are."""
    return tuple(names) if len(names) <= _MOST_NAMES + 1 else (*names[:_MOST_NAMES], f"{len(names) - _MOST_NAMES} more")


def _beyond(others: Sequence[Together]) -> str:
    """How bad the failures are that have no section; empty where all have one."""
    worst = Counter(one.table.worst for one in others)
    words = ", ".join(f"in {worst[case]} {WORST[case]}" for case in Case if worst[case])
    return f"{number_of(len(others), 'more failure')} would take several places at once: {words}" if others else ""


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
