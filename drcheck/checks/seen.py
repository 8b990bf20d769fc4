"""What a check sees of copies and targets: the declaration beside each fact, known or not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

from drcheck.checks.base import missing_words
from drcheck.estate.schema import Copy, System, Target
from drcheck.model import Changes, Fact, Identity, Observed, Points, Protection, Reason, Source, TargetFacts, Unobserved, Verification

T = TypeVar("T")
SILENT = frozenset({Reason.UNREACHABLE, Reason.TIMED_OUT})
"""Reasons that a disconnected target gives: it does not answer. Any other reason means that something answered, or that we could not ask."""


_NOT_ASKED = frozenset({Reason.UNSUPPORTED, Reason.NOT_ATTEMPTED})


def _silent(facts: Iterable[Fact[Any]]) -> bool:
    reasons = _reasons(facts)
    return bool(reasons & SILENT) and reasons <= SILENT | _NOT_ASKED


def _reasons(facts: Iterable[Fact[Any]]) -> set[Reason | None]:
    """Why each fact is missing, with None for one that is not."""
    return {fact.reason if isinstance(fact, Unobserved) else None for fact in facts}


class Grouping(Protocol):
    """The largest set of members that stand apart from each other in the kinds asked for."""

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Names of a largest set that is known to stand apart."""

    @property
    def possible(self) -> int:
        """The size that no set can exceed, whatever the missing facts turn out to be."""

    @property
    def shared(self) -> tuple[str, ...]:
        """Each domain that members share, such as `onsite and dc2 share cooling: chiller-plant-1`."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """What is not known of each member, such as `cooling of dc2 is not declared`."""

    @property
    def source(self) -> Source:
        """The weakest source that the confirmed set rests on."""


class Separation(Protocol):
    """Who of a system's production and copies stands apart from whom; `drcheck.independence` provides it, `drcheck.policy` brings it."""

    def largest(self, kinds: Sequence[str], confirmed: Collection[str], possible: Collection[str]) -> Grouping:
        """The largest set among members (copy ids, and `production`) in the failure domains of these kinds."""


PRODUCTION = "live production"
"""The name of the live system among the members of a separation; the space keeps it apart from every target's id."""


class _Remembering:
    """Something that many checks ask the same of."""

    __slots__ = ()
    _answered: dict[object, Any]

    def once(self, question: object, answer: Callable[[], T]) -> T:
        """
        What `answer` gives, worked out once for each `question`.

        All checks share the questions: one is named by the function that answers it, with whatever else the answer depends on.
        """
        if question not in self._answered:
            self._answered[question] = answer()
        found: T = self._answered[question]
        return found


@dataclass(frozen=True, slots=True)
class PlaceSeen(_Remembering):
    """One target: what is declared and what was seen."""

    target: Target
    facts: TargetFacts
    _answered: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def identity(self) -> Fact[Identity]:
        """Who answered there."""
        return self.facts.identity

    @property
    def answers(self) -> bool:
        """Whether any question to it was answered."""
        return self.once("answers", lambda: any(isinstance(fact, Observed) for fact in self._all))

    @property
    def silent(self) -> bool:
        """Whether what was asked met silence, as it does where a target is disconnected. A target that was never turned to is not silent."""
        return self.once("silent", lambda: _silent(self._all) and (Reason.UNREACHABLE in _reasons(self._all) or self.facts.seconds > 0))

    @property
    def _all(self) -> tuple[Fact[Any], ...]:
        return tuple(self.facts.aspects.values())

    @property
    def writable(self) -> bool | None:
        """Whether our identity may write or delete there; None where that is not known."""
        permissions = self.facts.permissions
        if isinstance(permissions, Unobserved):
            return None
        found = (permissions.value.can_write, permissions.value.can_delete)
        return True if True in found else None if None in found else False


