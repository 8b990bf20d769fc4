"""
Judging and reporting a very large estate: a region of 5,000 systems and 30,000 copies under 25 packs, and how that grows.

Beside the whole, a half, a quarter and an eighth of it are measured, each in a process of its own; see `benchmarks.region_night`. The packs are
variants of those that ship: they ask much the same, as packs do, in part with other numbers.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness import DRCHECK, Command, Goal, Growth, Peak, Row, Within
from benchmarks.region import HOSPITALS, KINDS, PACKS, SYSTEMS, write_region

_PARTS = (2, 4, 8)


@dataclass(frozen=True)
class _Stage:
    """What is done with the region, and what bounds it."""

    name: str
    does: str
    bound: str
    goals: tuple[Goal, ...]


_STAGES = (
    _Stage("load", "the estate and its packs loaded and validated", "Python: parsing TOML, then every key is looked at four times", (Within(10),)),
    _Stage(
        "judge",
        "judged",
        "Python on one core: half of it for the distinct verdicts, an eighth of the findings; half for making a finding object of each",
        (Within(30), Peak(1024)),
    ),
    _Stage(
        "json", "judged, and written as JSON", "the size of the document, a kilobyte a finding: putting it into words, then the disk", (Peak(1280),)
    ),
    _Stage("html", "judged, and written as a page", "Python on one core: sorting and merging what says the same", ()),
    _Stage("first", "judged, and its findings and recovery points recorded in a new store", "Python and SQLite, for each row", ()),
    _Stage("second", "judged a day later, and recorded beside the night before", "Python and SQLite, for each row", ()),
)


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """Loading, judging, two reports and two nights in a store."""
    whole, packs, smaller = (2, 3, (2,)) if quick else (HOSPITALS, PACKS, _PARTS)
    places = {part: folder / f"region-{part}" for part in (1, *smaller)}
    what = f"{whole * SYSTEMS:,} systems, {whole * SYSTEMS * len(KINDS):,} copies, {packs} packs"

    def prepare() -> None:
        for part, place in places.items():
            if not place.exists():
                write_region(place, whole // part, packs)

    for stage in _STAGES:
        parts = {f"1/{part}": _command(stage, places[part], part, whole // part) for part in smaller}
        yield Row(
            name=f"judging-{stage.name}",
            title=f"{what}: {stage.does}",
            prepare=prepare,
            bound=stage.bound,
            commands={DRCHECK: _command(stage, places[1], 1, whole), **parts},
            goals=(*stage.goals, Growth(f"1/{smaller[-1]}", smaller[-1], 1.1)),
            runs=1 if stage.name != "judge" else None,  # each loads and judges first, and that takes minutes
        )
    shutil.rmtree(folder, ignore_errors=True)


def _command(stage: _Stage, place: Path, part: int, hospitals: int) -> Command:
    return Command(
        [sys.executable, "-m", "benchmarks.region_night", stage.name, str(place)],
        share=1 / part,
        seconds=lambda said: float(json.loads(said)["seconds"]),
        verify=partial(_all_of_it, hospitals * SYSTEMS),
    )


def _all_of_it(systems: int, said: str) -> bool:
    """Whether the whole region was there and every outcome but an error occurred."""
    told = json.loads(said)
    outcomes = told.get("outcomes", {"pass": 1, "fail": 1, "unknown": 1, "not-applicable": 1})
    mixed = all(count > 0 for outcome, count in outcomes.items() if outcome != "error") and not outcomes.get("error")
    return bool(mixed and (told["systems"], told["copies"]) == (systems, systems * len(KINDS)))
