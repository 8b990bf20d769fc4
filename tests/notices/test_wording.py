"""What people read: short, with a subject that says it, and without the name of any object."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.estate.notices import Notices
from drcheck.model import Assessment, Night, Outcome, Past, Severity, printable
from drcheck.model.notices import Notice, NoticeKind, Told
from drcheck.notices.digest import digest_lines, due
from drcheck.notices.events import changes
from drcheck.notices.wording import MOST_LINES, night_message, stands, summary, trouble_message
from tests.notices.nights import ADVICE, DAY, Found, assessment, at, waiver
from tests.strategies import assessments

BAD, GOOD, UNSURE = Found(Outcome.FAIL), Found(Outcome.PASS), Found(Outcome.UNKNOWN)


def night(number: int, **counts: int) -> Night:
    """A night that was recorded."""
    found = tuple((outcome, counts.get(outcome.name.lower(), 0)) for outcome in Outcome)
    return Night(number, "north", f"run-{number}", at(number), at(number), at(number), False, "", "0.1.0", 10, found, "")


def told_of(one: Assessment, number: int, *more: Notice) -> list[Told]:
    """What people are told of an assessment who know of nothing."""
    return [Told(notice, one.run.id, at(number)) for notice in (*changes(one.findings, (), [], at(number)), *more)]


def test_a_message_says_what_changed_what_to_do_and_nothing_private() -> None:
    one = assessment(3, {"a": BAD, "b": Found(Outcome.UNKNOWN, Severity.LOW), "c": GOOD})
    message = night_message(one, told_of(one, 3, Notice(NoticeKind.SILENCE, about="2026-02-27T02:30:00Z")))
    assert message.subject == "drcheck North Hospital: 1 fail, 1 unknown, silence"
    assert message.body.splitlines() == [
        "North Hospital, judged at 2026-03-05T02:30:00Z.",
        "FAIL: 1 problem (1 failed finding) in epr; 1 finding unknown; exit code 10.",
        "",
        "Fails:",
        "- epr@vault: Title of a (high; pack a)",
        f"  To do: {ADVICE}",
        "",
        "Could not be told:",
        "- epr@vault: Title of b (low; pack b)",
        f"  To do: {ADVICE}",
        "",
        "drcheck was silent:",
        "- no night was recorded between 2026-02-27T02:30:00Z and this one: whatever happened in between was seen by nobody",
        "",
        "drcheck 0.1.0, run run-3. This message comes when something has changed, and with each digest.",
    ]
    assert "Smith" not in message.body


def test_what_several_controls_ask_is_one_line() -> None:
    one = assessment(0, {"a": BAD, "b": BAD})
    one = replace(one, findings=tuple(replace(finding, check="same") for finding in one.findings))
    message = night_message(one, told_of(one, 0))
    assert message.subject == "drcheck North Hospital: 1 fail"
    assert "- epr@vault: Title of a (high; pack a, pack b)" in message.body


def test_what_could_not_be_delivered_comes_with_its_night() -> None:
    before, now = assessment(1, {"a": BAD}), assessment(2, {"a": GOOD})
    told = told_of(before, 1)
    told += [Told(notice, "run-2", at(2)) for notice in changes(now.findings, (), told, at(2))]
    message = night_message(now, told)
    assert message.subject == "drcheck North Hospital: 1 fail, 1 recovered"
    later = message.body.index("Of the night of 2026-03-03T02:30:00Z, which could not be delivered then:")
    assert message.body.index("Recovered:") < later < message.body.index("Fails:")
    assert message.id == night_message(now, told).id != night_message(now, told[1:]).id


def test_a_long_night_is_cut_with_its_number() -> None:
    one = assessment(0, {f"c{number:03}": BAD for number in range(100)})
    message = night_message(one, told_of(one, 0))
    assert message.subject == "drcheck North Hospital: 100 fail"
    assert f"- and {100 - MOST_LINES} more" in message.body.splitlines()


def test_a_waiver_is_named_with_its_end() -> None:
    ends = waiver("a", at(5).date())
    one = assessment(0, {"a": BAD}, (ends,))
    message = night_message(one, [Told(notice, "run-0", at(0)) for notice in changes(one.findings, (ends,), [], at(0))])
    assert message.subject == "drcheck North Hospital: 1 waiver ends soon"
    assert "- epr@vault: Title of a (pack a), until 2026-03-07" in message.body
    assert "Smith" not in message.body, "a waiver's reason is for the report"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(assessments())
def test_no_night_breaks_a_line_or_a_header(one: Assessment) -> None:
    message = night_message(one, [Told(notice, one.run.id, one.run.reference) for notice in changes(one.findings, (), [], one.run.reference)])
    for line in (message.subject, summary(one), *message.body.split("\n")):
        assert printable(line) == line


def test_trouble_has_a_message_of_its_own() -> None:
    message = trouble_message("north", "North", "the store is full;\nand more \x1b", "2026-03-01T02:30:00Z", "FAIL")
    assert message.subject == "drcheck North: the night was not completed"
    assert "the store is full;\nand more \\x1b\n\nWhat was found all the same: FAIL\n" in message.body


@pytest.mark.parametrize(
    ("wanted", "days"),
    [
        ({"digest": "weekly"}, ["2026-03-09", "2026-03-16"]),
        ({"digest": "weekly", "day": "thursday"}, ["2026-03-05", "2026-03-12"]),
        ({"digest": "daily"}, [f"2026-03-{day:02}" for day in range(3, 18)]),
        ({"digest": "none"}, []),
    ],
)
def test_a_digest_comes_once_a_period_and_not_with_the_first_night(wanted: dict[str, str], days: list[str]) -> None:
    notices, told, nights = Notices.model_validate(wanted), list[Told](), list[Night]()
    for number in range(16):
        for hours in (0, 5):
            if (notice := due(notices, nights, told, at(number) + timedelta(hours=hours))) is not None:
                told.append(Told(notice, f"run-{number}", at(number)))
        nights.append(night(number))
    assert [each.notice.about for each in told] == days


def test_a_digest_that_was_missed_comes_with_the_next_night() -> None:
    notices = Notices()
    assert due(notices, [night(0)], [], at(6)) is None
    found = due(notices, [night(0)], [], at(10))
    assert found is not None
    assert found.about == at(7).date().isoformat()


def test_a_digest_says_what_stands_what_was_mended_and_what_comes_next() -> None:
    ends = waiver("d", at(20).date())
    one = assessment(7, {"a": BAD, "b": UNSURE, "c": GOOD, "d": BAD}, (ends,))
    told = [Told(Notice(NoticeKind.RECOVERED, "pack", "c", one.findings[2].subject, Outcome.PASS, Severity.HIGH), "run-5", at(5))]
    past = Past(tuple(night(number, fail=4, unknown=1) for number in range(6)), {}, {("pack", "a", one.findings[0].subject): at(1)})
    assert stands(one) == "1 fail, 1 unknown, 1 waived"
    assert digest_lines(one, past, told, DAY, {one.run.id}) == [
        "Digest since 2026-03-02",
        "What stands: 1 fail, 1 unknown, 1 waived.",
        "- fail, since 2026-03-03 (6d): epr@vault: Title of a",
        "- unknown, since tonight: epr@vault: Title of b",
        "",
        "Mended since:",
        "- epr@vault: Title of c (pack c)",
        "",
        "Trend: failed, waived or not, 4 → 2, unknown 1 → 1, passed 0 → 1; 6 of 7 nights were recorded.",
        "Next: waivers end on 2026-03-22.",
    ]
    alone = night_message(one, [Told(Notice(NoticeKind.DIGEST, about="2026-03-09"), "run-7", at(7))], ["Digest"])
    assert alone.subject == "drcheck North Hospital: digest: 1 fail, 1 unknown, 1 waived"


def test_a_digest_that_could_not_be_delivered_takes_nothing_from_the_one_that_is() -> None:
    one = assessment(9, {"a": GOOD})
    told = [
        Told(Notice(NoticeKind.DIGEST, about="2026-03-02"), "run-0", at(0)),
        Told(Notice(NoticeKind.RECOVERED, "pack", "a", one.findings[0].subject, Outcome.PASS, Severity.HIGH), "run-2", at(2)),
        Told(Notice(NoticeKind.DIGEST, about="2026-03-09"), "run-8", at(8)),
    ]
    past = Past(tuple(night(number) for number in (0, 1, 2, 3, 8)))
    waited = digest_lines(one, past, told, DAY, {"run-8", "run-9"})
    assert waited[0] == "Digest since 2026-03-02"
    assert "- epr@vault: Title of a (pack a)" in waited
    assert waited[-1].endswith("; 5 of 9 nights were recorded.")
    accepted = digest_lines(one, past, told, DAY, {"run-9"})
    assert accepted[0] == "Digest since 2026-03-10"
    assert accepted[-1].endswith("; 1 of 1 night was recorded.")


def test_runs_by_day_hide_no_missing_night_from_a_digest() -> None:
    one = assessment(7, {"a": GOOD})
    by_day = [replace(night(1), number=10 + hour, reference=at(1) + timedelta(hours=hour)) for hour in (5, 6, 7)]
    past = Past((night(0), night(1), *by_day, night(5), night(6)))
    assert digest_lines(one, past, [], DAY, {one.run.id})[-1].endswith("; 4 of 7 nights were recorded.")
