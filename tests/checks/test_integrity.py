"""What reading the bytes shows, and what it does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drcheck.model import Depth, Finding, ManifestRead, ObjectResult, ObjectVerdict, Outcome, Reason
from tests.checks.conftest import Ask
from tests.policy.rig import NOW, Slot, estate, facts, put, seen, unseen, verification

AWAY = ManifestRead("/srv/manifests/pas", "gnu", False, ("sha256",), 100)
MATCH = ObjectResult.MATCH


THERE: dict[str, Any] = {"objects_read": 0, "bytes_read": 0, "hashed_there": 100, "depth": Depth.ATTRIBUTES}
"""A hundred objects of which the server says that they match."""


def reading(ask: Ask, parameters: str = "{}", **fields: Any) -> Finding:
    some = put(facts(estate()), {Slot("nas", "verification"): seen(verification(**fields))})
    return ask("integrity.checksums", parameters, some=some, subject="pas@nas")


def test_all_matched_is_a_pass_that_says_where_the_promises_lie(ask: Ask) -> None:
    finding = reading(ask)
    assert (finding.outcome, finding.depth) == (Outcome.PASS, Depth.READ)
    assert "completeness and accidents, not tampering" in finding.message
    assert "lie away from the data" in reading(ask, manifests=(AWAY,)).message


@pytest.mark.parametrize("result", [ObjectResult.MISMATCH, ObjectResult.MISSING])
def test_one_bad_object_is_a_failure_by_name_whatever_else_is_unknown(ask: Ask, result: ObjectResult) -> None:
    bad = ObjectVerdict("pas/\x1b[2Jx.dump", result, 10)
    finding = reading(
        ask,
        "{ weak_allowed = true }",
        counts={MATCH: 98, result: 1, ObjectResult.UNREADABLE: 1},
        problems=(bad,),
        stopped=unseen(Reason.TIMED_OUT),
        unusable_manifests=("x",),
    )
    assert finding.outcome is Outcome.FAIL
    assert f"pas/\\x1b[2Jx.dump ({result})" in finding.message


def test_many_bad_objects_are_counted_and_the_first_are_named(ask: Ask) -> None:
    problems = tuple(ObjectVerdict(f"pas/{number}", ObjectResult.MISMATCH, 10) for number in range(20))
    finding = reading(ask, counts={MATCH: 60, ObjectResult.MISMATCH: 40}, problems=problems)
    assert "40 objects are not what was promised: pas/0 (mismatch)" in finding.message
    assert "and 35 more" in finding.message


def test_a_fault_of_the_whole_is_a_failure(ask: Ask) -> None:
    finding = reading(ask, faults=("Payload-Oxum does not hold",))
    assert finding.outcome is Outcome.FAIL
    assert "Payload-Oxum does not hold" in finding.message


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"counts": {}, "objects_read": 0, "bytes_read": 0, "depth": Depth.NONE}, "nothing was read"),
        ({"counts": {MATCH: 100}, "objects_read": 0}, "nothing was read"),
        ({"counts": {ObjectResult.EXTRA: 100}}, "nothing that was read has a promised checksum"),
        ({"counts": {MATCH: 99, ObjectResult.UNREADABLE: 1}}, "1 object could not be read whole"),
        ({"counts": {MATCH: 99, ObjectResult.NOT_READ: 1}}, "1 object was not read"),
        ({"counts": {MATCH: 99}}, "some have no result"),
        ({"unusable_manifests": ("SHA256SUMS: line 3",)}, "not every manifest could be used (SHA256SUMS: line 3)"),
        ({"stopped": unseen(Reason.TIMED_OUT, "60 s")}, "it stopped early: timed-out: 60 s"),
        ({"counts": {MATCH: 99, ObjectResult.EXTRA: 1}}, "nothing was promised for 1 object"),
        ({"weak_only": 3}, "3 objects are promised by a weak algorithm only"),
        ({"depth": Depth.SAMPLED}, "only sampled"),
        (THERE, "100 objects were hashed by the server itself, not read here"),
        (THERE | {"objects_read": 99, "bytes_read": 99_000, "hashed_there": 1}, "1 object was hashed by the server itself, not read here"),
    ],
)
def test_whatever_is_not_known_of_any_byte_makes_it_unknown(ask: Ask, fields: dict[str, Any], says: str) -> None:
    finding = reading(ask, **fields)
    assert finding.outcome is Outcome.UNKNOWN
    assert says in finding.message


def test_parameters_let_pass_what_they_say_and_no_more(ask: Ask) -> None:
    assert reading(ask, "{ weak_allowed = true }", weak_only=100).outcome is Outcome.PASS
    assert reading(ask, "{ server_hash_counts = true }", **THERE).outcome is Outcome.PASS
    assert "0 bytes read, 100 hashed by the server itself" in reading(ask, "{ server_hash_counts = true }", **THERE).message
    assert reading(ask, "{ server_hash_counts = true }", **THERE).depth is Depth.ATTRIBUTES
    assert reading(ask, "{ server_hash_counts = true }", **(THERE | {"hashed_there": 0})).outcome is Outcome.UNKNOWN
    assert reading(ask, "{ server_hash_counts = true }", **(THERE | {"depth": Depth.LISTED})).outcome is Outcome.UNKNOWN
    assert reading(ask, "{ server_hash_counts = true }", **(THERE | {"counts": {ObjectResult.EXTRA: 100}})).outcome is Outcome.UNKNOWN
    assert reading(ask, "{ extra_allowed = true }", counts={MATCH: 99, ObjectResult.EXTRA: 1}).outcome is Outcome.PASS
    assert reading(ask, "{ extra_allowed = true }", counts={ObjectResult.EXTRA: 100}).outcome is Outcome.UNKNOWN
    assert reading(ask, "{ away_required = true }").outcome is Outcome.UNKNOWN
    assert reading(ask, "{ away_required = true }", manifests=(AWAY,)).outcome is Outcome.PASS
    old = NOW - timedelta(days=40)
    assert reading(ask, '{ max_age = "31d" }', finished=old).outcome is Outcome.FAIL
    assert reading(ask, '{ max_age = "41d" }', finished=old).outcome is Outcome.PASS


@pytest.mark.parametrize("parameters", ["{}", '{ max_age = "31d" }'])
def test_bytes_read_after_the_moment_that_is_judged_show_that_the_promise_was_kept_then(ask: Ask, parameters: str) -> None:
    assert reading(ask, parameters, finished=NOW + timedelta(days=300)).outcome is Outcome.PASS
