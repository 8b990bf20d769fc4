"""The output of a monitoring plugin: it can be read by the guidelines whatever is in it, and its state is never better than what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.model import Assessment, CopyFacts, Finding, Outcome, Severity, Subject, SubjectKind, Waiver
from drcheck.reports.nagios import LONGEST, State, nagios_state, output
from tests import strategies
from tests.reports import sample
from tests.reports.plugin_output import Output, read
from tests.reports.rendering import text_of

HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
WAIVER = Waiver("p", "c", "s", "A. Person", "r", date(2026, 4, 30))
FAIL_CRITICAL = sample.finding("a", "s", Outcome.FAIL, "m", kind=SubjectKind.SYSTEM, severity=Severity.CRITICAL)
FAIL_HIGH = replace(FAIL_CRITICAL, severity=Severity.HIGH)
FAIL_MEDIUM = replace(FAIL_CRITICAL, severity=Severity.MEDIUM)
FAIL_LOW = replace(FAIL_CRITICAL, severity=Severity.LOW)
UNKNOWN_LOW = replace(FAIL_LOW, outcome=Outcome.UNKNOWN)
ERROR = replace(FAIL_LOW, outcome=Outcome.ERROR)
PASS = replace(FAIL_CRITICAL, outcome=Outcome.PASS)
NOT_ASKED = replace(FAIL_CRITICAL, outcome=Outcome.NOT_APPLICABLE)


def of(*findings: Finding) -> Assessment:
    """The sample with these findings."""
    return replace(sample.good(), findings=findings)


def said(assessment: Assessment) -> Output:
    """What the plugin says."""
    return read(text_of(assessment, "nagios"))


@HARD
@given(strategies.assessments())
def test_it_can_be_read_and_its_state_is_right_whatever_the_assessment(assessment: Assessment) -> None:
    found = said(assessment)
    assert found.state == nagios_state(assessment)
    assert (found.state == 0) is (assessment.exit_code == 0)
    counts = {outcome.replace("-", "_"): count for outcome, count in assessment.counts().items()}
    assert {name: found.measures[name].value for name in counts} == counts


@pytest.mark.parametrize(
    ("findings", "state"),
    [
        ((PASS,), State.OK),
        ((PASS, NOT_ASKED), State.OK),
        ((PASS, FAIL_LOW), State.WARNING),
        ((PASS, FAIL_MEDIUM), State.WARNING),
        ((PASS, FAIL_HIGH), State.CRITICAL),
        ((FAIL_CRITICAL, UNKNOWN_LOW), State.CRITICAL),
        ((FAIL_HIGH, ERROR), State.CRITICAL),
        ((PASS, UNKNOWN_LOW), State.UNKNOWN),
        ((PASS, ERROR), State.UNKNOWN),
        ((FAIL_MEDIUM, UNKNOWN_LOW), State.UNKNOWN),
        ((), State.UNKNOWN),
        ((NOT_ASKED,), State.UNKNOWN),
        ((PASS, replace(FAIL_CRITICAL, waiver=WAIVER)), State.OK),
        ((replace(FAIL_CRITICAL, waiver=WAIVER), FAIL_LOW), State.WARNING),
        ((replace(FAIL_CRITICAL, waiver=WAIVER), UNKNOWN_LOW), State.UNKNOWN),
        ((PASS, replace(UNKNOWN_LOW, waiver=WAIVER)), State.OK),
    ],
)
def test_the_state_is_that_of_the_worst_that_stands(findings: tuple[Finding, ...], state: State) -> None:
    assert nagios_state(of(*findings)) == said(of(*findings)).state == state


def test_what_was_waived_is_told_although_it_raises_nothing() -> None:
    found = said(of(PASS, replace(FAIL_CRITICAL, control="b", waiver=WAIVER)))
    assert found.summary == "PASS but for 1 waived finding: nothing else failed, and everything else was determined"
    assert any("FAIL critical" in line and "[waived by A. Person until 2026-04-30: r]" in line for line in found.details)
    assert (found.measures["waived"].value, found.measures["fail"].value, found.measures["fail_critical"].value) == (1, 1, 0)


def test_the_thresholds_are_those_of_the_state() -> None:
    measures = said(sample.hospital()).measures
    assert {name: (one.warn, one.crit) for name, one in measures.items() if name.startswith("fail_")} == {
        "fail_critical": ("", "0"),
        "fail_high": ("", "0"),
        "fail_medium": ("0", ""),
        "fail_low": ("0", ""),
    }


def test_the_age_is_not_known_where_one_copy_is_not() -> None:
    def age(*copies: CopyFacts) -> float | None:
        given_ = sample.hospital()
        places = tuple(place for place in given_.copies if any((one.system, one.target) == (place.system, place.target) for one in copies))
        return said(replace(given_, copies=places, facts=replace(given_.facts, copies=copies))).measures["oldest_copy"].value

    onsite, cloud, _, silent, empty = sample.hospital().facts.copies
    assert age(onsite, cloud) == 5 * 3600
    assert age(onsite, silent) is None
    assert age(onsite, empty) is None
    assert age() is None


def test_the_first_line_says_what_the_report_is_not() -> None:
    assert "(Judged as of 2026-03-31T06:00:00Z, not now. REHEARSAL" in said(sample.rehearsal()).summary
    assert "not now" not in said(sample.hospital()).summary


def test_what_does_not_fit_is_counted() -> None:
    many = tuple(
        sample.finding("c", f"system-{number}", Outcome.FAIL, f"message {number} " + "é" * 150, check=f"check{number}") for number in range(200)
    )
    text = text_of(of(*many), "nagios")
    assert len(text.encode()) <= LONGEST
    last = read(text).details[-1]
    assert last.startswith("and ")
    assert int(last.split()[1]) + len(read(text).details) - 1 == 200


@HARD
@given(st.sampled_from(State), strategies.names, st.lists(strategies.names | st.text(max_size=2000), max_size=30))
def test_nothing_from_outside_is_more_than_text(state: State, summary: str, details: list[str]) -> None:
    text = output(state, f"x{summary}", details=details)
    found = read(text)
    assert found.state == state
    assert found.measures == {}
    assert not set("|<>`$&;\\\"'") & set(text)


def test_however_long_the_answer_is_the_first_line_says_that_it_is_of_another_moment_and_of_no_real_places() -> None:
    assessment = sample.hospital()
    findings = tuple(
        replace(finding, subject=Subject(SubjectKind.SYSTEM, f"{place}-" + "long" * 50)) for place, finding in enumerate(assessment.findings)
    )
    told = replace(assessment, findings=findings, run=replace(assessment.run, as_of=True), estate=replace(assessment.estate, rehearsal=True))
    first = text_of(told, "nagios").partition("|")[0].rstrip()
    assert "not now. REHEARSAL: " in first
    assert first.endswith("known by declaration only.)")
    assert len(first.encode()) <= 400
