"""An estate of three sites with one target each, and the objects that lie there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from drcheck.clock import Deadline
from drcheck.connectors import connector_for
from drcheck.connectors.base import CallLog, Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import ConnectorError
from drcheck.estate.schema import Estate
from drcheck.open_estate import open_estate
from drcheck.verify.engines.base import Engine
from tests.e2e.estates import toml

SITES = ("north", "south", "west")
ODD = os.fsdecode(b"r\xe9sum\xe9 \xf0\x9f\x8f\xa5\n.bin")
"""A name that is not UTF-8, beside one that is, and a line end."""


def estate_at(folder: Path, options: Mapping[str, Mapping[str, Any]] | None = None) -> Estate:
    """An estate whose target `nas-SITE` stands at each site: a folder beside the estate's file, or what `options` says by the site's name."""
    wanted = options or {}
    targets = [
        {"id": f"nas-{site}", "connector": "sftp" if site in wanted else "local", "site": site, "options": wanted.get(site, {"root": f"./{site}"})}
        for site in SITES
    ]
    production = {"site": "north"}
    document = {
        "schema": "drcheck.estate/1",
        "policies": ["uk-ncsc-offline-backups"],
        "organisation": {"id": "hospital", "name": "Hospital", "country": "GB"},
        "sites": [{"id": site, "name": site} for site in SITES],
        "systems": [{"id": "records", "name": "Records", "tier": "critical", "owner": "IT", "production": production, "rpo": "24h"}],
        "targets": targets,
        "copies": [{"system": "records", "target": each["id"], "format": "mirror"} for each in targets],
    }
    path = folder / "estate.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in document.items()), encoding="utf-8")
    return open_estate(path)


def fill(folder: Path, count: int) -> None:
    """So many files of a few hundred bytes each, all different, and one with an odd name."""
    for number in range(count - 1):
        if number % 500 == 0:
            (folder / f"{number:06d}").mkdir(parents=True)
        (folder / f"{number - number % 500:06d}" / f"{number:06d}.dat").write_bytes(_content(folder.name, number))
    (folder / ODD).write_bytes(b"odd")


def _content(site: str, number: int) -> bytes:
    return hashlib.shake_128(f"{site} {number}".encode()).digest(100 + number % 400)


class Place:
    """
    One target, as verifying sees it. Used as a context manager, which opens the connector.

    Attributes:
        connector: of this process.
        subjects: what the calls were about.
    """

    def __init__(self, estate: Estate, site: str, seconds: float | None = 240.0) -> None:
        self.estate = estate
        self.target = estate.target(f"nas-{site}")
        self.subjects: list[str] = []
        calls = CallLog(self.target.id, lambda _at, _target, _call, subject, times: self.subjects.extend([subject] * times))
        self.connector: Connector = connector_for(self.target, estate, deadline=Deadline(seconds), calls=calls)

    def __enter__(self) -> Place:
        self.connector.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.connector.close()

    def read(self, engine: Engine, wanted: Iterable[Entry]) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        """What the engine answers about these objects."""
        return engine.digests(self.estate, self.target, self.connector, ((entry, ("sha256", "md5")) for entry in wanted))


def plain(answer: Digests | ConnectorError) -> object:
    """An answer as something that can be compared."""
    return answer if isinstance(answer, Digests) else (type(answer), str(answer))
