"""
Counting copies in three values: a copy counts, does not count, or may count.

Enough that count is a pass; too few even if every doubtful one counted is a failure; anything between is unknown, naming the doubtful ones. So a
missing fact can make a pass unknown, and never the other way round.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import partial
from operator import attrgetter

from drcheck.checks.base import Verdict, listed, moment, used
from drcheck.checks.seen import CopySeen
from drcheck.model import Depth, FactUsed, Outcome, Points, PointState, Source, Unobserved, number_of, printable


class Counts(IntEnum):
    """Whether one copy counts, in the order in which a conjunction takes the lowest."""

    NO = 0
    PERHAPS = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Tally:
    """Whether one copy counts, and why."""

    name: str
    counts: Counts
    why: str
    """Why it does not count or only may; empty where it counts and nothing is to be said."""
    facts: tuple[FactUsed, ...]

    @property
    def weakest(self) -> Source:
        """The weakest source that this tally rests on."""
        return Source.weakest(fact.source for fact in self.facts if fact.source is not None) or Source.DECLARED


def both(first: Tally, second: Tally) -> Tally:
    """The conjunction: as doubtful as its more doubtful part, with the reason of that part."""
    if first.counts is not second.counts:
        lower = min(first, second, key=_counts)
        return Tally(first.name, lower.counts, lower.why, first.facts + second.facts)
    return Tally(first.name, first.counts, _reasons(first, second), first.facts + second.facts)


def either(first: Tally, second: Tally) -> Tally:
    """The alternative: the better part with its own facts; where neither counts, both reasons."""
    if Counts.YES in (first.counts, second.counts):
        good = [tally for tally in (first, second) if tally.counts is Counts.YES]
        return min(good, key=_strength)
    return Tally(first.name, max(first.counts, second.counts), _reasons(first, second), first.facts + second.facts)


_counts = attrgetter("counts")


def _reasons(first: Tally, second: Tally) -> str:
    if first.why and second.why and first.why != second.why:
        return f"{first.why}; {second.why}"
    return first.why or second.why


def held(copy: CopySeen, now: datetime) -> Tally:
    """
    Whether the copy holds a recovery point that can be restored: finished, and not from the future.

    A target that is declared offline and does not answer leaves its copy doubtful: a declaration does not show that something is on it.
    """
    return copy.once((_held, now), lambda: _held(copy, now))


def _held(copy: CopySeen, now: datetime) -> Tally:
    name = f"points of {copy.copy.id}"
    if isinstance(copy.points, Unobserved):
        return Tally(copy.name, Counts.PERHAPS, copy.missing(copy.points), (used(name, copy.points),))
    points = copy.points.value
    newest = points.newest_usable(now)
    fact = used(name, copy.points, points_words(points, now))
    if newest is not None:
        return Tally(copy.name, Counts.YES, "", (fact,))
    return Tally(copy.name, Counts.NO, nothing_usable(points), (fact,))


def points_words(points: Points, now: datetime) -> str:
    """What a copy holds, in one line."""
    newest = points.newest_usable(now)
    if newest is None:
        return nothing_usable(points)
    how = ", dated by when it was last modified" if newest.time_from == "modified" else ""
    return f"{number_of(points.total, 'recovery point')}, newest usable {printable(newest.id)} of {moment(newest.time)}{how}"


def nothing_usable(points: Points) -> str:
    """Why a copy without a usable recovery point has none, in words."""
    if not points.total and not points.future:
        if points.unrecognised:
            example = printable(points.unrecognised_sample[0]) if points.unrecognised_sample else "not named"
            return f"no recovery point: {number_of(points.unrecognised, 'object')} there, and none named as the format says (such as {example})"
        return "nothing there"
    states = [f"{count} {state}" for state, count in points.by_state if count and state is not PointState.FINISHED]
    return f"no usable recovery point ({', '.join(states) or 'every one is dated after now'})"


def once_per_place(copies: Sequence[CopySeen], tallies: Sequence[Tally]) -> tuple[list[Tally], list[str]]:
    """
    One tally a place, the best one, and in words what was left out.

    Two targets that are declared with the same connector and options are one place under two names, and a copy at the same path of both is one.
    """
    best: dict[str, Tally] = {}
    repeated = []
    for copy, tally in zip(copies, tallies, strict=True):
        place = copy.once(_place, partial(_place, copy))
        first = best.get(place)
        if first is not None:
            repeated.append(f"{tally.name} is the same place as {first.name} and counts once with it")
        if first is None or tally.counts > first.counts:
            best[place] = tally
    return list(best.values()), repeated


def _place(copy: CopySeen) -> str:
    target = copy.place.target
    return json.dumps([target.connector, target.options, copy.copy.path], sort_keys=True, default=str)


def verdict(
    tallies: Sequence[Tally],
    minimum: int,
    one: str,
    many: str,
    *,
    besides: Sequence[str] = (),
    production: Tally | None = None,
    depth: Depth = Depth.LISTED,
) -> Verdict:
    """
    The verdict of "at least `minimum` copies count".

    `one` and `many` say what is counted, `besides` adds sentences, and `production`, where given, is counted too.
    """
    everything = [*([production] if production else []), *tallies]
    sure = [tally for tally in everything if tally.counts is Counts.YES]
    doubtful = [tally for tally in everything if tally.counts is Counts.PERHAPS]
    refused = [tally for tally in everything if tally.counts is Counts.NO]
    outcome = three_valued(len(sure), len(sure) + len(doubtful), minimum)
    parts = [number_of(len(sure), one, many) + (f" ({listed([tally.name for tally in sure])})" if sure else "") + f", at least {minimum} wanted"]
    if doubtful:
        parts.append(f"not known: {explained(doubtful)}")
    if refused:
        parts.append(f"not counted: {explained(refused)}")
    parts.extend(besides)
    facts = [fact for tally in _grounds(outcome, sure, minimum, everything) for fact in tally.facts]
    return Verdict(outcome, "; ".join(parts), tuple(dict.fromkeys(facts)), depth if sure or refused else Depth.NONE)


def three_valued(confirmed: int, possible: int, minimum: int) -> Outcome:
    """Pass where enough are confirmed, fail where even all possible ones are too few, else unknown."""
    if confirmed >= minimum:
        return Outcome.PASS
    return Outcome.FAIL if possible < minimum else Outcome.UNKNOWN


def _grounds(outcome: Outcome, sure: list[Tally], minimum: int, everything: list[Tally]) -> list[Tally]:
    """A pass rests on the best-known `minimum` copies; anything else on all of them."""
    return sorted(sure, key=_strength)[:minimum] if outcome is Outcome.PASS else everything


def _strength(tally: Tally) -> int:
    return tally.weakest.weakness


def explained(tallies: Sequence[Tally]) -> str:
    """Copies with why they do not count or only may, those with the same reason together."""
    names: dict[str, list[str]] = {}
    for tally in tallies:
        names.setdefault(tally.why, []).append(tally.name)
    return listed([(" and ".join(same) if len(same) == 2 else listed(same)) + (f" ({why})" if why else "") for why, same in names.items()])
