"""
One night of drcheck, in a process of its own: `python -m benchmarks.night ESTATE STORE [DAYS]`.

It is `drcheck verify` itself: the store is opened and locked, targets are inspected, every copy is listed and merged with what the store knows,
manifests are read, the night is planned, and what is chosen is read, compared and recorded. `DAYS` is the cycle; without it that of the estate.

Prints as JSON how many objects had each result (those of earlier nights that stand, too), how many were read, and the seconds of it all, without the
start of the process and its imports.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path

from drcheck.model import Depth, ObjectResult

_LATER = ("cli.verify", "cli.session", "cli.progress", "look", "policy", "store.store", "verify.run")
"""What a run imports when it comes to need it, besides its connector."""


def night(estate: Path, store: Path, *, days: int | None = None) -> list[str]:
    """The command of one night."""
    return [sys.executable, "-m", "benchmarks.night", str(estate), str(store), *([str(days)] if days is not None else [])]


def fresh(store: Path, like: Path | None = None) -> None:
    """Put a store in place of that which is there: a copy of another, or one that knows nothing yet."""
    from drcheck.store import open_store

    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()
    if like is not None:
        shutil.copy(like, store)
    else:
        open_store(store).close()


def all_recorded(store: Path, count: int, said: str, *, depth: Depth = Depth.READ) -> bool:
    """Whether so many objects are as promised tonight, and the store has the result of each, as deep as it should be."""
    from drcheck.store import open_store

    if json.loads(said)["counts"] != {"match": count}:
        return False
    with open_store(store) as opened:
        summary = opened.objects("bench", "files@place").summary()
    return summary.results == ((ObjectResult.MATCH, count),) and summary.depths == ((depth, count),)


def main() -> None:
    """Verify the estate's only copy."""
    estate, store, *days = sys.argv[1:]
    _import_all(Path(estate))
    from drcheck.cli.main import main as drcheck
    from drcheck.clock import monotonic

    report = Path(f"{store}.json")
    # A million objects on a busy machine take longer to list than a target has.
    how = ["--quiet", "--timeout", "1h", *(["--cycle", f"{days[0]}d"] if days else [])]
    begun = monotonic()
    code = drcheck(["verify", "--estate", estate, "--store", store, "--format", "json", "--output", str(report), *how])
    seconds = monotonic() - begun
    (copy,) = json.loads(report.read_text())["copies"]
    print(json.dumps({"counts": copy.get("counts"), "objects_read": copy.get("objects_read"), "seconds": seconds}))
    raise SystemExit(code)


def _import_all(estate: Path) -> None:
    from drcheck.connectors import connector_class
    from drcheck.open_estate import open_estate

    for module in _LATER:
        import_module(f"drcheck.{module}")
    opened = open_estate(estate)
    for target in opened.targets:
        connector_class(target.connector, opened.plugins)


if __name__ == "__main__":
    main()
