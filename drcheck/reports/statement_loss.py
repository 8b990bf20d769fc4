"""
What is left of each copy when the place where a system runs is lost: by what is declared of sites and buildings, and by the devices that were seen.

The rules are those of the checks that count off-site and independent copies (`copies.offsite`, `copies.independent`): another site is another place
unless both are declared to stand in one building; what lies on one device is lost with it; and a device that was not seen may be one of the lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drcheck.model import Assessment, CopyPlace, Observed, SiteUsed, SystemUsed, TargetFacts, TargetPlace, Unobserved


class Fate(StrEnum):
    """What becomes of one copy."""

    LEFT = "left"
    PERHAPS = "perhaps"
    """It stands elsewhere, and may be the same device as something that is lost."""
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Loss:
    """Sites that are lost together, because they share a building, and the systems that run there."""

    sites: tuple[SiteUsed, ...]
    systems: tuple[SystemUsed, ...]
    devices: frozenset[str]
    """Those that are declared to hold the live data of these systems."""


def losses(assessment: Assessment) -> list[Loss]:
    """Each place where systems run, in the order of the estate; sites in one building are one place."""
    places: list[tuple[set[str], list[SiteUsed]]] = []
    for site in assessment.sites:
        buildings = {*site.buildings}
        joined = [place for place in places if place[0] & buildings]
        others = [place for place in places if not place[0] & buildings]
        merged = [one for place in joined for one in place[1]]
        places = [*others, (buildings.union(*(place[0] for place in joined)), [*merged, site])]
    order = {site.id: place for place, site in enumerate(assessment.sites)}
    found = []
    for _, sites in sorted(places, key=lambda place: order[place[1][0].id]):
        names = {site.id for site in sites}
        systems = tuple(system for system in assessment.systems if system.site in names)
        if systems:
            found.append(Loss(tuple(sites), systems, frozenset(system.device for system in systems)))
    return found


class Places:
    """Where targets stand and which devices they are, for asking what is lost with a system's site."""

    def __init__(self, assessment: Assessment) -> None:
        self._rehearsal = assessment.estate.rehearsal
        self._targets = {target.target: target for target in assessment.targets}
        self._facts = {target.target: target for target in assessment.facts.targets}
        self._buildings = {site.id: set(site.buildings) for site in assessment.sites}
        self._there: dict[tuple[frozenset[str], frozenset[str]], tuple[TargetPlace, ...]] = {}

    def fate(self, copy: CopyPlace, system: SystemUsed, loss: Loss) -> tuple[Fate, str]:
        """What becomes of a copy of `system` when `loss` happens; and why, where it is not simply left."""
        there = self.there(system, loss)
        if any(target.target == copy.target for target in there):
            return Fate.LOST, "it stands there too"
        return self.by_device(copy.target, loss.devices, there)

    def there(self, system: SystemUsed, loss: Loss) -> tuple[TargetPlace, ...]:
        """The targets that stand at the lost sites, or in a building of theirs or of the live system."""
        sites = frozenset(site.id for site in loss.sites)
        buildings = frozenset({name for site in loss.sites for name in site.buildings}.union(system.buildings))
        if (sites, buildings) not in self._there:
            self._there[sites, buildings] = tuple(target for target in self._targets.values() if self._stands_in(target, sites, buildings))
        return self._there[sites, buildings]

    def lost(self, loss: Loss) -> list[frozenset[str]]:
        """The targets that are known to be lost with a place, for each of its systems; systems that lose the same are one."""
        theres = dict.fromkeys(self.there(system, loss) for system in loss.systems)
        found = dict.fromkeys(
            frozenset(name for name, target in self._targets.items() if target in there or self.by_device(name, loss.devices, there)[0] is Fate.LOST)
            for there in theres
        )
        return list(found)

    def _stands_in(self, target: TargetPlace, sites: Iterable[str], buildings: frozenset[str]) -> bool:
        return target.site in sites or bool(buildings & (self._buildings.get(target.site, set()) | {*target.buildings}))

    def by_device(self, target: str, devices: Collection[str], lost: Sequence[TargetPlace]) -> tuple[Fate, str]:
        """What becomes of what lies at a target when these declared devices and these targets are lost, by the devices alone; and why."""
        place = self._targets.get(target)
        if place is None:
            return Fate.PERHAPS, "where it stands is not recorded"
        if place.device and (place.device in devices or any(other.device == place.device for other in lost)):
            return Fate.LOST, "it is declared to lie on a device that would be lost"
        if self._rehearsal or (place.offline and self._is_silent(place)):
            return Fate.LEFT, ""
        device = self._device(place)
        if device is None:
            return Fate.PERHAPS, "which device it lies on was not seen"
        if not device:
            return Fate.LEFT, ""
        if any(self._device(other) == device for other in lost):
            return Fate.LOST, "it was seen to lie on a device that would be lost"
        unseen = [other for other in lost if other.connector == place.connector and self._device(other) is None and not self._is_away(other)]
        return (Fate.PERHAPS, f"it may lie on the same device as {unseen[0].target}, which was not seen") if unseen else (Fate.LEFT, "")

    def _device(self, target: TargetPlace) -> str | None:
        """The device that was seen; empty where the place has none to be seen, None where it was not seen."""
        facts: TargetFacts | None = self._facts.get(target.target)
        identity = facts.identity if facts else None
        return identity.value.device if isinstance(identity, Observed) else None

    def _is_silent(self, target: TargetPlace) -> bool:
        facts = self._facts.get(target.target)
        return facts is None or isinstance(facts.silence, Unobserved)

    def _is_away(self, target: TargetPlace) -> bool:
        return target.offline and self._is_silent(target)
