"""
What comes after looking, on a made-up region and in a process of its own: `python -m benchmarks.region_night STAGE FOLDER`.

`FOLDER` is what `benchmarks.region.write_region` wrote. Each stage needs those before it, and only the last one is timed: the estate and its packs
are loaded, facts are made up (never timed), judged, and written as a report or recorded in a store. Prints as JSON the seconds of the stage and how
much came of it.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from benchmarks.region import NOW, facts_of
from drcheck.assess import assess
from drcheck.cli.output import deliver
from drcheck.cli.session import GARBAGE
from drcheck.estate.schema import Estate
from drcheck.model import Assessment, Facts
from drcheck.open_estate import open_estate
from drcheck.policy import Pack, load_packs
from drcheck.reports import render_parts

T = TypeVar("T")
REPORTS = ("json", "html")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """How many seconds it took, and what came of it."""
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def load(folder: Path) -> tuple[Estate, tuple[Pack, ...]]:
    """The estate and its packs."""
    estate = open_estate(folder / "estate.toml")
    return estate, load_packs(estate)


def judged(estate: Estate, packs: tuple[Pack, ...], facts: Facts, days: int = 0) -> Assessment:
    """The facts, judged so many days after they were made."""
    moment = NOW + timedelta(days=days)
    return assess(estate, packs, facts, reference=moment, started=moment)


def main() -> None:
    stage, folder = sys.argv[1], Path(sys.argv[2])
    gc.set_threshold(GARBAGE)  # as `drcheck check` does
    seconds, (estate, packs) = timed(lambda: load(folder))
    found: dict[str, object] = {"systems": len(estate.systems), "copies": len(estate.copies), "packs": len(packs)}
    if stage != "load":
        facts = facts_of(estate)
        seconds, assessment = timed(lambda: judged(estate, packs, facts))
        found |= {"findings": len(assessment.findings), "outcomes": {str(name): count for name, count in assessment.counts().items()}}
        if stage in REPORTS:
            output = folder / f"report.{stage}"
            seconds, _ = timed(lambda: deliver(render_parts(assessment, stage), output))
            found["bytes"] = output.stat().st_size
            output.unlink()
        elif stage in ("first", "second"):
            for file in folder.glob("store.db*"):
                file.unlink()
            seconds, store = _recorded(folder, assessment)
            if stage == "second":
                del assessment
                seconds, store = _recorded(folder, judged(estate, packs, facts, days=1))
            found["bytes"] = store.stat().st_size
    print(json.dumps({"seconds": seconds, **found}))


def _recorded(folder: Path, assessment: Assessment) -> tuple[float, Path]:
    """The findings and points of a night in a store, without its papers."""
    from drcheck.store import open_store

    file = folder / "store.db"
    with open_store(file) as store:
        seconds, _ = timed(lambda: store.record(assessment, ()))
    return seconds, file


if __name__ == "__main__":
    main()
