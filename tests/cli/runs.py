"""The command line run as people run it: as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def drcheck(*arguments: str | Path, cwd: Path, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m drcheck` in `cwd` with these arguments, and `typed` on an stdin that is no terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRCHECK_")}
    return subprocess.run(
        [sys.executable, "-m", "drcheck", *map(str, arguments)],
        cwd=cwd,
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | environment,
    )
