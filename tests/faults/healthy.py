"""A small estate in which nothing is wrong, built in a folder; a fault damages it before it is looked at."""

from __future__ import annotations

import copy
import os
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from drcheck.assess import assess
from drcheck.estate.toml_text import toml_value
from drcheck.look import Effort, look
from drcheck.model import Assessment, Fact, Facts, Observed, Source, StoreKept
from drcheck.open_estate import open_estate
from drcheck.policy import load_packs, load_waivers, shipped_packs
from tests.faults import trees
from tests.faults.trees import DUMP, NEWEST, NIGHT, NOW, Tree

Table = dict[str, Any]

PACKS = ("uk-ncsc-offline-backups", "uk-nhse-backup-policy", "uk-caf-b5", "drcheck-self")
_UNSEEN = ("backup.recency", "backup.completeness", "integrity.checksums")
"""What stays unknown of a copy that is in the vault: somebody accepts it, by name and until a date."""
FIRST_LOOK = "NHSE-BP-1.unchanged"
"""What stays unknown of an immutable copy that is looked at for the first time, and is accepted as well."""

_KINDS = ("building", "power", "cooling")
_SITES = ("north", "south", "archive", "cloud", "vault")

_SYSTEMS: list[Table] = [
    {
        "id": "record",
        "name": "Patient record",
        "tier": "critical",
        "owner": "CCIO",
        "production": {"site": "north", "device": "san-north", "medium": "disk"},
        "rpo": "24h",
        "rto": "4h",
        "retention": "60d",
        "holds_store": True,
    },
    {
        "id": "laboratory",
        "name": "Laboratory",
        "tier": "important",
        "owner": "Laboratory",
        "production": {"site": "north", "device": "san-north", "medium": "disk"},
        "rpo": "24h",
        "rto": "48h",
        "retention": "60d",
    },
    {
        "id": "imaging",
        "name": "Imaging",
        "tier": "critical",
        "owner": "Radiology",
        "production": {"site": "north", "device": "pacs-north", "medium": "disk"},
        "rpo": "24h",
        "rto": "24h",
    },
]
_VAULT: Table = {
    "id": "vault",
    "connector": "local",
    "site": "vault",
    "device": "tape-set",
    "medium": "tape",
    "options": {"root": "vault"},
}
LAYOUTS: dict[str, Table] = {
    "record": {"path": "record", "format": "dump", "options": {"pattern": DUMP}},
    "laboratory": {"path": "laboratory", "format": "dated", "options": {"pattern": NIGHT, "marker": "COMPLETE"}},
    "imaging": {"path": "imaging", "format": "mirror", "options": {"stamp": "LAST_SYNC"}},
}
SYSTEMS = tuple(LAYOUTS)
POINTS = tuple(name for name, layout in LAYOUTS.items() if layout["format"] != "mirror")
"""The systems whose copies hold one recovery point beside another."""
BESIDE = {"record": {"name": "*.sha256"}, "laboratory": {"name": "SHA256SUMS"}, "imaging": {"name": "SHA256SUMS"}}