@dataclass(frozen=True, slots=True)
class CopySeen(_Remembering):
    """One copy: what is declared and what was seen."""

    copy: Copy
    place: PlaceSeen
    points: Fact[Points]
    lock: Fact[Protection]
    verification: Fact[Verification]
    changes: Fact[Changes]
    _answered: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Its target's id: unique among the copies of one system."""
        return self.copy.target

    @property
    def answers(self) -> bool:
        """Whether the target, or this copy on it, answered any question."""
        return self.once("answers", lambda: self.place.answers or any(isinstance(fact, Observed) for fact in self._all))

    @property
    def silent(self) -> bool:
        """Whether the target and the copy met every question with silence."""
        return self.once("silent", lambda: self.place.silent and _silent(self._all))

    @property
    def _all(self) -> tuple[Fact[Any], ...]:
        return self.points, self.lock, self.verification, self.changes

    def unanswered(self, fact: Unobserved) -> bool:
        """Whether a fact is missing for the same reason as everything else here: nothing answered, so there is nothing to say of this one."""
        return not self.answers and fact in (self.points, self.place.facts.silence)

    def missing(self, fact: Unobserved, what: str = "") -> str:
        """
        Why a fact of this copy or of its target is missing, in words that are safe to print; `what` names the fact.

        Where nothing answered, only the reason: the facts keep the detail, and reports tell it once for each target.
        """
        if not self.unanswered(fact):
            return (f"{what} not known: " if what else "") + missing_words(fact)
        return f"{'did not answer' if fact.reason in SILENT else 'was not seen'}: {fact.reason}"


class Places(tuple[PlaceSeen, ...]):
    """Every place of an estate, in its order, found without looking through all of them."""

    def at(self, site: str) -> Sequence[PlaceSeen]:
        """The places that are declared to be at a site."""
        return self._by_site.get(site, ())

    def suspects(self, place: PlaceSeen) -> Sequence[PlaceSeen]:
        """The places of which `same_device` has anything to say beside `place`: on the device that was seen there, or not seen themselves."""
        if isinstance(place.identity, Unobserved) or not place.identity.value.device:
            return ()
        return [*self._by_device.get(place.identity.value.device, ()), *self._unseen.get(place.target.connector, ())]

    @cached_property
    def _by_site(self) -> dict[str, list[PlaceSeen]]:
        found: dict[str, list[PlaceSeen]] = {}
        for place in self:
            found.setdefault(place.target.site, []).append(place)
        return found

    @cached_property
    def _by_device(self) -> dict[str, list[PlaceSeen]]:
        found: dict[str, list[PlaceSeen]] = {}
        for place in self:
            if isinstance(place.identity, Observed):
                found.setdefault(place.identity.value.device, []).append(place)
        return found

    @cached_property
    def _unseen(self) -> dict[str, list[PlaceSeen]]:
        found: dict[str, list[PlaceSeen]] = {}
        for place in self:
            if isinstance(place.identity, Unobserved):
                found.setdefault(place.target.connector, []).append(place)
        return found


@dataclass(frozen=True, slots=True)
class SystemCopies:
    """The aggregate fact `copies`: one system's copies, every place of the estate, and who stands apart from whom."""

    system: System
    copies: tuple[CopySeen, ...]
    places: Places
    separation: Separation
    rehearsal: bool
    """Whether folders on one machine stand in for places: observed devices then say nothing."""


@dataclass(frozen=True, slots=True)
class TargetSeen:
    """The aggregate fact `place`: one target, the copies on it with their systems, and every place of the estate."""

    place: PlaceSeen
    copies: tuple[tuple[System, CopySeen], ...]
    places: Places
    rehearsal: bool

    @property
    def away(self) -> bool:
        """Whether it is declared offline and silent: then it is not the device of any target that answers."""
        return self.place.target.offline is not None and self.place.silent and all(copy.silent for _, copy in self.copies)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One device compared with those of other places."""

    same: tuple[str, ...]
    """Targets that were seen to be the same device."""
    unknown: tuple[str, ...]
    """Why it is not known for others, in words."""
    fact: Fact[Identity]


def same_device(place: PlaceSeen, others: Sequence[PlaceSeen], *, rehearsal: bool) -> Comparison:
    """
    Which of `others` are the device that `place` is, as far as was seen.

    A connector names devices in its own way, so an unseen place of another kind than `place` could not have been told to be the same one; an
    unseen place of the same kind leaves the question open. In a rehearsal nothing is compared: one machine stands in for every place.
    """
    if rehearsal:
        return Comparison((), (), place.identity)
    if isinstance(place.identity, Unobserved):
        return Comparison((), (f"the device of {place.target.id} was not seen ({place.identity.reason})",), place.identity)
    device = place.identity.value.device
    if not device:
        return Comparison((), (), place.identity)
    same, unknown = [], []
    for other in others:
        if other.target.id == place.target.id:
            continue
        if isinstance(other.identity, Observed):
            if other.identity.value.device == device:
                same.append(other.target.id)
        elif other.target.connector == place.target.connector and not (other.target.offline and other.silent):
            unknown.append(f"the device of {other.target.id} was not seen ({other.identity.reason})")
    return Comparison(tuple(same), tuple(unknown), place.identity)
