"""
The plan: what one night reads of one copy, and what it promises for the rest.

Every object waits in one queue, by when it last had its turn: it was tried to be read or, where it never was, first seen in its present state. The
rotation serves that queue from the front, so whatever appears meanwhile, an object is read once all that waited before it were: after `1/f` nights in
which the rotation reads the share `f` of the objects, each has been read. Beside it a smaller part of the night goes at once to what failed before,
and to what is new.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from drcheck.model import Unobserved

if TYPE_CHECKING:
    from drcheck.verify.budget import Cost

INTERVAL = timedelta(days=1)
"""From one night to the next."""
OVERHEAD = 64 << 10
"""Bytes that opening an object is worth: a night of empty files is not free."""
WAVE_OBJECTS, WAVE_BYTES = 2_000, 4 << 30
"""
How much is read in key order at the most before what waited less long has its turn, where time may run out. A wave is no larger than all before it
together: so wherever the night ends, half of what was read is what waited longest, and no late name waits for ever behind early ones.
"""


class Line(Enum):
    """One of the lines in which objects wait for tonight."""

    ROTATION = "rotation"
    """All that is to be read tonight, what waited longest first."""
    SUSPECT = "suspect"
    """What could not be read, or was not what was promised, when it was last tried."""
    FRESH = "fresh"
    """What was never read in its present state, the newest first."""


SHARES: Mapping[Line, int] = {Line.ROTATION: 15, Line.SUSPECT: 2, Line.FRESH: 3}
"""What each line gets of a night that is too short for all, in twentieths; what one does not need goes to the others."""


class Lines(Protocol):
    """Where objects wait."""

    def waiting(self, line: Line) -> Iterator[tuple[str, int]]:
        """The key and size (bytes) of every object in a line, whose turn comes first first. It may be asked while others are chosen."""

    def chosen(self, key: str) -> bool:
        """Whether an object is read tonight."""

    def choose(self, key: str, wave: int) -> None:
        """Note that an object is read tonight, in this wave."""


class Purse(Protocol):
    """What may be spent tonight."""

    def take(self, size: int) -> bool:
        """Whether an object of so many bytes may still be read; its cost is then spent."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a night would read of one copy, and what that would cost."""

    copy: str
    """`system@target`."""
    night: Night | None
    """None where it cannot be told."""
    cost: Cost
    overdrawn: bool = False
    """Whether its first object alone goes beyond a budget."""
    why: Unobserved | None = None
    """Why it cannot be told."""


@dataclass(frozen=True, slots=True)
class Night:
    """What is to be read of one copy tonight, and what that means for its cycle."""

    cycle: timedelta
    objects: int
    """Objects with a promise that are there."""
    standing: int
    """Of these, those whose last reading stands."""
    due: int
    """Objects whose cycle is over, or would be before the next night."""
    suspect: int
    fresh: int
    chosen: int
    """Objects that are to be read tonight."""
    bytes: int
    """Their bytes."""
    left: int = 0
    """Due objects that are not read tonight."""
    pool: int = 0
    """Objects from which was drawn at random: none stands, and all have waited equally long."""
    drawn: int = 0
    drawn_bad: int = 0
    unread: int = 0
    """Of the pool, the objects that were not read."""
    ends: datetime | None = None
    """By when every object will have been read at this pace, UTC; None where all are, or where nothing is read."""


def choose(lines: Lines, purse: Purse, *, in_waves: bool) -> tuple[int, int]:
    """
    Choose what is read tonight until the purse is empty; how many objects, and their bytes.

    What does not fit is passed over: it stays at the front of its line, and the first object of a night fits always (see `Allowance.take`), so it is
    read once it has come to the front.
    """
    streams = {line: lines.waiting(line) for line in Line}
    served = dict.fromkeys(Line, 0.0)
    misses = dict.fromkeys(Line, 0)
    chosen = total = in_wave = wave_bytes = 0
    wave = 1
    while streams:
        line = min(streams, key=lambda each: served[each])
        key, size = next(streams[line], ("", -1))
        if size < 0:
            del streams[line]
            continue
        if lines.chosen(key):
            continue
        if not purse.take(size):
            misses[line] += 1
            if misses[line] > _MISSES:
                del streams[line]
            continue
        lines.choose(key, wave)
        served[line] += (size + OVERHEAD) / SHARES[line]
        chosen, total = chosen + 1, total + size
        in_wave, wave_bytes = in_wave + 1, wave_bytes + size
        if in_waves and (in_wave >= _within(WAVE_OBJECTS, chosen - in_wave) or wave_bytes >= _within(WAVE_BYTES, total - wave_bytes)):
            wave, in_wave, wave_bytes = wave + 1, 0, 0
    return chosen, total


def _within(most: int, before: int) -> int:
    """How large a wave is, after so much in those before it."""
    return min(most, max(1, before))


_MISSES = 1_000
"""Objects that did not fit after which a line is closed for tonight."""


def turns(objects: int, cycle: timedelta, interval: timedelta = INTERVAL) -> int:
    """How many objects a night must read for all to be read within the cycle."""
    return min(objects, math.ceil(objects * (interval / cycle))) if cycle > interval else objects


def ends(now: datetime, left_bytes: int, tonight_bytes: int, interval: timedelta = INTERVAL) -> datetime | None:
    """By when so many bytes will have been read in nights like this one; None where nothing is left, or nothing is read tonight."""
    if left_bytes <= 0 or tonight_bytes <= 0:
        return None
    return now + interval * math.ceil(left_bytes / tonight_bytes)
