"""Nights that should have been and were not: absence of evidence, made visible."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from drcheck.model import SKEW, Night
from drcheck.nights.standing import own_moment

EVERY = timedelta(days=1)
"""How often drcheck is expected to run where nobody says."""
GRACE = timedelta(hours=6)
"""How much later than that a night may begin before it counts as missed."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often drcheck is expected to run."""

    every: timedelta = EVERY
    grace: timedelta = GRACE

    def missed(self, length: timedelta) -> int:
        """How many nights are missing in `length` from one to the next: the first is missed once that is more than `every` and the grace."""
        # Integers: a share of days would round.
        return max(0, -((self.grace - length) // self.every) - 1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which drcheck did not run, and should have."""

    after: Night
    """The last night before it."""
    until: Night | None
    """The first night after it; None where it goes on."""
    length: timedelta
    """From the start of the one to the start of the other; of one that goes on, from the end of the last night until now."""
    missed: int
    """How many nights are missing."""


def ahead(night: Night, now: datetime) -> bool:
    """Whether a night is dated after now, by more than clocks may differ: then its age says nothing of whether drcheck still runs."""
    return max(night.started, night.finished) > now + SKEW


def gap_before(night: Night, earlier: Night, rhythm: Rhythm) -> Gap | None:
    """The gap between a night and the one before it; None where there is none."""
    length = night.started - earlier.started
    missed = rhythm.missed(length)
    return Gap(earlier, night, length, missed) if missed else None


def gap_now(last: Night, now: datetime, rhythm: Rhythm) -> Gap | None:
    """The gap that goes on now; None where the last night is recent. It counts from that night's end: a long night is no gap while it lasts."""
    length = now - max(last.started, last.finished)
    missed = rhythm.missed(length)
    return Gap(last, None, length, missed) if missed else None


def gaps(nights: Collection[Night], rhythm: Rhythm, now: datetime | None = None) -> tuple[Gap, ...]:
    """Every gap between nights of their own moments of one organisation, and with `now` the one that goes on; the oldest first."""
    own = own_moment(nights)
    found = [gap for earlier, night in pairwise(own) if (gap := gap_before(night, earlier, rhythm))]
    if now is not None and own and (going_on := gap_now(own[-1], now, rhythm)):
        found.append(going_on)
    return tuple(found)
