"""
The one verb: an estate, policies and facts become an assessment. Prints nothing.

`drcheck.look` does all the I/O and returns facts, a frozen value that can be written down; `assess` judges facts and does none, so any night can be
judged again, under another policy or at another moment.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from importlib import metadata

from drcheck import plugins
from drcheck.clock import now
from drcheck.connectors import connector_class
from drcheck.errors import ConfigError
from drcheck.estate.schema import Copy, Domains, Estate, System, Target
from drcheck.model import (
    Assessment,
    CopyPlace,
    EstateUsed,
    Facts,
    OtherDomains,
    Run,
    SiteUsed,
    SystemUsed,
    TargetPlace,
    Waiver,
)
from drcheck.policy import Pack, describe, judge


def assess(
    estate: Estate,
    packs: tuple[Pack, ...],
    facts: Facts,
    *,
    reference: datetime,
    started: datetime,
    as_of: bool = False,
    facts_from: str = "",
    waivers: tuple[Waiver, ...] = (),
    run: str = "",
) -> Assessment:
    """
    The facts, judged by the packs at the moment `reference`.

    Args:
        run: the run's id, see `new_run`; a new one where empty.

    Raises:
        ConfigError: there is nothing to judge, or the facts are of another estate.
    """
    _refuse_facts_of_another_estate(estate, facts, facts_from)
    findings, notes = judge(estate, packs, facts, now=reference, waivers=waivers)
    return Assessment(
        run=Run(
            id=run or new_run(started),
            reference=reference,
            as_of=as_of,
            facts_from=facts_from,
            started=started,
            finished=now(),
            version=metadata.version("drcheck"),
            plugins=plugins.versions(estate.plugins),
        ),
        estate=EstateUsed(
            file=str(estate.file),
            digest=estate.digest,
            organisation=estate.organisation.id,
            name=estate.organisation.name,
            country=estate.organisation.country,
            code=estate.organisation.code,
            rehearsal=estate.rehearsal,
        ),
        policies=tuple(describe(pack) for pack in packs),
        targets=tuple(_target_place(target, estate) for target in estate.targets),
        copies=tuple(_place(copy, estate) for copy in estate.copies),
        facts=facts,
        findings=findings,
        notes=notes,
        sites=tuple(SiteUsed(site.id, site.name, *_parted(site.domains)) for site in estate.sites),
        systems=tuple(_system_used(system) for system in estate.systems),
    )


def new_run(started: datetime) -> str:
    """A new run's id: its start in UTC and a random part."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _place(copy: Copy, estate: Estate) -> CopyPlace:
    site = estate.target(copy.target).site
    return CopyPlace(
        system=copy.system,
        target=copy.target,
        site=site,
        path=copy.path,
        format=copy.format,
        role=copy.role,
        offsite=site != estate.system(copy.system).production.site,
    )


def _target_place(target: Target, estate: Estate) -> TargetPlace:
    buildings, others = _parted(target.domains)
    return TargetPlace(
        target=target.id,
        connector=target.connector,
        site=target.site,
        address=connector_class(target.connector, estate.plugins).address(target.options),
        device=target.device,
        buildings=buildings,
        offline=target.offline is not None,
        domains=others,
    )


def _system_used(system: System) -> SystemUsed:
    production = system.production
    buildings, others = _parted(production.domains)
    return SystemUsed(
        id=system.id,
        name=system.name,
        tier=system.tier,
        owner=system.owner,
        site=production.site,
        device=production.device,
        buildings=buildings,
        rpo=system.rpo,
        rto=system.rto,
        domains=others,
    )


def _parted(domains: Domains) -> tuple[tuple[str, ...], OtherDomains]:
    """The buildings, and the rest."""
    named: dict[str, tuple[str, ...]] = {kind: (names,) if isinstance(names, str) else tuple(names) for kind, names in domains.items()}
    return named.pop("building", ()), tuple(named.items())


def _refuse_facts_of_another_estate(estate: Estate, facts: Facts, facts_from: str) -> None:
    declared = {copy.id for copy in estate.copies}, {target.id for target in estate.targets}
    seen = {copy.id for copy in facts.copies}, {target.target for target in facts.targets}
    if declared != seen:
        raise ConfigError(f"{facts_from or 'the facts'}: are not facts of {estate.file}: its targets and copies differ; look again without --facts")
