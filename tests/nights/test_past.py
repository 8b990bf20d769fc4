"""The past of an assessment against a model that walks back through the nights one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.model import Outcome
from drcheck.nights import past_of
from tests.nights.making import DAY, Found, History, assessment_of, history, key_of, letter, line, night, number, since_by_hand, with_counts

KEYS = [key_of(name) for name in ("a ehr", "a ehr@vault", "b ehr")]
FINDINGS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from([letter(text) for text in ("P", "F", "F!", "f", "U", "N", "E")]))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Nights one after the other; some were judged as of another moment, and the clock may go back or ahead."""
    made: list[dict[object, Found]] = draw(st.lists(FINDINGS, max_size=9))  # type: ignore[arg-type]
    nights = []
    for index in range(1, len(made) + 1):
        at = number(index) + draw(st.sampled_from([timedelta(0), timedelta(0), -40 * DAY, 900 * DAY, timedelta(hours=3)]))
        nights.append(with_counts(night(index, at=at, as_of=draw(st.booleans()) and draw(st.booleans())), made[index - 1]))  # type: ignore[arg-type]
    return History(nights, made)  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(histories(), FINDINGS, st.booleans(), st.data())
def test_it_is_what_walking_back_finds(past: History, found: dict[object, Found], as_of: bool, data: st.DataObject) -> None:
    at = number(len(past.nights) + 1) + data.draw(st.sampled_from([timedelta(0), -3 * DAY, -100 * DAY, 900 * DAY]))
    mine = with_counts(night(len(past.nights) + 1, at=at, as_of=as_of), found)  # type: ignore[arg-type]
    assessment = assessment_of(mine, found)  # type: ignore[arg-type]
    own = [(one, each) for one, each in zip(past.nights, past.found, strict=True) if not one.as_of]
    if as_of:
        upto = max((index for index, (one, _) in enumerate(own) if one.reference <= at), default=-1)
        own = own[: upto + 1]
    recorded = History([*past.nights, mine], [*past.found, found])  # type: ignore[list-item]
    for whole in (past, recorded):
        answer = past_of(assessment, data.draw(st.permutations(whole.nights)), whole.intervals())
        assert answer.nights == tuple(one for one, _ in own)
        last = own[-1][1] if own else {}
        assert {key: (one.outcome, one.waived, one.severity) for key, one in answer.before.items()} == {
            key: (one.outcome, one.waived, one.severity) for key, one in last.items()
        }
        moments = [(one.reference, each) for one, each in own]
        assert answer.since == {key: since_by_hand(moments, key, each.outcome, at) for key, each in found.items()}  # type: ignore[arg-type]


def test_a_waiver_or_another_severity_is_no_new_failure() -> None:
    past = history(*({"a ehr": text} for text in ("P", "F", "F!", "f", "F")))
    answer = past_of(past.assessment(4), past.nights, past.intervals())
    assert answer.since == {key_of("a ehr"): number(2)}


def test_a_night_on_which_it_was_not_judged_breaks_it() -> None:
    past = line("FF F")
    assert past_of(past.assessment(3), past.nights, past.intervals()).since == {key_of("control ehr"): number(4)}


def test_a_night_whose_clock_was_ahead_is_a_night_before_all_the_same() -> None:
    past = line("FFF")
    past.nights[2] = replace(past.nights[2], reference=number(900), started=number(900), finished=number(900))
    intervals = [replace(one, waived=False) for one in past.intervals()]
    assessment = assessment_of(night(4), {key_of("control ehr"): letter("F!")})
    answer = past_of(assessment, past.nights, intervals)
    assert [one.number for one in answer.nights] == [1, 2, 3]
    assert answer.since == {key_of("control ehr"): number(1)}


def test_without_a_night_before_everything_is_since_now() -> None:
    past = line("F")
    answer = past_of(past.assessment(0), past.nights, past.intervals())
    assert (answer.nights, dict(answer.before)) == ((), {})
    assert answer.since == {key_of("control ehr"): number(1)}


def test_another_moment_is_compared_with_the_nights_up_to_it() -> None:
    past = line("PFFP")
    moment: datetime = number(3) + timedelta(hours=5)
    mine = night(5, at=moment, as_of=True)
    for nights in (past.nights, [*past.nights, mine]):
        answer = past_of(assessment_of(mine, {key_of("control ehr"): Found(Outcome.FAIL)}), nights, past.intervals())
        assert [one.number for one in answer.nights] == [1, 2, 3]
        assert answer.since == {key_of("control ehr"): number(2)}
