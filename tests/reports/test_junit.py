"""JUnit XML: two readers open it whatever is in it, what is unknown is an error, and nothing judged is no success."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import junitparser
import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.model import Assessment, Outcome
from drcheck.reports.junit import NOTHING
from tests import strategies
from tests.reports import sample
from tests.reports.rendering import text_of

ASSESSMENTS = [sample.hospital, sample.rehearsal, sample.good, sample.nothing]
HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
KINDS = {"pass": None, "fail": "failure", "unknown": "error", "error": "error", "not-applicable": "skipped"}


def tree(assessment: Assessment) -> ET.Element:
    """The document as the standard library reads it."""
    return ET.fromstring(text_of(assessment, "junit"))


def endings(case: ET.Element) -> list[ET.Element]:
    """What says how a case ended."""
    return [child for child in case if child.tag in ("failure", "error", "skipped")]


@HARD
@given(strategies.assessments())
def test_it_can_be_read_and_its_counts_are_right_whatever_the_assessment(assessment: Assessment) -> None:
    root = tree(assessment)
    _check_counts(root)
    cases = [case for suite in root if suite.get("name") != NOTHING for case in suite.iter("testcase")]
    assert len(cases) == len(assessment.findings)
    assert max((len(endings(case)) for case in cases), default=0) <= 1
    if assessment.exit_code == 0:
        assert root.get("failures") == root.get("errors") == "0"
    else:
        assert root.get("failures") != "0" or root.get("errors") != "0", "a build server must not call it a success"


def _check_counts(root: ET.Element) -> None:
    for each in (root, *root.iter("testsuite")):
        found = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        for case in each.iter("testcase"):
            found["tests"] += 1
            for ending in endings(case):
                found[{"failure": "failures", "error": "errors", "skipped": "skipped"}[ending.tag]] += 1
        assert {name: int(each.get(name, "-1")) for name in found} == found


@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_a_reader_of_the_format_reads_it(make: Callable[[], Assessment]) -> None:
    text = text_of(make(), "junit")
    read: Any = junitparser.JUnitXml.fromstring(text.encode())
    assert (read.tests, read.failures, read.errors, read.skipped) == tuple(
        int(tree(make()).get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")
    )
    read.update_statistics()
    assert read.tests == sum(len(list(suite)) for suite in read)


def test_every_outcome_has_its_element() -> None:
    cases = {(case.get("classname"), case.get("name")): endings(case) for case in tree(sample.hospital()).iter("testcase")}
    for finding in sample.hospital().findings:
        name = finding.subject.id if finding.subject.kind == "copy" else f"{finding.subject.kind} {finding.subject.id}"
        found = cases[f"{finding.policy}.{finding.control}", name]
        kind = "skipped" if finding.waived else KINDS[finding.outcome]
        assert [ending.tag for ending in found] == ([kind] if kind else [])
        assert [ending.get("type") for ending in found] == ([finding.outcome] if kind else [])


def test_a_waived_failure_says_that_it_is_one() -> None:
    (waived,) = [ending for case in tree(sample.hospital()).iter("testcase") for ending in endings(case) if "waived" in str(ending.get("message"))]
    assert waived.tag == "skipped"
    assert waived.get("message") == (
        "waived by A. Person until 2026-04-30: tape library arrives in April; it is still FAIL: No copy is offline or immutable."
    )


def test_nothing_judged_is_an_error() -> None:
    root = tree(sample.nothing())
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    no_use = tuple(finding for finding in sample.hospital().findings if finding.outcome is Outcome.NOT_APPLICABLE)
    only_not_applicable = tree(replace(sample.hospital(), findings=no_use))
    assert (only_not_applicable.get("tests"), only_not_applicable.get("errors"), only_not_applicable.get("skipped")) == ("2", "1", "1")


def test_the_caution_stands_in_the_name_and_each_suite_says_what_it_is_of() -> None:
    root = tree(sample.rehearsal())
    assert "not now. REHEARSAL" in str(root.get("name"))
    for suite in root:
        values = {each.get("name"): each.get("value") for each in suite.iter("property")}
        assert (values["as_of"], values["rehearsal"], values["organisation"]) == ("yes", "yes", "st-elsewhere")
        assert suite.get("timestamp") == "2026-03-01T06:00:00"


def test_no_option_leaves_half_a_verdict() -> None:
    assert text_of(sample.hospital(), "junit", only={"pass"}) == text_of(sample.hospital(), "junit")


def test_names_are_text() -> None:
    text = text_of(sample.hospital(), "junit")
    assert "<script" not in text
    assert "<!" not in text, "neither entities nor comments"
    shown = [ending.get("message", "") for case in ET.fromstring(text).iter("testcase") for ending in endings(case)]
    assert any("<script>alert(1)</script>" in message and r"\x1b[2J" in message for message in shown)
