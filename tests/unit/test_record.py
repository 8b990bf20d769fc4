"""Facts written down and read back: nothing is lost, nothing is guessed, and every problem is named with its key path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from drcheck.canonical import canonical_json
from drcheck.errors import ConfigError
from drcheck.model import NO_STORE, Assessment, Facts, Observed
from drcheck.record import assessment_from_record, assessment_to_record, facts_from_json, facts_to_json
from tests import strategies
from tests.reports.sample import hospital

FILE = Path("facts.json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.facts)
def test_what_is_written_is_read_back_equal(facts: Facts) -> None:
    text = facts_to_json(facts)
    assert text.isascii()
    assert facts_from_json(text, FILE) == facts


def test_names_that_are_no_utf_8_survive() -> None:
    facts = hospital().facts
    identity = facts_from_json(facts_to_json(facts), FILE).targets[0].identity
    assert isinstance(identity, Observed)
    assert "\udcff" in identity.value.trait("mount_source")


def _edited(edit: Callable[[Any], object]) -> str:
    document = json.loads(facts_to_json(hospital().facts))
    edit(document)
    return json.dumps(document)


def _set(value: object, *path: str | int) -> Callable[[Any], object]:
    def edit(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        document[path[-1]] = value

    return edit


def _rename(old: str, new: str, *path: str | int) -> Callable[[Any], object]:
    def edit(document: Any) -> None:
        for part in path:
            document = document[part]
        document[new] = document.pop(old)

    return edit


VERIFIED = ("copies", 2, "verification", "value")
ROTATED = ("copies", 0, "verification", "value", "rotation")


@pytest.mark.parametrize(
    ("edit", "key", "message"),
    [
        (_set("drcheck.facts/9", "schema"), "schema", "this drcheck reads"),
        (_rename("schema", "shema"), "schema", "is missing"),
        (_rename("stopped", "stoped", *VERIFIED), "copies[2].verification.value.stoped", "is no key of a fact"),
        (_rename("drawn_bad", "drawn_good", *ROTATED), "copies[0].verification.value.rotation.drawn_bad", "Field required"),
        (_rename("unread", "not_read", *ROTATED), "copies[0].verification.value.rotation.not_read", "is no key of a fact"),
        (_set("2026-02-08T06:00:00", *ROTATED, "oldest_read"), "copies[0].verification.value.rotation.oldest_read", "no time zone"),
        (_rename("breaches", "breach", "copies", 1, "changes", "value"), "copies[1].changes.value.breach", "is no key of a fact"),
        (_rename("objects_read", "read", *VERIFIED), "copies[2].verification.value.objects_read", "Field required"),
        (_set("x", "copies", 1, "points", "at"), "copies[1].points.at", "valid datetime"),
        (_set("2026-03-01T06:00:00", "at"), "at", "no time zone"),
        (_set("2026-03-01T06:00:00", "copies", 0, "points", "value", "newest", 0, "time"), "copies[0].points.value.newest[0].time", "no time zone"),
        (_set(1772344800, "at"), "at", "would be understood as"),
        (_set("12", *VERIFIED, "objects_read"), "copies[2].verification.value.objects_read", "would be understood as 12"),
        (_set("yes", "targets", 0, "versions", "value", "enabled"), "targets[0].versions.value.enabled", "would be understood as True"),
        (_set("unreachible", "copies", 3, "points", "reason"), "copies[3].points.reason", "'unreachable'"),
        (_set("seen", "drills", "source"), "drills.source", "'observed'"),
        (_set(3, "targets"), "targets", "valid tuple"),
        (_set(None, "copies", 0, "points"), "copies[0].points", "dictionary"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(edit: Callable[[Any], object], key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        facts_from_json(_edited(edit), FILE)
    assert {problem.key for problem in caught.value.problems} == {key}
    assert any(message in problem.message for problem in caught.value.problems)
    assert all(problem.file == "facts.json" for problem in caught.value.problems)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"schema": "drcheck.facts/1", "at": NaN}', "[" * 100_000])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"facts\.json"):
        facts_from_json(text, FILE)


def test_a_fact_cannot_be_known_and_not_known() -> None:
    both = _edited(_set("unreachable", "copies", 0, "points", "reason"))
    with pytest.raises(ConfigError):
        facts_from_json(both, FILE)


def test_facts_that_were_kept_without_a_store_know_nothing_of_earlier_nights() -> None:
    def edit(document: Any) -> None:
        del document["sampling"]
        for copy in document["copies"]:
            del copy["changes"]
            copy["verification"].get("value", {}).pop("rotation", None)

    facts = facts_from_json(_edited(edit), FILE)
    assert facts.sampling is None
    for copy in facts.copies:
        assert copy.changes == NO_STORE
        assert not isinstance(copy.verification, Observed) or copy.verification.value.rotation is None


def test_moments_may_be_written_in_another_zone() -> None:
    facts = facts_from_json(_edited(_set("2026-03-01T07:00:00+01:00", "at")), FILE)
    assert facts == hospital().facts


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.assessments())
def test_a_record_is_read_back_as_it_was_written(assessment: Assessment) -> None:
    record = assessment_to_record(assessment)
    again = assessment_from_record(record, "a run")
    assert assessment_to_record(again) == record
    assert canonical_json(json.loads(record)) == record
    assert again.counts() == assessment.counts()
    if b"\\\\" not in record:
        assert again == assessment


def test_a_record_keeps_everything_but_bytes_that_are_no_text() -> None:
    whole = hospital()
    again = assessment_from_record(assessment_to_record(whole), "a run")
    assert (again.run, again.policies, again.findings[0].facts) == (whole.run, whole.policies, whole.findings[0].facts)
    assert [copy.id for copy in again.facts.copies] == [copy.id for copy in whole.facts.copies]


def test_a_record_that_two_readers_could_read_otherwise_is_refused() -> None:
    record = assessment_to_record(hospital())
    for said, twice in ((b'"outcome":"fail"', b'"outcome":"fail","outcome":"pass"'), (b'"schema":', b'"schema":"other","schema":')):
        assert said in record
        with pytest.raises(ConfigError, match="is there twice in one object"):
            assessment_from_record(record.replace(said, twice, 1), "record.json")


def test_a_record_whose_findings_could_mean_either_of_two_controls_is_refused() -> None:
    given_ = hospital()
    pack = given_.policies[0]
    packs = replace(given_, policies=(*given_.policies, replace(pack, controls=())))
    controls = replace(given_, policies=(replace(pack, controls=(*pack.controls, pack.controls[0])), *given_.policies[1:]))
    for one, key in ((packs, f"policies[{len(given_.policies)}].id"), (controls, f"policies[0].controls[{len(pack.controls)}].id")):
        with pytest.raises(ConfigError, match=f"{re.escape(key)}: is '.*' once more"):
            assessment_from_record(assessment_to_record(one), "run x")


@pytest.mark.parametrize("size", ["9" * 400, '"' + "9" * 400 + '"'])
def test_a_number_that_nobody_could_count_with_is_refused(size: str) -> None:
    record, changes = re.subn(r'"size":[0-9]+', f'"size":{size}', assessment_to_record(hospital()).decode(), count=1)
    assert changes == 1
    with pytest.raises(ConfigError):
        assessment_from_record(record.encode(), "record.json")
