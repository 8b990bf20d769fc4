"""An estate file to start from: small, commented, and valid as it stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from drcheck.estate.toml_text import toml_string, toml_value


@dataclass(frozen=True, slots=True)
class Answers:
    """What a starter is made from. The defaults are an invented hospital."""

    organisation: str = "North Hospital"
    country: str = "GB"
    systems: tuple[str, ...] = ("Patient record", "Imaging", "Pathology")
    onsite: str = "/srv/backups"
    """A folder on this machine, or mounted on it."""
    offsite: str = "backup.example.org"
    """An SFTP server elsewhere."""


def starter(answers: Answers) -> str:
    """The text of an estate file with two sites, two targets and the given systems, each with a copy at both."""
    ids = identifiers(answers.systems)
    british = answers.country == "GB"
    policies = ["uk-ncsc-offline-backups", "uk-nhse-backup-policy", "uk-caf-b5"] if british else ["uk-ncsc-offline-backups"]
    note = "" if british else "# There is no pack of your country's guidance here yet; this one is the most general.\n"
    parts = [
        _HEAD,
        f"# Which guidance to judge by. `drcheck policy list` shows every pack.\n{note}policies = {toml_value(policies)}\n{_SELF}\n{_FILES}{_VERIFY}",
        f"[organisation]\nid = {toml_string(identifiers([answers.organisation])[0])}\nname = {toml_string(answers.organisation)}\n"
        f'country = {toml_string(answers.country)}          # ISO 3166-1\n# code = "RX1"           # a national code, such as an ODS code\n\n',
        _SITES,
        *(_system(name, id_) for name, id_ in zip(answers.systems, ids, strict=True)),
        _TARGETS.format(onsite=toml_string(answers.onsite), offsite=toml_string(answers.offsite)),
        _COPIES_HEAD,
        *(_copy(id_, target, first=not place) for id_ in ids for place, target in enumerate(("onsite", "offsite"))),
    ]
    return "".join(parts).rstrip("\n") + "\n"


def identifiers(names: Iterable[str]) -> list[str]:
    """An id for each name: its letters and digits in lower case, joined by dashes, each one different."""
    ids: list[str] = []
    for name in names:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:55].strip("-") or "unnamed"
        number, candidate = 1, stem
        while candidate in ids:
            number += 1
            candidate = f"{stem}-{number}"
        ids.append(candidate)
    return ids


def _system(name: str, id_: str) -> str:
    return f"""\
[[systems]]
id = {toml_string(id_)}
name = {toml_string(name)}
tier = "critical"        # critical, important or routine
owner = "IT department"  # who answers for it
rpo = "24h"              # recovery point objective: the most data, in time, that may be lost
rto = "8h"               # recovery time objective: how long recovery may take
retention = "35d"        # how far back it must be possible to go
restore_test_interval = "90d"
production = {{ site = "main", device = "storage-1", medium = "disk" }}

"""


def _copy(system: str, target: str, *, first: bool) -> str:
    role = "primary" if first else "off-site"
    return f"""\
[[copies]]
system = {toml_string(system)}
target = {toml_string(target)}
path = {toml_string(system)}
role = {toml_string(role)}
format = "dated"
options = {{ pattern = "%Y-%m-%d" }}
manifest = {{ name = "SHA256SUMS" }}

"""


_HEAD = """\
# The estate: what this organisation declares about its systems and their backups. drcheck compares it with what is really there.
#
# Everything here is an example until you change it. `drcheck estate validate` names whatever is wrong, `drcheck doctor` says what works
# at each target, `drcheck check` judges. No passwords in this file: write a reference such as "env:NAME" or "file:/path".
schema = "drcheck.estate/1"

"""

_SELF = """\
# Add "drcheck-self" once drcheck's own store is backed up (docs/store.md), and say in which system it is: holds_store = true in its entry.
"""

_FILES = """\
# Restores that were rehearsed; `drcheck drill template` prints an entry. Without a record, no restore counts as tested.
# drills = "drills.toml"

# Failures that somebody accepted, with an owner, a reason and an end date.
# waivers = "waivers.toml"

"""

_VERIFY = """\
# Backups that are too large to be read every night are read in parts: each object once within the cycle, so much a night at the most.
# [verify]
# cycle = "30d"
# budget = { bytes = "2TiB", time = "6h" }

"""

_SITES = """\
# Places, and what would take everything in them down together. Equal names mean that something is shared, so name what is really behind it:
# two buildings with one cooling plant are one place in a heatwave. Kinds: building, power, cooling, flood-zone, network, array, identity,
# account, region, supplier, product, key.
[[sites]]
id = "main"
name = "Main site"
domains = { building = "main-building", power = "main-feed", cooling = "main-cooling", network = "main-core", identity = "main-directory" }

[[sites]]
id = "elsewhere"
name = "Where the off-site copy is kept"
domains = { building = "other-building", power = "other-feed", cooling = "other-cooling", network = "other-net", identity = "other-directory" }

# What is protected. Every system needs one entry, and its own objectives.
"""

_TARGETS = """\
# Places that hold backups. drcheck only ever reads there: give it an account that can do nothing else.
[[targets]]
id = "onsite"
name = "Backup storage on site"
connector = "local"
site = "main"
device = "backup-storage-1"   # equal names mean one device: never the one that holds the live data
medium = "disk"
options = {{ root = {onsite} }}

[[targets]]
id = "offsite"
name = "Backup server off-site"
connector = "sftp"
site = "elsewhere"
device = "offsite-storage-1"
medium = "disk"
# The server's key is pinned: ask its owner for the line, and put it into the file. No unknown server is ever trusted.
options = {{ host = {offsite}, user = "drcheck", root = "/backups", key_file = "offsite_key", known_hosts = "known_hosts" }}

# An S3 bucket, with keys from the environment:
# [[targets]]
# id = "cloud"
# connector = "s3"
# site = "elsewhere"
# medium = "object-storage"
# immutable = true            # declared; drcheck compares it with the bucket's lock
# options = {{ bucket = "my-backups", region = "eu-west-2", access_key = "env:BACKUP_KEY_ID", secret_key = "env:BACKUP_KEY" }}

"""

_COPIES_HEAD = """\
# Which system's backups lie at which target, and how they are laid out there:
#   dated   a folder for each backup, named by its time
#   dump    a file for each backup, named by its time
#   mirror  one tree that is brought up to date
# A manifest is a list of checksums; without one, nobody can tell whether the bytes are still right.
"""
