"""An estate and facts in which everything passes, and ways to change one thing in them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drcheck.estate.schema import Estate
from drcheck.model import (
    Assessment,
    Changes,
    CopyFacts,
    Depth,
    Drill,
    Encryption,
    EstateUsed,
    Facts,
    Finding,
    Identity,
    ManifestRead,
    ObjectResult,
    Observed,
    Outcome,
    Permissions,
    Points,
    PointState,
    Protection,
    Reason,
    RecoveryPoint,
    Rotation,
    Run,
    Source,
    StoreKept,
    TargetFacts,
    Unobserved,
    Verification,
    Versions,
    Waiver,
)
from drcheck.policy import Pack, judge, load_pack

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PACKS = ("uk-ncsc-offline-backups", "uk-nhse-backup-policy", "uk-caf-b5", "drcheck-self")

ESTATE: dict[str, Any] = {
    "schema": "drcheck.estate/1",
    "organisation": {"id": "north", "name": "North Hospital", "country": "GB"},
    "sites": [
        {"id": site, "name": site.title(), "domains": {kind: f"{kind}-{site}" for kind in ("building", "power", "cooling")}}
        for site in ("main", "second", "archive", "cloud", "safe")
    ],
    "systems": [
        {
            "id": "pas",
            "name": "Patient record",
            "tier": "critical",
            "owner": "CCIO",
            "production": {"site": "main", "device": "san-1", "medium": "flash"},
            "rpo": "24h",
            "rto": "4h",
            "retention": "90d",
            "holds_store": True,
        }
    ],
    "targets": [
        {"id": "nas", "connector": "local", "site": "main", "device": "nas-1", "medium": "disk"},
        {"id": "archive", "connector": "sftp", "site": "archive", "device": "raid-9", "medium": "optical"},
        {"id": "bucket", "connector": "s3", "site": "cloud", "medium": "object-storage", "immutable": True},
    ],
    "copies": [
        {"system": "pas", "target": "nas", "path": "pas", "format": "dump"},
        {"system": "pas", "target": "archive", "path": "pas", "format": "dump", "role": "off-site"},
        {"system": "pas", "target": "bucket", "path": "pas", "format": "dump", "role": "off-site"},
    ],
    "policies": list(PACKS),
}

TAPE_TARGET = {
    "id": "tape",
    "connector": "local",
    "site": "safe",
    "device": "tape-1",
    "medium": "tape",
    "offline": {"rotation": "7d", "last_connected": "2026-02-27"},
    "options": {"root": "/media/tape"},
}
TAPE_COPY = {"system": "pas", "target": "tape", "path": "pas", "format": "dump", "role": "offline"}


def estate(change: Mapping[str, Any] | None = None, *, tape: bool = False) -> Estate:
    """
    The estate, where `change` maps paths such as `targets.nas.device` (ids or numbers name entries) to new values; a value of None takes the key out.

    Copies are named by their target.
    """
    document = copy.deepcopy(ESTATE)
    if tape:
        document["targets"].append(copy.deepcopy(TAPE_TARGET))
        document["copies"].append(dict(TAPE_COPY))
    for path, value in (change or {}).items():
        here: Any = document
        *way, last = path.split(".")
        for part in way:
            here = _entry(here, part) if isinstance(here, list) else here.setdefault(part, {})
        if value is None:
            del here[last]
        else:
            here[last] = value
    return Estate.model_validate(document)


def _entry(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if name in (entry.get("id"), entry.get("target")))


def seen(value: Any, source: Source = Source.OBSERVED) -> Observed[Any]:
    """A fact that is known since now."""
    return Observed(value, NOW, source)


def unseen(reason: Reason = Reason.UNREACHABLE, detail: str = "nobody answers") -> Unobserved:
    """A fact that is not known."""
    return Unobserved(reason, detail)


def point(age: timedelta, state: PointState = PointState.FINISHED, **fields: Any) -> RecoveryPoint:
    """A recovery point of that age."""
    moment = NOW - age
    kept: dict[str, Any] = {"id": f"{moment:%Y-%m-%dT%H%M}.dump", "time_from": "name", "size": 1000, "objects": 1, "sample": "pas/a.dump"}
    return RecoveryPoint(time=moment, state=state, **(kept | fields))


def points(*some: RecoveryPoint) -> Points:
    """What a copy with these recovery points holds."""
    future = tuple(one for one in some if one.state is PointState.FUTURE)
    newest = tuple(sorted((one for one in some if one not in future), key=lambda one: one.time, reverse=True))
    finished = [one for one in newest if one.state is PointState.FINISHED]
    return Points(
        total=len(some),
        by_state=tuple((state, sum(one.state is state for one in some)) for state in PointState),
        newest=newest,
        oldest=finished[-1] if finished else None,
        future=future,
        objects=sum(one.objects for one in some),
        bytes=sum(one.size for one in some),
    )


def healthy() -> Points:
    """A copy with a point every day for a hundred days."""
    return points(*(point(timedelta(days=day, hours=7)) for day in range(100)))


def verification(**fields: Any) -> Verification:
    """A copy whose hundred objects were all read and matched, unless `fields` say otherwise; `counts` is a mapping."""
    counts = fields.pop("counts", {ObjectResult.MATCH: 100})
    kept: dict[str, Any] = {
        "objects_total": 100,
        "objects_read": 100,
        "bytes_read": 100_000,
        "problems": (),
        "manifests": (ManifestRead("pas/SHA256SUMS", "gnu", True, ("sha256",), 100),),
        "unusable_manifests": (),
        "weak_only": 0,
        "started": NOW - timedelta(minutes=5),
        "finished": NOW,
        "depth": Depth.READ,
    }
    return Verification(counts=tuple(counts.items()), **(kept | fields))


def rotation(**fields: Any) -> Rotation:
    """A cycle of 30 days in which all hundred objects were read, the first of them three weeks ago and 20 tonight, unless `fields` say otherwise."""
    kept: dict[str, Any] = {
        "cycle": timedelta(days=30),
        "verified": 100,
        "oldest_read": NOW - timedelta(days=21),
        "due": 20,
        "left": 0,
        "unverified": 0,
        "drawn": 0,
        "drawn_bad": 0,
        "ends": None,
    }
    return Rotation(**(kept | fields))


def rolling(standing: int = 80, tonight: int = 20, not_read: int = 0, **fields: Any) -> Verification:
    """
    A night of a rotation: `standing` objects were read on earlier nights, `tonight` drawn at random of the others, and `not_read` of these are left.

    A field of the rotation may be given by its name.
    """
    own = {name: fields.pop(name) for name in Rotation.__dataclass_fields__ if name in fields}
    kept: dict[str, Any] = {
        "counts": {ObjectResult.MATCH: standing + tonight, ObjectResult.NOT_READ: not_read},
        "objects_total": standing + tonight + not_read,
        "objects_read": tonight,
        "bytes_read": tonight * 1000,
    }
    drawn = {"verified": standing + tonight, "unverified": tonight + not_read, "drawn": tonight, "unread": not_read}
    ends = {"ends": NOW + timedelta(days=9)} if not_read else {}
    return verification(**(kept | fields), rotation=rotation(**(drawn | ends | own)))


def changes(**fields: Any) -> Changes:
    """A listing in which nothing but one new object and one that was let go is other than the day before, unless `fields` say otherwise."""
    kept: dict[str, Any] = {"since": NOW - timedelta(days=1), "new": 1, "changed": 0, "gone": 1, "unchanged": 99}
    return Changes(**(kept | fields))


def drill(age: timedelta = timedelta(days=10), **fields: Any) -> Drill:
    """A successful restore of `pas` that long ago, which took three hours."""
    ended = NOW - age
    kept: dict[str, Any] = {
        "system": "pas",
        "target": "bucket",
        "recovery_point": "x",
        "started": ended - timedelta(hours=3),
        "ended": ended,
        "success": True,
        "verified_by": "A. Shah",
        "data_loss": None,
    }
    return Drill(**(kept | fields))


def store_kept(**fields: Any) -> StoreKept:
    """A store that a hundred nights were kept in, unless `fields` say otherwise."""
    kept: dict[str, Any] = {"kind": "sqlite", "place": "/var/lib/drcheck/drcheck.db", "nights": 100, "first": NOW - timedelta(days=100)}
    return StoreKept(**(kept | fields))


def facts(place: Estate, *, silent: Iterable[str] = ()) -> Facts:
    """Facts in which everything passes; the targets in `silent` do not answer."""
    targets, copies = [], []
    quiet = unseen()
    for target in place.targets:
        if target.id in silent:
            targets.append(TargetFacts(target.id, quiet, quiet, quiet, quiet, quiet, quiet, seconds=1.0))
            continue
        lock = Protection("compliance", NOW + timedelta(days=60)) if target.immutable else Protection("none")
        targets.append(
            TargetFacts(
                target=target.id,
                identity=seen(Identity("drcheck", f"{target.connector}:{target.id}", (("region", f"region-{target.id}"),))),
                protection=seen(lock, Source.CONFIGURED),
                encryption=seen(Encryption("AES256", "TLSv1.3"), Source.CONFIGURED),
                versions=seen(Versions(False), Source.CONFIGURED),
                permissions=seen(Permissions(True, True, False, False, "asked"), Source.CONFIGURED),
                clock_skew=seen(0.0),
            )
        )
    for one in place.copies:
        if one.target in silent:
            copies.append(CopyFacts(one.system, one.target, quiet, quiet, unseen(Reason.NOT_ATTEMPTED, "not read"), quiet))
            continue
        lock = Protection("compliance", NOW + timedelta(days=60)) if place.target(one.target).immutable else Protection("none")
        copies.append(CopyFacts(one.system, one.target, seen(healthy()), seen(lock), seen(verification()), seen(changes())))
    return Facts(NOW, tuple(targets), tuple(copies), seen((drill(),), Source.DECLARED), store=seen(store_kept()))


TARGET_FACTS = ("identity", "protection", "encryption", "versions", "permissions", "clock_skew")
RUN_FACTS = ("drills", "store")
COPY_FACTS = ("points", "lock", "verification", "changes")


@dataclass(frozen=True, slots=True)
class Slot:
    """One fact of a run: of a target, of a copy (by its target), or with no owner the drills or the store."""

    owner: str
    fact: str

    def __str__(self) -> str:
        return f"{self.fact} of {self.owner}" if self.owner else self.fact


def slots(some: Facts) -> Iterator[Slot]:
    """Every fact of a run."""
    yield from (Slot("", name) for name in RUN_FACTS)
    for target in some.targets:
        yield from (Slot(target.target, name) for name in TARGET_FACTS)
    for one in some.copies:
        yield from (Slot(one.target, name) for name in COPY_FACTS)


def put(some: Facts, values: Mapping[Slot, Any]) -> Facts:
    """The facts with other values in these slots."""
    targets = tuple(
        replace(one, **{name: values[slot] for name in TARGET_FACTS if (slot := Slot(one.target, name)) in values}) for one in some.targets
    )
    copies = tuple(replace(one, **{name: values[slot] for name in COPY_FACTS if (slot := Slot(one.target, name)) in values}) for one in some.copies)
    of_the_run = {name: values[slot] for name in RUN_FACTS if (slot := Slot("", name)) in values}
    return replace(some, targets=targets, copies=copies, **of_the_run)


def known(some: Facts, slot: Slot) -> bool:
    """Whether the fact in a slot is known."""
    if not slot.owner:
        return isinstance(getattr(some, slot.fact), Observed)
    owner: Any = some.target(slot.owner) if slot.fact in TARGET_FACTS else next(one for one in some.copies if one.target == slot.owner)
    return isinstance(getattr(owner, slot.fact), Observed)


EVERY_CHECK = """
schema = "drcheck.policy/1"
id = "every-check"
version = "1"
title = "Every check, with no slack"
about = "For tests."
issuer = "nobody"
document = "none"
document_version = "0"
url = "https://example.org/"
date_read = 2026-01-01
country = "GB"
sectors = ["any"]
licence = "none"
sure = "inference"
"""

TIGHT: dict[str, str] = {
    "coverage.systems": "{}",
    "copies.count": "{ minimum = 3 }",
    "copies.devices": "{ minimum = 4, production_counts = true }",
    "copies.media": "{ minimum = 3 }",
    "copies.offsite": "{ minimum = 2 }",
    "copies.offline": "{ immutable_counts = true, offsite_required = true }",
    "copies.independent": '{ minimum = 3, domains = ["building", "power", "cooling", "region"] }',
    "backup.recency": "{}",
    "backup.completeness": "{}",
    "retention.depth": "{}",
    "integrity.checksums": "{}",
    "integrity.unchanged": "{}",
    "restore.tested": "{ judge_rto = true, third_of_retention = true }",
    "declared.matches.observed": "{}",
    "store.backed_up": "{ minimum = 2 }",
}


def pack_of(folder: Path, controls: Mapping[str, str], name: str = "pack.toml") -> Pack:
    """A pack with one control for each check, whose parameters are given as TOML."""
    text = EVERY_CHECK
    for check, parameters in controls.items():
        text += f'\n[[controls]]\nid = "{check}"\nclause = "c"\ntitle = "t"\ntext = "x"\nsure = "inference"\ncheck = "{check}"\n'
        text += f'ours = {parameters}\nbecause = "a test"\n'
    (folder / name).write_text(text, encoding="utf-8")
    return load_pack(f"./{name}", base=folder)


def judged(
    place: Estate, packs: Iterable[Pack], some: Facts, now: datetime = NOW, waivers: Iterable[Waiver] = ()
) -> dict[tuple[str, str, str], Finding]:
    """The findings by policy, control and subject."""
    findings, _ = judge(place, tuple(packs), some, now=now, waivers=tuple(waivers))
    return {(one.policy, one.control, one.subject.id): one for one in findings}


def exit_code(findings: Iterable[Finding], some: Facts) -> int:
    """The exit code of an assessment with these findings."""
    run = Run("r", NOW, False, "", NOW, NOW, "0")
    return Assessment(run, EstateUsed("", "", "", "", "", "", False), (), (), (), some, tuple(findings)).exit_code


def outcomes(findings: Mapping[tuple[str, str, str], Finding]) -> dict[tuple[str, str, str], Outcome]:
    """The outcome of each finding."""
    return {key: finding.outcome for key, finding in findings.items()}
