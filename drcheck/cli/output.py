"""Where reports go: to stdout, or whole into a file. UTF-8 everywhere but on a terminal that cannot show it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from drcheck.errors import OutputError
from drcheck.files import write_streamed

WIDTH_WITHOUT_A_TERMINAL = 120
_NARROWEST = 60
_IN_ASCII = {"…": "~", "→": ">", "·": "-", "×": "x", **dict(zip("▁▂▃▄▅▆▇█", "_.,:=+*#", strict=True))}
"""What the reports' own marks become on a terminal that lacks them; of the same width, for columns depend on it."""


def deliver(report: str | bytes | Iterator[str], output: Path | None) -> None:
    """
    Print the report, or write it to `output`: beside it, then renamed. One in parts is never held as a whole.

    Raises:
        OutputError: it could not be written, or is no text and would go to a terminal.
        BrokenPipeError: whoever read stdout has gone.
    """
    parts: Iterable[str | bytes] = (report,) if isinstance(report, str | bytes) else report
    if output is not None:
        write_streamed(output, (part if isinstance(part, bytes) else part.encode("utf-8", "backslashreplace") for part in parts))
        return
    if isinstance(report, bytes) and sys.stdout.isatty():
        raise OutputError("this report is no text; name a file for it with --output")
    try:
        for part in parts:
            _print(part)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the report could not be written to stdout: {error.strerror or error}") from error


def terminal_style(output: Path | None = None) -> tuple[bool, int]:
    """
    Whether to colour what goes to `output`, and how many columns it has.

    Colour is for a terminal's stdout only, and not with NO_COLOR (no-color.org: set and not empty) or a terminal that calls itself dumb.
    """
    if output is not None or not sys.stdout.isatty():
        return False, WIDTH_WITHOUT_A_TERMINAL
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return colour, max(shutil.get_terminal_size((WIDTH_WITHOUT_A_TERMINAL, 24)).columns, _NARROWEST)


def _print(report: str | bytes) -> None:
    """Write to stdout: UTF-8 whatever the locale says, except to a terminal, which understands its own encoding only."""
    stream = sys.stdout
    if isinstance(report, bytes):
        encoded = report
    else:
        encoding = stream.encoding if stream.isatty() and stream.encoding else "utf-8"
        lacking = str.maketrans({mark: plain for mark, plain in _IN_ASCII.items() if not _has(encoding, mark)})
        encoded = report.translate(lacking).encode(encoding, "backslashreplace")
    stream.flush()
    stream.buffer.write(encoded)
    stream.flush()


def _has(encoding: str, mark: str) -> bool:
    try:
        mark.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
