"""
What `--format nagios` promises of every command that has it: whatever happens, stdout says it as a monitoring plugin does, and the exit code is 0 to
3.

A monitoring system reads nothing else. To it an exit code of 10 would be no state at all, and a message on stderr nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import click

PLUGIN = "nagios"
_OPTION = "--format"


def is_plugin(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for it. Nothing is parsed for that: the rest of it may be what is wrong."""
    wanted = ""
    for place, argument in enumerate(arguments):
        name, sign, value = argument.partition("=")
        if name == _OPTION:
            wanted = value if sign else "".join(arguments[place + 1 : place + 2])
    return wanted == PLUGIN


def give_up(wrong: str, answer: str = "") -> int:
    """
    Say as a plugin why there is no state, and return the exit code that means so.

    Args:
        wrong: what happened, its first line first.
        answer: what was found nevertheless, which is told below it.
    """
    from drcheck.reports.nagios import State, output

    summary, *more = wrong.splitlines() or ["it is not known what happened"]
    # A stdout that cannot be written to was already complained about; the exit code says the rest.
    with contextlib.suppress(OSError, ValueError):
        click.echo(output(State.UNKNOWN, summary, details=[*more, *answer.splitlines()]), nl=False)
    return State.UNKNOWN
