"""The command line run inside this process: as `tests.cli.runs`, without the time that a start takes."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from drcheck.cli.main import main


@dataclass(frozen=True)
class Ended:
    """What a run came to."""

    returncode: int
    stdout: str
    stderr: str


def drcheck(*arguments: str | Path, cwd: Path) -> Ended:
    """Run the command line in `cwd` with these arguments."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(map(str, arguments)))
    return Ended(code, *(each.buffer.getvalue().decode() for each in (out, err)))
