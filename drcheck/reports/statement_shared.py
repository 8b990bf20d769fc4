"""
What several places share, and what its failure takes with it: one cooling plant, one power feed, one account, and whatever else the estate declares.

Two sites are not two failure domains: in July 2022 both data centres of one hospital trust, each the other's backup, failed on the same hot day. The
rules are those of the check `copies.independent`: equal names of one kind are one thing, what lies on one device is lost with it, and where nobody
declared a kind, or it was not seen, nobody can say whether it is shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from drcheck.estate.schema import DOMAIN_KINDS
from drcheck.independence import DEVICE, Standing, production_in, target_in
from drcheck.model import Assessment, CopyPlace, OtherDomains, Reason, SiteUsed, SystemUsed, TargetPlace, Unobserved, printable
from drcheck.reports.statement_loss import Fate, Loss, Places
from drcheck.reports.wrapping import shorten

EVERYWHERE = ("power", "cooling", "network", "identity")
"""Kinds that every place has, so that one that declares none has only left it out."""
LONGEST_NAME = 48
"""Of a kind or a name, in columns."""
_SPOKEN = {"array": "storage array", "flood-zone": "flood zone", "identity": "administration", "key": "encryption key"}
_UNSEEN = Unobserved(Reason.NOT_ATTEMPTED, "no facts of it")

Domain = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that fails, or several that would each take the same with them."""

    domains: tuple[Domain, ...]
    sites: tuple[SiteUsed, ...]
    """Those that share it."""
    systems: tuple[SystemUsed, ...]
    """Those that would stop."""
    alone: tuple[SystemUsed, ...]
    """Of these, those that share it by themselves and not by their site."""
    targets: tuple[TargetPlace, ...]
    """Those that would be lost."""
    apart: tuple[TargetPlace, ...]
    """Of these, those that share it by themselves and not by their site."""
    devices: frozenset[str]
    """The devices that would be lost."""
    unsure: tuple[SystemUsed, ...]
    """Systems of which nobody can say whether they would stop."""
    perhaps: Mapping[str, str]
    """Targets of which nobody can say whether they would be lost, and why."""
    undeclared: tuple[tuple[str, str], ...]
    """What somebody would have to declare to know: a kind, and the id of a site."""


def spoken_kind(kind: str) -> str:
    """A kind of failure domain in plain words, short and printable whatever a record calls it."""
    return _SPOKEN.get(kind) or shorten(printable(kind), LONGEST_NAME)


