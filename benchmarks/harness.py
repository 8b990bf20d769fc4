"""
The harness: rows of work, each done by drcheck and by named peers in turn.

A benchmark is a module beside this one with a function

    def rows(folder: Path, quick: bool) -> Iterator[Row]: ...

which yields one `Row` after the other and goes on when it was measured or passed over: a server that rows need is started before their `yield`
and ended after it (`try`/`finally`, or a `with` around the `yield`). What only one row needs is made by its `prepare`, below `folder`, which is
removed at the end. `python -m benchmarks` finds the module by itself. A row names its commands by who does the work; `DRCHECK` is ours, and every
goal is against one of the others, or against a limit of its own:

    Row(
        name="local-small",
        title="100,000 × 4 KiB with a manifest",
        bytes=100_000 * 4096,
        objects=100_000,
        bound="opening files: system calls",
        commands={DRCHECK: Command([...]), "rclone checksum": Command([...])},
        goals=(AtLeast("rclone checksum", 4.0), Peak(64)),
    )

A peer whose program is not installed is named as skipped; so are goals against it. Each command is a process of its own: its whole run is timed,
with start-up, or, with `rate`, what it says itself. Its peak memory is that of its largest process. Commands run in turn, `runs` times, after one
run each that does not count (it warms the page cache); ratios are medians of the ratios within one turn, so what else the machine does
meanwhile costs both sides alike. Absolute figures mean little; ratios are the result.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DRCHECK = "drcheck"
ROOT = Path(__file__).parent.parent
_PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
"""Programs that are installed with Python packages are found beside Python."""
_LAUNCH = Path(__file__).with_name("launch.py")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shown(number: float) -> str:
    """A number to three digits, thousands apart."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


class Failed(Exception):
    """A command ended otherwise than it should have, so its time means nothing."""


@dataclass(frozen=True)
class Command:
    """How one of those compared does the work."""

    argv: Sequence[str]
    """Program and arguments; a pipe is `["sh", "-c", "..."]` with `needs`."""
    needs: tuple[str, ...] = ()
    """Further programs without which it is skipped; those within a `sh -c`."""
    folder: Path = ROOT
    """Where it is run."""
    stdin: Path = Path(os.devnull)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to ours."""
    exits: frozenset[int] = frozenset({0})
    """Exit codes that mean that the work was done."""
    share: float = 1.0
    """Which part of the row's work it does: below 1 for a peer that is slow enough to be measured on less."""
    rate: Callable[[str], float] | None = None
    """What it says of its speed, in bytes a second, from its standard output; None where its run is timed."""
    seconds: Callable[[str], float] | None = None
    """What it says that its work took, from its standard output, where a part of its run is timed."""
    verify: Callable[[str], bool] | None = None
    """Whether its standard output shows that all of the work was done."""
    before: Callable[[], object] | None = None
    """Called before each run, outside the time."""

    def missing(self) -> str:
        """The first program that it needs and that is not installed; empty where all are."""
        return next((program for program in (self.argv[0], *self.needs) if shutil.which(program, path=_PATH) is None), "")


@dataclass(frozen=True)
class AtLeast:
    """drcheck is at least `times` as fast as `peer`."""

    peer: str
    times: float


@dataclass(frozen=True)
class AtMost:
    """drcheck takes at most `times` as long as `peer`."""

    peer: str
    times: float


@dataclass(frozen=True)
class Peak:
    """No process of drcheck has more than `mib` MiB."""

    mib: float


@dataclass(frozen=True)
class PeakAtMost:
    """No process of drcheck has more than `times` the memory that the largest of `peer` has."""

    peer: str
    times: float


@dataclass(frozen=True)
class Within:
    """drcheck takes at most so many seconds: for what somebody waits for."""

    seconds: float


@dataclass(frozen=True)
class Growth:
    """The time grows at most with this power of the size, from `part` to the whole row, which is `times` as large."""

    part: str
    times: float
    power: float


Goal = AtLeast | AtMost | Peak | PeakAtMost | Within | Growth


@dataclass(frozen=True)
class Row:
    """One piece of work and all who do it."""

    name: str
    title: str
    commands: Mapping[str, Command | Sequence[str]]
    bytes: int = 0
    objects: int = 0
    bound: str = ""
    """What bounds it, in words."""
    goals: tuple[Goal, ...] = ()
    runs: int | None = None
    """How often each is run; None for as often as the whole benchmark says."""
    prepare: Callable[[], object] | None = None
    """Makes what the row needs; called once, only where it is measured."""


@dataclass(frozen=True)
class Run:
    """One run of one command."""

    seconds: float
    """For the whole work: where a command does a part of it, its time is stretched."""
    processor: float
    """Processor seconds, of all its processes; they tell the work apart from what else the machine does meanwhile."""
    cores: float
    """How many cores it kept busy."""
    peak: int
    """KiB, of its largest process."""


