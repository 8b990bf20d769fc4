"""Every format tells the same of one assessment: as many findings of each outcome, and as many that were waived."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from prometheus_client.parser import text_string_to_metric_families

from drcheck.model import Assessment, Outcome
from drcheck.reports import BUILTIN
from drcheck.reports.csv_lines import HEADER
from drcheck.reports.junit import NOTHING
from tests import strategies
from tests.reports import sample
from tests.reports.pasts import past_of_others
from tests.reports.plugin_output import read
from tests.reports.rendering import text_of

HARD = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
WAIVED = "waived"
FOR_PEOPLE = frozenset({"html", "markdown", "pdf", "statement", "table"})
"""Their counts are words, and tested with them."""


def of_json(text: str) -> Counter[str]:
    summary = json.loads(text)["summary"]
    return _counted({name: summary[name] for name in (*Outcome, WAIVED)})


def of_csv(text: str) -> Counter[str]:
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert set(HEADER) >= {"outcome", "waived_until"}
    waived = sum(bool(line["waived_until"]) and line["outcome"] in ("fail", "unknown", "error") for line in lines)
    return _counted(Counter(line["outcome"] for line in lines) | {WAIVED: waived})


def of_oscal(text: str) -> Counter[str]:
    (result,) = json.loads(text)["assessment-results"]["results"]
    findings = [{each["name"]: each["value"] for each in finding["props"]} for finding in result.get("findings", [])]
    found = _counted(Counter(finding["outcome"] for finding in findings) | {WAIVED: sum("waived" in finding for finding in findings)})
    assert found[WAIVED] == len(result.get("risks", []))
    props = {each["name"]: each["value"] for each in result["props"]}
    assert {name: int(props[name]) for name in Outcome} == {name: found[name] for name in Outcome}
    return found


def of_ocsf(text: str) -> Counter[str]:
    judged = [event for event in json.loads(text) if "outcome" in event["unmapped"]]
    assert sum(event["status"] == "Suppressed" for event in judged) == sum(event["unmapped"]["waived"] for event in judged)
    return _counted(Counter(event["unmapped"]["outcome"] for event in judged) | {WAIVED: sum(event["unmapped"]["waived"] for event in judged)})


def of_sarif(text: str) -> Counter[str]:
    (run,) = json.loads(text)["runs"]
    results = [result for result in run["results"] if result.get("baselineState") != "absent"]
    found = _counted(
        Counter(result["properties"]["outcome"] for result in results) | {WAIVED: sum(bool(result["suppressions"]) for result in results)}
    )
    assert run["properties"]["counts"] == {name: found[name] for name in Outcome}
    return found


def of_junit(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for suite in ET.fromstring(text):
        for case in suite.iter("testcase") if suite.get("name") != NOTHING else ():
            endings = list(case)
            found[endings[0].get("type", "") if endings else "pass"] += 1
            found[WAIVED] += bool(endings) and endings[0].tag == "skipped" and endings[0].get("type") != "not-applicable"
    return found


def of_prometheus(text: str) -> Counter[str]:
    found, by_policy = Counter[str](), Counter[str]()
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == "drcheck_findings":
                found[one.labels["outcome"]] += int(one.value)
                # Whatever passed or was not asked can carry a waiver that accepts nothing.
                found[WAIVED] += int(one.value) if one.labels["waived"] == "true" else 0
            if one.name == "drcheck_policy_findings":
                by_policy[one.labels["outcome"]] += int(one.value)
    assert by_policy.total() == found.total() - found[WAIVED]
    assert by_policy[WAIVED] == found[WAIVED]
    return found


def of_nagios(text: str) -> Counter[str]:
    measures = read(text).measures
    return _counted({name: int(measures[name.replace("-", "_")].value or 0) for name in (*Outcome, WAIVED)})


def _counted(found: dict[str, int] | Counter[str]) -> Counter[str]:
    return Counter({str(name): count for name, count in found.items()})


READERS: dict[str, Callable[[str], Counter[str]]] = {
    "json": of_json,
    "csv": of_csv,
    "oscal": of_oscal,
    "ocsf": of_ocsf,
    "sarif": of_sarif,
    "junit": of_junit,
    "prometheus": of_prometheus,
    "nagios": of_nagios,
}


def expected(assessment: Assessment) -> Counter[str]:
    """How many findings have each outcome, and how many of them are no pass and were accepted."""
    accepted = sum(one.waived and one.outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR) for one in assessment.findings)
    return Counter({**{str(outcome): count for outcome, count in assessment.counts().items()}, WAIVED: accepted})


def test_every_format_for_programs_is_counted() -> None:
    assert set(READERS) == set(BUILTIN) - FOR_PEOPLE


@pytest.mark.parametrize("make", [sample.hospital, sample.rehearsal, sample.good, sample.nothing], ids=lambda make: make.__name__)
def test_all_count_alike(make: Callable[[], Assessment]) -> None:
    _check(make(), READERS)


@HARD
@given(strategies.assessments())
def test_all_count_alike_whatever_the_assessment(assessment: Assessment) -> None:
    _check(assessment, READERS)


def _check(assessment: Assessment, formats: Iterable[str]) -> None:
    past = past_of_others(assessment)
    wanted = +expected(assessment)
    assert {format_: +READERS[format_](text_of(assessment, format_, past=past)) for format_ in formats} == dict.fromkeys(formats, wanted)
