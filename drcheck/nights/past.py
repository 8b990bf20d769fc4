"""The past of one assessment, out of what a store remembers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from drcheck.model import Assessment, FindingKey, Interval, Night, Past


def past_of(assessment: Assessment, nights: Collection[Night], intervals: Iterable[Interval]) -> Past:
    """
    What the nights before say beside `assessment`, whether or not it is recorded itself.

    Args:
        nights: the organisation's, in any order.
        intervals: the organisation's, in the order in which they began.
    """
    before = _before(assessment, nights)
    moment = assessment.run.reference
    keys = [(finding.policy, finding.control, finding.subject) for finding in assessment.findings]
    if not before:
        return Past(since=dict.fromkeys(keys, moment))
    place = {night.number: index for index, night in enumerate(before)}
    last = before[-1].number
    lines: dict[FindingKey, list[Interval]] = {}
    for interval in intervals:
        if interval.first <= last:
            lines.setdefault(interval.key, []).append(interval)
    then = {key: found[-1] for key, found in lines.items() if found[-1].last >= last}
    since = {}
    for key, finding in zip(keys, assessment.findings, strict=True):
        earlier = then.get(key)
        since[key] = _begun(lines[key], place) if earlier is not None and earlier.outcome is finding.outcome else moment
    return Past(tuple(before), then, since)


def _before(assessment: Assessment, nights: Collection[Night]) -> list[Night]:
    own = next((night.number for night in nights if night.run == assessment.run.id), None)
    moment = assessment.run.reference
    earlier = (night for night in nights if not night.as_of and (night.reference <= moment if own is None else night.number < own))
    return sorted(earlier, key=lambda night: night.number)


def _begun(line: list[Interval], place: dict[int, int]) -> datetime:
    """Since when the last outcome of a line of intervals lasts: a new waiver or severity begins an interval, and not an outcome."""
    begun = line[-1]
    for earlier in reversed(line[:-1]):
        if earlier.outcome is not begun.outcome or place[earlier.last] + 1 != place[begun.first]:
            break
        begun = earlier
    return begun.since
