"""The estate of a benchmark: one system with one copy, a mirror with a manifest that lies away from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

_ESTATE = """\
schema = "drcheck.estate/1"
policies = ["uk-ncsc-offline-backups"]
organisation = {{ id = "bench", name = "Bench", country = "GB" }}
sites = [{{ id = "here", name = "Here" }}]
systems = [{{ id = "files", name = "Files", tier = "critical", owner = "IT", production = {{ site = "here" }}, rpo = "24h" }}]
copies = [{{ system = "files", target = "place", format = "mirror"{manifest} }}]

[[targets]]
id = "place"
connector = "{connector}"
site = "here"

[targets.options]
{options}
"""


def write_estate(file: Path, connector: str, options: Mapping[str, object], sums: Path | None) -> Path:
    """The estate file, written: a target that `connector` reaches with these options; no manifest where `sums` is None. Returns `file`."""
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    manifest = "" if sums is None else f", manifest = {{ path = {json.dumps(str(sums))} }}"
    file.write_text(_ESTATE.format(connector=connector, options=lines, manifest=manifest))
    return file
