"""OSCAL: it fits NIST's schema whatever is in it, every reference leads somewhere, and how each thing is known can be told."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.model import Assessment, Depth, FactUsed, Outcome, Reason, Source, SubjectKind, Waiver
from drcheck.reports.oscal_words import line, string, token
from tests import strategies
from tests.reports import sample
from tests.reports.official import complaints, oscal_validator
from tests.reports.rendering import text_of

ASSESSMENTS = [sample.hospital, sample.rehearsal, sample.good, sample.nothing]
HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def document(assessment: Assessment) -> dict[str, Any]:
    """The assessment results, as a reader of JSON gets them."""
    found: dict[str, Any] = json.loads(text_of(assessment, "oscal"))["assessment-results"]
    return found


def result(assessment: Assessment) -> dict[str, Any]:
    """Their one result."""
    (found,) = document(assessment)["results"]
    return dict(found)


def prop(thing: dict[str, Any], name: str) -> str | None:
    """The value of a property of drcheck's own."""
    return next((str(each["value"]) for each in thing["props"] if each["name"] == name), None)


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_it_fits_the_schema(make: Callable[[], Assessment]) -> None:
    assert complaints(oscal_validator(), json.loads(text_of(make(), "oscal"))) == []


@HARD
@given(strategies.assessments())
def test_it_fits_the_schema_and_refers_to_what_is_there_whatever_the_assessment(assessment: Assessment) -> None:
    text = text_of(assessment, "oscal")
    assert text.isascii()
    assert complaints(oscal_validator(), json.loads(text)) == []
    found = document(assessment)
    _check_references(found)
    findings = found["results"][0].get("findings", [])
    assert len(findings) == len(assessment.findings)


@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_every_reference_leads_somewhere(make: Callable[[], Assessment]) -> None:
    _check_references(document(make()))


def _check_references(found: dict[str, Any]) -> None:
    (one,) = found["results"]
    local = one["local-definitions"]
    items, tools = local.get("inventory-items", []), local["assessment-assets"]["components"]
    components = {each["uuid"] for each in (*local.get("components", []), *tools)}
    subjects = components | {each["uuid"] for each in (*items, *found["metadata"]["parties"])}
    observations = {each["uuid"] for each in one.get("observations", [])}
    risks = {each["uuid"] for each in one.get("risks", [])}
    for item in items:
        assert {each["component-uuid"] for each in item.get("implemented-components", [])} <= components
    for observation in one.get("observations", []):
        assert {each["subject-uuid"] for each in observation["subjects"]} <= subjects
        assert {actor["actor-uuid"] for origin in observation["origins"] for actor in origin["actors"]} <= subjects
    for finding in one.get("findings", []):
        assert {each["observation-uuid"] for each in finding.get("related-observations", [])} <= observations
        assert {each["risk-uuid"] for each in finding.get("related-risks", [])} <= risks
        assert prop(finding, "subject") in subjects
    resources = {f"#{each['uuid']}" for each in found["back-matter"]["resources"]}
    assert found["import-ap"]["href"] in resources
    selections = one["reviewed-controls"]["control-selections"]
    assert {link["href"] for each in selections for link in each.get("links", [])} <= resources


def test_identifiers_are_of_what_they_name() -> None:
    first, other = (
        document(each) for each in (sample.hospital(), replace(sample.hospital(), run=replace(sample.hospital().run, id="20260302T060000Z-1")))
    )
    uuids = list(_uuids(first))
    assert len(uuids) == len(set(uuids)), "one thing, one identifier"
    again = {each["uuid"] for each in other["results"][0]["local-definitions"]["components"]}
    assert again == {each["uuid"] for each in first["results"][0]["local-definitions"]["components"]}, "a system is the same on every night"
    assert not {each["uuid"] for each in first["results"][0]["findings"]} & {each["uuid"] for each in other["results"][0]["findings"]}


