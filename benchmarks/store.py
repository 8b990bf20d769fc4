"""
Recording a million objects beside SQLAlchemy Core with one row an object, and the night after, when nothing changed.

Both record the same facts into SQLite with the same settings: key, size, version, when first and last seen, the digest promised and the one found,
result,
depth and when it was read. The bulk insert writes each row once, at the end, as if nothing could be lost before.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.harness import DRCHECK, AtLeast, Command, Row

ROWS = "SQLAlchemy Core"
NIGHTS = "drcheck, with both merges"
_SIZE = 4_096
"""Bytes of each object, so that a rate in MB/s says how fast small objects could be read at most."""


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """Results, and an unchanged night; then the sizes of the files, which are a goal of their own: a third."""
    count = 20_000 if quick else 1_000_000
    folder.mkdir(exist_ok=True)
    yield Row(
        name="store-results",
        title=f"{count:,} results recorded",
        bytes=count * _SIZE,
        objects=count,
        bound="Python's work for each object",
        commands={
            DRCHECK: _command("drcheck_results", folder / "results.db", count),
            ROWS: _command("rows_results", folder / "rows.db", count),
            NIGHTS: _command("drcheck_merged", folder / "merged.db", count),
        },
        goals=(AtLeast(ROWS, 2.0),),
    )
    _say_sizes(folder)
    yield Row(
        name="store-unchanged",
        title=f"{count:,} objects listed and merged, none changed",
        bytes=count * _SIZE,
        objects=count,
        bound="Python's work for each object",
        commands={
            DRCHECK: _command("drcheck_unchanged", folder / "unchanged.db", count, folder / "merged.db"),
            ROWS: _command("rows_unchanged", folder / "rows-unchanged.db", count, folder / "rows.db"),
        },
        goals=(AtLeast(ROWS, 2.0),),
    )


def _command(way: str, file: Path, count: int, begins_with: Path | None = None) -> Command:
    return Command(
        [sys.executable, "-m", "benchmarks.store_record", way, str(file), str(count)], rate=partial(_rate, count), before=_fresh(file, begins_with)
    )


def _rate(count: int, said: str) -> float:
    return count * _SIZE / float(json.loads(said)["seconds"])


def _fresh(file: Path, begins_with: Path | None) -> Callable[[], None]:
    def fresh() -> None:
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink()
        if begins_with is not None:
            shutil.copy(begins_with, file)

    return fresh


def _say_sizes(folder: Path) -> None:
    files = {name: folder / f"{name}.db" for name in ("rows", "results", "merged")}
    if all(file.exists() for file in files.values()):
        size = {name: file.stat().st_size / 2**20 for name, file in files.items()}
        shares = ", ".join(f"drcheck's {name}.db {size[name]:.0f} MiB: {size[name] / size['rows']:.2f}" for name in ("results", "merged"))
        print(f"store-results: {ROWS}'s file {size['rows']:.0f} MiB; {shares} of it (goal: at most 0.33)\n")
