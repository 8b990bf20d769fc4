"""What was measured, in words and tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable

from tabulate import tabulate

from benchmarks.harness import DRCHECK, AtMost, Goal, Growth, Outcome, Peak, PeakAtMost, Within, cores, shown


def table(found: Outcome) -> str:
    """One row of work: everybody's time, rate and peak, and how many times as fast drcheck is."""
    row = found.row
    lines = []
    for name, measured in sorted(found.measured.items(), key=lambda each: each[1].seconds):
        low, high = measured.spread
        lines.append(
            [
                name,
                "" if name == DRCHECK else f"{found.ratio(name):.2f}",
                f"{measured.seconds:.3f}",
                f"{low:.2f} to {high:.2f}",
                shown(row.bytes / measured.seconds / 1e6) if row.bytes else "",
                shown(row.objects / measured.seconds) if row.objects else "",
                f"{measured.processor:.2f}",
                f"{measured.peak:.0f}",
            ]
        )
    headers = ["", "drcheck is × as fast", "s (median)", "s (all)", "MB/s", "objects/s", "CPU s", "peak MiB"]
    text = [f"{row.name}: {row.title}", tabulate(lines, headers, disable_numparse=True, colalign=["left"] + ["right"] * 7)]
    if row.bound:
        text.append(f"bound: {row.bound}; {found.measured[DRCHECK].cores:.1f} of {cores()} cores busy")
    text += [f"skipped: {name} ({program} is not installed)" for name, program in found.skipped.items()]
    return "\n".join(text)


def machine() -> str:
    """What this runs on, and how busy that is already."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{cores()} cores, Python {platform.python_version()}, {platform.system()}; load average before it begins: {load}"


def goals(outcomes: Iterable[Outcome], *, judged: bool) -> str:
    """Every goal of every row, what was reached, and whether it holds, unless that is not to be judged."""
    lines = [
        [found.row.name, *_wanted(goal, found), _word(found.held(goal)) if judged else "not judged"] for found in outcomes for goal in found.row.goals
    ]
    return tabulate(lines, ["row", "goal", "reached", "holds"], disable_numparse=True)


def _wanted(goal: Goal, found: Outcome) -> tuple[str, str]:
    if isinstance(goal, Peak):
        return f"at most {goal.mib:g} MiB a process", f"{found.measured[DRCHECK].peak:.0f} MiB"
    if isinstance(goal, Within):
        return f"within {goal.seconds:g} s", f"{found.measured[DRCHECK].seconds:.1f} s"
    if isinstance(goal, Growth):
        return f"time grows with the size to the power of {goal.power:g} at most, from {goal.part} on", f"{found.power(goal):.2f}"
    skipped = goal.peer in found.skipped
    if isinstance(goal, PeakAtMost):
        return f"at most {goal.times:g} × the memory of {goal.peer}", "" if skipped else f"{found.peaks(goal.peer):.2f} ×"
    if isinstance(goal, AtMost):
        return f"at most {goal.times:g} × the time of {goal.peer}", "" if skipped else f"{1 / found.ratio(goal.peer):.2f} ×"
    return f"at least {goal.times:g} × as fast as {goal.peer}", "" if skipped else f"{found.ratio(goal.peer):.2f} ×"


def _word(held: bool | None) -> str:
    return "skipped" if held is None else "yes" if held else "NO"
