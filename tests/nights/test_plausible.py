"""Whether a clock is believed beside the nights that were recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.model import Night
from drcheck.nights.plausible import clock_trouble
from tests.nights.making import DAY, FIRST, night

HOUR = timedelta(hours=1)


def at(*days: float, organisation: str = "north", first: int = 1) -> list[Night]:
    """Nights that began so many days after the first."""
    return [night(index, at=FIRST + day * DAY, organisation=organisation) for index, day in enumerate(days, first)]


def day(number: float) -> datetime:
    return FIRST + number * DAY


YEARS = 365.25 * 30
BELIEVED = {
    "nothing is recorded": ([], 0),
    "one night": (at(0), 1),
    "night after night": (at(*range(30)), 30),
    "a week off": (at(*range(30)), 37),
    "two at a time": (at(*(each + part for each in range(9) for part in (0, 0.01))), 12),
    "weekly, with two left out": (at(*range(0, 70, 7)), 85),
    "every quarter": (at(0, 91, 182, 273), 370),
    "a long pause, and nights enough since": (at(*range(9), *range(200, 207)), 207),
    "an organisation that is checked no more": (at(*range(9)) + at(*range(300, 310), organisation="south", first=10), 310),
    "an organisation that is checked seldom, beside one that is checked each day": (
        at(0, organisation="south") + at(*range(91), first=2) + at(91, organisation="south", first=93),
        92,
    ),
}
NOT = {
    "years ahead": (at(*range(30)), YEARS),
    "years ahead, of one night": (at(0), YEARS),
    "years ahead, of two nights a quarter apart": (at(0, 91), YEARS),
    "weeks ahead": (at(*range(30)), 46),
    "years ahead, and a night recorded there": (at(*range(30), YEARS), YEARS + 0.5),
    "years ahead, and several nights recorded there": (at(*range(30), *(YEARS + each for each in range(6))), YEARS + 6),
    "years ahead, and no more than one night before": (at(0, YEARS), YEARS + 0.5),
    "years ahead, of two organisations": (at(*range(9)) + at(*range(9), YEARS, organisation="south", first=10), YEARS + 1),
    "behind": (at(*range(30)), 28),
    "behind by years": (at(*range(30)), -YEARS),
    "mended, after a night that is years ahead": (at(*range(9), YEARS, 9, 10), 11),
}


@pytest.mark.parametrize("name", BELIEVED)
def test_what_is_as_usual_is_believed(name: str) -> None:
    nights, now = BELIEVED[name]
    assert clock_trouble(nights, day(now) + 2 * HOUR) == ""


@pytest.mark.parametrize("name", NOT)
def test_a_clock_that_is_wrong_is_told(name: str) -> None:
    nights, now = NOT[name]
    said = clock_trouble(nights, day(now) + 2 * HOUR)
    assert "was recorded" in said or "is dated" in said


def test_a_night_of_another_moment_counts_by_when_it_was_begun() -> None:
    (one,) = at(5)
    of_before = replace(night(2, at=day(6), as_of=True), reference=day(-900))
    of_later = replace(night(3, at=day(6), as_of=True), reference=day(900))
    assert clock_trouble([one, of_before, of_later], day(7)) == ""


@given(st.lists(st.integers(1, 3), min_size=1, max_size=20), st.integers(0, 6), st.integers(1000, 40000))
def test_a_leap_of_years_is_told_whatever_was_before_and_for_a_few_nights_after(gaps: list[int], since: int, leap: int) -> None:
    days = [sum(gaps[:count]) for count in range(len(gaps) + 1)]
    after = [days[-1] + leap + each for each in range(since)]
    assert clock_trouble(at(*days, *after), day((after or [days[-1] + leap])[-1]) + 2 * HOUR)
