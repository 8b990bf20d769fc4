"""Where production and each copy stand: their failure domains, declared and observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from drcheck.estate.schema import Site, System, Target
from drcheck.model import Fact, Identity, Source, Unobserved

DEVICE = "device"
"""A kind besides those that the estate declares: the storage itself."""
SITE = "site"
"""A kind besides those that the estate declares: who stands at one site shares its building, whether that is named or not."""
Declared = Iterable[tuple[str, str | tuple[str, ...]]]
"""Kinds of failure domain, each with a name or several, as they are declared."""
_NOWHERE: frozenset[str] = frozenset()
_OBSERVABLE = {"array": "", "account": "account", "region": "region"}
"""Kinds to which looking can add, with the trait of an identity that tells (none: its device). Unless it was seen, they are not known."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One failure domain that something stands in."""

    kind: str
    name: str
    source: Source


@dataclass(frozen=True)
class Standing:
    """Production or one copy, with the failure domains it stands in."""

    name: str
    site: str
    domains: tuple[Domain, ...]
    unseen: tuple[tuple[str, str], ...] = ()
    """Kinds to which looking could have added, and why it did not."""

    def names(self, kind: str) -> frozenset[str]:
        """The domains of one kind, by name."""
        return self._names.get(kind, _NOWHERE)

    @cached_property
    def _names(self) -> dict[str, frozenset[str]]:
        kinds = dict.fromkeys(domain.kind for domain in self.domains)
        return {kind: frozenset(domain.name for domain in self.domains if domain.kind == kind) for kind in kinds}

    def not_seen(self, kind: str) -> str:
        """Why looking could not add to a kind; empty where it could."""
        reason = dict(self.unseen).get(kind)
        return "" if reason is None else f"{kind} of {self.name} was not seen ({reason})"

    def unknown(self, kind: str) -> str:
        """Why a kind is not known; empty where it is."""
        if self.not_seen(kind):
            return self.not_seen(kind)
        return "" if self.names(kind) else f"{kind} of {self.name} is not declared"

    def source(self, kind: str) -> Source:
        """How the domains of a kind are known at best: a difference between two that were seen is seen."""
        return min((domain.source for domain in self.domains if domain.kind == kind), key=attrgetter("weakness"), default=Source.DECLARED)


def standing_of_production(name: str, system: System, site: Site) -> Standing:
    """Where the live system stands, as declared."""
    production = system.production
    return production_in(name, site.id, [*site.domains.items(), *production.domains.items()], production.device)


def production_in(name: str, site: str, declared: Declared, device: str) -> Standing:
    """Where a live system stands, by everything that is declared of its site and of itself."""
    return Standing(name, site, _once([*_each(declared), *_device(device)]))


def standing_of_target(target: Target, site: Site, identity: Fact[Identity], *, rehearsal: bool) -> Standing:
    """Where the copies at a target stand, see `target_in`."""
    return target_in(target.id, site.id, [*site.domains.items(), *target.domains.items()], target.device, identity, rehearsal=rehearsal)


def target_in(name: str, site: str, declared: Declared, device: str, identity: Fact[Identity], *, rehearsal: bool) -> Standing:
    """
    Where the copies at a target stand: as declared of its site and of itself, and as seen.

    The device that was seen is also the array. Where the identity was not seen, the kinds to which it could have added are not known, even where
    something is declared: it might have shown that two are one. In a rehearsal devices are known by declaration only.
    """
    domains = [*_each(declared), *_device(device)]
    unseen: list[tuple[str, str]] = []
    if isinstance(identity, Unobserved):
        kinds = [kind for kind, trait in _OBSERVABLE.items() if trait or not rehearsal]
        unseen = [(kind, str(identity.reason)) for kind in (kinds if rehearsal else [*kinds, DEVICE])]
    else:
        for kind, trait in _OBSERVABLE.items():
            seen = identity.value.trait(trait) if trait else "" if rehearsal else identity.value.device
            domains += [Domain(kind, seen, identity.source)] if seen else []
        if identity.value.device and not rehearsal:
            domains.append(Domain(DEVICE, identity.value.device, identity.source))
    if not any(domain.kind == DEVICE for domain in domains):
        # Where nothing else is said or seen, a target is a device of its own.
        domains.append(Domain(DEVICE, name, Source.DECLARED))
    return Standing(name, site, _once(domains), tuple(unseen))


def _each(declared: Declared) -> Iterator[Domain]:
    for kind, names in declared:
        for name in (names,) if isinstance(names, str) else names:
            yield Domain(kind, name, Source.DECLARED)


def _device(device: str) -> list[Domain]:
    return [Domain(DEVICE, device, Source.DECLARED), Domain("array", device, Source.DECLARED)] if device else []


def _once(domains: list[Domain]) -> tuple[Domain, ...]:
    return tuple(dict.fromkeys(domains))
