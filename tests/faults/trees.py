"""The backups of the healthy estate: small, repeatable, and laid out as real ones are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

Tree = dict[str, bytes]
"""Names below a copy's folder, and their content."""

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NEWEST = NOW - timedelta(hours=6)
DUMP = "ehr-%Y-%m-%dT%H%M%SZ.dump"
NIGHT = "%Y-%m-%dT%H%M%SZ"


def nights(newest: datetime, weeks: int) -> list[datetime]:
    """Four nights and then `weeks` weeks, newest first."""
    return [newest - timedelta(days=day) for day in (*range(4), *range(7, 7 * weeks + 1, 7))]


def record(moments: list[datetime]) -> Tree:
    """A dump of the patient record a night, with its checksum beside it."""
    tree: Tree = {}
    for moment in moments:
        name = f"{moment:{DUMP}}"
        tree[name] = some_bytes(name, 300)
        tree[f"{name}.sha256"] = sums({name: tree[name]})
    return tree


def laboratory(moments: list[datetime]) -> Tree:
    """A directory of the laboratory a night, with a manifest and the marker that says that it is finished."""
    tree: Tree = {}
    for moment in moments:
        name = f"{moment:{NIGHT}}"
        night = {"results.csv": some_bytes(f"{name} results", 200), "reports/report-1.txt": some_bytes(f"{name} report", 100)}
        night |= {"SHA256SUMS": sums(night), "COMPLETE": b""}
        tree |= {f"{name}/{file}": content for file, content in night.items()}
    return tree


def imaging(moment: datetime) -> Tree:
    """A mirror of imaging studies, with the moment when it was last made and a manifest at its root."""
    studies = {f"studies/{name}.dcm": some_bytes(name, 400) for name in ("CT-1", "CT-2", "MR-1")}
    return {**studies, "SHA256SUMS": sums(studies), "LAST_SYNC": f"{moment:%Y-%m-%dT%H:%M:%SZ}\n".encode()}


def imaging_bags(moments: list[datetime]) -> Tree:
    """A bag (RFC 8493) of imaging studies a night."""
    tree: Tree = {}
    for moment in moments:
        name = f"{moment:{NIGHT}}"
        payload = {f"data/{study}.dcm": some_bytes(f"{name} {study}", 400) for study in ("CT-1", "MR-1")}
        tree |= {f"{name}/{file}": content for file, content in bag(payload).items()}
    return tree


def bag(payload: Mapping[str, bytes], *, oxum: str = "") -> Tree:
    """A bag that holds `payload`, whose names begin with `data/`; its Payload-Oxum is right unless one is given."""
    oxum = oxum or f"{sum(map(len, payload.values()))}.{len(payload)}"
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": f"Payload-Oxum: {oxum}\n".encode(),
        "manifest-sha256.txt": sums(payload),
    }
    return {**payload, **tags, "tagmanifest-sha256.txt": sums(tags)}


def sums(files: Mapping[str, bytes], algorithm: str = "sha256") -> bytes:
    """What `sha256sum` would write about these files."""
    return b"".join(f"{hashlib.new(algorithm, content).hexdigest()}  {name}\n".encode() for name, content in files.items())


def some_bytes(seed: str, length: int) -> bytes:
    """Bytes that are always the same for the same seed."""
    return hashlib.shake_128(seed.encode()).digest(length)