def _uuids(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and "uuid" in value:
        yield value["uuid"]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _uuids(item)


def test_only_a_pass_and_what_is_not_applicable_are_satisfied() -> None:
    for finding in result(sample.hospital())["findings"]:
        outcome, status = prop(finding, "outcome"), finding["target"]["status"]
        assert (status["state"], status["reason"]) == {
            "pass": ("satisfied", "pass"),
            "fail": ("not-satisfied", "fail"),
            "unknown": ("not-satisfied", "other"),
            "error": ("not-satisfied", "other"),
            "not-applicable": ("satisfied", "other"),
        }[str(outcome)]
        if status["reason"] == "other":
            assert status["remarks"] == outcome


@pytest.mark.parametrize(
    ("source", "depth", "reason", "method"),
    [
        (Source.OBSERVED, Depth.READ, None, "TEST"),
        (Source.OBSERVED, Depth.SAMPLED, None, "TEST"),
        (Source.OBSERVED, Depth.RESTORED, None, "TEST"),
        (Source.OBSERVED, Depth.LISTED, None, "EXAMINE"),
        (Source.OBSERVED, Depth.STRUCTURE, None, "EXAMINE"),
        (Source.CONFIGURED, Depth.ATTRIBUTES, None, "EXAMINE"),
        (Source.CONFIGURED, Depth.READ, None, "EXAMINE"),
        (Source.ATTESTED, Depth.NONE, None, "EXAMINE"),
        (Source.DECLARED, Depth.RESTORED, None, "INTERVIEW"),
        (None, Depth.NONE, Reason.UNREACHABLE, "UNKNOWN"),
        (Source.DECLARED, Depth.READ, Reason.UNSUPPORTED, "UNKNOWN"),
    ],
)
def test_the_method_says_how_a_fact_is_known(source: Source | None, depth: Depth, reason: Reason | None, method: str) -> None:
    fact = FactUsed("points", "30 points", source, sample.AT, reason)
    one = sample.finding("fresh", "imaging@onsite", Outcome.PASS, "m", depth=depth, facts=(fact,))
    (observation,) = result(replace(sample.hospital(), findings=(one,)))["observations"]
    assert observation["methods"] == [method]
    assert prop(observation, "source") == (str(source) if source else None)
    (actor,) = observation["origins"][0]["actors"]
    assert actor["type"] == ("party" if source is Source.DECLARED else "tool")


def test_a_fact_that_several_findings_rest_on_is_one_observation() -> None:
    found = result(sample.hospital())
    stale = [finding for finding in found["findings"] if finding["description"].startswith("The newest usable recovery point is 9d")]
    assert len(stale) == 2
    assert stale[0]["related-observations"] == stale[1]["related-observations"]


def test_what_was_read_expires_with_its_cycle() -> None:
    fact = FactUsed("verification", "13 of 30", Source.OBSERVED, sample.AT)
    of_copy = sample.finding("read", "imaging@onsite", Outcome.UNKNOWN, "m", depth=Depth.SAMPLED, facts=(fact,))
    named = replace(fact, name="verification of imaging@onsite")
    of_system = sample.finding("all", "imaging", Outcome.UNKNOWN, "m", kind=SubjectKind.SYSTEM, depth=Depth.SAMPLED, facts=(named,))
    other = sample.finding("fresh", "imaging@onsite", Outcome.PASS, "m", facts=(replace(fact, name="points"),))
    for one, expires in ((of_copy, "2026-03-10T06:00:00Z"), (of_system, "2026-03-10T06:00:00Z"), (other, None)):
        (observation,) = result(replace(sample.hospital(), findings=(one,)))["observations"]
        assert observation.get("expires") == expires


def test_a_waiver_is_a_risk_with_a_deadline_and_the_finding_stays_unsatisfied() -> None:
    found = result(sample.hospital())
    (risk,) = found["risks"]
    assert (risk["status"], risk["deadline"]) == ("deviation-approved", "2026-04-30T23:59:59Z")
    assert (prop(risk, "owner"), prop(risk, "until")) == ("A. Person", "2026-04-30")
    (waived,) = [finding for finding in found["findings"] if "related-risks" in finding]
    assert waived["related-risks"] == [{"risk-uuid": risk["uuid"]}]
    assert waived["target"]["status"] == {"state": "not-satisfied", "reason": "fail"}
    assert (prop(waived, "outcome"), prop(waived, "waived")) == ("fail", "yes")


def test_a_waiver_that_never_ends_has_no_deadline_that_the_format_could_not_say() -> None:
    waiver = Waiver("p", "offline", "imaging", "A. Person", "r", date.max)
    one = sample.finding("offline", "imaging", Outcome.FAIL, "m", kind=SubjectKind.SYSTEM, waiver=waiver)
    (risk,) = result(replace(sample.hospital(), findings=(one,)))["risks"]
    assert "deadline" not in risk
    assert prop(risk, "until") == "9999-12-31"


def test_the_cautions_and_the_counts_are_told() -> None:
    found = result(sample.rehearsal())
    assert "not now" in found["remarks"]
    assert "REHEARSAL" in found["remarks"]
    assert {prop(found, name) for name in ("as-of", "rehearsal")} == {"yes"}
    assert [prop(found, name) for name in ("pass", "fail", "unknown", "not-applicable", "error", "exit-code")] == ["2", "4", "1", "1", "1", "10"]
    assert "Nothing was judged" in result(sample.nothing())["remarks"]


def test_names_are_text_in_markdown_and_keep_no_control_character() -> None:
    for text in strings(json.loads(text_of(sample.hospital(), "oscal"))):
        assert "<script" not in text.replace("&lt;", "")
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "](javascript" not in text.replace(r"\]", "")
    assert line("<b>x</b> [a](javascript:b)") == r"&lt;b&gt;x&lt;/b&gt; \[a\](javascript:b)"
    assert line("- item") == r"\- item"
    assert line("see http://evil.example") == "see `http://evil.example`"
    assert line("imaging@onsite, 4h old; fine") == "imaging@onsite, 4h old; fine"
    assert (line(""), string("  "), string(" a\n")) == (r"\-", "-", r"a\x0a")
    assert [token(text) for text in ("CAF4-B5.c.current", "4.2", "", "a b/c", "ä")] == ["CAF4-B5.c.current", "_4.2", "_", "a_b_c", "_"]


@pytest.mark.program("trestle")
def test_compliance_trestle_loads_it(tmp_path: Path) -> None:
    # A program of its own, since compliance-trestle asks for single versions of libraries that drcheck is tested with newer ones of.
    trestle = shutil.which("trestle")
    assert trestle is not None
    subprocess.run([trestle, "init", "--local"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
    for make in ASSESSMENTS:
        _put(tmp_path, make.__name__, text_of(make(), "oscal"))
    done = _validated(trestle, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("VALID: Model") == len(ASSESSMENTS)
    _put(tmp_path, "broken", text_of(sample.hospital(), "oscal").replace('"not-satisfied"', '"perhaps"'))
    assert _validated(trestle, tmp_path).returncode != 0


def _put(place: Path, name: str, text: str) -> None:
    folder = place / "assessment-results" / name
    folder.mkdir(parents=True)
    (folder / "assessment-results.json").write_text(text, encoding="utf-8")


def _validated(trestle: str, place: Path) -> subprocess.CompletedProcess[str]:
    command = [trestle, "validate", "--type", "assessment-results"]
    return subprocess.run(command, cwd=place, check=False, capture_output=True, text=True, timeout=120)
