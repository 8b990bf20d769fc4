"""Subjects: what a control is asked of, with what is declared of each and the facts that checks may need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from drcheck.checks.base import Declared, missing_words
from drcheck.checks.seen import PRODUCTION, CopySeen, Places, PlaceSeen, SystemCopies, TargetSeen
from drcheck.estate.schema import Copy, Estate, System, Target, Tier
from drcheck.independence import Found, Standing, Standings, standing_of_production, standing_of_target
from drcheck.model import CopyFacts, Drill, Fact, Facts, Observed, Reason, Source, Subject, SubjectKind, TargetFacts, Unobserved

T = TypeVar("T")


class Subjects:
    """Every subject of one estate, with the facts of one run. What the run has no facts of is unobserved."""

    def __init__(self, estate: Estate, facts: Facts) -> None:
        self.estate = estate
        self.facts = facts
        self._subjects: dict[SubjectKind, tuple[Subject, ...]] = {}
        self._standings: dict[object, Standing] = {}
        self._found: Found = {}
        self._last: dict[str, tuple[Subject, Any]] = {}

    def of(self, kind: SubjectKind) -> tuple[Subject, ...]:
        """Every subject of one kind, in the estate's order; the same objects each time."""
        if kind not in self._subjects:
            self._subjects[kind] = tuple(Subject(kind, name) for name in self._ids(kind))
        return self._subjects[kind]

    def _ids(self, kind: SubjectKind) -> list[str]:
        match kind:
            case SubjectKind.ESTATE:
                return [self.estate.organisation.id]
            case SubjectKind.SYSTEM:
                return [system.id for system in self.estate.systems]
            case SubjectKind.COPY:
                return [copy.id for copy in self.estate.copies]
            case SubjectKind.TARGET:
                return [target.id for target in self.estate.targets]

    def tiers(self, subject: Subject) -> frozenset[Tier]:
        """The tiers of the systems that a subject is about."""
        return self._once("tiers", subject, self._tiers)

    def _tiers(self, subject: Subject) -> frozenset[Tier]:
        match subject.kind:
            case SubjectKind.ESTATE:
                systems = list(self.estate.systems)
            case SubjectKind.SYSTEM:
                systems = [self.estate.system(subject.id)]
            case SubjectKind.COPY:
                systems = [self.estate.system(self._copies[subject.id].copy.system)]
            case SubjectKind.TARGET:
                systems = [self.estate.system(copy.system) for copy in self.estate.copies_at(subject.id)]
        return frozenset(system.tier for system in systems)

    def declared(self, subject: Subject) -> Declared:
        """What the estate says of a subject."""
        return self._once("declared", subject, self._declared)

    def known(self, subject: Subject) -> Mapping[str, Fact[Any]]:
        """Every fact that checks may need of a subject, by name; see `drcheck.checks.base.FACTS`."""
        return self._once("known", subject, self._known)

    def _once(self, what: str, subject: Subject, make: Callable[[Subject], T]) -> T:
        """What `make` makes of a subject, kept until another subject is asked for: many questions are put to one before the next."""
        kept = self._last.get(what)
        if kept is None or kept[0] is not subject:
            kept = self._last[what] = (subject, make(subject))
        found: T = kept[1]
        return found

    def _declared(self, subject: Subject) -> Declared:
        match subject.kind:
            case SubjectKind.ESTATE:
                return Declared(self.estate)
            case SubjectKind.SYSTEM:
                return Declared(self.estate, system=self.estate.system(subject.id))
            case SubjectKind.COPY:
                copy = self._copies[subject.id].copy
                return Declared(self.estate, self.estate.system(copy.system), copy, self.estate.target(copy.target))
            case SubjectKind.TARGET:
                return Declared(self.estate, target=self.estate.target(subject.id))

    def _known(self, subject: Subject) -> Mapping[str, Fact[Any]]:
        match subject.kind:
            case SubjectKind.ESTATE:
                holders = tuple(self._of_system(system) for system in self.estate.systems if system.holds_store)
                return {"drills": self.facts.drills, "store": self.facts.store, "holders": self._together(holders)}
            case SubjectKind.SYSTEM:
                return {"copies": self._together(self._of_system(self.estate.system(subject.id))), "drills": self._drills_of(subject.id)}
            case SubjectKind.COPY:
                copy = self._copies[subject.id]
                return {"points": copy.points, "lock": copy.lock, "verification": copy.verification, "changes": copy.changes}
            case SubjectKind.TARGET:
                seen = self._of_target(self.estate.target(subject.id))
                facts = seen.place.facts
                return {
                    "place": self._together(seen),
                    "identity": facts.identity,
                    "protection": facts.protection,
                    "encryption": facts.encryption,
                    "versions": facts.versions,
                    "permissions": facts.permissions,
                    "clock_skew": facts.clock_skew,
                }

    def missing(self, subject: Subject, fact: Unobserved) -> str:
        """Why a fact of a subject is missing, in words that are safe to print; a copy whose target did not answer names the target."""
        if subject.kind is SubjectKind.COPY:
            copy = self._copies[subject.id]
            if copy.unanswered(fact):
                return f"{copy.name} {copy.missing(fact)}"
        return missing_words(fact)

    def _together(self, aggregate: object) -> Observed[Any]:
        # That these copies and places belong together is declared; what was seen of each is in the aggregate, known or not.
        return Observed(aggregate, self.facts.at, Source.DECLARED)

    def _of_system(self, system: System) -> SystemCopies:
        copies = tuple(self._copies[copy.id] for copy in self.estate.copies_of(system.id))
        standings = Standings((self._production(system), *(self._standing(copy.place) for copy in copies)), self._found)
        return SystemCopies(system, copies, self._everywhere, standings, self.estate.rehearsal)

    def _of_target(self, target: Target) -> TargetSeen:
        copies = tuple((self.estate.system(copy.system), self._copies[copy.id]) for copy in self.estate.copies_at(target.id))
        return TargetSeen(self._places[target.id], copies, self._everywhere, self.estate.rehearsal)

    def _production(self, system: System) -> Standing:
        """Where a live system stands: one object for all that are declared to stand alike."""
        production = system.production
        alike = (production.site, production.device, repr(production.domains))
        if alike not in self._standings:
            self._standings[alike] = standing_of_production(PRODUCTION, system, self.estate.site(production.site))
        return self._standings[alike]

    def _standing(self, place: PlaceSeen) -> Standing:
        """Where the copies at a place stand: one object for all of them."""
        target = place.target
        if target.id not in self._standings:
            site = self.estate.site(target.site)
            self._standings[target.id] = standing_of_target(target, site, place.identity, rehearsal=self.estate.rehearsal)
        return self._standings[target.id]

    def _drills_of(self, system: str) -> Fact[tuple[Drill, ...]]:
        drills = self.facts.drills
        return drills if isinstance(drills, Unobserved) else replace(drills, value=tuple(self._drills.get(system, ())))

    @cached_property
    def _drills(self) -> dict[str, list[Drill]]:
        found: dict[str, list[Drill]] = {}
        for drill in self.facts.drills.value if isinstance(self.facts.drills, Observed) else ():
            found.setdefault(drill.system, []).append(drill)
        return found

    @cached_property
    def _everywhere(self) -> Places:
        return Places(self._places.values())

    @cached_property
    def _places(self) -> dict[str, PlaceSeen]:
        seen = {facts.target: facts for facts in self.facts.targets}
        return {target.id: PlaceSeen(target, seen.get(target.id) or _unseen_target(target)) for target in self.estate.targets}

    @cached_property
    def _copies(self) -> dict[str, CopySeen]:
        seen = {facts.id: facts for facts in self.facts.copies}
        found = {}
        for copy in self.estate.copies:
            facts = seen.get(copy.id) or _unseen_copy(copy)
            found[copy.id] = CopySeen(copy, self._places[copy.target], facts.points, facts.lock, facts.verification, facts.changes)
        return found


def _unseen_target(target: Target) -> TargetFacts:
    missing = Unobserved(Reason.NOT_ATTEMPTED, f"the facts that are judged have none of the target {target.id}; look again")
    return TargetFacts(target.id, missing, missing, missing, missing, missing, missing)


def _unseen_copy(copy: Copy) -> CopyFacts:
    missing = Unobserved(Reason.NOT_ATTEMPTED, f"the facts that are judged have none of the copy {copy.id}; look again")
    return CopyFacts(copy.system, copy.target, missing, missing, missing, missing)
