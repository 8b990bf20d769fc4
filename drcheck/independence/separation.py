"""Who stands apart from whom, and the largest set of copies that no single failure takes together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from drcheck.independence.standing import DEVICE, SITE, Standing
from drcheck.model import Source, printable

EXACT = 24
"""Up to so many members the largest set is found exactly; with more, bounds are given that are right and may be wide."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two members compared in some kinds of failure domain."""

    shared: tuple[tuple[str, str], ...]
    """Each domain that both stand in, as (kind, name)."""
    unknown: tuple[str, ...]
    """Why it is not known of a kind whether they share it."""

    @property
    def independent(self) -> bool:
        """Whether they are known to share nothing of the kinds asked for."""
        return not self.shared and not self.unknown


@dataclass(frozen=True, slots=True)
class Grouped:
    """The largest set of members that stand apart from each other."""

    confirmed: tuple[str, ...]
    possible: int
    shared: tuple[str, ...]
    unknown: tuple[str, ...]
    source: Source


Found = dict[tuple[tuple[int, ...], tuple[str, ...], frozenset[str], frozenset[str]], tuple[tuple[Standing, ...], Grouped]]
"""Largest sets by which objects the members are (they are kept), the kinds asked for, and who is known to hold something or may."""


@dataclass(frozen=True, slots=True)
class Standings:
    """Where production and every copy of one system stand."""

    members: tuple[Standing, ...]
    found: Found = field(default_factory=dict, repr=False, compare=False)
    """What was found before; the systems of an estate share it, since many of them stand alike."""

    def largest(self, kinds: Sequence[str], confirmed: Collection[str], possible: Collection[str]) -> Grouped:
        """
        The largest set of members of which no two share a domain of these kinds.

        `confirmed` names the members that are known to hold something, `possible` those that may. The confirmed set is drawn from the first alone,
        and of each two in it every kind is known and none is shared; the possible size lets whatever is not known turn out well. So a missing fact
        can lower the first and never raise it.
        """
        which = (tuple(map(id, self.members)), tuple(kinds), frozenset(confirmed), frozenset(possible))
        if which not in self.found:
            self.found[which] = (self.members, self._largest(kinds, confirmed, possible))
        return self.found[which][1]

    def _largest(self, kinds: Sequence[str], confirmed: Collection[str], possible: Collection[str]) -> Grouped:
        sure = [member for member in self.members if member.name in confirmed]
        anyone = [member for member in self.members if member.name in confirmed or member.name in possible]
        pairs = {(first.name, second.name): compare(first, second, kinds) for first, second in combinations(anyone, 2)}
        best = _clique(sure, {names for names, pair in pairs.items() if pair.independent})
        apart = {names for names, pair in pairs.items() if not pair.shared}
        chosen = [sure[place] for place in best]
        return Grouped(
            confirmed=tuple(member.name for member in chosen),
            possible=len(_clique(anyone, apart)) if len(anyone) <= EXACT else _upper_bound(anyone, apart),
            shared=_shared_words(pairs),
            unknown=tuple(dict.fromkeys(why for pair in pairs.values() if not pair.shared for why in pair.unknown)),
            source=Source.weakest(member.source(kind) for member in chosen for kind in kinds) or Source.DECLARED,
        )


def compare(first: Standing, second: Standing, kinds: Sequence[str]) -> Pair:
    """
    What two members share of these kinds, and what is not known.

    Where the building is asked for, standing at one site is sharing it, named or not. Whatever is asked for, what lies on one device fails with it,
    so it must have been seen that it is not one.
    """
    shared = [(kind, name) for kind in kinds for name in sorted(first.names(kind) & second.names(kind))]
    if "building" in kinds and first.site == second.site and not any(kind == "building" for kind, _ in shared):
        shared.append((SITE, first.site))
    unknown = [why for kind in kinds for member in (first, second) if (why := member.unknown(kind))]
    if DEVICE not in kinds:
        known = {name for _, name in shared}
        shared += [(DEVICE, name) for name in sorted(first.names(DEVICE) & second.names(DEVICE) - known)]
        unknown += [why for member in (first, second) if (why := member.not_seen(DEVICE))]
    return Pair(tuple(shared), tuple(unknown))


def _shared_words(pairs: dict[tuple[str, str], Pair]) -> tuple[str, ...]:
    """Who stands together in what: members of the same domains are named once."""
    standing: dict[tuple[str, str], dict[str, None]] = {}
    for names, pair in pairs.items():
        for domain in pair.shared:
            standing.setdefault(domain, {}).update(dict.fromkeys(names))
    together: dict[tuple[str, ...], list[str]] = {}
    for (kind, name), members in standing.items():
        together.setdefault(tuple(members), []).append(f"{kind}: {printable(name)}")
    return tuple(f"{', '.join(members[:-1])} and {members[-1]} share {', '.join(domains)}" for members, domains in together.items())


def _neighbours(members: Sequence[Standing], edges: Collection[tuple[str, str]]) -> list[int]:
    """For each member, a bit for every other that an edge joins it to."""
    places = {member.name: place for place, member in enumerate(members)}
    found = [0] * len(members)
    for first, second in edges:
        if first in places and second in places:
            found[places[first]] |= 1 << places[second]
            found[places[second]] |= 1 << places[first]
    return found


def _clique(members: Sequence[Standing], edges: Collection[tuple[str, str]]) -> list[int]:
    """The places of a largest set of members that are all joined by edges, the first such in their order; greedy beyond `EXACT` members."""
    neighbours = _neighbours(members, edges)
    best: list[int] = []

    def grow(chosen: list[int], candidates: int) -> None:
        nonlocal best
        if len(chosen) > len(best):
            best = chosen
        while candidates and len(chosen) + candidates.bit_count() > len(best):
            place = (candidates & -candidates).bit_length() - 1
            candidates &= ~(1 << place)
            grow([*chosen, place], candidates & neighbours[place])

    everybody = (1 << len(members)) - 1
    if len(members) <= EXACT:
        grow([], everybody)
        return best
    candidates = everybody
    while candidates:
        place = (candidates & -candidates).bit_length() - 1
        best.append(place)
        candidates &= neighbours[place]
    return best


def _upper_bound(members: Sequence[Standing], edges: Collection[tuple[str, str]]) -> int:
    """A number that no set of joined members exceeds: they are sorted into heaps of which no two are joined, and a set takes one of each heap."""
    neighbours = _neighbours(members, edges)
    heaps: list[int] = []
    for place, joined in enumerate(neighbours):
        for number, heap in enumerate(heaps):
            if not heap & joined:
                heaps[number] |= 1 << place
                break
        else:
            heaps.append(1 << place)
    return len(heaps)
