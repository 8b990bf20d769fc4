"""How findings stood on one night, and since when: read off the intervals that stay when papers are pruned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from drcheck.errors import ConfigError
from drcheck.model import Assessment, FindingKey, Interval, Night, Outcome, Severity, Waiver, printable

UNSURE = frozenset({Outcome.UNKNOWN, Outcome.ERROR})
"""Outcomes that say nothing of the subject."""
BAD = UNSURE | {Outcome.FAIL}
"""Outcomes that need somebody, unless waived."""


@dataclass(frozen=True, slots=True)
class Stood:
    """The interval that a finding was in on one night."""

    interval: Interval
    since: datetime
    """Since which night's reference time it had this outcome without a break; a new waiver or severity is none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one finding stood on one night."""

    outcome: Outcome
    severity: Severity
    waived: bool
    since: datetime
    """Since which night's reference time it has had this outcome without a break."""
    message: str = ""
    """What was found; empty where the night's record is gone."""
    waiver: Waiver | None = None
    """Who accepted it; None where nobody did, or the night's record is gone."""

    @property
    def open(self) -> bool:
        """Whether it needs somebody: it is no pass, and nobody accepted that."""
        return self.outcome in BAD and not self.waived


def own_moment(nights: Iterable[Night]) -> list[Night]:
    """The nights that were not judged as of another moment, in the order in which they were recorded."""
    return sorted((night for night in nights if not night.as_of), key=lambda night: night.number)


def up_to(moment: datetime, nights: list[Night]) -> list[Night]:
    """
    The nights of `own_moment` up to the last whose reference time is not after `moment`.

    In the order of recording, so that a clock which once went ahead leaves no hole among them.
    """
    last = max((night.number for night in nights if night.reference <= moment), default=0)
    return [night for night in nights if night.number <= last]


def stood_on(number: int, numbers: Sequence[int], intervals: Iterable[Interval]) -> dict[FindingKey, Stood]:
    """
    The findings of the night with this number.

    Args:
        numbers: those of the organisation's nights of their own moments up to that one, ascending.
        intervals: the organisation's, in the order in which they began.
    """
    place = {each: index for index, each in enumerate(numbers)}
    lines: dict[FindingKey, list[Interval]] = {}
    for interval in intervals:
        if interval.first <= number:
            lines.setdefault(interval.key, []).append(interval)
    return {key: Stood(line[-1], _begun(line, place)) for key, line in lines.items() if line[-1].last >= number}


def _begun(line: list[Interval], place: dict[int, int]) -> datetime:
    """Since when the last outcome of a line of intervals lasts."""
    begun = line[-1]
    for earlier in reversed(line[:-1]):
        if earlier.outcome is not begun.outcome or place[earlier.last] + 1 != place[begun.first]:
            break
        begun = earlier
    return begun.since


def standings(night: Night, nights: Collection[Night], intervals: Collection[Interval], assessment: Assessment | None) -> dict[FindingKey, Standing]:
    """
    How every finding of a night stood.

    Args:
        nights: the organisation's, in any order.
        intervals: the organisation's, in the order in which they began.
        assessment: what the night's record holds; None where it was pruned, and messages and the terms of waivers with it.

    Raises:
        ConfigError: it was judged as of another moment, so that it is in no interval, and its record is gone.
    """
    if night.as_of:
        return _as_of(night, up_to(night.reference, own_moment(nights)), intervals, assessment)
    numbers = [each.number for each in own_moment(nights) if each.number <= night.number]
    told = {} if assessment is None else {(one.policy, one.control, one.subject): one for one in assessment.findings}
    found = {}
    for key, stood in stood_on(night.number, numbers, intervals).items():
        interval, finding = stood.interval, told.get(key)
        message, waiver = ("", None) if finding is None else (finding.message, finding.waiver)
        found[key] = Standing(interval.outcome, interval.severity, interval.waived, stood.since, message, waiver)
    return found


def _as_of(night: Night, earlier: list[Night], intervals: Collection[Interval], assessment: Assessment | None) -> dict[FindingKey, Standing]:
    if assessment is None:
        raise ConfigError(
            f"the run {printable(night.run)} was judged as of another moment and its papers were pruned: nothing of its findings is left"
        )
    before = stood_on(earlier[-1].number, [each.number for each in earlier], intervals) if earlier else {}
    found = {}
    for finding in assessment.findings:
        key = (finding.policy, finding.control, finding.subject)
        stood = before.get(key)
        since = stood.since if stood is not None and stood.interval.outcome is finding.outcome else night.reference
        found[key] = Standing(finding.outcome, finding.severity, finding.waived, since, finding.message, finding.waiver)
    return found
