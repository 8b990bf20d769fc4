"""The JSON document: it fits its published schema whatever is in it, the schema is strict, and what is unknown is never a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from drcheck.model import Assessment, Depth, ObjectResult, Observed, Outcome, Reason, Source, Unobserved, Verification
from tests import strategies
from tests.reports import sample
from tests.reports.rendering import text_of

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "assessment.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
ASSESSMENTS = [sample.hospital, sample.rehearsal, sample.good, sample.nothing]


def document(assessment: Assessment) -> dict[str, Any]:
    """The document of an assessment, as a reader of JSON gets it."""
    found: dict[str, Any] = json.loads(text_of(assessment, "json"))
    return found


def test_the_schema_is_a_schema_and_refuses_unknown_keys_everywhere() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    objects = [node for node in _nodes(SCHEMA) if node.get("type") == "object" and "properties" in node]
    assert len(objects) > 20
    assert all(node["additionalProperties"] is False and set(node["required"]) == set(node["properties"]) for node in objects)


def _nodes(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return ([node] if isinstance(node, dict) else []) + [found for child in children for found in _nodes(child)]


@pytest.mark.parametrize("make", ASSESSMENTS, ids=lambda make: make.__name__)
def test_it_fits_the_schema(make: Callable[[], Assessment]) -> None:
    VALIDATOR.validate(document(make()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(strategies.assessments())
def test_it_fits_the_schema_whatever_the_assessment(assessment: Assessment) -> None:
    text = text_of(assessment, "json")
    assert text.isascii()
    assert text.endswith("}\n")
    found = json.loads(text)
    VALIDATOR.validate(found)
    assert [finding["message"] for finding in found["findings"]] == [finding.message for finding in assessment.findings]
    assert found["summary"]["exit_code"] == assessment.exit_code
    assert sum(found["summary"][outcome] for outcome in Outcome) == len(assessment.findings)


def _remove(*path: str | int) -> Callable[[Any], None]:
    def edit(found: Any) -> None:
        for part in path[:-1]:
            found = found[part]
        del found[path[-1]]

    return edit


def _put(value: object, *path: str | int) -> Callable[[Any], None]:
    def edit(found: Any) -> None:
        for part in path[:-1]:
            found = found[part]
        found[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        _remove("run"),
        _remove("findings", 0, "assurance"),
        _put(1, "extra"),
        _put("passed", "findings", 0, "outcome"),
        _put("2026-03-01T06:00:00", "run", "reference"),
        _put("2026-03-01T06:00:00+01:00", "run", "reference"),
        _put("2026-02-30T06:00:00Z", "run", "reference"),
        _put(1, "summary", "exit_code"),
        _put(1.5, "copies", 0, "verification", "upper_bound_bad_rate"),
        _put(0, "copies", 3, "recovery_points"),
        _put(0, "copies", 3, "verification", "bad"),
        _put(0, "copies", 2, "changes", "gone"),
        _put(None, "copies", 1, "changes", "gone"),
        _put("broken", "copies", 1, "changes", "broken", 0, "breach"),
        _remove("copies", 0, "verification", "rotation", "unread"),
        _put(-1, "copies", 0, "verification", "rotation", "left"),
        _remove("sampling", "seed"),
        _put(None, "copies", 3, "verification", "unobserved"),
        _put(None, "copies", 0, "recovery_points"),
        _put(None, "targets", 3, "facts", "identity", "unobserved"),
        _put(None, "targets", 0, "facts", "identity", "value"),
    ],
)
def test_the_schema_notices_what_is_wrong(edit: Callable[[Any], None]) -> None:
    found = document(sample.hospital())
    edit(found)
    assert not VALIDATOR.is_valid(found)


def test_it_has_the_keys_of_the_design() -> None:
    found = document(sample.hospital())
    assert list(found) == ["schema", "run", "estate", "policies", "summary", "findings", "copies", "targets", "sampling"]
    assert found["schema"] == "drcheck.assessment/1"
    assert list(found["findings"][0]) == (
        ["policy", "control", "clause", "check", "subject", "outcome", "severity", "assurance", "depth", "message", "facts", "waiver", "remediation"]
    )
    assert {"system", "target", "site", "recovery_points", "newest", "oldest", "age_seconds", "objects", "bytes"} < set(found["copies"][0])
    assert {"depth", "objects_read", "bytes_read", "objects_total", "bad", "oldest_read", "upper_bound_bad_rate"} < set(
        found["copies"][0]["verification"]
    )
    assert found["summary"] | {"notes": None} == {
        "pass": 2,
        "fail": 4,
        "unknown": 1,
        "not-applicable": 1,
        "error": 1,
        "waived": 1,
        "exit_code": 10,
        "notes": None,
    }


def test_names_survive_as_they_came() -> None:
    trait = document(sample.hospital())["targets"][0]["facts"]["identity"]["value"]["traits"][1]
    assert trait == {"name": "mount_source", "value": sample.HOSTILE}


def test_a_copy_without_facts_is_unobserved_and_not_empty() -> None:
    given = sample.hospital()
    found = document(replace(given, facts=replace(given.facts, copies=(), targets=())))
    for copy in found["copies"]:
        assert copy["recovery_points"] is None
        assert copy["unobserved"]["reason"] == "not-attempted"
        assert copy["verification"]["bad"] is None
    assert not any(target["answered"] for target in found["targets"])


def test_as_of_moves_the_age_and_leaves_later_points_out() -> None:
    given = sample.hospital()
    found = document(replace(given, run=replace(given.run, reference=sample.AT - timedelta(days=1))))
    assert found["copies"][0]["newest"] == "2026-02-28T02:00:00Z"
    assert found["copies"][0]["age_seconds"] == 4 * 3600


def _bound(verification: Verification) -> float | None:
    given = sample.hospital()
    copies = (replace(given.facts.copies[0], verification=Observed(verification, sample.AT, Source.OBSERVED)), *given.facts.copies[1:])
    bound: float | None = document(replace(given, facts=replace(given.facts, copies=copies)))["copies"][0]["verification"]["upper_bound_bad_rate"]
    return bound


def test_the_bound_is_exact_where_everything_was_compared() -> None:
    assert _bound(sample.verification(30)) == 0
    assert _bound(sample.verification(29, sample.problem(ObjectResult.MISMATCH))) == pytest.approx(1 / 30, abs=1e-6)
    assert _bound(sample.verification(30, sample.problem(ObjectResult.MISSING))) == pytest.approx(1 / 31, abs=1e-6)


def test_the_bound_is_sure_without_a_rotation_and_statistical_with_one() -> None:
    partial = sample.verification(59, not_read=941)
    assert _bound(partial) == 0.941
    assert _bound(replace(partial, stopped=Unobserved(Reason.TIMED_OUT, "too slow"))) == 0.941
    assert _bound(replace(partial, depth=Depth.SAMPLED)) == 0.941
    assert 0.049 < (_bound(sample.rolling(0, 59, 941)) or 1) < 0.05


def test_a_rotation_is_told_with_what_stands_and_what_was_read_tonight() -> None:
    given = sample.hospital()
    found = document(given)["copies"][0]["verification"]
    assert found["rotation"] == {
        "cycle_seconds": 30 * 86400,
        "verified": 13,
        "oldest_read": "2026-02-08T06:00:00Z",
        "due": 0,
        "left": 2,
        "unverified": 21,
        "drawn": 4,
        "drawn_bad": 0,
        "ends": "2026-03-10T06:00:00Z",
        "unread": 17,
    }
    assert (found["objects_read"], found["oldest_read"]) == (4, "2026-02-08T06:00:00Z")
    later = replace(given, run=replace(given.run, reference=sample.AT + timedelta(days=10)))
    assert document(later)["copies"][0]["verification"]["upper_bound_bad_rate"] == 1, "what was read no longer stands"
    nothing = replace(given.facts.copies[0], verification=Observed(sample.rolling(0, 0, 30, oldest_read=None), sample.AT, Source.OBSERVED))
    found = document(replace(given, facts=replace(given.facts, copies=(nothing,))))["copies"][0]["verification"]
    assert (found["oldest_read"], found["upper_bound_bad_rate"]) == (None, 1)


def test_changes_and_the_seeds_are_told() -> None:
    found = document(sample.hospital())
    assert found["copies"][1]["changes"] == {
        "since": "2026-02-28T06:00:00Z",
        "new": 0,
        "changed": 1,
        "gone": 0,
        "unchanged": 11,
        "breaches": [{"breach": "altered", "count": 1}],
        "broken": [{"key": sample.HOSTILE, "breach": "altered", "detail": "1024 bytes, 2048 since 2026-02-28"}],
        "unobserved": None,
    }
    assert found["copies"][2]["changes"]["unobserved"]["reason"] == "not-attempted"
    assert found["copies"][2]["changes"]["gone"] is None
    assert found["sampling"] == {"seed": "ab" * 32, "committed": "cd" * 32}
    assert document(sample.nothing())["sampling"] == {"seed": "ab" * 32, "committed": "cd" * 32}
    given = sample.hospital()
    assert document(replace(given, facts=replace(given.facts, sampling=None)))["sampling"] is None


def test_objects_without_a_promise_prove_nothing() -> None:
    extra = sample.verification(0, *[sample.problem(ObjectResult.EXTRA)] * 10)
    assert extra.objects_read == 10
    assert _bound(extra) == 1
    assert _bound(sample.verification(0)) == 1
