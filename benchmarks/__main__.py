"""`python -m benchmarks`: run the benchmarks, or those named, and say which goals hold. Ends with 1 where one does not (never with --quick)."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import benchmarks
from benchmarks import report
from benchmarks.harness import Outcome, Row, outcome

Rows = Callable[[Path, bool], Iterator[Row]]


def found() -> dict[str, Rows]:
    """Every benchmark: each module of this package that has `rows`."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name not in ("__main__", "launch")]
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in sorted(names)}
    return {name: module.rows for name, module in modules.items() if hasattr(module, "rows")}


def main() -> int:
    """Run what the command line asks for; the exit code."""
    known = found()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="drcheck beside its peers, in turn; ratios are the result.")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run each and no other before: too little to judge goals by")
    parser.add_argument("--runs", type=int, help="how often each is run, after one run that does not count (5); with --quick without that (1)")
    parser.add_argument("--folder", type=Path, help="where to put what is read (a temporary folder); some 14 GB and a million files")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"a benchmark ({', '.join(known)}) or one of its rows, such as local-small")
    wanted = parser.parse_args()
    if unknown := [name for name in wanted.names if name.partition("-")[0] not in known]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
    runs = wanted.runs or (1 if wanted.quick else 5)
    outcomes: list[Outcome] = []
    print(report.machine(), end="\n\n", flush=True)
    for name, rows in known.items():
        if wanted.names and name not in {each.partition("-")[0] for each in wanted.names}:
            continue
        with tempfile.TemporaryDirectory(prefix="drcheck-bench-", dir=wanted.folder) as folder:
            for row in rows(Path(folder), wanted.quick):
                if not wanted.names or any(each in (name, row.name) for each in wanted.names):
                    outcomes.append(outcome(row, runs, warm=not wanted.quick))
                    print(report.table(outcomes[-1]), end="\n\n", flush=True)
    print(report.goals(outcomes, judged=not wanted.quick))
    if wanted.quick:
        print("quick: the sizes are too small to judge goals by; start-up weighs too much")
        return 0
    return 1 if any(each.held(goal) is False for each in outcomes for goal in each.row.goals) else 0


if __name__ == "__main__":
    sys.exit(main())
