"""Small estates for the end-to-end tests, written out as files, and the policy that they are judged by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PACK = """\
schema = "drcheck.policy/1"
id = "end-to-end"
version = "1"
title = "What the end-to-end tests judge by"
about = "Four checks with little slack."
issuer = "drcheck"
document = "drcheck's own tests"
document_version = "1"
url = "https://example.org/"
date_read = 2026-11-21
country = "GB"
sectors = ["health"]
licence = "Apache-2.0"
sure = "verified"
"""
CONTROL = """
[[controls]]
id = "{name}"
clause = "{name}"
title = "{name}"
text = "{name}"
sure = "verified"
severity = "high"
check = "{check}"
{more}
"""
CHECKS = {
    "recent": ("backup.recency", "ours = { grace = '1h' }\nbecause = 'An hour lets a job run longer.'"),
    "finished": ("backup.completeness", ""),
    "intact": ("integrity.checksums", ""),
    "declared": ("declared.matches.observed", ""),
}
"""The controls of the policy, each with its check and parameters."""


def target(name: str, connector: str, options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A target at the site `away`."""
    return {"id": name, "connector": connector, "site": "away", "medium": "disk", "options": dict(options), **more}


def mirror(name: str, path: str = "data", **more: Any) -> dict[str, Any]:
    """A copy of the one system at the target `name`: a mirror with a manifest beside it."""
    return {"system": "records", "target": name, "path": path, "format": "mirror", "manifest": {"name": "SHA256SUMS"}, **more}


def write_estate(folder: Path, targets: Sequence[Mapping[str, Any]], copies: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> Path:
    """The path of an estate file in `folder` with these targets and, unless other copies are given, a mirror at each; judged by `PACK`."""
    folder.mkdir(parents=True, exist_ok=True)
    controls = [CONTROL.format(name=name, check=name_of_check, more=more_lines) for name, (name_of_check, more_lines) in CHECKS.items()]
    (folder / "pack.toml").write_text("\n".join([PACK, *controls]), encoding="utf-8")
    document = {
        "schema": "drcheck.estate/1",
        "rehearsal": True,
        "policies": ["./pack.toml"],
        **more,
        "organisation": {"id": "hospital", "name": "Hospital", "country": "GB"},
        "sites": [{"id": "here", "name": "Here"}, {"id": "away", "name": "Away"}],
        "systems": [{"id": "records", "name": "Records", "tier": "critical", "owner": "Somebody", "production": {"site": "here"}, "rpo": "24h"}],
        "targets": list(targets),
        "copies": list(copies) if copies is not None else [mirror(str(each["id"])) for each in targets],
    }
    path = folder / "estate.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in document.items()), encoding="utf-8")
    return path


def toml(value: Any) -> str:
    """A value as TOML on one line; a JSON string is a TOML string for what these tests write."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(str(value) if isinstance(value, Path) else value)


def fill(folder: Path, objects: Mapping[str, bytes]) -> None:
    """Write objects below `folder`, with a manifest of them beside."""
    for name, content in objects.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "SHA256SUMS").write_text(manifest(objects), encoding="utf-8")


def manifest(objects: Mapping[str, bytes]) -> str:
    """A GNU SHA-256 manifest of these objects."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(objects.items()))


def numbered(count: int, size: int = 100) -> dict[str, bytes]:
    """Objects of `size` bytes each, ten to a folder, every one with other bytes."""
    return {f"folder-{number // 10:03d}/object-{number:05d}": hashlib.shake_128(str(number).encode()).digest(size) for number in range(count)}
