"""The estate: what an organisation declares about its sites, systems, targets and copies."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from drcheck.estate.fields import Duration, EstatePath, Identifier

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
Domains = dict[DomainKind, tuple[str, ...] | str]
Tier = Literal["critical", "important", "routine"]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Organisation(_Declared):
    """Who declares this estate."""

    id: Identifier
    name: str = Field(min_length=1)
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, such as GB")
    code: str = Field(default="", description="A national code of the organisation, such as an ODS code")


class Site(_Declared):
    """A place, with the failure domains it stands in."""

    id: Identifier
    name: str = Field(min_length=1)
    domains: Domains = Field(default_factory=dict, description="What would take everything here with it, by kind")


class Production(_Declared):
    """Where the live system runs."""

    site: Identifier
    device: str = Field(default="", description="The storage that holds the live data; equal names mean one device")
    medium: str = Field(default="", description="disk, tape, object-storage, optical, …")
    domains: Domains = Field(default_factory=dict, description="Failure domains besides those of the site")


class System(_Declared):
    """What is protected: an application and its data."""

    id: Identifier
    name: str = Field(min_length=1)
    tier: Tier
    owner: str = Field(min_length=1, description="Who answers for it")
    production: Production
    rpo: Duration = Field(description="Recovery point objective: the most data, in time, that may be lost")
    rto: Duration | None = Field(default=None, description="Recovery time objective")
    retention: Duration | None = Field(default=None, description="How far back it must be possible to go")
    restore_test_interval: Duration | None = Field(default=None, description="How often a restore must be proved")


class Offline(_Declared):
    """A target that is disconnected, or connected only while it is written to."""

    rotation: Duration = Field(description="How often the medium is connected and written to, at the least")
    last_connected: datetime | date = Field(description="When it last was")


class Target(_Declared):
    """A place that holds backups, reached through one connector."""

    id: Identifier
    name: str = ""
    connector: str
    site: Identifier
    device: str = Field(default="", description="The storage behind it; equal names mean one device. Default: the target itself")
    medium: str = Field(default="", description="disk, tape, object-storage, optical, …")
    domains: Domains = Field(default_factory=dict, description="Failure domains besides those of the site")
    offline: Offline | None = Field(default=None, description="Declares that the target is disconnected between uses")
    immutable: bool = Field(default=False, description="Declares that what lies there cannot be changed or deleted before its time")
    timeout: Duration | None = Field(default=None, description="How long looking at it may take; default: --timeout")
    options: dict[str, Any] = Field(default_factory=dict, description="How to reach it; see the connector's page")


class Manifest(_Declared):
    """Where the promised checksums of a copy are."""

    name: str = Field(default="", description="Name (or pattern with *) beside the data: in each recovery point, or in the copy for dump and mirror")
    path: EstatePath | None = Field(default=None, description="A file on this machine, away from the data")
    kind: Literal["auto", "gnu", "bsd", "sfv", "hashdeep", "bagit"] = "auto"
    algorithm: Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b"] = Field(
        default="", description="For manifests that do not say; default: from the name or the digest's length"
    )


class Copy(_Declared):
    """One system's backups at one target."""

    system: Identifier
    target: Identifier
    path: str = Field(default="", description="Below the target's root, parts joined by /; empty means the root")
    format: str
    options: dict[str, Any] = Field(default_factory=dict, description="How recovery points are laid out; see the format")
    role: Literal["primary", "secondary", "off-site", "offline"] = Field(default="primary", description="What this copy is for")
    every: Duration | None = Field(default=None, description="How often a new recovery point is expected; default: the system's RPO")
    since: date | None = Field(default=None, description="When this copy was begun: it need not reach back further")
    manifest: Manifest | None = Field(default=None, description="Promised checksums; without them integrity stays unknown")

    @property
    def id(self) -> str:
        """`system@target`."""
        return f"{self.system}@{self.target}"


class Estate(_Declared):
    """What an organisation declares: one TOML file."""

    schema_version: Literal["drcheck.estate/1"] = Field(alias="schema")
    rehearsal: bool = Field(
        default=False,
        description="Folders on one machine stand in for places: devices are then known by declaration only, and every report says so",
    )
    organisation: Organisation
    sites: tuple[Site, ...] = Field(min_length=1)
    systems: tuple[System, ...] = Field(min_length=1)
    targets: tuple[Target, ...] = Field(min_length=1)
    copies: tuple[Copy, ...] = ()
    policies: tuple[str, ...] = Field(min_length=1, description="Ids of packs, or paths of pack files beginning with ./ or /")
    drills: EstatePath | None = Field(default=None, description="The file of recorded drills (.toml or .jsonl)")
    waivers: EstatePath | None = Field(default=None, description="The file of accepted failures")
    plugins: tuple[str, ...] = Field(default=(), description="Distributions whose connectors, formats, checks and reports may be used")
    _file: Path = PrivateAttr(default=Path("estate.toml"))
    _digest: str = PrivateAttr(default="")

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
        return next_with_id(self.sites, site)

    def system(self, system: str) -> System:
        """The system with this id. Raises KeyError where there is none."""
        return next_with_id(self.systems, system)

    def target(self, target: str) -> Target:
        """The target with this id. Raises KeyError where there is none."""
        return next_with_id(self.targets, target)

    def copies_of(self, system: str) -> tuple[Copy, ...]:
        """Every declared copy of one system."""
        return tuple(copy for copy in self.copies if copy.system == system)


S = TypeVar("S", Site, System, Target)


def next_with_id(things: tuple[S, ...], wanted: str) -> S:
    """The thing with this id. Raises KeyError where there is none."""
    for thing in things:
        if thing.id == wanted:
            return thing
    raise KeyError(wanted)
