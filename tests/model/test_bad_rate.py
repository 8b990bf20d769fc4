"""How much may be bad beside what was read: sure where nothing was drawn, statistical where it was, and never better for knowing less."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drcheck.model import Depth, ObjectResult, Rotation, Verification
from drcheck.model.bounds import MOST_DRAWN, bad_rate, percent_at_least, percent_at_most, upper_bound

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
CYCLE = timedelta(days=30)
SMALL = st.integers(0, 2_000)


def night(
    standing: int, drawn: int, unread: int, *, bad_drawn: int = 0, bad_before: int = 0, other: int = 0, there: int = 0, extra: int = 0
) -> Verification:
    """
    What stands, what was drawn tonight with how many bad ones, and what of the same group was not read; besides, objects of no such group that were
    not read, those that their server hashed, and those without a promise.
    """
    verified = standing + drawn - bad_drawn
    counts = {
        ObjectResult.MATCH: verified + there,
        ObjectResult.MISMATCH: bad_drawn + bad_before,
        ObjectResult.NOT_READ: unread + other,
        ObjectResult.EXTRA: extra,
    }
    return Verification(
        counts=tuple(counts.items()),
        objects_total=sum(counts.values()),
        objects_read=drawn,
        bytes_read=drawn * 1000,
        problems=(),
        manifests=(),
        unusable_manifests=(),
        weak_only=0,
        started=NOW,
        finished=NOW,
        depth=Depth.READ,
        hashed_there=there,
        rotation=Rotation(
            cycle=CYCLE,
            verified=verified,
            oldest_read=NOW - timedelta(days=3) if verified else None,
            due=0,
            left=0,
            unverified=drawn + unread,
            drawn=drawn,
            drawn_bad=bad_drawn,
            ends=None,
            unread=unread,
        ),
    )


def rate(seen: Verification, now: datetime = NOW) -> float:
    return bad_rate(seen, now)


def turned(seen: Verification, **fields: object) -> Verification:
    assert seen.rotation is not None
    return replace(seen, rotation=replace(seen.rotation, **fields))  # type: ignore[arg-type]


def test_the_example_of_the_first_night_is_the_known_one() -> None:
    assert 0.0099 < rate(night(0, 299, 81_204 - 299)) < 0.01
    assert rate(night(40_000, 299, 40_905)) < 0.0051, "what was read before and stands is good"


@given(SMALL, SMALL, SMALL, SMALL, st.integers(0, 50), st.integers(0, 50))
def test_it_is_exact_where_everything_was_read_and_sure_where_nothing_was_drawn(
    standing: int, drawn: int, bad: int, unread: int, there: int, extra: int
) -> None:
    assume(bad <= drawn and standing + drawn)
    total = standing + drawn
    assert rate(night(standing, drawn, 0, bad_drawn=bad)) == pytest.approx(bad / total)
    sure = (bad + unread + there + extra) / (total + unread + there + extra)
    all_in_doubt = turned(night(standing, drawn, unread, bad_drawn=bad, there=there, extra=extra), drawn=0, drawn_bad=0, unverified=unread)
    assert rate(all_in_doubt) == pytest.approx(sure if standing + drawn else 1)


@given(SMALL, SMALL, SMALL, SMALL, SMALL, st.integers(0, 50), st.integers(0, 50))
def test_it_lies_between_what_is_known_bad_and_what_could_be(
    standing: int, drawn: int, bad: int, before: int, unread: int, other: int, extra: int
) -> None:
    assume(bad <= drawn)
    seen = night(standing, drawn, unread, bad_drawn=bad, bad_before=before, other=other, extra=extra)
    total = standing + drawn + before + unread + other + extra
    assume(total)
    assert (bad + before) / total - 1e-12 <= rate(seen) <= 1
    if standing + drawn:
        assert rate(seen) <= (bad + before + unread + other + extra) / total + 1e-12


@given(st.integers(1, 2_000), SMALL, st.integers(1, 2_000), SMALL, st.integers(1, 500))
def test_one_more_good_object_drawn_never_makes_it_larger(standing: int, drawn: int, unread: int, bad: int, more: int) -> None:
    assume(bad <= drawn and more <= unread)
    assert rate(night(standing, drawn + more, unread - more, bad_drawn=bad)) <= rate(night(standing, drawn, unread, bad_drawn=bad)) + 1e-12


@given(st.integers(1, 2_000), st.integers(1, 2_000), SMALL, st.integers(0, 100))
def test_what_nobody_drew_adds_nothing(standing: int, drawn: int, unread: int, others: int) -> None:
    """Objects that their server hashed, that have no promise or that belong to no group that was drawn from are all in doubt."""
    plain = rate(night(standing, drawn, unread)) * (standing + drawn + unread)
    for field in ("other", "there", "extra"):
        seen = night(standing, drawn, unread, **{field: others})
        assert rate(seen) * (standing + drawn + unread + others) == pytest.approx(plain + others)


@pytest.mark.parametrize(
    "fields",
    [
        {"verified": 0},
        {"oldest_read": None},
        {"oldest_read": NOW - CYCLE - timedelta(seconds=1)},
    ],
)
def test_what_no_longer_stands_shows_nothing(fields: dict[str, object]) -> None:
    assert rate(night(900, 100, 0)) == 0
    assert rate(turned(night(900, 100, 0), **fields)) == 1
    assert rate(night(900, 100, 0), NOW + CYCLE) == 1
    assert rate(night(900, 100, 0), NOW + CYCLE - timedelta(days=3)) == 0, "to the end of its cycle it stands"


@pytest.mark.parametrize(
    "fields",
    [
        {"drawn": 101},
        {"drawn": -1},
        {"drawn_bad": 11},
        {"drawn_bad": -1},
        {"unread": -5},
        {"unread": 0},
        {"drawn": 2 * MOST_DRAWN, "unverified": 4 * MOST_DRAWN},
    ],
)
def test_counts_that_cannot_be_show_nothing(fields: dict[str, int]) -> None:
    seen = night(10, 10, 90)
    assert rate(seen) < 0.4
    assert rate(turned(seen, **fields)) == pytest.approx(90 / 110)


def test_without_a_rotation_only_what_was_read_here_is_good() -> None:
    alone = replace(night(60, 0, 30, there=10), rotation=None)
    assert rate(alone) == pytest.approx(40 / 100)
    assert rate(replace(alone, hashed_there=0)) == pytest.approx(30 / 100)
    assert rate(replace(alone, hashed_there=70)) == 1
    assert rate(replace(alone, hashed_there=1_000)) == 1


def test_more_than_was_matched_is_not_believed() -> None:
    assert rate(turned(night(10, 0, 90), verified=100)) == pytest.approx(90 / 100)


@cache
def _bound(drawn: int, bad: int, group: int, standing: int) -> float:
    return rate(night(standing, drawn, group - drawn, bad_drawn=bad))


@pytest.mark.parametrize("drawn", [2, 10, 59, 100, 150, 190])
def test_it_holds_with_the_confidence_that_it_claims_however_many_are_bad(drawn: int) -> None:
    """By the hypergeometric distribution itself: over all draws of `drawn` of 200 objects, of which any number is bad."""
    group, standing = 200, 40
    for bad in range(group + 1):
        held = sum(
            math.comb(bad, found) * math.comb(group - bad, drawn - found)
            for found in range(max(0, drawn - group + bad), min(bad, drawn) + 1)
            if _bound(drawn, found, group, standing) >= bad / (group + standing) - 1e-12
        )
        assert held / math.comb(group, drawn) >= 0.95, f"{bad} bad"


@pytest.mark.parametrize(("group", "bad", "drawn"), [(1_000, 3, 500), (1_000, 4, 500), (5_000, 50, 299), (2_000, 400, 100), (500, 1, 470)])
def test_it_holds_in_seeded_draws(group: int, bad: int, drawn: int) -> None:
    chance = random.Random(f"{group} {bad} {drawn}")
    held, draws = 0, 2_000
    for _ in range(draws):
        found = sum(number < bad for number in chance.sample(range(group), drawn))
        held += _bound(drawn, found, group, 100) >= bad / (group + 100) - 1e-12
    assert held >= 0.95 * draws


def test_the_share_of_only_those_that_were_not_read_would_promise_too_much() -> None:
    """Why the bound of all that were drawn from is used: with 3 bad of 1000, every eighth draw of 500 has none of them."""
    naive = upper_bound(0, 500, 1_000) * 500
    assert naive < 3
    assert math.comb(997, 500) / math.comb(1_000, 500) > 0.12
    assert rate(night(0, 500, 500)) >= 3 / 1_000


@pytest.mark.parametrize(
    ("share", "most", "least"),
    [
        (0, "0 %", "0 %"),
        (0.0099698, "1.0 %", "0.99 %"),
        (0.07, "7 %", "7 %"),
        (0.413, "42 %", "41 %"),
        (0.0412, "4.2 %", "4.1 %"),
        (0.99999, "100 %", "99 %"),
        (1.0, "100 %", "100 %"),
        (0.00000123, "0.00013 %", "0.00012 %"),
    ],
)
def test_percents_are_rounded_to_the_side_that_promises_less(share: float, most: str, least: str) -> None:
    assert (percent_at_most(share), percent_at_least(share)) == (most, least)