class Shared:
    """Where every live system and every target of one assessment stands, for asking what takes several of them at once."""

    def __init__(self, assessment: Assessment, where: Places) -> None:
        self._where = where
        self._systems = {system.id: system for system in assessment.systems}
        self._targets = {target.target: target for target in assessment.targets}
        self._sites = {site.id: site for site in assessment.sites}
        places: list[SiteUsed | SystemUsed | TargetPlace] = [*assessment.sites, *assessment.systems, *assessment.targets]
        self.recorded = all(place.domains is not None for place in places)
        """Whether the assessment holds what was declared; older records do not."""
        identities = {target.target: target.identity for target in assessment.facts.targets}
        self._live = {
            system.id: production_in(system.id, system.site, [*self._of_site(system.site), *_declared(system)], system.device)
            for system in assessment.systems
        }
        self._kept = {
            target.target: target_in(
                target.target,
                target.site,
                [*self._of_site(target.site), *_declared(target)],
                target.device,
                identities.get(target.target, _UNSEEN),
                rehearsal=assessment.estate.rehearsal,
            )
            for target in assessment.targets
        }
        self._on: dict[str, tuple[list[str], list[str]]] = {}
        """Who lies on each device: systems and targets, by id."""
        for place, standings in enumerate((self._live, self._kept)):
            for name, standing in standings.items():
                for device in standing.names(DEVICE):
                    self._on.setdefault(device, ([], []))[place].append(name)

    def _of_site(self, site: str) -> list[tuple[str, tuple[str, ...]]]:
        return _declared(self._sites[site]) if site in self._sites else []

    def failures(self, told: Collection[Loss]) -> list[Failure]:
        """
        Each thing that some live system stands in and that takes more than one place; those that take exactly the same are one.

        What lies within one of the places in `told`, or takes neither more nor less than its loss, is not among them.
        """
        if not self.recorded:
            return []
        found: dict[object, Failure] = {}
        for domain, (systems, targets) in self._members().items():
            if not systems or any(self._within(loss, systems, targets) for loss in told):
                continue
            one = self._failure(domain, systems, targets)
            if not one.perhaps and not one.unsure and any(self._is_whole(loss, one) for loss in told):
                continue
            key = (one.systems, one.targets, one.unsure, frozenset(one.perhaps))
            found[key] = _both(found[key], one) if key in found else one
        return list(found.values())

    def fate(self, copy: CopyPlace, failure: Failure) -> tuple[Fate, str]:
        """What becomes of a copy when this fails; and why, where it is not simply left."""
        if any(target.target == copy.target for target in failure.targets):
            return Fate.LOST, "it shares what failed"
        if copy.target in failure.perhaps:
            return Fate.PERHAPS, failure.perhaps[copy.target]
        return self._where.by_device(copy.target, failure.devices, failure.targets)

    def gaps(self) -> dict[str, list[SiteUsed]]:
        """
        Sites where something stands of which a kind is not declared, by kind: those that every place has, and those declared of live systems.

        Buildings are not among them, since another site is another building until it is said to be the same.
        """
        everything = [*self._live.values(), *self._kept.values()]
        if not self.recorded or len({standing.site for standing in everything}) < 2:
            return {}
        declared = (one for system in self._systems.values() for one in (*self._of_site(system.site), *_declared(system)))
        kinds = {*EVERYWHERE, *(kind for kind, _ in declared)} - {"building"}
        found = {}
        for kind in sorted(kinds, key=_order):
            lacking = {standing.site for standing in everything if not standing.names(kind)}
            if lacking:
                found[kind] = [site for site in self._sites.values() if site.id in lacking]
        return found

    def _members(self) -> dict[Domain, tuple[list[str], list[str]]]:
        """Who stands in each domain: systems and targets, by id."""
        members: dict[Domain, tuple[list[str], list[str]]] = {}
        for place, standings in enumerate((self._live, self._kept)):
            for name, standing in standings.items():
                for domain in dict.fromkeys((domain.kind, domain.name) for domain in standing.domains if domain.kind != DEVICE):
                    members.setdefault(domain, ([], []))[place].append(name)
        return dict(sorted(members.items(), key=lambda entry: (_order(entry[0][0]), entry[0][1])))

    def _within(self, loss: Loss, systems: Collection[str], targets: Collection[str]) -> bool:
        if not {*systems} <= {system.id for system in loss.systems}:
            return False
        return all({*targets} <= {target.target for target in self._where.there(self._systems[system], loss)} for system in systems)

    def _is_whole(self, loss: Loss, failure: Failure) -> bool:
        """Whether the loss of a place takes exactly what this takes."""
        if failure.systems != loss.systems:
            return False
        return self._where.lost(loss) == [frozenset(target.target for target in failure.targets)]

    def _failure(self, domain: Domain, systems: Collection[str], targets: Collection[str]) -> Failure:
        kind, name = domain
        stopped, lost, devices = self._with_devices(systems, targets)
        sharing = [site for site in self._sites.values() if any(kind == one and name in names for one, names in _declared(site))]
        hit = {*(self._live[one].site for one in systems), *(self._kept[one].site for one in targets)}
        ids = {site.id for site in sharing}
        unknown = [standing for one, standing in self._kept.items() if one not in lost and standing.unknown(kind)]
        unsure = [one for one, standing in self._live.items() if one not in stopped and standing.unknown(kind)]
        silent = [*(standing for standing in unknown if not standing.names(kind)), *(self._live[one] for one in unsure)]
        return Failure(
            domains=(domain,),
            sites=tuple(site for site in sharing if site.id in hit),
            systems=tuple(system for system in self._systems.values() if system.id in stopped),
            alone=tuple(self._systems[one] for one in systems if self._live[one].site not in ids),
            targets=tuple(target for target in self._targets.values() if target.target in lost),
            apart=tuple(self._targets[one] for one in targets if self._kept[one].site not in ids),
            devices=frozenset(devices),
            unsure=tuple(self._systems[one] for one in unsure),
            perhaps={standing.name: _why(standing, kind) for standing in unknown},
            undeclared=tuple(dict.fromkeys((kind, standing.site) for standing in silent)),
        )

    def _with_devices(self, systems: Iterable[str], targets: Iterable[str]) -> tuple[set[str], set[str], set[str]]:
        """Systems, targets and devices that are lost with these: what lies on one device is lost together."""
        stopped, lost, devices = {*systems}, {*targets}, set[str]()
        more = {name for one in stopped for name in self._live[one].names(DEVICE)} | {name for one in lost for name in self._kept[one].names(DEVICE)}
        while more:
            devices |= more
            also = [self._on[device] for device in more]
            stopped |= {one for systems_, _ in also for one in systems_}
            lost |= {one for _, targets_ in also for one in targets_}
            more = {name for _, targets_ in also for one in targets_ for name in self._kept[one].names(DEVICE)}
            more |= {name for systems_, _ in also for one in systems_ for name in self._live[one].names(DEVICE)}
            more -= devices
        return stopped, lost, devices


def _declared(place: SiteUsed | SystemUsed | TargetPlace) -> list[tuple[str, tuple[str, ...]]]:
    others: OtherDomains = place.domains or ()
    return [("building", place.buildings), *others]


def _order(kind: str) -> tuple[int, str]:
    return (DOMAIN_KINDS.index(kind) if kind in DOMAIN_KINDS else len(DOMAIN_KINDS), kind)


def _why(standing: Standing, kind: str) -> str:
    reason = dict(standing.unseen).get(kind)
    return f"its {spoken_kind(kind)} is not declared" if reason is None else f"its {spoken_kind(kind)} was not seen ({reason})"


def _both(first: Failure, second: Failure) -> Failure:
    """Two that take the same, as one."""
    perhaps = {target: " and ".join(dict.fromkeys((why, second.perhaps[target]))) for target, why in first.perhaps.items()}
    undeclared = tuple(dict.fromkeys((*first.undeclared, *second.undeclared)))
    return replace(first, domains=(*first.domains, *second.domains), perhaps=perhaps, undeclared=undeclared)
