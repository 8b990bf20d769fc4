"""How nights went on: counts night by night, how many ran, and how long repairs took."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from drcheck.model import EXIT_GOOD, FindingKey, Interval, Night, Outcome
from drcheck.nights.gaps import Gap, Rhythm, ahead, gaps
from drcheck.nights.standing import UNSURE, own_moment


class Ended(StrEnum):
    """How a trouble ended."""

    FIXED = "fixed"
    """It passed again."""
    EXEMPT = "no-longer-applicable"
    REMOVED = "no-longer-judged"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A finding from its first failure until it passes again. That it is unknown in between ends nothing: nobody saw it repaired."""

    key: FindingKey
    began: datetime
    """The reference time of the first night on which it failed."""
    until: datetime | None
    """That of the first night on which it no longer did; None while it goes on."""
    ended: Ended | None

    @property
    def length(self) -> timedelta | None:
        """How long it took until it was fixed, as far as nights can tell; None where it was not."""
        return self.until - self.began if self.until is not None and self.ended is Ended.FIXED else None


@dataclass(frozen=True, slots=True)
class Repairs:
    """How one control's troubles went, over all its subjects."""

    policy: str
    control: str
    fixed: int
    mean: timedelta | None
    """Of those that were fixed; None where none was."""
    longest: timedelta | None
    going_on: int
    oldest: datetime | None
    """When the oldest of those that go on began."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One organisation's nights."""

    organisation: str
    now: datetime
    since: datetime | None
    """From when on nights are told; None for all."""
    rhythm: Rhythm
    nights: tuple[Night, ...]
    """Of their own moments, the oldest first."""
    gaps: tuple[Gap, ...]
    repairs: tuple[Repairs, ...]
    """Controls that failed anywhere in this time: those with the longest mean first, then those of which nothing was fixed yet."""
    last_good: Night | None
    """The newest night, told or not, on which nothing failed and everything was determined or waived."""

    @property
    def missed(self) -> int:
        """How many nights are missing."""
        return sum(gap.missed for gap in self.gaps)

    @property
    def expected(self) -> int:
        """How many nights should have been: those that ran, several within half the rhythm counted once, and those that were missed."""
        ran, last = 0, None
        for night in self.nights:
            if last is None or night.started - last >= self.rhythm.every / 2:
                ran, last = ran + 1, night.started
        return ran + self.missed

    @property
    def ran(self) -> int:
        """How many of `expected` did."""
        return self.expected - self.missed


def trend(
    organisation: str, nights: Collection[Night], intervals: Iterable[Interval], *, now: datetime, since: datetime | None = None, rhythm: Rhythm
) -> Trend:
    """
    The organisation's nights with a reference time from `since` on, up to `now`.

    Args:
        nights: the organisation's, all of them, in any order.
        intervals: the organisation's, all of them, in the order in which they began.
    """
    own = own_moment(nights)
    shown = [night for night in own if since is None or night.reference >= since]
    # The night before the first that is told is needed to see a gap between the two, which ends in this time.
    earlier = [night for night in own if not shown or night.number < shown[0].number][-1:]
    found = gaps([*earlier, *shown], rhythm, now if own and not ahead(own[-1], now) else None)
    good = [night for night in own if night.exit_code == EXIT_GOOD]
    return Trend(
        organisation=organisation,
        now=now,
        since=since,
        rhythm=rhythm,
        nights=tuple(shown),
        gaps=tuple(gap if since is None else _within(gap, since, now, rhythm) for gap in found),
        repairs=_repairs(troubles(own, intervals), since),
        last_good=good[-1] if good else None,
    )


def _within(gap: Gap, since: datetime, now: datetime, rhythm: Rhythm) -> Gap:
    """The gap with only those of its missing nights that should have been from `since` on."""
    if gap.after.started >= since:
        return gap
    end = gap.until.started if gap.until is not None else now
    return replace(gap, missed=min(gap.missed, rhythm.missed(end - since) + 1))


def troubles(nights: list[Night], intervals: Iterable[Interval]) -> list[Trouble]:
    """
    Every trouble that was, in the order in which they began.

    Args:
        nights: all of their own moments, in the order in which they were recorded.
        intervals: all, in the order in which they began.
    """
    place = {night.number: index for index, night in enumerate(nights)}
    lines: dict[FindingKey, list[Interval]] = {}
    for interval in intervals:
        lines.setdefault(interval.key, []).append(interval)
    found = [trouble for key, line in lines.items() for trouble in _troubles(key, line, nights, place)]
    return sorted(found, key=lambda trouble: trouble.began)


def _troubles(key: FindingKey, line: list[Interval], nights: list[Night], place: dict[int, int]) -> Iterable[Trouble]:
    began: datetime | None = None
    for index, interval in enumerate(line):
        if interval.outcome is Outcome.FAIL:
            began = began or interval.since
        elif began is not None and interval.outcome not in UNSURE:
            yield Trouble(key, began, interval.since, Ended.FIXED if interval.outcome is Outcome.PASS else Ended.EXEMPT)
            began = None
        after = place[interval.last] + 1
        following = place[line[index + 1].first] if index + 1 < len(line) else len(nights)
        if began is not None and after < following:
            # It was not judged on the night after this interval.
            yield Trouble(key, began, nights[after].reference, Ended.REMOVED)
            began = None
    if began is not None:
        yield Trouble(key, began, None, None)


def _repairs(found: list[Trouble], since: datetime | None) -> tuple[Repairs, ...]:
    by_control: dict[tuple[str, str], list[Trouble]] = {}
    for trouble in found:
        if since is None or trouble.until is None or trouble.until >= since:
            by_control.setdefault(trouble.key[:2], []).append(trouble)
    return tuple(sorted((_repairs_of(control, some) for control, some in by_control.items()), key=_order))


def _repairs_of(control: tuple[str, str], some: list[Trouble]) -> Repairs:
    lengths = [trouble.length for trouble in some if trouble.length is not None]
    going_on = [trouble.began for trouble in some if trouble.until is None]
    return Repairs(
        *control,
        fixed=len(lengths),
        mean=sum(lengths, timedelta()) / len(lengths) if lengths else None,
        longest=max(lengths, default=None),
        going_on=len(going_on),
        oldest=min(going_on, default=None),
    )


def _order(repairs: Repairs) -> tuple[object, ...]:
    return repairs.mean is None, -(repairs.mean or timedelta()), repairs.policy, repairs.control
