"""Findings told together: no control, subject or word is lost, what passed only in part says so, and the answer in a line counts right."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.assess import assess
from drcheck.clock import parse_moment
from drcheck.look import Effort, look
from drcheck.model import Assessment, CopyFacts, Depth, Finding, Outcome, Reason, Severity, Source, SubjectKind, Unobserved, Waiver
from drcheck.open_estate import open_estate
from drcheck.policy import load_packs
from drcheck.reports.merged import MOST_FAILING, MOST_OTHERS, merged_rows, passed_name, passed_rows
from drcheck.reports.verdict import verdict
from tests import strategies
from tests.reports import sample
from tests.reports.rendering import text_of
from tests.reports.sample import finding

ROOT = Path(__file__).parents[2]
HARD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def of(*findings: Finding) -> Assessment:
    """The sample with these findings."""
    return replace(sample.hospital(), findings=findings)


def table(*findings: Finding, width: int = 120) -> str:
    """The table of the sample with these findings, as one line."""
    return " ".join(text_of(of(*findings), "table", width=width).split())


@HARD
@given(strategies.assessments())
def test_no_control_subject_or_word_is_lost(assessment: Assessment) -> None:
    rows = merged_rows(assessment.findings, set(Outcome))
    for one in assessment.findings:
        if one.outcome is Outcome.PASS:
            continue
        told = [row for row in rows if (row.check, row.outcome) == (one.check, one.outcome) and one.subject in row.subjects]
        said = [
            {*row.message.split("; "), *answer.message.split("; ")}
            for row in told
            for answer in row.answers
            if any(re.search(rf"(^| ){re.escape(one.control)}( \(|$)", control) for control in answer.controls)
        ]
        assert any(set(one.message.split("; ")) <= words for words in said), one


@HARD
@given(strategies.assessments())
def test_what_passed_is_counted_right(assessment: Assessment) -> None:
    rows = passed_rows(assessment.findings)
    assert sum(one.passed for row in rows for one in row.subjects) == assessment.counts()[Outcome.PASS]
    for row in rows:
        for one in row.subjects:
            asked = [
                it for it in assessment.findings if (it.check, it.subject) == (row.check, one.subject) and it.outcome is not Outcome.NOT_APPLICABLE
            ]
            assert (one.passed, one.asked) == (sum(it.outcome is Outcome.PASS for it in asked), len(asked))
            assert (passed_name(one) == one.subject.id) is (one.passed == one.asked)


def test_several_allowances_of_one_subject_are_one_row_with_each_control() -> None:
    old, older = "the newest is 9d old; allowed are 1d", "the newest is 9d old; allowed are 1d and 1h of grace"
    rows = merged_rows(
        (
            finding("rpo", "a@b", Outcome.FAIL, old, check="backup.recency"),
            finding("schedule", "a@b", Outcome.FAIL, older, check="backup.recency"),
            finding("current", "a@b", Outcome.FAIL, older, check="backup.recency", severity=Severity.LOW),
        ),
        set(),
    )
    assert [(row.message, row.severity) for row in rows] == [("the newest is 9d old", Severity.HIGH)]
    assert {answer.message: answer.controls for answer in rows[0].answers} == {
        "allowed are 1d": ("rpo",),
        "allowed are 1d and 1h of grace": ("schedule", "current (low)"),
    }


def test_one_answer_about_several_subjects_is_one_row_and_another_severity_is_not() -> None:
    some = [finding("fresh", f"s{number}@tape", Outcome.UNKNOWN, "tape did not answer", check="backup.recency") for number in range(3)]
    worse = finding("fresh", "s9@tape", Outcome.UNKNOWN, "tape did not answer", check="backup.recency", severity=Severity.CRITICAL)
    assert [[subject.id for subject in row.subjects] for row in merged_rows((*some, worse), set())] == [
        ["s9@tape"],
        ["s0@tape", "s1@tape", "s2@tape"],
    ]
    assert "s0@tape, s1@tape, s2@tape · backup.recency" in table(*some)


def test_what_is_known_best_does_not_hide_what_is_known_worst() -> None:
    declared = finding("one", "s", Outcome.FAIL, "m", check="c", assurance=Source.DECLARED, depth=Depth.LISTED)
    seen = replace(declared, control="two", assurance=Source.OBSERVED, depth=Depth.READ)
    nothing = replace(declared, control="three", assurance=None, depth=Depth.NONE)
    assert [(row.assurance, row.depth) for row in merged_rows((declared, seen), set())] == [(Source.DECLARED, Depth.LISTED)]
    assert [(row.assurance, row.depth) for row in merged_rows((declared, seen, nothing), set())] == [(None, Depth.NONE)]
    passed = [replace(one, outcome=Outcome.PASS) for one in (declared, seen)]
    assert "pass c s · declared, listed" in table(*passed)


def test_a_subject_that_passed_for_some_controls_only_says_so() -> None:
    passed = finding("two-places", "lab", Outcome.PASS, "2", check="copies.independent", kind=SubjectKind.SYSTEM)
    failed = finding("three-places", "lab", Outcome.FAIL, "2 of 3", check="copies.independent", kind=SubjectKind.SYSTEM)
    not_asked = finding("four", "lab", Outcome.NOT_APPLICABLE, "-", check="copies.independent", kind=SubjectKind.SYSTEM)
    assert "lab (1 of 2)" in table(passed, failed, not_asked)
    assert "(1 of" not in table(passed, not_asked)


def test_a_waived_finding_is_a_row_of_its_own() -> None:
    waiver = Waiver("p", "two", "s@t", "A. Person", "soon", date(2026, 4, 1))
    one = finding("one", "s@t", Outcome.FAIL, "m", check="c")
    rows = merged_rows((one, replace(one, control="two", waiver=waiver)), set())
    assert [bool(row.waiver) for row in rows] == [False, True]
    assert "A. Person until 2026-04-01: soon" in rows[1].waiver


def test_controls_of_the_same_name_are_told_apart() -> None:
    one = finding("offline", "s@t", Outcome.FAIL, "m", check="c", policy="first")
    assert "asked by: first offline, second offline" in table(one, replace(one, policy="second"))


def test_many_subjects_are_counted_and_failing_ones_named_sooner() -> None:
    for outcome, most in ((Outcome.FAIL, MOST_FAILING), (Outcome.UNKNOWN, MOST_OTHERS)):
        some = [finding("c", f"s{number:03}@t", outcome, "m", check="c") for number in range(most + 4)]
        assert f"s{most - 1:03}@t and 4 more · c" in table(*some)
        wide = text_of(of(*some), "table", wide=True)
        assert all(one.subject.id in wide for one in some)


def test_what_to_do_is_told_once_in_the_first_row() -> None:
    some = [
        finding(
            f"c{number}", f"s{number}", Outcome.FAIL, f"answer {number}", check=f"check{number % 2}", remediation="Mend it.", kind=SubjectKind.SYSTEM
        )
        for number in range(4)
    ]
    text = table(*some)
    assert text.count("→ Mend it.") == 1
    assert text.index("answer 2") < text.index("→ Mend it.") < text.index("answer 1")


@pytest.mark.parametrize(
    ("findings", "answer"),
    [
        ((), "UNKNOWN: nothing was judged; exit code 11"),
        ((finding("c", "t", Outcome.NOT_APPLICABLE, "m"),), "UNKNOWN: nothing was judged; exit code 11"),
        ((finding("c", "t", Outcome.PASS, "m"),), "PASS: nothing failed, and everything was determined; exit code 0"),
        (
            (finding("c", "imaging@onsite", Outcome.UNKNOWN, "m"), finding("d", "onsite", Outcome.ERROR, "m", kind=SubjectKind.TARGET)),
            "UNKNOWN: nothing failed, but 1 finding unknown and 1 finding in error (a bug in drcheck), in imaging, target onsite; exit code 11",
        ),
        (
            tuple(finding(f"c{number}", f"s{number // 2}", Outcome.FAIL, "m", check="c", kind=SubjectKind.SYSTEM) for number in range(12)),
            "FAIL: 6 problems (12 failed findings) in s0, s1, s2, s3 and 2 more; exit code 10",
        ),
    ],
    ids=["nothing", "not-applicable", "pass", "unknown", "fail"],
)
def test_the_answer_in_a_line(findings: tuple[Finding, ...], answer: str) -> None:
    assert verdict(of(*findings)) == answer


def test_the_answer_is_no_plain_pass_where_something_was_waived() -> None:
    waiver = Waiver("p", "c", "s@t", "A. Person", "soon", date(2026, 4, 1))
    failed = finding("c", "s@t", Outcome.FAIL, "m", waiver=waiver)
    passed = finding("d", "s@t", Outcome.PASS, "m")
    but = "PASS but for 1 waived finding: nothing else failed, and everything else was determined; exit code 0"
    assert verdict(of(failed, passed)) == verdict(of(failed)) == but
    assert verdict(of(failed, finding("e", "imaging@onsite", Outcome.UNKNOWN, "m"))) == (
        "UNKNOWN: nothing failed, but 1 finding unknown, in imaging; 1 waived; exit code 11"
    )


def test_the_reason_why_a_single_copy_was_not_listed_is_told() -> None:
    given_ = sample.hospital()
    denied = Unobserved(Reason.ACCESS_DENIED, "the folder imaging may not be listed; give drcheck the right to")
    first, *others = given_.facts.copies
    facts = replace(given_.facts, copies=(CopyFacts(first.system, first.target, denied, denied, denied), *others))
    text = " ".join(text_of(replace(given_, facts=facts), "table").split())
    assert "Copies that could not be listed - imaging@onsite: access-denied: the folder imaging may not be listed" in text
    assert "Copies that could not be listed" in text_of(replace(given_, facts=facts), "markdown")
    # A copy whose target gave the same reason for everything is told with its target.
    assert "Copies that could not be listed" not in text_of(given_, "table")


@pytest.mark.parametrize(("width", "height"), [(120, 40), (100, 40)])
def test_the_first_screen_of_the_fixture_holds_every_failure(width: int, height: int) -> None:
    estate = open_estate(ROOT / "fixtures" / "hospital" / "estate.toml")
    at = parse_moment("2026-03-02T08:00:00Z")
    facts = look(estate, reference=at, effort=Effort())
    assessment = assess(estate, load_packs(estate), facts, reference=at, started=at, as_of=True)
    lines = text_of(assessment, "table", width=width).splitlines()
    failing = [number for number, line in enumerate(lines) if line.startswith("FAIL ")]
    following = next(number for number, line in enumerate(lines) if line.startswith("UNKNOWN "))
    assert len(failing) == 4
    assert max(failing) < following <= height
    assert len(lines) < 120 if width == 120 else len(lines) < 140
    assert any(line.startswith("FAIL: 4 problems (12 failed findings) in imaging, pathology, patient-record; ") for line in lines[:3])
