"""The past of one assessment, out of what a store remembers."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from drcheck.model import Assessment, Interval, Night, Past
from drcheck.nights.standing import own_moment, stood_on, up_to


def past_of(assessment: Assessment, nights: Collection[Night], intervals: Iterable[Interval]) -> Past:
    """
    What the nights before say beside `assessment`, whether or not it is recorded itself.

    Before it are the nights that were recorded before it: all of them where it is not recorded yet. One that is judged as of another moment comes
    after the nights up to that moment instead.

    Args:
        nights: the organisation's, in any order.
        intervals: the organisation's, in the order in which they began.
    """
    before = _before(assessment, own_moment(nights))
    moment = assessment.run.reference
    keys = [(finding.policy, finding.control, finding.subject) for finding in assessment.findings]
    if not before:
        return Past(since=dict.fromkeys(keys, moment))
    stood = stood_on(before[-1].number, [night.number for night in before], intervals)
    since = {}
    for key, finding in zip(keys, assessment.findings, strict=True):
        earlier = stood.get(key)
        since[key] = earlier.since if earlier is not None and earlier.interval.outcome is finding.outcome else moment
    return Past(tuple(before), {key: found.interval for key, found in stood.items()}, since)


def _before(assessment: Assessment, nights: list[Night]) -> list[Night]:
    if assessment.run.as_of:
        return up_to(assessment.run.reference, nights)
    own = next((night.number for night in nights if night.run == assessment.run.id), None)
    return [night for night in nights if own is None or night.number < own]
