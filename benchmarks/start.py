"""Starting: a command line that is slow to say what it can do is slow in every cron job and completion."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import DRCHECK, AtMost, Command, Row

_PYTHON = "python -c pass"
_BORGMATIC = "borgmatic --help"


def rows(folder: Path, quick: bool) -> Iterator[Row]:  # noqa: ARG001 - the harness's
    """Help, beside Python itself and beside another backup tool in Python."""
    yield Row(
        name="start-help",
        title="drcheck --help",
        bound="starting Python, and importing click",
        commands={
            DRCHECK: Command(["drcheck", "--help"], verify=lambda said: "verify" in said),
            _PYTHON: Command([sys.executable, "-c", "pass"]),
            _BORGMATIC: Command(["borgmatic", "--help"]),
        },
        goals=(AtMost(_PYTHON, 6), AtMost(_BORGMATIC, 0.2)),
    )
