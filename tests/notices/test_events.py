"""Each change is told once, and a recovery to whoever was told of the failure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.clock import format_moment
from drcheck.model import Night, Outcome, Severity, Waiver
from drcheck.model.notices import Notice, NoticeKind, Told
from drcheck.nights import Rhythm
from drcheck.notices.events import State, silence, standing, state_of, troubles
from tests.notices.nights import COPY, DAY, FIRST, Found, People, at, findings, waiver

GOOD, BAD, UNSURE = Found(Outcome.PASS), Found(Outcome.FAIL), Found(Outcome.UNKNOWN)
K = NoticeKind


def kinds(nights: list[Found | None], waivers: tuple[Waiver, ...] = ()) -> list[list[NoticeKind]]:
    """What each night tells of one control."""
    people = People()
    return [[notice.kind for notice in people.night(number, {} if one is None else {"a": one}, waivers)] for number, one in enumerate(nights)]


@pytest.mark.parametrize(
    ("nights", "told"),
    [
        ([GOOD, BAD, BAD, GOOD, GOOD], [[], [K.FAILED], [], [K.RECOVERED], []]),
        ([BAD, BAD], [[K.FAILED], []]),
        ([UNSURE, BAD, UNSURE, GOOD], [[K.UNKNOWN], [K.WORSE], [K.UNKNOWN], [K.RECOVERED]]),
        ([BAD, Found(Outcome.FAIL, Severity.CRITICAL), BAD], [[K.FAILED], [K.WORSE], []]),
        ([Found(Outcome.ERROR), UNSURE, Found(Outcome.NOT_APPLICABLE)], [[K.UNKNOWN], [], [K.GONE]]),
        ([BAD, Found(Outcome.NOT_APPLICABLE), GOOD, BAD], [[K.FAILED], [K.GONE], [], [K.FAILED]]),
        ([BAD, None, None, BAD], [[K.FAILED], [K.GONE], [], [K.FAILED]]),
        ([GOOD, None], [[], []]),
    ],
)
def test_what_is_told_of_one_control(nights: list[Found | None], told: list[list[NoticeKind]]) -> None:
    assert kinds(nights) == told


def test_a_waiver_is_told_before_it_ends_and_when_it_has() -> None:
    ends = waiver("a", (FIRST + 16 * DAY).date())
    told = kinds([BAD] * 20, (ends,))
    assert {number: each for number, each in enumerate(told) if each} == {2: [K.WAIVER_ENDING], 17: [K.WAIVER_ENDED]}


def test_a_failure_that_is_waived_later_is_told_until_it_is_mended() -> None:
    people, ends = People(), waiver("a", (FIRST + 40 * DAY).date())
    assert [each.kind for each in people.night(0, {"a": BAD})] == [K.FAILED]
    assert [each.kind for each in people.night(1, {"a": BAD}, (ends,))] == [K.ACCEPTED]
    assert people.night(2, {"a": UNSURE}, (ends,)) == []
    assert [each.kind for each in people.night(3, {"a": BAD})] == [K.FAILED], "the waiver was taken back"
    assert [each.kind for each in people.night(4, {"a": BAD}, (ends,))] == [K.ACCEPTED]
    assert [each.kind for each in people.night(5, {"a": GOOD}, (ends,))] == [K.RECOVERED]


def test_a_waiver_that_is_prolonged_is_told_of_again() -> None:
    people = People()
    short, longer = (waiver("a", (FIRST + days * DAY).date()) for days in (5, 30))
    assert [each.about for each in people.night(0, {"a": BAD}, (short,))] == [short.until.isoformat()]
    assert people.night(4, {"a": BAD}, (longer,)) == []
    assert [each.about for each in people.night(20, {"a": BAD}, (longer,))] == [longer.until.isoformat()]


def test_an_old_waiver_of_which_nobody_heard_ends_nothing() -> None:
    assert kinds([BAD], (waiver("a", (FIRST - 100 * DAY).date()),)) == [[K.FAILED]]


def test_trouble_of_drcheck_itself_is_told_when_it_begins_and_when_it_is_over() -> None:
    told: list[Told] = []
    said = []
    for number, wrong in enumerate([{}, {"output": "no room"}, {"output": "no room still"}, {"output": "x", "store": "y"}, {"store": "y"}, {}]):
        new = troubles(wrong, told)
        said.append([(notice.kind, notice.control) for notice in new])
        told += [Told(notice, f"run-{number}", at(number)) for notice in new]
    assert said == [[], [(K.FAILED, "output")], [], [(K.FAILED, "store")], [(K.RECOVERED, "output")], [(K.RECOVERED, "store")]]
    assert told[0].notice.about == "no room"
    assert not People().night(9, {"a": GOOD}), "it is about no finding"


def test_trouble_is_not_taken_for_a_finding_that_is_gone() -> None:
    people = People()
    people.told = [Told(notice, "run-0", at(0)) for notice in troubles({"output": "no room"}, [])]
    assert people.night(1, {"a": GOOD}) == []


def test_a_silence_is_told_once() -> None:
    last = Night(1, "north", "run-0", at(0), at(0), at(0), False, "", "0.1.0", 0, (), "")
    assert silence(None, Rhythm(), [], at(9)) is None
    assert silence(last, Rhythm(), [], at(1) + timedelta(hours=6)) is None
    (told,) = (notice for notice in [silence(last, Rhythm(), [], at(2))] if notice is not None)
    assert told == Notice(K.SILENCE, about=format_moment(at(0)))
    assert silence(last, Rhythm(), [Told(told, "run-2", at(2))], at(2)) is None
    assert silence(replace(last, reference=at(5)), Rhythm(), [Told(told, "run-2", at(2))], at(7)) is not None


CONTROLS = "abc"
outcomes = st.builds(Found, st.sampled_from(Outcome), st.sampled_from(Severity))
ends = st.lists(st.builds(waiver, st.sampled_from(CONTROLS), st.integers(-2, 30).map(lambda days: (FIRST + days * DAY).date())), max_size=3)
one_each = ends.map(lambda found: tuple({each.control: each for each in found}.values()))
night_after_night = st.lists(st.tuples(st.dictionaries(st.sampled_from(CONTROLS), outcomes), one_each), max_size=12)


@given(night_after_night)
def test_whatever_happens_each_change_is_told_once(nights: list[tuple[dict[str, Found], tuple[Waiver, ...]]]) -> None:
    people = People()
    for number, (found, waivers) in enumerate(nights):
        new = people.night(number, found, waivers)
        assert all(count == 1 for count in Counter(notice.key for notice in new if notice.kind is not K.WAIVER_ENDING).values())
        assert people.night(number, found, waivers) == [], "the same night again tells nothing"
        # What people know is what is so, save of what was waived before they heard of it.
        known = {key[1]: each for key, each in standing(people.told).items()}
        for finding in findings(found, waivers, at(number)):
            knows = known[finding.control].state if finding.control in known else State.GOOD
            allowed = {State.GOOD, State.ACCEPTED} if finding.waived else {state_of(finding)}
            assert knows in allowed
        assert all(each.state is State.GOOD for control, each in known.items() if control not in found)


@given(night_after_night)
def test_a_recovery_is_told_if_and_only_if_the_failure_was(nights: list[tuple[dict[str, Found], tuple[Waiver, ...]]]) -> None:
    """Held against a record of its own: whether the last that was said of a control was bad."""
    people, bad = People(), dict.fromkeys(CONTROLS, False)
    for number, (found, waivers) in enumerate(nights):
        told = {notice.control: notice.kind for notice in people.night(number, found, waivers) if notice.kind is not K.WAIVER_ENDING}
        for control in CONTROLS:
            good = control not in found or found[control].outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
            assert (told.get(control) in (K.RECOVERED, K.GONE)) == (good and bad[control])
            if control in told:
                bad[control] = told[control] not in (K.RECOVERED, K.GONE)
            if not good and control not in told and not bad[control]:
                assert any(each.control == control and at(number).date() <= each.until for each in waivers), "only what is waived goes untold"


@given(night_after_night)
def test_what_comes_between_two_nights_changes_nothing(nights: list[tuple[dict[str, Found], tuple[Waiver, ...]]]) -> None:
    """A run by day is recorded and tells nobody: the next night tells what it would have told without it."""
    if not nights:
        return
    straight, skipping = People(), People()
    for number, (found, waivers) in enumerate(nights):
        straight.night(number, found, waivers)
        if number != len(nights) // 2:
            skipping.night(number, found, waivers)
    last_found, last_waivers = nights[-1]
    skipping.night(len(nights) - 1, last_found, last_waivers)
    assert {key: each.state for key, each in standing(skipping.told).items() if each.state in (State.FAILING, State.UNKNOWN)} == {
        key: each.state for key, each in standing(straight.told).items() if each.state in (State.FAILING, State.UNKNOWN)
    }


def test_what_is_told_names_the_finding() -> None:
    (notice,) = People().night(0, {"a": BAD})
    assert notice == Notice(K.FAILED, "pack", "a", COPY, Outcome.FAIL, Severity.HIGH)
