"""Nights that should have been and were not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.nights import Rhythm, gaps
from drcheck.nights.gaps import ahead
from tests.nights.making import DAY, FIRST, night, number

RHYTHM = Rhythm()
HOUR = timedelta(hours=1)


@given(st.timedeltas(-10 * DAY, 60 * DAY), st.timedeltas(HOUR, 10 * DAY), st.timedeltas(timedelta(0), 2 * DAY))
def test_a_night_is_missed_for_each_turn_that_passed_with_its_grace(length: timedelta, every: timedelta, grace: timedelta) -> None:
    turns = 0
    while length > (turns + 1) * every + grace:
        turns += 1
    assert Rhythm(every, grace).missed(length) == turns


@pytest.mark.parametrize(("hours", "missed"), [(24, 0), (30, 0), (30.1, 1), (48, 1), (54, 1), (55, 2), (-5, 0)])
def test_a_day_and_six_hours_may_pass(hours: float, missed: int) -> None:
    assert RHYTHM.missed(hours * HOUR) == missed


def test_gaps_are_told_in_order_with_the_one_that_goes_on() -> None:
    nights = [night(index) for index in (9, 1, 2, 5)]
    found = gaps(nights, RHYTHM, number(12))
    assert [(gap.after.number, gap.until and gap.until.number, gap.missed) for gap in found] == [(2, 5, 2), (5, 9, 3), (9, None, 2)]
    assert found[-1].length == 3 * DAY - HOUR
    assert len(gaps(nights, RHYTHM)) == 2
    assert gaps(nights, RHYTHM, number(10)) == gaps(nights, RHYTHM)
    assert gaps([], RHYTHM, FIRST) == ()


def test_a_run_as_of_another_moment_fills_no_gap() -> None:
    nights = [night(1), night(2, as_of=True), night(3, as_of=True), night(4)]
    assert [gap.missed for gap in gaps(nights, RHYTHM)] == [2]


def test_a_long_night_is_no_gap_while_nobody_else_could_have_run() -> None:
    long = replace(night(1), finished=number(1) + 28 * HOUR)
    assert gaps([long], RHYTHM, number(3)) == ()
    assert [gap.missed for gap in gaps([long], RHYTHM, number(1) + 60 * HOUR)] == [1]


def test_clocks_may_differ_by_minutes_and_not_by_more() -> None:
    one = night(1)
    assert not ahead(one, one.finished - timedelta(minutes=4))
    assert ahead(one, one.finished - timedelta(minutes=6))
