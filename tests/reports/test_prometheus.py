"""The metrics: readers and promtool take them whatever is in them, what is not known has no series, and there are not too many of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from prometheus_client.parser import text_string_to_metric_families

from drcheck.model import Assessment, Outcome, Severity, Subject, SubjectKind, SystemUsed, Waiver
from drcheck.reports import prometheus
from drcheck.reports.exposition import Family
from tests import strategies
from tests.reports import sample
from tests.reports.rendering import text_of

ASSESSMENTS = [sample.hospital, sample.rehearsal, sample.good, sample.nothing]
HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(assessment: Assessment) -> Series:
    """Every sample by its name and labels, without the organisation."""
    return {
        (sample_.name, tuple((name, value) for name, value in sample_.labels.items() if name != "organisation")): sample_.value
        for family in text_string_to_metric_families(text_of(assessment, "prometheus"))
        for sample_ in family.samples
    }


def having(found: Series, name: str, **labels: str) -> float | None:
    """The one sample of a metric that has these labels; None where there is none."""
    values = [value for (each, given_), value in found.items() if each == name and labels.items() <= dict(given_).items()]
    assert len(values) <= 1, f"{name} {labels} has {len(values)} samples"
    return values[0] if values else None


@HARD
@given(strategies.assessments())
def test_it_can_be_read_whatever_the_assessment(assessment: Assessment) -> None:
    families = list(text_string_to_metric_families(text_of(assessment, "prometheus")))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.documentation
        assert family.type == "gauge"
        given_ = [tuple(one.labels.items()) for one in family.samples]
        assert len(given_) == len(set(given_)), f"{family.name} has a series twice"
        assert all(one.timestamp is None for one in family.samples), "the textfile collector takes none"
        assert all("organisation" in one.labels for one in family.samples)
    counts = dict.fromkeys(Outcome, 0.0)
    for (name, labels), value in series(assessment).items():
        if name == "drcheck_findings":
            counts[Outcome(dict(labels)["outcome"])] += value
    assert counts == assessment.counts()


@pytest.mark.program("promtool")
@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_promtool_has_nothing_to_say(make: Callable[[], Assessment]) -> None:
    given_ = make()
    systems = (SystemUsed("imaging", "Imaging", "critical", "A. Person", "main", "", (), timedelta(hours=24), timedelta(hours=4)),)
    done = _promtool(text_of(replace(given_, systems=systems), "prometheus"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.program("promtool")
def test_promtool_takes_names_that_hypothesis_thinks_of() -> None:
    @settings(HARD, max_examples=15)
    @given(strategies.assessments())
    def every(assessment: Assessment) -> None:
        done = _promtool(text_of(assessment, "prometheus"))
        assert done.returncode == 0, done.stderr

    every()


def _promtool(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, encoding="utf-8", timeout=60, check=False)


def test_what_is_not_known_has_no_series_and_one_that_says_so() -> None:
    found = series(sample.hospital())
    silent = {"system": "pathology", "target": "offsite-sftp"}
    assert having(found, "drcheck_copy_listed", **silent) == 0
    assert having(found, "drcheck_copy_read", **silent) == 0
    assert having(found, "drcheck_target_answered", target="offsite-sftp") == 0
    for name, labels in found:
        if name.startswith("drcheck_copy_") and silent.items() <= dict(labels).items():
            assert name in ("drcheck_copy_listed", "drcheck_copy_read", "drcheck_copy_info")
    empty = {"system": "pathology", "target": "onsite"}
    assert having(found, "drcheck_copy_recovery_points", **empty) == 0
    assert having(found, "drcheck_copy_newest_age_seconds", **empty) is None


def test_what_a_copy_is_known_to_be() -> None:
    found = series(sample.hospital())
    onsite, cloud = {"system": "imaging", "target": "onsite"}, {"system": "imaging", "target": "offsite-s3"}
    assert having(found, "drcheck_copy_newest_age_seconds", **onsite) == 4 * 3600
    assert having(found, "drcheck_copy_newest_timestamp_seconds", **onsite) == sample.AT.timestamp() - 4 * 3600
    assert having(found, "drcheck_copy_recovery_points", **cloud) == 11
    assert having(found, "drcheck_copy_bad_objects", **cloud) == 2
    assert having(found, "drcheck_copy_late_objects", **onsite) == 2
    assert having(found, "drcheck_copy_late_objects", **cloud) is None
    assert having(found, "drcheck_copy_verified_ratio", **onsite) == pytest.approx(13 / 30)
    assert having(found, "drcheck_copy_oldest_read_timestamp_seconds", **onsite) == (sample.AT - timedelta(days=21)).timestamp()
    assert having(found, "drcheck_copy_protected_until_timestamp_seconds", **cloud) == (sample.AT + timedelta(days=20)).timestamp()
    assert having(found, "drcheck_copy_protected_until_timestamp_seconds", **onsite) is None
    assert having(found, "drcheck_copy_info", **cloud, offsite="true", role="off-site", site="cloud-london") == 1
    assert (
        having(found, "drcheck_restore_last_success_timestamp_seconds", system="patient-record")
        == (sample.AT - timedelta(days=59, hours=-3)).timestamp()
    )
    assert having(found, "drcheck_restore_last_duration_seconds", system="patient-record") == 3 * 3600


def test_a_failed_drill_is_no_restore() -> None:
    given_ = sample.hospital()
    (drill,) = given_.facts.drills.value  # type: ignore[union-attr]
    failed = replace(drill, success=False, ended=drill.ended + timedelta(days=30))
    found = series(replace(given_, facts=replace(given_.facts, drills=sample.seen((failed, drill)))))
    assert having(found, "drcheck_restore_last_success_timestamp_seconds", system="patient-record") == drill.ended.timestamp()
    unknown = series(replace(given_, facts=replace(given_.facts, drills=sample.DOWN)))
    assert having(unknown, "drcheck_drills_known") == 0
    assert having(unknown, "drcheck_restore_last_success_timestamp_seconds", system="patient-record") is None


def test_a_system_is_what_its_worst_finding_is() -> None:
    found = series(sample.hospital())
    ncsc = "uk-ncsc-offline-backups"
    assert _states(found, "drcheck_system_outcome", system="imaging", policy=ncsc) == "fail", "a failing copy, although a failing control was waived"
    assert _states(found, "drcheck_system_outcome", system="pathology", policy=ncsc) == "unknown"
    assert _states(found, "drcheck_target_outcome", target="offsite-sftp", policy=ncsc) == "not-applicable"
    assert _states(found, "drcheck_estate_outcome", policy=ncsc) == "error"
    (waived,) = [one for one in sample.hospital().findings if one.waiver]
    only = series(replace(sample.hospital(), findings=(waived,)))
    assert _states(only, "drcheck_system_outcome", system="imaging", policy=ncsc) == "waived"
    assert having(only, "drcheck_findings", outcome="fail", severity="critical", waived="true") == 1


def _states(found: Series, name: str, **labels: str) -> str:
    """The one state that holds."""
    states = {state: having(found, name, outcome=state, **labels) for state in prometheus.STATES}
    assert set(states.values()) == {0, 1}
    (held,) = [state for state, value in states.items() if value == 1]
    return held


def test_there_are_not_too_many_series(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [name for name, _ in series(sample.hospital()) if name == "drcheck_system_outcome"]
    monkeypatch.setattr(prometheus, "MOST_PAIRS", 1)
    found = series(sample.hospital())
    states = [value for (name, _), value in found.items() if name == "drcheck_system_outcome"]
    assert len(states) == len(whole) / len(prometheus.STATES)
    assert set(states) == {1}


def test_no_label_grows_with_the_nights_or_with_what_is_kept() -> None:
    assert _labels() == {
        "organisation", "version", "outcome", "severity", "waived", "policy", "system", "target", "days", "site", "role", "offsite",
    }  # fmt: skip
    text = text_of(sample.hospital(), "prometheus")
    for never in (sample.hospital().run.id, "20260220T", ".dump", "sha256", "alert(1)"):
        assert never not in text


def _labels() -> set[str]:
    return {
        label for family in text_string_to_metric_families(text_of(sample.hospital(), "prometheus")) for one in family.samples for label in one.labels
    }


def test_waivers_that_end_are_counted() -> None:
    def ending(*days: date) -> tuple[float | None, ...]:
        findings = tuple(_waived(number, day) for number, day in enumerate(days))
        found = series(replace(sample.hospital(), findings=findings))
        counts = (having(found, "drcheck_waivers_ending", days=str(within)) for within in prometheus.ENDING)
        return (*counts, having(found, "drcheck_waiver_first_end_timestamp_seconds"))

    today = sample.AT.date()
    assert ending() == (0, 0, None)
    assert ending(today + timedelta(days=6), today + timedelta(days=20), date.max)[:2] == (1, 2)
    assert ending(today)[2] == sample.AT.replace(hour=0).timestamp() + 86400, "its last day is over at midnight"
    assert ending(date.min) != (0, 0, None)


def _waived(number: int, until: date):  # type: ignore[no-untyped-def]
    waiver = Waiver("p", "c", "s", "A. Person", "r", until)
    return sample.finding(f"c{number}", "s", Outcome.FAIL, "m", kind=SubjectKind.SYSTEM, waiver=waiver)


def test_kept_facts_that_are_judged_again_do_not_look_fresh() -> None:
    given_ = sample.hospital()
    later = sample.AT + timedelta(days=30)
    again = replace(given_, run=replace(given_.run, started=later, finished=later, reference=later, facts_from="facts.json"))
    found = series(again)
    assert having(found, "drcheck_run_timestamp_seconds") == later.timestamp()
    assert having(found, "drcheck_facts_timestamp_seconds") == sample.AT.timestamp()
    assert having(series(sample.rehearsal()), "drcheck_run_as_of") == 1
    assert having(series(sample.rehearsal()), "drcheck_estate_rehearsal") == 1


def test_copies_of_a_system_that_only_a_finding_names_are_counted_for_it() -> None:
    one = sample.finding("c", "lab@nowhere", Outcome.UNKNOWN, "m", severity=Severity.LOW)
    found = series(replace(sample.hospital(), findings=(one, replace(one, subject=Subject(SubjectKind.COPY, "odd"), control="d"))))
    assert {dict(labels)["system"] for name, labels in found if name == "drcheck_system_outcome"} == {"lab", "odd"}


def test_names_are_escaped() -> None:
    def lines(text: str) -> Iterator[str]:
        family = Family("x", "Help.", "name")
        family.add(1, text)
        return family.lines()

    assert list(lines('a"b\\c\nd'))[-1] == 'x{name="a\\"b\\\\c\\\\x0ad"} 1'
    with pytest.raises(ValueError, match="2 labels"):
        Family("x", "Help.", "a", "b").add(1, "c")
    broken = Family("x", "Help.")
    broken.add(float("nan"))
    with pytest.raises(ValueError, match="no measure"):
        list(broken.lines())
