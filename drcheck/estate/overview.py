"""An estate at a glance: what is declared, in tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from drcheck.clock import format_duration
from drcheck.estate.schema import DOMAIN_KINDS, Budget, Copy, Domains, Estate, Target
from drcheck.model import printable
from drcheck.sizes import format_size


def summary(estate: Estate) -> str:
    """What there is, counted: `3 systems, 4 targets, 9 copies, 2 policies`."""
    counted = (
        (len(estate.systems), "system", "systems"),
        (len(estate.targets), "target", "targets"),
        (len(estate.copies), "copy", "copies"),
        (len(estate.policies), "policy", "policies"),
    )
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counted)


def as_json(estate: Estate) -> str:
    """The estate as one JSON document with the keys of the estate file, besides `file` and `digest`. Commands are shown by their program only."""
    document = estate.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps({"file": str(estate.file), "digest": estate.digest, **_without_arguments(document)}, indent=2, ensure_ascii=False) + "\n"


def as_tables(estate: Estate) -> str:
    """The estate as text: a table of sites, systems, targets and copies, and the failure domains that several places share."""
    organisation = estate.organisation
    code = f", {organisation.code}" if organisation.code else ""
    lines = [
        f"{printable(organisation.name)} ({organisation.id}{printable(code)}, {organisation.country}): {summary(estate)}",
        f"Declared in {printable(str(estate.file))}, {estate.digest}",
    ]
    if estate.rehearsal:
        lines.append("A rehearsal: folders on one machine stand in for places, so devices are known by declaration only.")
    lines.append(f"Judged by {', '.join(map(printable, estate.policies))}; drills: {_file(estate.drills)}; waivers: {_file(estate.waivers)}")
    cycle = f"within {format_duration(estate.verify.cycle)}" if estate.verify.cycle else "within a cycle of each copy's own"
    lines.append(f"Read {cycle}; {_budget(estate.verify.budget) or 'no limit to a night'}; tariff: {_file(estate.verify.tariff)}")
    bare = [system.id for system in estate.systems if not estate.copies_of(system.id)]
    sections = (
        ("Sites", ("site", "name", "failure domains"), [(site.id, site.name, _domains(site.domains)) for site in estate.sites]),
        (
            "Systems",
            ("system", "name", "tier", "owner", "runs at", "device", "copies", "RPO", "RTO", "retention", "restore test"),
            [
                (
                    system.id,
                    system.name,
                    system.tier,
                    system.owner,
                    system.production.site,
                    system.production.device,
                    str(len(estate.copies_of(system.id))),
                    *(
                        format_duration(length) if length else ""
                        for length in (system.rpo, system.rto, system.retention, system.restore_test_interval)
                    ),
                )
                for system in estate.systems
            ],
        ),
        (
            "Targets",
            ("target", "name", "connector", "site", "device", "medium", "declared"),
            [
                (target.id, target.name, target.connector, target.site, target.device or target.id, target.medium, _declared(target))
                for target in estate.targets
            ],
        ),
        (
            "Copies",
            ("system", "target", "site", "role", "format", "path", "every", "cycle", "manifest"),
            [_copy(copy, estate) for copy in estate.copies],
        ),
        ("Shared failure domains", ("domain", "name", "production of", "targets"), list(_shared(estate))),
    )
    for title, headers, rows in sections:
        lines += ["", title, _table(headers, rows) if rows else "(none declared)"]
    if bare:
        lines += ["", f"Without any copy: {', '.join(bare)}"]
    return "\n".join(lines) + "\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return tabulate([[printable(cell) for cell in row] for row in rows], headers=headers, tablefmt="simple", disable_numparse=True)


def _copy(copy: Copy, estate: Estate) -> tuple[str, ...]:
    away = estate.target(copy.target).site
    site = f"{away} (off-site)" if away != estate.system(copy.system).production.site else away
    every = format_duration(copy.every or estate.system(copy.system).rpo)
    manifest = "none" if copy.manifest is None else str(copy.manifest.path or copy.manifest.name or copy.manifest.kind)
    cycle = copy.cycle or estate.verify.cycle
    return copy.system, copy.target, site, copy.role, copy.format, copy.path or "/", every, format_duration(cycle) if cycle else "", manifest


def _declared(target: Target) -> str:
    offline = [f"offline, connected every {format_duration(target.offline.rotation)}"] if target.offline else []
    words = [*offline, "immutable" if target.immutable else "", _budget(target.budget), _domains(target.domains)]
    return "; ".join(word for word in words if word)


def _budget(budget: Budget) -> str:
    limits = [
        *([format_size(budget.bytes)] if budget.bytes is not None else []),
        *([format_duration(budget.time)] if budget.time is not None else []),
        *(f"{count:,} {kind} requests" for kind, count in budget.requests.items()),
        *([f"{budget.money} of money"] if budget.money is not None else []),
    ]
    return f"at most {', '.join(limits)} a night" if limits else ""


def _domains(domains: Domains) -> str:
    return ", ".join(f"{kind}: {' + '.join(_names(names))}" for kind, names in domains.items())


def _names(names: tuple[str, ...] | str) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _shared(estate: Estate) -> Iterable[tuple[str, str, str, str]]:
    """Every named failure domain that holds more than one of: the production of a system, a target."""
    held: dict[tuple[str, str], tuple[list[str], list[str]]] = {}
    for system in estate.systems:
        _hold(held, (estate.site(system.production.site).domains, system.production.domains), system.id, 0)
    for target in estate.targets:
        _hold(held, (estate.site(target.site).domains, target.domains), target.id, 1)
    for kind, name in sorted(held, key=lambda domain: (DOMAIN_KINDS.index(domain[0]), domain[1])):
        systems, targets = held[kind, name]
        if len(systems) + len(targets) > 1 and targets:
            yield kind, name, ", ".join(systems), ", ".join(targets)


def _hold(held: dict[tuple[str, str], tuple[list[str], list[str]]], places: Iterable[Mapping[Any, Any]], who: str, side: int) -> None:
    for domains in places:
        for kind, names in domains.items():
            for name in _names(names):
                holders = held.setdefault((kind, name), ([], []))[side]
                if who not in holders:
                    holders.append(who)


def _file(path: object) -> str:
    return printable(str(path)) if path else "none"


def _without_arguments(value: Any) -> Any:
    # The arguments of a `command:` reference can themselves be private.
    match value:
        case dict():
            return {key: _without_arguments(item) for key, item in value.items()}
        case list():
            return [_without_arguments(item) for item in value]
        case str() if value.startswith("command:") and " " in value:
            return f"{value.split(' ', 1)[0]} …"
        case _:
            return value
