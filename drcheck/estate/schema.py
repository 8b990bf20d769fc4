"""The estate: what an organisation declares about its sites, systems, targets and copies."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StrictBool, StrictInt, StringConstraints

from drcheck.estate.fields import Country, Day, Duration, EstatePath, Identifier, MomentOrDay, Money, Names, Size, TargetPath
from drcheck.estate.notices import Notices

DOMAIN_KINDS = (
    "building",
    "power",
    "cooling",
    "flood-zone",
    "network",
    "array",
    "identity",
    "account",
    "region",
    "supplier",
    "product",
    "key",
)
DomainKind = Literal["building", "power", "cooling", "flood-zone", "network", "array", "identity", "account", "region", "supplier", "product", "key"]
Domains = dict[DomainKind, Names]
Tier = Literal["critical", "important", "routine"]
Named = Annotated[str, StringConstraints(min_length=1)]
RequestClass = Literal["list", "get", "head"]
"""Requests that places charge for, alike in price."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Organisation(_Declared):
    """Who declares this estate."""

    id: Identifier = Field(description="Short name, used in reports and file names", examples=["north-hospital"])
    name: Named = Field(description="Name as people write it", examples=["North Hospital"])
    country: Country = Field(description="ISO 3166-1 alpha-2 code", examples=["GB"])
    code: str = Field(default="", description="A national code of the organisation, such as an ODS code", examples=["RX1"])


class Site(_Declared):
    """A place, with the failure domains it stands in."""

    id: Identifier = Field(description="Named by systems and targets", examples=["main-hospital"])
    name: Named = Field(description="Name as people write it", examples=["Main hospital, server room 1"])
    domains: Domains = Field(
        default_factory=dict,
        description="What would take everything here with it, by kind; equal names mean that it is shared",
        examples=[{"power": "feed-a", "cooling": "chiller-plant-1"}],
    )


class Production(_Declared):
    """Where the live system runs."""

    site: Identifier = Field(description="Id of a site", examples=["main-hospital"])
    device: str = Field(default="", description="The storage that holds the live data; equal names mean one device", examples=["san-1"])
    medium: str = Field(default="", description="disk, tape, object-storage, optical, …", examples=["disk"])
    domains: Domains = Field(default_factory=dict, description="Failure domains besides those of the site", examples=[{"array": "array-1"}])


class System(_Declared):
    """What is protected: an application and its data."""

    id: Identifier = Field(description="Named by copies, drills and reports", examples=["patient-record"])
    name: Named = Field(description="Name as people write it", examples=["Electronic patient record"])
    tier: Tier = Field(description="How much depends on it; guidance asks more of critical systems", examples=["critical"])
    owner: Named = Field(description="Who answers for it", examples=["Chief clinical information officer"])
    production: Production = Field(description="Where the live system runs", examples=[{"site": "main-hospital", "device": "san-1"}])
    rpo: Duration = Field(description="Recovery point objective: the most data, in time, that may be lost", examples=["24h"])
    rto: Duration | None = Field(default=None, description="Recovery time objective: how long recovery may take", examples=["4h"])
    retention: Duration | None = Field(default=None, description="How far back it must be possible to go", examples=["35d"])
    restore_test_interval: Duration | None = Field(default=None, description="How often a restore must be proved", examples=["90d"])
    holds_store: StrictBool = Field(
        default=False, description="Declares that drcheck's own store is part of this system's data, so that it is backed up with it", examples=[True]
    )


class Budget(_Declared):
    """What reading may use up in one night. What is left out has no limit."""

    bytes: Size | None = Field(default=None, description="Bytes to be read", examples=["2TiB"])
    time: Duration | None = Field(default=None, description="How long reading may go on", examples=["6h"])
    requests: dict[RequestClass, Annotated[StrictInt, Field(ge=1)]] = Field(
        default_factory=dict, description="Requests, by the classes that places charge for: list, get, head", examples=[{"get": 100000}]
    )
    money: Money | None = Field(default=None, description="In the tariff's currency; needs a tariff", examples=["5.00"])


