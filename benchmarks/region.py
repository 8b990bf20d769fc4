"""
A region's estate, made up: forty hospitals of 125 systems each, six copies of every system, and what was seen of it all one night.

Nothing of it is real; the mix is meant to be: most copies are well, and some are late, unfinished, half read, damaged, unlocked, silent or at a
target that is the same device as another. Everything follows from the numbers of things, so that equal sizes give equal estates.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drcheck.estate.schema import Copy, Estate
from drcheck.estate.toml_text import toml_key, toml_value
from drcheck.model import (
    Breach,
    BrokenObject,
    Changes,
    CopyFacts,
    Depth,
    Drill,
    Encryption,
    Facts,
    Identity,
    ManifestRead,
    ObjectResult,
    ObjectVerdict,
    Observed,
    Permissions,
    Points,
    PointState,
    Protection,
    Reason,
    RecoveryPoint,
    Rotation,
    Source,
    TargetFacts,
    Unobserved,
    Verification,
    Versions,
)

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOSPITALS, SYSTEMS, PACKS = 40, 125, 25
SHIPPED = ("uk-ncsc-offline-backups", "uk-nhse-backup-policy", "uk-caf-b5")
_AGES = (*range(7), 13, 20, 27, 34, 64, 95, 126)
"""In days: seven of a week, four weekly and three monthly recovery points."""
_DAY = timedelta(days=1)
_DEVICE = "local:0:4242"
"""Where two targets are seen to be one device."""


@dataclass(frozen=True)
class Kind:
    """One of the six targets that every hospital has."""

    name: str
    connector: str
    site: str
    medium: str
    role: str
    format: str
    options: str


_LOGIN = 'user = "drcheck", root = "/srv", agent = true, host_key = "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDvYx3N2Ri2Z4gVdq0"'
KINDS = (
    Kind("nas", "local", "main", "disk", "primary", "dump", 'root = "/srv/backup/{number}"'),
    Kind("second", "local", "second", "disk", "secondary", "dated", 'root = "/srv/second/{number}"'),
    Kind("county", "sftp", "archive", "optical", "off-site", "dump", 'host = "archive-{number}.example", {login}'),
    Kind("cloud", "s3", "cloud", "object-storage", "off-site", "dated", 'bucket = "backups-{number}", region = "eu-west-2"'),
    Kind("tape", "local", "safe", "tape", "offline", "dump", 'root = "/media/tape-{number}"'),
    Kind("partner", "sftp", "partner", "disk", "off-site", "mirror", 'host = "partner-{number}.example", {login}'),
)
_PATTERNS = {"dump": '\noptions = { pattern = "%Y-%m-%dT%H%M.dump" }', "dated": '\noptions = { pattern = "%Y-%m-%d" }', "mirror": ""}


def estate_text(hospitals: int, systems: int = SYSTEMS, packs: int = PACKS) -> str:
    """The estate as TOML; every system has a copy at each target of its hospital."""
    return "\n".join(_estate_lines(hospitals, systems, packs)) + "\n"


def _estate_lines(hospitals: int, systems: int, packs: int) -> Iterator[str]:
    yield 'schema = "drcheck.estate/1"'
    yield f"policies = {toml_value([f'./pack-{number:02d}.toml' for number in range(packs)])}"
    yield 'organisation = { id = "region", name = "The region", country = "GB" }'
    for hospital in range(hospitals):
        yield from _site_lines(hospital)
        for kind in KINDS:
            yield from _target_lines(hospital, kind)
        for system in range(hospital * systems, (hospital + 1) * systems):
            tier = ("routine", "important", "critical")[system % 3]
            yield f'[[systems]]\nid = "system-{system}"\nname = "System {system}"\ntier = "{tier}"\nowner = "Owner {system % 40}"'
            yield f'production = {{ site = "main-{hospital}", device = "san-{hospital}", medium = "flash" }}'
            yield f'rpo = "{(4, 24, 48)[system % 3]}h"\nrto = "4h"\nretention = "90d"' + (
                '\nrestore_test_interval = "180d"' if system % 5 == 0 else ""
            )
            for kind in KINDS:
                yield f'[[copies]]\nsystem = "system-{system}"\ntarget = "{kind.name}-{hospital}"\npath = "system-{system}"'
                yield f'format = "{kind.format}"{_PATTERNS[kind.format]}\nrole = "{kind.role}"' + ('\nevery = "7d"' if kind.name == "tape" else "")


def _site_lines(hospital: int) -> Iterator[str]:
    for site in ("main", "second", "archive", "cloud", "safe", "partner"):
        shared = "main" if site == "second" else site  # the second building is cooled by the plant of the first
        domains = {"building": f"{site}-{hospital}", "power": f"feed-{site}-{hospital}", "cooling": f"plant-{shared}-{hospital}"}
        yield f'[[sites]]\nid = "{site}-{hospital}"\nname = "{site.title()} of hospital {hospital}"\ndomains = {toml_value(domains)}'


def _target_lines(hospital: int, kind: Kind) -> Iterator[str]:
    yield f'[[targets]]\nid = "{kind.name}-{hospital}"\nconnector = "{kind.connector}"\nsite = "{kind.site}-{hospital}"\nmedium = "{kind.medium}"'
    yield f"options = {{ {kind.options.format(number=hospital, login=_LOGIN)} }}"
    if kind.name == "cloud":
        yield 'immutable = true\ndomains = { account = "backup-account", region = "eu-west-2" }'
    if kind.name == "tape":
        yield f'offline = {{ rotation = "7d", last_connected = {(NOW - _DAY * (2 + hospital % 7)).date()} }}'


def write_packs(folder: Path, packs: int = PACKS, *, all_differ: bool = False) -> None:
    """Variants of the packs that ship, as files: other ids, and every few of them other numbers (or each its own)."""
    from drcheck.policy import load_pack

    shipped = [tomllib.loads(load_pack(name).content.decode()) for name in SHIPPED]
    for number in range(packs):
        pack: dict[str, Any] = {**shipped[number % len(shipped)], "id": f"pack-{number:02d}", "title": f"Guidance {number}"}
        turn = number // len(shipped)
        controls = [_varied(control, turn, all_differ) for control in pack.pop("controls")]
        lines = [f"{toml_key(key)} = {toml_value(value)}" for key, value in pack.items()]
        for control in controls:
            lines += ["", "[[controls]]", *(f"{toml_key(key)} = {toml_value(value)}" for key, value in control.items())]
        (folder / f"pack-{number:02d}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


_NUMBERS: dict[str, tuple[object, ...]] = {
    "max_age": ("365d", "180d", "90d"),
    "window": ("7d", "3d"),
    "grace": ("1h", "2h"),
    "minimum_age": ("30d", "60d", "90d"),
    "locked_for": ("0s", "14d"),
    "minimum": (2, 3, 1),
}


def _varied(control: dict[str, Any], turn: int, all_differ: bool) -> dict[str, Any]:
    found = dict(control)
    for side in ("issuer", "ours"):
        if side in control:
            found[side] = {name: _number(name, value, turn, all_differ) for name, value in control[side].items()}
    return found


def _number(name: str, value: object, turn: int, all_differ: bool) -> object:
    if all_differ and isinstance(value, str) and value[:-1].isdigit():
        return f"{int(value[:-1]) + turn}{value[-1]}"
    if turn == 0 or name not in _NUMBERS:
        return value
    return _NUMBERS[name][turn % len(_NUMBERS[name])]


def facts_of(estate: Estate) -> Facts:
    """What was seen that night: facts of mixed outcomes, drawn by the numbers of systems and targets."""
    hospitals = len(estate.targets) // len(KINDS)
    targets = tuple(_target_facts(hospital, kind) for hospital in range(hospitals) for kind in KINDS)
    copies = tuple(_copy_facts(copy, number) for number, copy in enumerate(estate.copies))
    drills = tuple(
        _drill(system.id, estate.copies_of(system.id)[number % 3].target, number) for number, system in enumerate(estate.systems) if number % 10
    )
    return Facts(NOW, targets, copies, Observed(drills, NOW, Source.DECLARED))


def _silent(hospital: int, kind: str) -> Unobserved | None:
    if kind == "tape" or (kind == "partner" and hospital % 8 == 7):
        return Unobserved(Reason.UNREACHABLE, f"{kind}-{hospital} did not answer: No route to host; is it connected?")
    return None


def _target_facts(hospital: int, kind: Kind) -> TargetFacts:
    name = f"{kind.name}-{hospital}"
    silent = _silent(hospital, kind.name)
    if silent is not None:
        return TargetFacts(name, silent, silent, silent, silent, silent, silent, seconds=20.0)
    # The two targets in the buildings of one hospital in ten are the same array.
    device = _DEVICE + f":{hospital}" if kind.connector == "local" and hospital % 10 == 3 else f"{kind.connector}:device:{name}"
    lock = Protection("compliance", days=30) if kind.name == "cloud" and hospital % 6 else Protection("none")
    unsupported = Unobserved(Reason.UNSUPPORTED, f"{kind.connector} has no versions")
    return TargetFacts(
        target=name,
        identity=Observed(Identity("drcheck", device, (("region", f"region-{kind.name}"), ("server", "OpenSSH_9.6"))), NOW, Source.OBSERVED),
        protection=Observed(lock, NOW, Source.CONFIGURED),
        encryption=Observed(Encryption("AES256", "TLSv1.3"), NOW, Source.CONFIGURED),
        versions=Observed(Versions(True, 35), NOW, Source.CONFIGURED) if kind.name == "cloud" else unsupported,
        permissions=Observed(Permissions(True, True, kind.name == "nas", False, "mode bits"), NOW, Source.CONFIGURED),
        clock_skew=Observed(0.25, NOW, Source.OBSERVED),
        calls=(("list", 1_250), ("read", 90)),
        seconds=12.5,
    )


def _copy_facts(copy: Copy, number: int) -> CopyFacts:
    kind, _, hospital = copy.target.partition("-")
    silent = _silent(int(hospital), kind)
    if silent is not None:
        not_read = Unobserved(Reason.NOT_ATTEMPTED, "its target did not answer")
        return CopyFacts(copy.system, copy.target, silent, silent, not_read, silent)
    points = _points(copy, number)
    until = NOW + _DAY * (45 - number % 60)
    lock = Protection("compliance" if number % 30 else "governance", until) if kind == "cloud" else Protection("none")
    return CopyFacts(
        system=copy.system,
        target=copy.target,
        points=Observed(points, NOW, Source.OBSERVED),
        lock=Observed(lock, NOW, Source.OBSERVED),
        verification=Observed(_verification(copy, number), NOW, Source.OBSERVED),
        changes=Observed(_changes(copy, number), NOW, Source.OBSERVED),
    )


def _points(copy: Copy, number: int) -> Points:
    late = _DAY * (3 if number % 23 == 0 else 0)
    size = 1_000_000 + number
    newest = []
    for place, age in enumerate(_AGES):
        time = NOW - _DAY * age - late - timedelta(hours=7, seconds=number * 61 % 7_200)
        state = PointState.INCOMPLETE if place == 0 and number % 17 == 0 else PointState.FINISHED
        name = f"{time:%Y-%m-%dT%H%M}.dump"
        detail = "" if state is PointState.FINISHED else "its marker is missing"
        newest.append(RecoveryPoint(name, time, "name", size, 3, state, detail, f"{copy.path}/{name}"))
    bad = sum(point.state is not PointState.FINISHED for point in newest)
    by_state = ((PointState.FINISHED, len(newest) - bad), (PointState.INCOMPLETE, bad))
    return Points(len(newest), by_state, tuple(newest), newest[-1], (), 3 * len(newest), size * len(newest))


def _verification(copy: Copy, number: int) -> Verification:
    total, rest = 30 + number % 397, 12 if number % 11 == 0 else 0
    bad = number % 97 == 0
    counts = ((ObjectResult.MATCH, total - rest - bad), (ObjectResult.NOT_READ, rest), (ObjectResult.MISMATCH, int(bad)))
    digest = f"{number:064x}"
    problem = ObjectVerdict(f"{copy.path}/part-{number}.dcm", ObjectResult.MISMATCH, 4096, "sha256", digest, digest[::-1], "SHA256SUMS")
    drawn = 6
    rotation = Rotation(
        cycle=_DAY * 30,
        verified=total - rest - bad,
        oldest_read=NOW - timedelta(seconds=number * 977 % (29 * 86_400)),
        due=2,
        left=0,
        unverified=rest + drawn,
        drawn=drawn,
        drawn_bad=int(bad),
        ends=NOW + _DAY * 9 if rest else None,
        unread=rest,
    )
    return Verification(
        counts=counts,
        objects_total=total,
        objects_read=drawn,
        bytes_read=drawn * (350_000 + number),
        problems=(problem,) if bad else (),
        manifests=(ManifestRead(f"{copy.path}/SHA256SUMS", "gnu", bool(number % 4), ("sha256",), total),),
        unusable_manifests=(),
        weak_only=0,
        started=NOW - timedelta(minutes=50),
        finished=NOW,
        depth=Depth.READ,
        rotation=rotation,
    )


def _changes(copy: Copy, number: int) -> Changes:
    since = NOW - _DAY if number % 40 else None
    broken = number % 211 == 0
    objects = (BrokenObject(f"{copy.path}/old.dump", Breach.VANISHED, "4096 bytes, last seen yesterday"),) if broken else ()
    return Changes(since, 3, 0, 3, 30 + number % 397, ((Breach.VANISHED, int(broken)),), objects)


def _drill(system: str, target: str, number: int) -> Drill:
    ended = NOW - timedelta(minutes=number * 1_021 % (400 * 1_440))
    return Drill(system, target, "2026-02-01", ended - timedelta(hours=1 + number % 6), ended, bool(number % 13), "A. Shah", timedelta(hours=5))


def write_region(folder: Path, hospitals: int = HOSPITALS, packs: int = PACKS) -> Path:
    """The estate and its packs as files; returns the estate's."""
    folder.mkdir(parents=True, exist_ok=True)
    write_packs(folder, packs)
    file = folder / "estate.toml"
    file.write_text(estate_text(hospitals, packs=packs), encoding="utf-8")
    return file
