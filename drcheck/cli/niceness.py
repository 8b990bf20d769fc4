"""
Leaving production its part of what it shares with drcheck: a rate that reading keeps to, and a lower priority of this process.

Priorities belong to threads on Linux; threads and child processes are born with that of the thread that starts them. So `lower_priority` is called on
the main thread before anything is started, and then holds for every thread and worker process of the run.

Python can lower the priority for the processor (`os.nice`) and not the one for disks. The program ionice of util-linux, which every distribution has,
sets that: the system call behind it (ioprio_set(2)) has no function in libc and another number on each kind of machine, and psutil would be one more
dependency, compiled, for a single call.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from shutil import which
from typing import Any, TypeVar

import click

from drcheck.cli.parameters import RATE

F = TypeVar("F", bound=Callable[..., Any])

_CLASSES = {"best-effort": "2", "idle": "3"}  # ioprio_set(2)
_BEST_EFFORT = re.compile(r"best-effort:([0-7])")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class IoPriority:
    """How the kernel ranks what a process reads from disks."""

    kind: str
    """`idle`: only when nobody else reads; `best-effort`: as others, by level."""
    level: int = 0
    """From 0, first, to 7, last; of no meaning for `idle`."""

    def __str__(self) -> str:
        return self.kind if self.kind == "idle" else f"{self.kind}:{self.level}"


class IoPriorityType(click.ParamType):  # type: ignore[type-arg] # generic only since click 8.4
    """`idle`, or `best-effort:0` to `best-effort:7`."""

    name = "ionice"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IoPriority:
        if isinstance(value, IoPriority):
            return value
        if value == "idle":
            return IoPriority("idle")
        found = _BEST_EFFORT.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is not an I/O priority; write idle, or best-effort:0 (first) to best-effort:7 (last)", param, ctx)
        return IoPriority("best-effort", int(found[1]))


def sparing_options(command: F) -> F:
    """`--max-rate RATE`, `--nice N` and `--ionice PRIORITY`, given to the command as `max_rate` (bytes a second), `nice` and `ionice`."""
    for option in (
        click.option(
            "--ionice",
            type=IoPriorityType(),
            metavar="PRIORITY",
            help="Let others read from disks first: idle, or best-effort:0 to 7. Linux; for schedulers that know priorities, such as BFQ.",
        ),
        click.option("--nice", type=click.IntRange(1, 19), metavar="N", help="Let others have the processor first; with 19, all others."),
        click.option("--max-rate", type=RATE, metavar="RATE", help="Read at most so fast, all targets together, such as 50MiB/s or 400Mbit/s."),
    ):
        command = option(command)
    return command


def lower_priority(nice: int | None, ionice: IoPriority | None) -> None:
    """
    Give this process, and every thread and process that it starts from now on, a lower priority; None leaves it as it is.

    Args:
        nice: added to the niceness that the process has; it ends at 19.

    Raises:
        click.UsageError: this system cannot; the text names the option.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a priority that a thread sets for itself is not that of the process")
    if nice is not None:
        if not hasattr(os, "nice"):
            raise click.UsageError("--nice: this system has no niceness; leave the option out and start drcheck with a lower priority")
        os.nice(nice)
    if ionice is not None:
        _set_io_priority(ionice)


def _set_io_priority(wanted: IoPriority) -> None:
    program = which("ionice")
    if program is None:
        raise click.UsageError("--ionice: this system has no program ionice (on Linux it comes with util-linux); install it, or leave the option out")
    command = [program, "-c", _CLASSES[wanted.kind], "-p", str(os.getpid())]
    if wanted.kind != "idle":
        command[3:3] = ["-n", str(wanted.level)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise click.UsageError(f"--ionice {wanted}: {program} could not be run: {error}") from error
    if done.returncode:
        raise click.UsageError(f"--ionice {wanted}: refused by this system: {done.stderr.strip() or f'{program} ended with {done.returncode}'}")
