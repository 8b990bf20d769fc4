"""
One night of drcheck, in a process of its own: `python -m benchmarks.night ESTATE STORE [DAYS]`.

All of what `drcheck verify` does but the table that it prints: the store is opened and locked, targets are inspected, every copy is listed and merged
with what the store knows, manifests are read, the night is planned, and what is chosen is read, compared and recorded. `DAYS` is the cycle; without
it that of the estate.

Prints as JSON how many objects had each result (those of earlier nights that stand, too), how many were read, how many results of tonight are in the
store when it ends, the seconds of it all without the start of the process, and of these those of inspection.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

PATIENCE = 3600.0
"""Seconds for which a target is inspected: a million objects on a busy machine take more than a minute."""


def night(estate: Path, store: Path, *, days: int | None = None) -> list[str]:
    """The command of one night."""
    return [sys.executable, "-m", "benchmarks.night", str(estate), str(store), *([str(days)] if days is not None else [])]


def all_recorded(count: int, said: str) -> bool:
    """Whether so many objects were read tonight, all are as promised, and the store has the result of each."""
    told = json.loads(said)
    return bool(told.get("match") == told["objects_read"] == told["recorded"] == count)


def fresh(store: Path, like: Path | None = None) -> None:
    """Put a store in place of that which is there: a copy of another, or one that knows nothing yet."""
    from drcheck.store import open_store

    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()
    if like is not None:
        shutil.copy(like, store)
    else:
        open_store(store).close()


def main() -> None:
    """Verify the estate's only copy."""
    from drcheck.clock import Deadline, monotonic, now
    from drcheck.inspect import inspect
    from drcheck.model import Observed
    from drcheck.open_estate import open_estate
    from drcheck.store import open_store
    from drcheck.store.recorder import Recorder
    from drcheck.verify import Memory, verify
    from drcheck.verify.terms import Asked

    begun = monotonic()
    where, file, *days = sys.argv[1:]
    estate, run = open_estate(Path(where)), Deadline(None)
    with open_store(file) as store, store.run_lock(estate.organisation.id, "benchmark"):
        memory = Memory(store, Asked(cycle=timedelta(days=float(days[0]))) if days else Asked())
        reference = now()
        _, copies = inspect(estate, now=reference, seconds=PATIENCE, workers=1, run=run)
        inspected = monotonic() - begun
        with memory.night(estate, copies) as rolling:
            (found,) = verify(estate, copies, now=reference, workers=1, run=run, rolling=rolling)
        for failure in memory.failures:
            raise failure
    seconds = monotonic() - begun
    if not isinstance(found.verification, Observed) or not isinstance(rolling.recorder, Recorder):
        raise SystemExit(str(found.verification))
    seen = found.verification.value
    told = {"objects_read": seen.objects_read, "recorded": rolling.recorder.recorded, "seconds": seconds, "inspection": inspected}
    print(json.dumps({**{str(result): count for result, count in seen.counts}, **told}))


if __name__ == "__main__":
    main()
