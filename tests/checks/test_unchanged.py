"""What a listing says beside the one before."""

from __future__ import annotations

from typing import Any

import pytest

from drcheck.model import NO_STORE, Breach, BrokenObject, Depth, Finding, Outcome, Reason, Source
from tests.checks.conftest import Ask
from tests.policy.rig import Slot, changes, estate, facts, put, seen, unseen

ONLY = "{ immutable_only = true }"


def judged(ask: Ask, value: Any, parameters: str = "{}", target: str = "bucket") -> Finding:
    return ask("integrity.unchanged", parameters, some=put(facts(estate()), {Slot(target, "changes"): value}), subject=f"pas@{target}")


def test_nothing_that_was_to_stay_changed_is_a_pass_by_listing(ask: Ask) -> None:
    finding = judged(ask, seen(changes(changed=3)))
    assert (finding.outcome, finding.depth, finding.assurance) == (Outcome.PASS, Depth.LISTED, Source.OBSERVED)
    assert "99 unchanged, 1 new, 3 changed, 1 gone since the listing of 2026-02-28T09:00:00Z" in finding.message


@pytest.mark.parametrize(
    ("breach", "says"),
    [
        (Breach.ALTERED, "1 immutable object was changed: pas/\\x1b[2Jx (altered: 10 bytes, 12 now)"),
        (Breach.VANISHED, "1 immutable object is gone before its retention ended: pas/\\x1b[2Jx (vanished: 10 bytes, 12 now)"),
        (Breach.TORN_OUT, "1 object is gone out of a finished recovery point: pas/\\x1b[2Jx (torn-out: 10 bytes, 12 now)"),
    ],
)
def test_one_broken_object_is_a_failure_by_name(ask: Ask, breach: Breach, says: str) -> None:
    broken = BrokenObject("pas/\x1b[2Jx", breach, "10 bytes, 12 now")
    finding = judged(ask, seen(changes(breaches=((breach, 1),), broken=(broken,))))
    assert finding.outcome is Outcome.FAIL
    assert finding.message == says
    assert judged(ask, seen(changes(since=None, breaches=((breach, 1),), broken=(broken,)))).outcome is Outcome.FAIL


def test_many_are_counted_by_how_and_the_first_five_are_named(ask: Ask) -> None:
    broken = tuple(BrokenObject(f"pas/{number}", Breach.ALTERED, "") for number in range(20))
    value = changes(breaches=((Breach.ALTERED, 30), (Breach.VANISHED, 0), (Breach.TORN_OUT, 2)), broken=broken)
    assert judged(ask, seen(value)).message == (
        "30 immutable objects were changed and 2 objects are gone out of finished recovery points: "
        "pas/0 (altered), pas/1 (altered), pas/2 (altered), pas/3 (altered), pas/4 (altered) and 27 more"
    )
    assert judged(ask, seen(changes(breaches=((Breach.VANISHED, 2),)))).message.endswith("are gone before their retention ended")


def test_a_first_listing_and_a_run_without_a_store_show_nothing(ask: Ask) -> None:
    first = judged(ask, seen(changes(since=None, new=100, unchanged=0, gone=0)))
    assert (first.outcome, first.message) == (
        Outcome.UNKNOWN,
        "this was the first whole listing, so there is nothing that it could be compared with",
    )
    without = judged(ask, NO_STORE)
    assert without.outcome is Outcome.UNKNOWN
    assert "changes not known: not-attempted: nothing is known of earlier nights" in without.message
    assert judged(ask, unseen(Reason.TIMED_OUT)).outcome is Outcome.UNKNOWN


def test_objects_that_are_named_and_not_counted_are_no_pass(ask: Ask) -> None:
    assert judged(ask, seen(changes(broken=(BrokenObject("x", Breach.ALTERED, ""),)))).outcome is Outcome.UNKNOWN


def test_copies_that_are_not_declared_immutable_can_be_left_out_whatever_was_seen(ask: Ask) -> None:
    torn = seen(changes(breaches=((Breach.TORN_OUT, 1),)))
    for value in (NO_STORE, torn, unseen()):
        finding = judged(ask, value, ONLY, "nas")
        assert (finding.outcome, finding.message) == (Outcome.NOT_APPLICABLE, "nas is not declared immutable")
    assert judged(ask, torn, ONLY).outcome is Outcome.FAIL
    assert judged(ask, NO_STORE, ONLY).outcome is Outcome.UNKNOWN
    assert judged(ask, torn, target="nas").outcome is Outcome.FAIL


def test_a_mirror_changes_by_intent_so_it_never_passes_for_having_not(ask: Ask) -> None:
    place = estate({"copies.bucket.format": "mirror"})
    for value in (seen(changes()), seen(changes(breaches=((Breach.ALTERED, 1),))), NO_STORE):
        finding = ask("integrity.unchanged", place=place, some=put(facts(place), {Slot("bucket", "changes"): value}), subject="pas@bucket")
        assert finding.outcome is Outcome.NOT_APPLICABLE
        assert "a mirror changes as production does" in finding.message