@dataclass(frozen=True)
class Measured:
    """All counted runs of one command."""

    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest and the slowest, in seconds."""
        return min(run.seconds for run in self.runs), max(run.seconds for run in self.runs)

    @property
    def processor(self) -> float:
        """The median of the processor seconds."""
        return statistics.median(run.processor for run in self.runs)

    @property
    def cores(self) -> float:
        """The median of how many cores were busy."""
        return statistics.median(run.cores for run in self.runs)

    @property
    def peak(self) -> float:
        """MiB, the most of all runs."""
        return max(run.peak for run in self.runs) / 1024

    def times_as_fast_as(self, other: Measured) -> float:
        """The median of the ratios, each within one turn."""
        return statistics.median(theirs.seconds / ours.seconds for ours, theirs in zip(self.runs, other.runs, strict=True))


def run(command: Command, size: int = 0) -> Run:
    """
    Run a command once. `size` is the work in bytes, for one that says its own rate.

    Raises:
        Failed: it ended otherwise than it should have.
    """
    if command.before is not None:
        command.before()
    with tempfile.TemporaryDirectory(prefix="drcheck-bench-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(command.stdin), str(out), str(err), str(command.folder), *command.argv]
        # What is installed has its bytecode; nobody's Python compiles its modules at each start.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(launch, check=True, capture_output=True, text=True, env={**inherited, "PATH": _PATH, **command.environment})
        wall, processor, peak, code = json.loads(done.stdout)
        said = out.read_text(errors="replace")
        if code not in command.exits or (command.verify is not None and not command.verify(said)):
            tail = (err.read_text(errors="replace") or said)[-1_000:]
            raise Failed(f"{' '.join(command.argv)[:200]} ended with {code}: {tail}")
        took = wall if command.seconds is None else command.seconds(said)
        seconds = took / command.share if command.rate is None else size / command.rate(said)
        return Run(seconds, processor / command.share, processor / wall, peak)


def measure(commands: Mapping[str, Command | Sequence[str]], runs: int, size: int = 0, *, warm: bool = True) -> dict[str, Measured]:
    """What each of the commands took, run in turn `runs` times, with `warm` after one run each that does not count. All must be installed."""
    ready = {name: command if isinstance(command, Command) else Command(command) for name, command in commands.items()}
    found: dict[str, list[Run]] = {name: [] for name in ready}
    for turn in range(0 if warm else 1, runs + 1):
        names = list(ready)
        shift = turn % len(names)  # nobody always comes after the same other
        for name in (*names[shift:], *names[:shift]):
            done = run(ready[name], size)
            if turn:
                found[name].append(done)
    return {name: Measured(tuple(each)) for name, each in found.items()}


@dataclass(frozen=True)
class Outcome:
    """One row measured."""

    row: Row
    measured: Mapping[str, Measured]
    skipped: Mapping[str, str]
    """Who was left out, and the program that is not installed."""

    def ratio(self, peer: str) -> float:
        """How many times as fast as `peer` drcheck is."""
        return self.measured[DRCHECK].times_as_fast_as(self.measured[peer])

    def peaks(self, peer: str) -> float:
        """How many times the peak memory of `peer` drcheck has."""
        return self.measured[DRCHECK].peak / self.measured[peer].peak

    def power(self, goal: Growth) -> float:
        """The power of the size with which the time grows; the times of a part are stretched to the whole."""
        return 1 + math.log(1 / self.ratio(goal.part), goal.times)

    def held(self, goal: Goal) -> bool | None:
        """Whether a goal holds; None where its peer was skipped."""
        if isinstance(goal, Peak):
            return self.measured[DRCHECK].peak <= goal.mib
        if isinstance(goal, Within):
            return self.measured[DRCHECK].seconds <= goal.seconds
        if isinstance(goal, Growth):
            return self.power(goal) <= goal.power
        if goal.peer in self.skipped:
            return None
        if isinstance(goal, PeakAtMost):
            return self.peaks(goal.peer) <= goal.times
        return self.ratio(goal.peer) >= goal.times if isinstance(goal, AtLeast) else 1 / self.ratio(goal.peer) <= goal.times


def outcome(row: Row, runs: int, *, warm: bool = True) -> Outcome:
    """The row prepared and measured (see `measure`), without the peers that are not installed."""
    if row.prepare is not None:
        row.prepare()
    commands = {name: command if isinstance(command, Command) else Command(command) for name, command in row.commands.items()}
    skipped = {name: missing for name, command in commands.items() if (missing := command.missing())}
    there = {name: each for name, each in commands.items() if name not in skipped}
    return Outcome(row, measure(there, row.runs or runs, row.bytes, warm=warm), skipped)