class Verify(_Declared):
    """How backups are read: all of them within a cycle, each night a part."""

    cycle: Duration | None = Field(
        default=None,
        description="Within it every object is read once; default: the smallest of 30 days, a third of the system's retention and half of the time"
        " for which the copy is immutable",
        examples=["30d"],
    )
    budget: Budget = Field(
        default_factory=Budget, description="What one night may use up at all targets together", examples=[{"bytes": "2TiB", "time": "6h"}]
    )
    tariff: EstatePath | None = Field(default=None, description="The file of prices that money is reckoned by", examples=["tariff.toml"])


class Offline(_Declared):
    """A target that is disconnected, or connected only while it is written to."""

    rotation: Duration = Field(description="How often the medium is connected and written to, at the least", examples=["7d"])
    last_connected: MomentOrDay = Field(description="When it last was", examples=["2026-03-01"])


class Target(_Declared):
    """A place that holds backups, reached through one connector."""

    id: Identifier = Field(description="Named by copies and drills", examples=["offsite-sftp"])
    name: str = Field(default="", description="Name as people write it", examples=["County archive"])
    connector: Named = Field(description="How it is reached: local, sftp, s3, or a plugin's", examples=["sftp"])
    site: Identifier = Field(description="Id of the site that it stands in", examples=["county-archive"])
    device: str = Field(default="", description="The storage behind it; equal names mean one device. Default: the target itself", examples=["nas-1"])
    medium: str = Field(default="", description="disk, tape, object-storage, optical, …", examples=["disk"])
    domains: Domains = Field(default_factory=dict, description="Failure domains besides those of the site", examples=[{"account": "backup-account"}])
    offline: Offline | None = Field(default=None, description="Declares that the target is disconnected between uses")
    immutable: StrictBool = Field(default=False, description="Declares that what lies there cannot be changed or deleted before its time")
    timeout: Duration | None = Field(default=None, description="How long looking at it may take; default: --timeout", examples=["90s"])
    budget: Budget = Field(default_factory=Budget, description="What one night may use up at this target", examples=[{"bytes": "500GiB"}])
    options: dict[str, Any] = Field(
        default_factory=dict, description="How to reach it; see the connector's page", examples=[{"root": "/srv/backups"}]
    )


class Manifest(_Declared):
    """Where the promised checksums of a copy are."""

    name: str = Field(
        default="",
        description="Name (or pattern with *) beside the data: in each recovery point, or in the copy for dump and mirror",
        examples=["SHA256SUMS"],
    )
    path: EstatePath | None = Field(default=None, description="A file on this machine, away from the data", examples=["manifests/imaging.sha256"])
    kind: Literal["auto", "gnu", "bsd", "sfv", "hashdeep", "bagit"] = Field(default="auto", description="How it is written")
    algorithm: Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake3"] = Field(
        default="", description="For manifests that do not say; default: from the name or the digest's length"
    )


class Copy(_Declared):
    """One system's backups at one target."""

    system: Identifier = Field(description="Id of a system", examples=["patient-record"])
    target: Identifier = Field(description="Id of a target", examples=["offsite-sftp"])
    path: TargetPath = Field(default="", description="Below the target's root, parts joined by /; empty means the root", examples=["patient-record"])
    format: Named = Field(description="What lies there: dated, dump, mirror, or a plugin's", examples=["dump"])
    options: dict[str, Any] = Field(
        default_factory=dict, description="How recovery points are laid out; see the format", examples=[{"pattern": "%Y-%m-%d.sql.gz"}]
    )
    role: Literal["primary", "secondary", "off-site", "offline"] = Field(default="primary", description="What this copy is for")
    every: Duration | None = Field(
        default=None, description="How often a new recovery point is expected; default: the system's RPO", examples=["24h"]
    )
    since: Day | None = Field(default=None, description="When this copy was begun: it need not reach back further", examples=["2026-01-01"])
    cycle: Duration | None = Field(
        default=None, description="Within it every object of this copy is read once; default: as in verify", examples=["90d"]
    )
    manifest: Manifest | None = Field(
        default=None, description="Promised checksums; without them integrity stays unknown", examples=[{"name": "SHA256SUMS"}]
    )

    @property
    def id(self) -> str:
        """`system@target`."""
        return f"{self.system}@{self.target}"


def _grouped(copies: tuple[Copy, ...], by: Callable[[Copy], str]) -> dict[str, list[Copy]]:
    groups: dict[str, list[Copy]] = {}
    for copy in copies:
        groups.setdefault(by(copy), []).append(copy)
    return groups