class Place:
    """
    A healthy estate in a folder, not yet looked at. A fault changes what is declared, what lies there, or what happens during the look.

    Attributes:
        folder: where the estate file lies; the backups of local targets are below it, as `<target>/<path>`.
        document: the estate, as its file will be written; `drills` and `waivers` are the entries of those files.
        now: the moment that is judged, and that everything was built for.
        seconds: how long looking at one target may take; `run_seconds` is for the whole.
        during: what is entered just before the look, and left after it.
        held: what was entered while the place was damaged, and is left after the look.
    """

    def __init__(self, folder: Path, *, now: datetime = NOW) -> None:
        self.folder = folder
        self.now = now
        self.newest = now - (NOW - NEWEST)
        self.seconds = 20.0
        self.run_seconds: float | None = None
        self.during: list[AbstractContextManager[object]] = []
        self.held = ExitStack()
        self.store: Fact[StoreKept] = Observed(StoreKept("sqlite", "/var/lib/drcheck/drcheck.db", 30, now - timedelta(days=30)), now, Source.OBSERVED)
        """What is known of drcheck's own store; the looks of the zoo use none."""
        self.ages = True
        """Whether every file is made to look as old as the newest backup just before the look."""
        self.document: Table = {
            "schema": "drcheck.estate/1",
            "rehearsal": True,
            "policies": list(PACKS),
            "drills": "drills.toml",
            "waivers": "waivers.toml",
            "organisation": {"id": "north", "name": "North Hospital", "country": "GB"},
            "sites": [{"id": site, "name": site.title(), "domains": {kind: f"{kind}-{site}" for kind in _KINDS}} for site in _SITES],
            "systems": copy.deepcopy(_SYSTEMS),
            "targets": [{**_VAULT, "offline": {"rotation": "7d", "last_connected": _day(now, -2)}}],
            "copies": [self.copy_at("vault", system, role="offline", every="7d") for system in LAYOUTS],
        }
        self.drills = [self.drill("record", "archive", hours=3), self.drill("laboratory", "onsite"), self.drill("imaging", "archive")]
        self.waivers = [
            {"policy": pack.id, "control": control.id, "subject": f"{system}@vault", "owner": "CIO", "reason": "in the vault", "until": _day(now, 90)}
            for pack in shipped_packs()
            for control in pack.controls
            if control.check.id in _UNSEEN
            for system in LAYOUTS
        ]

    # What is declared

    def system(self, name: str) -> Table:
        """The declaration of a system."""
        return _with_id(self.document["systems"], name)

    def target(self, name: str) -> Table:
        """The declaration of a target."""
        return _with_id(self.document["targets"], name)

    def domains(self, site: str) -> dict[str, str]:
        """The failure domains of a site."""
        found: dict[str, str] = _with_id(self.document["sites"], site)["domains"]
        return found

    def copy(self, name: str) -> Table:
        """The declaration of a copy, `system@target`."""
        return next(entry for entry in self.document["copies"] if f"{entry['system']}@{entry['target']}" == name)

    def drop_copies(self, *names: str) -> None:
        """Take copies out of the estate, with the waivers about them."""
        for name in names:
            self.document["copies"].remove(self.copy(name))
        self.waivers = [waiver for waiver in self.waivers if waiver["subject"] not in names]

    def declare(self, target: Table, *copies: Table) -> None:
        """Declare a target with the copies on it."""
        self.document["targets"].append(target)
        self.document["copies"] += copies

    @staticmethod
    def copy_at(target: str, system: str, **more: Any) -> Table:
        """A copy of a system in its usual layout."""
        return {"system": system, "target": target, **copy.deepcopy(LAYOUTS[system]), "manifest": dict(BESIDE[system]), **more}

    def drill(self, system: str, target: str, *, days: float = 5, hours: float = 3, **more: Any) -> Table:
        """A restore that ended `days` ago and took `hours`."""
        ended = self.now - timedelta(days=days)
        started = ended - timedelta(hours=hours)
        drill = {"system": system, "target": target, "recovery_point": "the newest", "started": started, "ended": ended, "success": True}
        return {**drill, "verified_by": "A. Shah", **more}

    def drill_of(self, system: str) -> Table:
        """The one drill of a system."""
        return next(drill for drill in self.drills if drill["system"] == system)

    def options(self, target: str) -> Table:
        """The options of a target."""
        found: Table = self.target(target)["options"]
        return found

    def secret(self, name: str, text: str) -> str:
        """A reference to a secret in a file that only we may read."""
        path = self.path(name)
        path.write_text(text)
        path.chmod(0o600)
        return f"file:{path}"

    # What lies there

    def path(self, *parts: str) -> Path:
        """A file below the folder, such as `onsite/record/…`."""
        return self.folder.joinpath(*parts)

    def dump(self, target: str, days: int = 0) -> Path:
        """The dump of the record at a local target from so many days before the newest."""
        return self.path(target, "record", f"{self.newest - timedelta(days=days):{DUMP}}")

    def night(self, target: str, days: int = 0, system: str = "laboratory") -> Path:
        """The directory of one night at a local target."""
        return self.path(target, system, f"{self.newest - timedelta(days=days):{NIGHT}}")

    def write(self, target: str, system: str, tree: Tree) -> None:
        """Write a copy's files to a local target."""
        for name, content in tree.items():
            path = self.path(target, system, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    # Looking

    def age(self) -> None:
        """Make every file look as old as the newest backup."""
        moment = self.newest.timestamp()
        for folder, _, names in os.walk(os.fsencode(self.folder)):
            for name in names:
                os.utime(os.path.join(folder, name), (moment, moment), follow_symlinks=False)

    def write_estate(self) -> Path:
        """The path of the estate file, written as it is declared now, with the files that it names."""
        _write_toml(self.folder / "drills.toml", {"drills": self.drills})
        _write_toml(self.folder / "waivers.toml", {"schema": "drcheck.waivers/1", "waivers": self.waivers})
        return _write_toml(self.folder / "estate.toml", self.document)

    def look(self) -> Assessment:
        """What drcheck finds, by the same steps as `drcheck check`."""
        return self.judge(self.facts())

    def facts(self) -> Facts:
        """What drcheck sees."""
        if self.ages:
            self.age()
        estate = open_estate(self.write_estate())
        with self.held, ExitStack() as entered:
            for each in self.during:
                entered.enter_context(each)
            seen = look(estate, reference=self.now, effort=Effort(self.seconds, self.run_seconds, workers=8))
        return replace(seen, store=self.store)

    def judge(self, facts: Facts) -> Assessment:
        """What drcheck finds in facts."""
        estate = open_estate(self.folder / "estate.toml")
        waivers = load_waivers(estate.waivers) if estate.waivers else ()
        return assess(estate, load_packs(estate), facts, reference=self.now, started=self.now, waivers=waivers)


def local_place(folder: Path, *, now: datetime = NOW) -> Place:
    """
    Three systems with copies in three folders that stand in for three sites, and in a vault that is away.

    | | onsite | south | archive |
    |---|---|---|---|
    | record | dumps, checksums beside | dumps, checksums beside | dumps, manifest away |
    | laboratory | nights | nights | nights |
    | imaging | mirror | nightly bags | mirror, manifest away |
    """
    place = Place(folder, now=now)
    moments = trees.nights(place.newest, weeks=9)
    record, mirror = trees.record(moments), trees.imaging(place.newest)
    for name, site in (("onsite", "north"), ("south", "south"), ("archive", "archive")):
        place.declare({"id": name, "connector": "local", "site": site, "device": f"disks-{name}", "medium": "disk", "options": {"root": name}})
        place.write(name, "record", record)
        place.write(name, "laboratory", trees.laboratory(moments))
        place.write(name, "imaging", trees.imaging_bags(moments) if name == "south" else mirror)
    bags = {"format": "dated", "options": {"pattern": NIGHT}, "manifest": {"kind": "bagit"}}
    place.document["copies"] += [
        place.copy_at("onsite", "record"),
        place.copy_at("south", "record", role="secondary"),
        place.copy_at("archive", "record", role="off-site", manifest={"path": "manifests/record.sha256"}),
        place.copy_at("onsite", "laboratory"),
        place.copy_at("south", "laboratory", role="secondary"),
        place.copy_at("archive", "laboratory", role="off-site"),
        place.copy_at("onsite", "imaging"),
        place.copy_at("south", "imaging", role="secondary", **bags),
        place.copy_at("archive", "imaging", role="off-site", manifest={"path": "manifests/imaging.sha256"}),
    ]
    place.path("manifests").mkdir()
    place.path("manifests", "record.sha256").write_bytes(trees.sums({name: each for name, each in record.items() if name.endswith(".dump")}))
    place.path("manifests", "imaging.sha256").write_bytes(mirror["SHA256SUMS"])
    return place


def _with_id(entries: list[Table], name: str) -> Table:
    return next(entry for entry in entries if entry["id"] == name)


def _day(moment: datetime, days: int) -> date:
    return (moment + timedelta(days=days)).date()


def _write_toml(path: Path, document: Table) -> Path:
    path.write_text("".join(f"{key} = {toml_value(value)}\n" for key, value in document.items()), encoding="utf-8")
    return path
