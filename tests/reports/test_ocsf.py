"""OCSF: every event fits the schema of each version from 1.5.0 on, and findings are created, updated and closed as the nights go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.model import Assessment, Interval, Outcome, Past, Severity
from tests import strategies
from tests.reports import sample
from tests.reports.official import complaints, ocsf_validator
from tests.reports.pasts import past_of_others
from tests.reports.rendering import text_of

NOTHING = "Nothing was judged, so nothing is known."
ASSESSMENTS = [sample.hospital, sample.rehearsal, sample.good, sample.nothing]
HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CREATE, UPDATE, CLOSE = 1, 2, 3


def events(assessment: Assessment, past: Past | None = None) -> list[dict[str, Any]]:
    """The events, as a reader of JSON gets them."""
    found: list[dict[str, Any]] = json.loads(text_of(assessment, "ocsf", past=past))
    return found


@pytest.mark.parametrize("version", ["1.5.0", "1.6.0", "1.7.0", "1.8.0"])
@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_every_event_fits_the_schema(make: Callable[[], Assessment], version: str) -> None:
    for past in (None, sample.past_of_hospital()):
        assert [complaints(ocsf_validator(version), event) for event in events(make(), past)] == [[]] * len(events(make(), past))


@HARD
@given(strategies.assessments())
def test_every_event_fits_the_schema_whatever_the_assessment(assessment: Assessment) -> None:
    past = past_of_others(assessment)
    text = text_of(assessment, "ocsf", past=past)
    assert text.isascii()
    found = json.loads(text)
    assert [each for event in found for each in complaints(ocsf_validator("1.5.0"), event)] == []
    judged = [event for event in found if "outcome" in event["unmapped"]]
    assert len(judged) == len(assessment.findings)
    told = [event for event in found if event["message"] == NOTHING]
    assert len(told) == all(one.outcome is Outcome.NOT_APPLICABLE and not one.waived for one in assessment.findings)
    assert len(found) - len(judged) - len(told) == len(set(past.before) - {(one.policy, one.control, one.subject) for one in assessment.findings})


def test_the_schema_notices_what_is_wrong() -> None:
    event = events(sample.hospital())[0]
    for wrong in ({"time": "2026-03-01"}, {"compliance": {"status_id": "1"}}, {"severity_id": 12}, {"surprise": 1}):
        assert complaints(ocsf_validator("1.5.0"), event | wrong)


def test_unknown_is_never_a_pass() -> None:
    statuses = {event["unmapped"]["outcome"]: event["compliance"]["status_id"] for event in events(sample.hospital())}
    assert statuses == {"pass": 1, "unknown": 2, "fail": 3, "error": 99, "not-applicable": 99}
    for event in events(sample.hospital()):
        assert event["compliance"]["checks"][0]["status_id"] == event["compliance"]["status_id"]
        settled = event["unmapped"]["outcome"] in ("pass", "not-applicable")
        assert (event["severity_id"] == 1) is settled
        assert (event["status"] in ("Resolved", "Not Applicable")) is settled


def test_moments_are_milliseconds() -> None:
    for event in events(sample.hospital(), sample.past_of_hospital()):
        assert event["time"] == 1_772_344_800_000
        assert event["metadata"]["logged_time"] == 1_772_344_860_000
        for name in ("first_seen_time", "last_seen_time"):
            assert event["finding_info"].get(name, event["time"]) > 1_700_000_000_000


def test_a_waived_failure_is_a_failure_that_is_suppressed() -> None:
    (waived,) = [event for event in events(sample.hospital()) if event["unmapped"].get("waived")]
    assert (waived["status_id"], waived["compliance"]["status_id"]) == (3, 3)
    assert waived["comment"] == "waived by A. Person until 2026-04-30: tape library arrives in April"


@pytest.mark.parametrize(
    ("before", "now", "activity"),
    [
        (None, Outcome.FAIL, CREATE),
        (None, Outcome.PASS, CREATE),
        (Outcome.PASS, Outcome.FAIL, CREATE),
        (Outcome.PASS, Outcome.UNKNOWN, CREATE),
        (Outcome.NOT_APPLICABLE, Outcome.FAIL, CREATE),
        (Outcome.PASS, Outcome.PASS, UPDATE),
        (Outcome.FAIL, Outcome.FAIL, UPDATE),
        (Outcome.FAIL, Outcome.UNKNOWN, UPDATE),
        (Outcome.FAIL, Outcome.PASS, CLOSE),
        (Outcome.UNKNOWN, Outcome.PASS, CLOSE),
        (Outcome.ERROR, Outcome.NOT_APPLICABLE, CLOSE),
    ],
)
def test_a_finding_is_created_updated_and_closed(before: Outcome | None, now: Outcome, activity: int) -> None:
    one = sample.finding("fresh", "imaging@onsite", now, "m")
    key = (one.policy, one.control, one.subject)
    nights = sample.past_of_hospital().nights
    then = {} if before is None else {key: Interval(*key, before, False, Severity.HIGH, 1, sample.AT, 1, sample.AT)}
    event, *told = events(replace(sample.hospital(), findings=(one,)), Past(nights, then, {key: sample.AT}))
    assert [other["message"] for other in told] == ([NOTHING] if now is Outcome.NOT_APPLICABLE else [])
    assert (event["activity_id"], event["type_uid"]) == (activity, 200300 + activity)
    if now in (Outcome.FAIL, Outcome.UNKNOWN):
        assert event["status_id"] == (2 if activity == UPDATE else 1)


def test_what_is_judged_no_more_is_closed_and_nothing_is_said_of_whether_it_is_well() -> None:
    (gone,) = [event for event in events(sample.hospital(), sample.past_of_hospital()) if "outcome" not in event["unmapped"]]
    assert (gone["activity_id"], gone["status_id"], gone["compliance"]["status_id"]) == (CLOSE, 5, 0)
    assert gone["unmapped"]["outcome_before"] == "fail"


def test_a_finding_keeps_its_name_over_the_nights_and_an_event_does_not() -> None:
    given_ = sample.hospital()
    later = replace(given_, run=replace(given_.run, id="20260302T060000Z-ffffffff"))
    first, second = events(given_), events(later)
    assert {each["finding_info"]["uid"] for each in first} == {each["finding_info"]["uid"] for each in second}
    assert not {each["metadata"]["uid"] for each in first} & {each["metadata"]["uid"] for each in second}
    assert len({each["finding_info"]["uid"] for each in first}) == len(given_.findings)


def test_the_caution_stands_in_every_event() -> None:
    assert all("REHEARSAL" in event["unmapped"]["caution"] for event in events(sample.rehearsal()))
    assert all("caution" not in event["unmapped"] for event in events(sample.hospital()))


def test_where_nothing_was_judged_one_event_says_so() -> None:
    (event,) = json.loads(text_of(sample.nothing(), "ocsf"))
    assert event["message"] == NOTHING
    assert (event["compliance"]["status"], event["status"], event["severity"]) == ("Warning", "New", "High")
    assert "outcome" not in event["unmapped"]


def test_that_nothing_was_judged_stands_until_something_is_again() -> None:
    past = sample.past_of_hospital()
    empty = replace(past.nights[-1], exit_code=11, counts=((Outcome.NOT_APPLICABLE, 2),))
    before = Past((*past.nights, empty))
    (new,), (still,) = events(sample.nothing()), events(sample.nothing(), before)
    (closed,) = [event for event in events(sample.good(), before) if event["compliance"]["control"] == "something was judged"]
    assert new["finding_info"]["uid"] == still["finding_info"]["uid"] == closed["finding_info"]["uid"]
    assert [each["activity_id"] for each in (new, still, closed)] == [CREATE, UPDATE, CLOSE]
    assert [each["status"] for each in (new, still, closed)] == ["New", "In Progress", "Resolved"]
    assert [each["compliance"]["status"] for each in (new, still, closed)] == ["Warning", "Warning", "Pass"]
    assert complaints(ocsf_validator("1.5.0"), closed) == []
    judged = replace(empty, exit_code=11, counts=((Outcome.NOT_APPLICABLE, 2), (Outcome.UNKNOWN, 1)))
    assert not [event for event in events(sample.good(), Past((*past.nights, judged))) if "outcome" not in event["unmapped"]]