class Index:
    """
    What an estate declares, by id and made when first asked: a large one is asked for its parts many times over.

    It is no part of what is declared, so any two are equal, and so are the estates that they belong to.
    """

    def __init__(self) -> None:
        self._declared: tuple[object, ...] = ()
        self.sites: dict[str, Site] = {}
        self.systems: dict[str, System] = {}
        self.targets: dict[str, Target] = {}
        self.of_system: dict[str, list[Copy]] = {}
        self.at_target: dict[str, list[Copy]] = {}

    def be_of(self, estate: Estate) -> None:
        """Become the index of `estate`, where it is not: a copy that was changed takes the index of the original with it."""
        declared = (estate.sites, estate.systems, estate.targets, estate.copies)
        if len(self._declared) == len(declared) and all(map(operator.is_, self._declared, declared)):
            return
        # The first of one id counts, as where they are looked through in order; validation leaves only one.
        self.sites = {site.id: site for site in reversed(estate.sites)}
        self.systems = {system.id: system for system in reversed(estate.systems)}
        self.targets = {target.id: target for target in reversed(estate.targets)}
        self.of_system = _grouped(estate.copies, lambda copy: copy.system)
        self.at_target = _grouped(estate.copies, lambda copy: copy.target)
        self._declared = declared  # last: until then another thread makes its own

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index)


class Estate(_Declared):
    """What an organisation declares: one TOML file."""

    model_config = ConfigDict(title="drcheck estate")

    schema_version: Literal["drcheck.estate/1"] = Field(alias="schema", description="The version of this file's form", examples=["drcheck.estate/1"])
    rehearsal: StrictBool = Field(
        default=False,
        description="Folders on one machine stand in for places: devices are then known by declaration only, and every report says so",
    )
    organisation: Organisation = Field(description="Who declares this estate")
    sites: tuple[Site, ...] = Field(min_length=1, description="Places")
    systems: tuple[System, ...] = Field(min_length=1, description="What is protected")
    targets: tuple[Target, ...] = Field(min_length=1, description="Places that hold backups")
    copies: tuple[Copy, ...] = Field(default=(), description="Which system's backups lie at which target")
    policies: tuple[Named, ...] = Field(
        min_length=1, description="Ids of packs, or paths of pack files beginning with ./ or /", examples=[["uk-ncsc-offline-backups"]]
    )
    drills: EstatePath | None = Field(default=None, description="The file of recorded drills (.toml or .jsonl)", examples=["drills.toml"])
    waivers: EstatePath | None = Field(default=None, description="The file of accepted failures", examples=["waivers.toml"])
    verify: Verify = Field(default_factory=Verify, description="How backups are read", examples=[{"cycle": "30d", "tariff": "tariff.toml"}])
    notices: Notices | None = Field(default=None, description="Who is told of what a night changed", examples=[{"to": ["systemd:teams-url"]}])
    plugins: tuple[Named, ...] = Field(
        default=(), description="Distributions whose connectors, formats, checks and reports may be used", examples=[["drcheck-tape"]]
    )
    _file: Path = PrivateAttr(default=Path("estate.toml"))
    _digest: str = PrivateAttr(default="")
    _index: Index = PrivateAttr(default_factory=Index)

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._file

    @property
    def digest(self) -> str:
        """The digest of the file's bytes, `sha256:…`."""
        return self._digest

    def site(self, site: str) -> Site:
        """The site with this id. Raises KeyError where there is none (validation leaves none)."""
        return self._indexed.sites[site]

    def system(self, system: str) -> System:
        """The system with this id. Raises KeyError where there is none."""
        return self._indexed.systems[system]

    def target(self, target: str) -> Target:
        """The target with this id. Raises KeyError where there is none."""
        return self._indexed.targets[target]

    def copies_of(self, system: str) -> tuple[Copy, ...]:
        """Every declared copy of one system."""
        return tuple(self._indexed.of_system.get(system, ()))

    def copies_at(self, target: str) -> tuple[Copy, ...]:
        """Every declared copy at one target."""
        return tuple(self._indexed.at_target.get(target, ()))

    @property
    def _indexed(self) -> Index:
        self._index.be_of(self)
        return self._index
