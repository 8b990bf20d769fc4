"""Where reports go: to stdout, or whole into a file."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from drcheck.files import write_whole

_WIDTH_WITHOUT_A_TERMINAL = 120


def deliver(text: str, output: Path | None) -> None:
    """
    Print the report, or write it to `output`: beside it, then renamed.

    Raises:
        OutputError: the file could not be written.
    """
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_whole(output, text.encode("utf-8", "backslashreplace"))


def terminal_style(output: Path | None = None) -> tuple[bool, int]:
    """Whether to colour what goes to `output` (only a terminal's stdout, and not with NO_COLOR), and how many columns it has."""
    if output is not None or not sys.stdout.isatty():
        return False, _WIDTH_WITHOUT_A_TERMINAL
    return "NO_COLOR" not in os.environ, shutil.get_terminal_size((_WIDTH_WITHOUT_A_TERMINAL, 24)).columns
