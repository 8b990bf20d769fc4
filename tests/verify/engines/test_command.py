"""`drcheck verify --engine dask` on a real cluster: the same as here, read elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import drcheck
from tests.e2e.estates import toml
from tests.verify.engines.dask_cluster import DaskCluster

FILES = 300


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A worker at each of two sites."""
    with DaskCluster(tmp_path_factory.mktemp("dask")) as started:
        started.start("north", "north")
        started.start("south", "south")
        started.ready()
        yield started


def hospital(folder: Path) -> Path:
    """The file of an estate with a promised copy at each of two sites, one object of them damaged."""
    copies = []
    for site in ("north", "south"):
        lines = []
        for number in range(FILES):
            path = folder / site / f"{number:03}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{site} {number}".encode())
            os.utime(path, (1_700_000_000, 1_700_000_000))
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
        (folder / f"{site}.sha256").write_text("".join(lines), encoding="utf-8")
        copies.append({"system": "records", "target": f"nas-{site}", "format": "mirror", "manifest": {"path": f"{site}.sha256"}})
    damaged = folder / "south" / "123.dcm"
    damaged.write_bytes(damaged.read_bytes()[::-1])
    os.utime(damaged, (1_700_000_000, 1_700_000_000))
    document: dict[str, Any] = {
        "schema": "drcheck.estate/1",
        "policies": ["uk-ncsc-offline-backups"],
        "organisation": {"id": "hospital", "name": "Hospital", "country": "GB"},
        "sites": [{"id": site, "name": site} for site in ("north", "south")],
        "systems": [{"id": "records", "name": "Records", "tier": "critical", "owner": "IT", "production": {"site": "north"}, "rpo": "24h"}],
        "targets": [{"id": f"nas-{site}", "connector": "local", "site": site, "options": {"root": f"./{site}"}} for site in ("north", "south")],
        "copies": copies,
    }
    path = folder / "estate.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in document.items()), encoding="utf-8")
    return path


def test_a_run_on_the_cluster_says_what_a_run_here_says(cluster: DaskCluster, tmp_path: Path) -> None:
    estate = hospital(tmp_path)
    known = cluster.authority
    there = ("--engine", "dask", "--scheduler", cluster.scheduler, "--tls-ca", known.ca, "--tls-cert", known.cert, "--tls-key", known.key)
    here = drcheck("verify", "--estate", estate, "--format", "json", "--no-store", "--quiet", cwd=tmp_path)
    away = drcheck("verify", "--estate", estate, "--format", "json", "--store", tmp_path / "store.db", "--quiet", *there, cwd=tmp_path)
    assert (here.returncode, away.returncode) == (10, 10), away.stderr
    for one, other in zip(json.loads(here.stdout)["copies"], json.loads(away.stdout)["copies"], strict=True):
        assert (one["copy"], one["counts"], one["problems"], one["bytes_read"]) == (
            other["copy"],
            other["counts"],
            other["problems"],
            other["bytes_read"],
        )
    again = drcheck("verify", "--estate", estate, "--format", "json", "--store", tmp_path / "store.db", "--quiet", *there, cwd=tmp_path)
    assert again.returncode == 10, again.stderr
    assert all(copy["objects_read"] < FILES for copy in json.loads(again.stdout)["copies"]), "what the workers read stands"


def test_a_cluster_without_its_engine_is_a_contradiction(tmp_path: Path) -> None:
    done = drcheck("verify", "--estate", hospital(tmp_path), "--scheduler", "tls://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 2
    assert "scheduler" in done.stderr
