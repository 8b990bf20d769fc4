"""The command line run inside this process: as `tests.cli.runs`, without the time that a start takes."""

from __future__ import annotations

import contextlib
import io
import logging
import signal
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
    package = logging.getLogger("drcheck")
    before = package.handlers, package.propagate, package.level, signal.getsignal(signal.SIGTERM)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(map(str, arguments)))
    # A command sets these for its whole process, which here is that of every other test.
    package.handlers, package.propagate, level, stop = before
    package.setLevel(level)
    signal.signal(signal.SIGTERM, stop)
    return Ended(code, *(each.buffer.getvalue().decode() for each in (out, err)))
