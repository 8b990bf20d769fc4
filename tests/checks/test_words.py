"""What findings say: silence in a word with the whole detail in the facts, what is shared named once, advice by outcome, numbers in grammar."""

from __future__ import annotations

import pytest

from drcheck.checks import all_checks
from drcheck.model import Outcome, Reason, number_of
from tests.checks.conftest import Ask
from tests.policy.rig import Slot, estate, facts, put, slots, unseen


@pytest.mark.parametrize("check", ["backup.recency", "backup.completeness"])
def test_a_copy_whose_target_is_silent_says_so_in_a_word_and_keeps_the_detail(ask: Ask, check: str) -> None:
    place = estate(tape=True)
    finding = ask(check, place=place, some=facts(place, silent=["tape"]), subject="pas@tape")
    assert finding.message == "points not known: tape did not answer: unreachable"
    assert [(fact.reason, fact.detail) for fact in finding.facts] == [(Reason.UNREACHABLE, "nobody answers")]


@pytest.mark.parametrize(
    ("reason", "words"), [(Reason.TIMED_OUT, "did not answer: timed-out"), (Reason.NO_CREDENTIALS, "was not seen: no-credentials")]
)
def test_what_answered_nothing_is_named_with_its_reason_and_what_answered_otherwise_with_its_detail(ask: Ask, reason: Reason, words: str) -> None:
    place = estate(tape=True)
    some = facts(place)
    why = unseen(reason, "a long story")
    nothing = put(some, {slot: why for slot in slots(some) if slot.owner == "tape"})
    finding = ask("copies.count", "{ minimum = 4 }", place=place, some=nothing)
    assert f"not known: tape ({words})" in finding.message
    assert "a long story" in [fact.detail for fact in finding.facts]
    assert (
        f"tape ({reason}: a long story)" in ask("copies.count", "{ minimum = 4 }", place=place, some=put(some, {Slot("tape", "points"): why})).message
    )
    # Another fact of a silent target that is missing for a reason of its own still tells it.
    own = put(nothing, {Slot("tape", "verification"): unseen(Reason.NOT_ATTEMPTED, "no manifest")})
    assert "not-attempted: no manifest" in ask("integrity.checksums", place=place, some=own, subject="pas@tape").message


def test_a_silent_target_is_told_once_where_two_of_its_facts_are_missing(ask: Ask) -> None:
    place = estate(tape=True)
    some = facts(place, silent=["tape", "nas", "archive", "bucket"])
    assert (
        "not known: nas, archive, bucket, tape (did not answer: unreachable)"
        in ask("retention.depth", "{ versions_count = true }", some=some, place=place).message
    )


def test_a_domain_that_three_share_is_named_once(ask: Ask) -> None:
    domains = {"building": "b", "power": "p", "cooling": "plant-1"}
    place = estate({f"sites.{site}.domains": domains | {"building": site} for site in ("main", "archive", "cloud")})
    finding = ask("copies.independent", place=place)
    assert finding.message.count("plant-1") == 1
    assert "nas, archive and bucket share power: p, cooling: plant-1" in finding.message


def test_one_copy_is_no_copies(ask: Ask) -> None:
    some = put(facts(estate()), {Slot(target, "points"): unseen() for target in ("archive", "bucket")})
    assert "1 copy (nas), at least 3 wanted" in ask("copies.count", some=some).message
    assert "1 copy holds a usable recovery point (nas)" in ask("coverage.systems", some=some).message
    assert (number_of(0, "copy", "copies"), number_of(1, "byte"), number_of(2, "byte")) == ("0 copies", "1 byte", "2 bytes")


def test_what_to_do_fits_the_outcome(ask: Ask) -> None:
    place = estate(tape=True)
    unknown = ask("backup.recency", place=place, some=facts(place, silent=["tape"]), subject="pas@tape")
    failed = ask("backup.recency", '{ max_age = "1h" }', subject="pas@nas")
    assert "waive what is offline by intent" in unknown.remediation
    assert failed.remediation.startswith("Look at the backup job")
    for check in all_checks():
        assert check.advice(Outcome.FAIL)
        assert check.advice(Outcome.UNKNOWN)
        assert check.advice(Outcome.PASS) == check.advice(Outcome.NOT_APPLICABLE) == ""
