"""How nights went on: troubles and repairs, what ran and what did not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.model import Night, Outcome
from drcheck.nights import Rhythm, Trend, trend, troubles
from drcheck.nights.documents import trend_document
from drcheck.nights.trend import Ended
from tests.nights.making import DAY, History, history, line, night, number

RHYTHM = Rhythm()


def told(past: History, *, now: datetime | None = None, since: datetime | None = None) -> Trend:
    return trend("north", past.nights, past.intervals(), now=now or number(len(past.nights)) + timedelta(hours=5), since=since, rhythm=RHYTHM)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("PFFP", [(2, 4, Ended.FIXED)]),
        ("FP", [(1, 2, Ended.FIXED)]),
        ("FUP", [(1, 3, Ended.FIXED)]),
        ("FUFP", [(1, 4, Ended.FIXED)]),
        ("FPFP", [(1, 2, Ended.FIXED), (3, 4, Ended.FIXED)]),
        ("PFF", [(2, None, None)]),
        ("FU", [(1, None, None)]),
        ("FN", [(1, 2, Ended.EXEMPT)]),
        ("F P", [(1, 2, Ended.REMOVED)]),
        ("FE F", [(1, 3, Ended.REMOVED), (4, None, None)]),
        ("F ", [(1, 2, Ended.REMOVED)]),
        ("PUUP", []),
        ("", []),
    ],
)
def test_a_trouble_lasts_from_its_first_failure_until_it_is_seen_to_pass(letters: str, expected: list[tuple[int, int | None, Ended | None]]) -> None:
    past = line(letters)
    found = [(each.began, each.until, each.ended) for each in troubles(past.nights, past.intervals())]
    assert found == [(number(began), None if until is None else number(until), ended) for began, until, ended in expected]


def by_hand(past: History) -> list[tuple[object, ...]]:
    """Every trouble, found by walking through the nights one by one."""
    found: list[tuple[object, ...]] = []
    for key in {key for each in past.found for key in each}:
        began: datetime | None = None
        for one, each in zip(past.nights, past.found, strict=True):
            outcome = each[key].outcome if key in each else None
            if outcome is Outcome.FAIL:
                began = began or one.reference
            elif began is not None and outcome not in (Outcome.UNKNOWN, Outcome.ERROR):
                ended = {None: Ended.REMOVED, Outcome.PASS: Ended.FIXED, Outcome.NOT_APPLICABLE: Ended.EXEMPT}[outcome]
                found.append((key, began, one.reference, ended))
                began = None
        if began is not None:
            found.append((key, began, None, None))
    return sorted(found, key=repr)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a ehr", "a lab", "b ehr"]), st.sampled_from(["P", "F", "F!", "f", "U", "N", "E"])), max_size=9))
def test_troubles_are_what_walking_through_the_nights_finds(nights: list[dict[str, str]]) -> None:
    past = history(*nights)
    found = troubles(past.nights, past.intervals())
    assert sorted(((each.key, each.began, each.until, each.ended) for each in found), key=repr) == by_hand(past)
    whole = told(past) if nights else None
    if whole is not None:
        assert sum(each.fixed for each in whole.repairs) == sum(each.ended is Ended.FIXED for each in found)
        assert sum(each.going_on for each in whole.repairs) == sum(each.until is None for each in found)
        assert (whole.expected, whole.ran, whole.missed) == (len(nights), len(nights), 0)


def test_the_mean_time_to_fix_is_by_control_over_its_subjects() -> None:
    past = history(
        {"a one": "F", "a two": "P", "b one": "P"},
        {"a one": "F", "a two": "F", "b one": "F"},
        {"a one": "P", "a two": "F", "b one": "F"},
        {"a one": "P", "a two": "F", "b one": "F"},
        {"a one": "P", "a two": "F", "b one": "F"},
        {"a one": "P", "a two": "P", "b one": "F"},
    )
    first, second = told(past).repairs
    assert (first.control, first.fixed, first.mean, first.longest, first.going_on, first.oldest) == ("a", 2, 3 * DAY, 4 * DAY, 0, None)
    assert (second.control, second.fixed, second.mean, second.going_on, second.oldest) == ("b", 0, None, 1, number(2))


def test_only_what_reaches_into_the_time_is_told() -> None:
    past = history(*({"a ehr": text, "b ehr": other} for text, other in ("FF", "PF", "PF", "PF", "PP", "PP")))
    found = told(past, since=number(4))
    assert [one.number for one in found.nights] == [4, 5, 6]
    assert [(each.control, each.mean) for each in found.repairs] == [("b", 4 * DAY)]


def gone(past: History, *numbers: int) -> History:
    """The history without some nights."""
    left = [index for index, one in enumerate(past.nights) if one.number not in numbers]
    return History([past.nights[index] for index in left], [past.found[index] for index in left])


def test_nights_that_did_not_run_are_counted() -> None:
    past = gone(line("PPPPPPPPPP"), 3, 4, 8)
    found = told(past, now=number(12) + timedelta(hours=2))
    assert (found.expected, found.ran, found.missed) == (11, 7, 4)
    assert [(gap.missed, gap.until is None) for gap in found.gaps] == [(2, False), (1, False), (1, True)]
    assert [gap.missed for gap in told(past, since=number(4), now=number(10) + timedelta(hours=2)).gaps] == [1, 1]
    document = trend_document(found)
    assert (document["expected"], document["ran"], document["missed"], len(document["nights"])) == (11, 7, 4, 7)


def test_several_runs_of_one_day_are_one_night_that_ran() -> None:
    past = line("PPP")
    past.nights[1] = replace(past.nights[1], started=number(1) + timedelta(hours=4), finished=number(1) + timedelta(hours=5))
    past.nights[2] = replace(past.nights[2], started=number(2), finished=number(2))
    found = told(past, now=number(2))
    assert (found.expected, found.missed) == (2, 0)


def test_a_time_without_any_night_is_all_missed() -> None:
    past = line("P")
    found = told(past, since=number(10), now=number(20))
    assert found.nights == ()
    assert (found.ran, found.missed) == (0, 10)
    assert found.last_good is not None


def test_a_last_night_that_is_dated_ahead_ends_no_gap_and_opens_none() -> None:
    past = line("PP")
    past.nights[1] = replace(past.nights[1], started=number(90), finished=number(90), reference=number(90))
    found = told(past, now=number(3))
    assert [gap.until for gap in found.gaps if gap.until is None] == []


def test_the_last_good_night_may_lie_before_the_time_that_is_told() -> None:
    found = told(line("PPFFF"), since=number(4))
    good: Night | None = found.last_good
    assert good is not None
    assert good.number == 2
    assert trend_document(found)["seconds_since_good"] == (3 * DAY + timedelta(hours=5)).total_seconds()
    assert told(line("FF")).last_good is None
    assert trend_document(told(line("FF")))["seconds_since_good"] is None


def test_a_waived_failure_is_a_good_night_and_a_trouble_all_the_same() -> None:
    past = history({"a ehr": "F!", "b ehr": "P"})
    found = told(past)
    assert found.last_good == past.nights[0]
    assert [each.going_on for each in found.repairs] == [1]


def test_runs_as_of_another_moment_are_no_nights() -> None:
    past = line("PFP")
    past.nights[1] = replace(past.nights[1], as_of=True)
    assert [one.number for one in told(past).nights] == [1, 3]
    assert told(past).repairs == ()
    assert [one.number for one in trend("north", [night(1, as_of=True)], [], now=number(2), rhythm=RHYTHM).nights] == []
