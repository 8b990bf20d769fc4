"""How things stand now, by the last night."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from drcheck.cli.status_text import not_current
from drcheck.model import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN, Outcome, Severity
from drcheck.nights import Rhythm, Status, exit_code, status
from drcheck.nights.documents import status_document
from tests.nights.making import DAY, History, history, line, number

RHYTHM = Rhythm()


def now_of(past: History, *, now: datetime | None = None, records: bool = True) -> Status:
    moment = now or number(len(past.nights)) + timedelta(hours=6)
    last = past.assessment(-1) if records and past.nights else None
    return status("north", past.nights, past.intervals(), last, now=moment, rhythm=RHYTHM)


def test_the_last_night_says_how_things_stand() -> None:
    for letters, code in (("PP", EXIT_GOOD), ("PF", EXIT_FAIL), ("PU", EXIT_UNKNOWN), ("FP", EXIT_GOOD)):
        found = now_of(line(letters))
        assert (found.exit_code, found.current, found.age) == (code, True, timedelta(hours=6))


def test_a_night_that_is_too_old_says_nothing_of_now_whatever_it_found() -> None:
    for letters in ("P", "F"):
        found = now_of(line(letters), now=number(3))
        assert (found.exit_code, found.current) == (EXIT_UNKNOWN, False)
        assert found.gap is not None
        assert found.gap.missed == 1
        assert found.age == 2 * DAY
    assert now_of(line("P"), now=number(2) + timedelta(hours=6)).exit_code == EXIT_GOOD


def test_a_night_that_was_good_by_a_waiver_is_no_longer_once_that_has_ended() -> None:
    end = datetime(2026, 4, 1, tzinfo=UTC)  # the last day of the waivers that tests make
    past = history(*({"a ehr": "F!", "b ehr": "P"} for _ in range(2)))
    started = end + timedelta(hours=20)
    past.nights[1] = replace(past.nights[1], started=started, finished=started)
    for hours, code in ((3, EXIT_GOOD), (5, EXIT_UNKNOWN)):
        found = now_of(past, now=started + timedelta(hours=hours))
        assert (found.exit_code, found.current, found.lapsed, found.gap) == (code, code == EXIT_GOOD, int(code != EXIT_GOOD), None)
        assert bool(not_current(found)) == (code != EXIT_GOOD)
    worse = history(*({"a ehr": "F!", "b ehr": "F"} for _ in range(2)))
    worse.nights[1] = replace(worse.nights[1], started=started, finished=started)
    assert now_of(worse, now=started + timedelta(hours=5)).exit_code == EXIT_FAIL


def test_a_night_that_did_not_judge_what_failed_is_no_good_news() -> None:
    part = {"b ehr": "P"}
    for bad in ("F", "U", "E"):
        for after in (part, {**part, "a ehr": "N"}):
            found = now_of(history({**part, "a ehr": bad}, after))
            assert (found.exit_code, found.current, found.unjudged) == (EXIT_UNKNOWN, False, 1)
            assert not_current(found).startswith("1 finding that was no pass was not judged on the last night, so nobody saw that mended")
            again = now_of(history({**part, "a ehr": bad}, after, after))
            assert (again.exit_code, again.unjudged) == (EXIT_GOOD, 0), "told once, as by a comparison with the night before"
    for before in ({**part, "a ehr": "P"}, {**part, "a ehr": "F!"}, {**part, "a ehr": "N"}):
        assert now_of(history(before, part)).exit_code == EXIT_GOOD, "nobody had to see to it"
    assert now_of(history({**part, "a ehr": "F"}, {"b ehr": "F"})).exit_code == EXIT_FAIL


def test_a_look_by_day_at_a_part_hides_no_failure_however_often() -> None:
    past = history({"a ehr": "F", "b ehr": "P"}, *({"b ehr": "P"} for _ in range(3)))
    for index in (1, 2, 3):
        moment = number(1) + timedelta(hours=2 * index)
        past.nights[index] = replace(past.nights[index], started=moment, finished=moment, reference=moment)
    found = now_of(past, now=number(2) + timedelta(hours=9))
    assert (found.exit_code, found.unjudged, found.gap) == (EXIT_UNKNOWN, 1, None)
    mended = history({"a ehr": "F", "b ehr": "P"}, {"a ehr": "P", "b ehr": "P"}, {"b ehr": "P"})
    assert now_of(mended).exit_code == EXIT_GOOD, "it was seen mended"


def test_a_night_that_is_dated_ahead_cannot_show_that_drcheck_still_runs() -> None:
    past = line("P")
    past.nights[0] = replace(past.nights[0], started=number(90), finished=number(90))
    found = now_of(past, now=number(5))
    assert (found.exit_code, found.current, found.ahead, found.gap, found.age) == (EXIT_UNKNOWN, False, True, None, timedelta(0))


def test_without_a_night_nothing_is_known() -> None:
    found = now_of(history())
    assert (found.exit_code, found.current, found.night, found.problems) == (EXIT_UNKNOWN, False, None, ())
    past = line("P")
    past.nights[0] = replace(past.nights[0], as_of=True)
    assert now_of(past).night is None


def test_of_several_a_failure_that_is_known_goes_first() -> None:
    good, bad, old = now_of(line("P")), now_of(line("F")), now_of(line("F"), now=number(9))
    assert exit_code([good]) == EXIT_GOOD
    assert exit_code([good, old]) == EXIT_UNKNOWN
    assert exit_code([old, bad, good]) == EXIT_FAIL
    assert exit_code([]) == EXIT_UNKNOWN


def test_problems_are_worst_first_with_since_when_and_alike_ones_are_one() -> None:
    before = {"a ehr": "F", "b ehr": "P", "c ehr": "P", "d lab": "F!", "e ehr": "U"}
    found = now_of(history(before, before | {"b ehr": "F", "c ehr": "f"}))
    told = [(each.outcome, each.waived, each.subject.id, each.since, len(each.controls)) for each in found.problems]
    assert told == [
        (Outcome.FAIL, False, "ehr", number(1), 3),
        (Outcome.UNKNOWN, False, "ehr", number(1), 1),
        (Outcome.FAIL, True, "lab", number(1), 1),
    ]
    assert found.problems[0].severity is Severity.HIGH


@given(st.dictionaries(st.sampled_from(["a ehr", "a lab", "b ehr", "c lab@nas"]), st.sampled_from(["P", "F", "F!", "f", "U", "U!", "N", "E"])))
def test_every_finding_that_is_no_pass_is_in_one_problem(found: dict[str, str]) -> None:
    past = history(found)
    for records in (True, False):
        told = now_of(past, records=records)
        controls = [(policy, control, each.subject) for each in told.problems for policy, control in each.controls]
        bad = {key for key, each in past.found[0].items() if each.outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR)}
        assert set(controls) == bad
        assert len(controls) == len(bad)
        document = status_document([(told, None)], told.now, exit_code([told]))
        assert document["exit_code"] == past.nights[0].exit_code
        assert len(document["organisations"][0]["problems"]) == len(told.problems)
