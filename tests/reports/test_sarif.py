"""SARIF: it fits the schema whatever is in it, every outcome has its kind, and the night before stands beside each result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.model import Assessment, Outcome, Past, Severity, SubjectKind
from drcheck.reports.sarif import FINGERPRINT
from tests import strategies
from tests.reports import sample
from tests.reports.official import complaints, sarif_validator
from tests.reports.pasts import past_of_others
from tests.reports.rendering import text_of

ASSESSMENTS = [sample.hospital, sample.rehearsal, sample.good, sample.nothing]
HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
KINDS = {"pass": "pass", "fail": "fail", "unknown": "open", "error": "open", "not-applicable": "notApplicable"}


def run(assessment: Assessment, **options: Any) -> dict[str, Any]:
    """The one run of the log."""
    (found,) = json.loads(text_of(assessment, "sarif", **options))["runs"]
    return dict(found)


@pytest.mark.parametrize("past", [None, sample.past_of_hospital()], ids=["alone", "with a past"])
@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_it_fits_the_schema(make: Callable[[], Assessment], past: Past | None) -> None:
    assert complaints(sarif_validator(), json.loads(text_of(make(), "sarif", past=past))) == []


@HARD
@given(strategies.assessments())
def test_it_fits_the_schema_whatever_the_assessment(assessment: Assessment) -> None:
    text = text_of(assessment, "sarif", past=past_of_others(assessment))
    assert text.isascii()
    assert complaints(sarif_validator(), json.loads(text)) == []
    results = run(assessment)["results"]
    assert len(results) == len(assessment.findings)
    rules = run(assessment)["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results)
    assert len({rule["id"] for rule in rules}) == len(rules)


def test_every_outcome_has_its_kind_and_only_failures_have_a_level() -> None:
    results = run(sample.hospital())["results"]
    assert {result["properties"]["outcome"]: result["kind"] for result in results} == KINDS
    for result in results:
        levels = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
        assert result["level"] == (levels[result["properties"]["severity"]] if result["kind"] == "fail" else "none")
    assert {result["level"] for result in results} == {"error", "warning", "none"}


def test_a_waived_failure_is_a_failure_that_is_suppressed() -> None:
    results = run(sample.hospital())["results"]
    assert all(isinstance(result["suppressions"], list) for result in results), "where one result says so, all must"
    (waived,) = [result for result in results if result["suppressions"]]
    (why,) = waived["suppressions"]
    assert (waived["kind"], waived["level"]) == ("fail", "error")
    assert (why["kind"], why["status"]) == ("external", "accepted")
    assert why["justification"] == "waived by A. Person until 2026-04-30: tape library arrives in April"
    assert "waived by A. Person" in waived["message"]["text"]


def test_each_result_stands_beside_the_night_before() -> None:
    past = sample.past_of_hospital()
    found = run(sample.hospital(), past=past)
    states = {(result["ruleId"], result["locations"][0]["logicalLocations"][0]["name"]): result["baselineState"] for result in found["results"]}
    ncsc = "uk-ncsc-offline-backups"
    assert states[f"{ncsc}:checksums", "imaging@offsite-s3"] == "updated"
    assert states[f"{ncsc}:fresh", "imaging@onsite"] == "updated"
    assert states[f"{ncsc}:offline", "imaging"] == "unchanged"
    (gone,) = [result for result in found["results"] if result["baselineState"] == "absent"]
    assert (gone["ruleId"], gone["kind"]) == ("uk-caf-b5:recency", "fail")
    assert "outcome" not in gone["properties"], "it is no finding of this night"
    before = replace(sample.hospital(), run=replace(sample.hospital().run, id=past.nights[-1].run))
    assert found["baselineGuid"] == run(before)["automationDetails"]["guid"] != found["automationDetails"]["guid"]


def test_without_a_night_before_everything_is_new_and_without_a_store_nothing_is_said() -> None:
    found = run(sample.hospital(), past=Past())
    assert {result["baselineState"] for result in found["results"]} == {"new"}
    assert "baselineGuid" not in found
    assert all("baselineState" not in result for result in run(sample.hospital())["results"])


def test_another_severity_or_a_waiver_is_a_change() -> None:
    given_, past = sample.hospital(), sample.past_of_hospital()
    worse = tuple(replace(one, severity=Severity.LOW) for one in given_.findings)
    states = {result["baselineState"] for result in run(replace(given_, findings=worse), past=past)["results"]}
    assert states == {"updated", "unchanged", "absent"}, "what was of low severity before is as it was"
    accepted = tuple(replace(one, waiver=None) for one in given_.findings)
    found = run(replace(given_, findings=accepted), past=past)["results"]
    assert next(result for result in found if result["ruleId"].endswith(":offline"))["baselineState"] == "updated"


def test_fingerprints_are_of_what_is_judged_and_not_of_the_night() -> None:
    given_ = sample.hospital()
    other = replace(given_, run=replace(given_.run, id="20260302T060000Z-ffffffff"))
    changed = replace(other, findings=tuple(replace(one, outcome=Outcome.PASS, message="well") for one in other.findings))
    first, second = ({result["partialFingerprints"][FINGERPRINT] for result in run(each)["results"]} for each in (given_, changed))
    assert first == second
    assert len(first) == len(given_.findings)
    elsewhere = replace(given_, estate=replace(given_.estate, organisation="other"))
    assert not first & {result["partialFingerprints"][FINGERPRINT] for result in run(elsewhere)["results"]}
    assert not {result["guid"] for result in run(given_)["results"]} & {result["guid"] for result in run(changed)["results"]}


def test_the_invocation_tells_of_bugs_cautions_and_of_nothing_judged() -> None:
    def told(assessment: Assessment) -> tuple[bool, int, str]:
        (call,) = run(assessment)["invocations"]
        words = " | ".join(f"{note['level']}: {note['message']['text']}" for note in call["toolExecutionNotifications"])
        return call["executionSuccessful"], call["exitCode"], words

    fine, code, words = told(sample.hospital())
    assert (fine, code) == (False, 10)
    assert "error: copies.independent crashed on estate st-elsewhere: KeyError" in words
    assert "warning: Judged as of 2026-03-31T06:00:00Z, not now. REHEARSAL" in told(sample.rehearsal())[2]
    assert told(sample.good())[:2] == (True, 0)
    assert told(sample.nothing())[1:] == (11, "error: Nothing was judged.")


def test_only_leaves_out_results_and_no_count() -> None:
    found = run(sample.hospital(), only={"fail"}, past=sample.past_of_hospital())
    assert {result["kind"] for result in found["results"]} == {"fail"}
    assert found["properties"]["counts"] == {"pass": 2, "fail": 4, "unknown": 1, "not-applicable": 1, "error": 1}


def test_a_message_is_neither_a_link_nor_a_template() -> None:
    one = sample.finding("c", "s", Outcome.FAIL, "{0} [x](javascript:y) {{", kind=SubjectKind.SYSTEM)
    (result,) = run(replace(sample.hospital(), findings=(one,)))["results"]
    assert result["message"]["text"] == "FAIL: system s: {{0}} [x] (javascript:y) {{{{"


def test_the_location_is_the_pack_as_it_lies_in_an_evidence_pack() -> None:
    one = sample.finding("c", "s", Outcome.FAIL, "m", policy="../p q/%")
    (result,) = run(replace(sample.hospital(), findings=(one,)))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "policies/..%2Fp%20q%2F%25.toml"
