"""Which copies count as offline or immutable, and what contradicts a declaration."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drcheck.model import Facts, Identity, Outcome, Permissions, Protection, Reason, Source
from tests.checks.conftest import Ask
from tests.policy.rig import COPY_FACTS, NOW, TARGET_FACTS, Slot, changes, estate, facts, points, put, seen, unseen

TAPE = estate(tape=True)
OFFLINE = "{ minimum = 1 }"
LOCKED = "{ immutable_counts = true }"


def permissions(write: bool | None) -> dict[Slot, object]:
    return {Slot("tape", "permissions"): seen(Permissions(True, True, write, write, "asked"))}


def lock(mode: str, days: int | None = 60) -> Facts:
    ends = None if days is None else NOW + timedelta(days=days)
    return put(facts(estate()), {Slot("bucket", "lock"): seen(Protection(mode, ends))})


def test_a_silent_tape_in_rotation_is_offline_by_declaration(ask: Ask) -> None:
    finding = ask("copies.offline", OFFLINE, place=TAPE, some=facts(TAPE, silent=["tape"]))
    assert (finding.outcome, finding.assurance) == (Outcome.PASS, Source.DECLARED)
    off_site = ask("copies.offline", "{ offsite_required = true }", place=TAPE, some=facts(TAPE, silent=["tape"]))
    assert off_site.outcome is Outcome.PASS
    home = estate({"targets.tape.site": "main"}, tape=True)
    assert ask("copies.offline", "{ offsite_required = true }", place=home, some=facts(home, silent=["tape"])).outcome is Outcome.FAIL
    # What is on it cannot be seen, so nothing else counts it.
    assert ask("copies.count", "{ minimum = 4 }", place=TAPE, some=facts(TAPE, silent=["tape"])).outcome is Outcome.UNKNOWN
    assert ask("copies.offsite", "{ minimum = 3 }", place=TAPE, some=facts(TAPE, silent=["tape"])).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("last", "says"), [("2026-02-21", "overdue"), ("2026-03-02", "future"), ("2026-02-22T08:59:59Z", "overdue"), ("2026-03-01T10:00:00Z", "future")]
)
def test_an_overdue_or_future_rotation_does_not_count(ask: Ask, last: str, says: str) -> None:
    place = estate({"targets.tape.offline": {"rotation": "7d", "last_connected": last}}, tape=True)
    finding = ask("copies.offline", OFFLINE, place=place, some=facts(place, silent=["tape"]))
    assert finding.outcome is Outcome.FAIL
    assert says in finding.message


def test_a_tape_that_answers_and_can_be_written_to_is_not_offline(ask: Ask) -> None:
    some = put(facts(TAPE), permissions(True))
    finding = ask("copies.offline", OFFLINE, place=TAPE, some=some)
    assert finding.outcome is Outcome.FAIL
    assert "it answers and can be written to" in finding.message
    declared = ask("declared.matches.observed", place=TAPE, some=some, subject="tape")
    assert declared.outcome is Outcome.FAIL
    assert "declared offline, but it answers and can be written to" in declared.message


@pytest.mark.parametrize("write", [False, None])
def test_a_tape_that_answers_is_not_known_to_be_offline(ask: Ask, write: bool | None) -> None:
    some = put(facts(TAPE), permissions(write))
    assert ask("copies.offline", OFFLINE, place=TAPE, some=some).outcome is Outcome.UNKNOWN
    assert ask("declared.matches.observed", place=TAPE, some=some, subject="tape").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.UNREACHABLE])
def test_only_silence_shows_nothing_against_offline(ask: Ask, reason: Reason) -> None:
    some = put(facts(TAPE), {Slot("tape", name): unseen(reason) for name in (*TARGET_FACTS, *COPY_FACTS)})
    assert ask("copies.offline", OFFLINE, place=TAPE, some=some).outcome is Outcome.UNKNOWN
    assert ask("declared.matches.observed", place=TAPE, some=some, subject="tape").outcome is Outcome.UNKNOWN


def test_one_answer_is_enough_to_break_the_silence(ask: Ask) -> None:
    some = put(facts(TAPE, silent=["tape"]), {Slot("tape", "identity"): seen(Identity("me", "x"))})
    assert ask("copies.offline", OFFLINE, place=TAPE, some=some).outcome is Outcome.UNKNOWN
    listed = put(facts(TAPE, silent=["tape"]), {Slot("tape", "points"): seen(points())})
    assert ask("copies.offline", OFFLINE, place=TAPE, some=listed).outcome is Outcome.UNKNOWN


def test_a_compliance_lock_counts_where_immutable_counts(ask: Ask) -> None:
    finding = ask("copies.offline", LOCKED, some=lock("compliance"))
    assert (finding.outcome, finding.assurance) == (Outcome.PASS, Source.OBSERVED)
    assert ask("copies.offline", OFFLINE, some=lock("compliance")).outcome is Outcome.FAIL
    assert ask("copies.offline", "{ immutable_counts = true, offsite_required = true }", some=lock("compliance")).assurance is Source.DECLARED


@pytest.mark.parametrize(
    ("mode", "days", "parameters", "outcome"),
    [
        ("governance", 60, LOCKED, Outcome.FAIL),
        ("governance", 60, "{ immutable_counts = true, governance_counts = true }", Outcome.PASS),
        ("none", 60, LOCKED, Outcome.FAIL),
        ("append-only", 60, LOCKED, Outcome.FAIL),
        ("compliance", -1, LOCKED, Outcome.FAIL),
        ("compliance", None, LOCKED, Outcome.UNKNOWN),
        ("compliance", 20, '{ immutable_counts = true, locked_for = "30d" }', Outcome.FAIL),
        ("compliance", 40, '{ immutable_counts = true, locked_for = "30d" }', Outcome.PASS),
    ],
)
def test_which_locks_count(ask: Ask, mode: str, days: int | None, parameters: str, outcome: Outcome) -> None:
    assert ask("copies.offline", parameters, some=lock(mode, days)).outcome is outcome


def test_a_lock_on_nothing_does_not_count(ask: Ask) -> None:
    assert ask("copies.offline", LOCKED, some=put(lock("compliance"), {Slot("bucket", "points"): seen(points())})).outcome is Outcome.FAIL


def test_a_place_that_knows_no_locks_has_none_unless_one_is_declared(ask: Ask) -> None:
    unsupported = unseen(Reason.UNSUPPORTED, "local targets cannot say")
    some = put(facts(estate()), {Slot(target, "lock"): unsupported for target in ("nas", "archive", "bucket")})
    assert ask("copies.offline", LOCKED, some=some).outcome is Outcome.UNKNOWN
    place = estate({"targets.bucket.immutable": None})
    assert ask("copies.offline", LOCKED, place=place, some=some).outcome is Outcome.FAIL


@pytest.mark.parametrize(("mode", "outcome"), [("none", "fail"), ("governance", "fail"), ("append-only", "unknown"), ("compliance", "pass")])
def test_declared_immutable_is_compared_with_the_lock(ask: Ask, mode: str, outcome: str) -> None:
    assert ask("declared.matches.observed", some=lock(mode), subject="bucket").outcome == outcome


def test_declared_immutable_with_a_lock_that_ended_is_a_contradiction(ask: Ask) -> None:
    for mode in ("compliance", "none"):
        finding = ask("declared.matches.observed", some=lock(mode, -1), subject="bucket")
        assert finding.outcome is Outcome.FAIL
        assert "its lock ended at 2026-02-28" in finding.message


def test_a_place_without_any_lock_contradicts_where_no_object_could_be_asked(ask: Ask) -> None:
    unknown = {Slot("bucket", "lock"): unseen(Reason.NOT_ATTEMPTED)}
    some = put(facts(estate()), unknown | {Slot("bucket", "protection"): seen(Protection("none"), Source.CONFIGURED)})
    finding = ask("declared.matches.observed", some=some, subject="bucket")
    assert (finding.outcome, finding.assurance) == (Outcome.FAIL, Source.CONFIGURED)
    some = put(facts(estate()), unknown)
    assert ask("declared.matches.observed", some=some, subject="bucket").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("default", [Protection("none", days=0), Protection("governance", days=30)])
def test_what_a_place_locks_by_default_does_not_tell_how_an_object_is_locked(ask: Ask, default: Protection) -> None:
    unknown = {Slot("bucket", "lock"): unseen(Reason.ACCESS_DENIED), Slot("bucket", "protection"): seen(default, Source.CONFIGURED)}
    assert ask("declared.matches.observed", some=put(facts(estate()), unknown), subject="bucket").outcome is Outcome.UNKNOWN


def test_a_declared_device_that_was_seen_behind_another_target_is_a_contradiction(ask: Ask) -> None:
    same = {Slot(target, "identity"): seen(Identity("me", "disk-1")) for target in ("nas", "archive")}
    finding = ask("declared.matches.observed", some=put(facts(estate()), same), subject="nas")
    assert finding.outcome is Outcome.FAIL
    assert "declared as the device nas-1, but it was seen to be the same device as archive" in finding.message
    rehearsal = estate({"rehearsal": True})
    assert ask("declared.matches.observed", place=rehearsal, some=put(facts(rehearsal), same), subject="nas").outcome is Outcome.NOT_APPLICABLE
    agreed = estate({"targets.archive.device": "nas-1"})
    assert ask("declared.matches.observed", place=agreed, some=put(facts(agreed), same), subject="nas").outcome is Outcome.PASS


def test_a_copy_called_off_site_that_is_at_home_is_a_contradiction(ask: Ask) -> None:
    place = estate({"targets.archive.site": "main"})
    finding = ask("declared.matches.observed", place=place, subject="archive")
    assert finding.outcome is Outcome.FAIL
    assert "pas@archive is declared off-site, but it is at main" in finding.message
    same = {Slot(target, "identity"): seen(Identity("me", "disk-1")) for target in ("nas", "archive")}
    undeclared = estate({"targets.archive.device": None})
    finding = ask("declared.matches.observed", place=undeclared, some=put(facts(undeclared), same), subject="archive")
    assert "pas@archive is declared off-site, but it was seen to be the same device as nas" in finding.message


def test_nothing_declared_is_not_applicable(ask: Ask) -> None:
    place = estate({"targets.nas.device": None})
    assert ask("declared.matches.observed", place=place, subject="nas").outcome is Outcome.NOT_APPLICABLE


def test_an_offline_copy_whose_listing_could_be_compared_is_connected(ask: Ask) -> None:
    away = facts(TAPE, silent=["tape"])
    assert ask("copies.offline", place=TAPE, some=away).outcome is Outcome.PASS
    assert ask("copies.offline", place=TAPE, some=put(away, {Slot("tape", "changes"): seen(changes())})).outcome is not Outcome.PASS
