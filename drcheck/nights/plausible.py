"""Whether a clock can be believed beside the nights that were recorded: what is thrown away by its age must not go because a clock is wrong. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from drcheck.clock import format_duration, format_moment
from drcheck.model import Night, printable
from drcheck.nights.gaps import EVERY, ahead

_TIMES = 10
"""How many times longer than usual there may be no night."""
_LEAST = timedelta(days=14)
"""There may be none for so long, however often there usually is one."""
_SELDOM = timedelta(days=92)
"""What counts as usual at the most: a clock that leapt by decades between two nights does not make decades usual."""
_ENOUGH = 7
"""After so many nights of one organisation a leap of the clock is taken for a long pause."""


def clock_trouble(nights: Collection[Night], now: datetime) -> str:
    """
    Why `now` is not to be believed, in words; empty where nothing speaks against it.

    A clock that is behind shows by a night that is dated after it. One that is ahead shows by a time without a night that is more than ten times as
    long as is usual: until now, or up to a few nights ago, for those may have been recorded by the same clock.

    Args:
        nights: all that the store has, in any order; those as of another moment too, since their start is told by the clock.
    """
    future = [night for night in nights if ahead(night, now)]
    if future:
        last = max(future, key=lambda night: night.started)
        night = f"the night {printable(last.run)} of {printable(last.organisation)}"
        return f"it is {format_moment(now)}, and {night} is dated {format_moment(last.started)}"
    longest = _longest(nights)
    for leap, before in _leaps(sorted(nights, key=lambda night: night.number), now):
        if leap > longest:
            return (
                f"it is {format_moment(now)}, and for {format_duration(leap)} after the night {printable(before.run)} of"
                f" {format_moment(before.started)} none was recorded, where a pause of {format_duration(longest)} is the longest to be believed"
            )
    return ""


def _longest(nights: Collection[Night]) -> timedelta:
    """How long a pause may be: the organisation with the most frequent nights counts, for a pause is one of the whole store."""
    organisations = {night.organisation for night in nights}
    usual = [_usual([night.started for night in nights if night.organisation == organisation]) for organisation in organisations]
    return max(_LEAST, _TIMES * min(*usual, _SELDOM)) if usual else _LEAST


def _usual(moments: Sequence[datetime]) -> timedelta:
    """How far apart an organisation's nights usually are: the median, which a few leaps do not move."""
    lengths = sorted(later - earlier for earlier, later in pairwise(sorted(moments)))
    return lengths[(len(lengths) - 1) // 2] if lengths else EVERY


def _leaps(nights: Sequence[Night], now: datetime) -> Iterator[tuple[timedelta, Night]]:
    """Each pause and the night before it, the newest first, up to where enough nights have been recorded since."""
    since: Counter[str] = Counter()
    later = now
    for night in reversed(nights):
        yield later - max(night.started, night.finished), night
        since[night.organisation] += 1
        if since[night.organisation] >= _ENOUGH:
            return
        later = night.started
