"""How copies, devices, media and sites are counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drcheck.model import Identity, Outcome, PointState, Reason, Source
from tests.checks.conftest import Ask
from tests.policy.rig import Slot, estate, facts, healthy, point, points, put, seen, unseen

FUTURE = points(point(timedelta(days=-2), PointState.FUTURE))


def device(target: str, name: str) -> dict[Slot, object]:
    return {Slot(target, "identity"): seen(Identity("me", name))}


def test_copies_that_hold_something_are_counted_and_production_only_when_asked(ask: Ask) -> None:
    assert ask("copies.count", "{ minimum = 3 }").outcome is Outcome.PASS
    three = ask("copies.count", "{ minimum = 4 }")
    assert three.outcome is Outcome.FAIL
    assert "3 copies (nas, archive, bucket), at least 4 wanted" in three.message
    assert "production was not counted" in three.message
    four = ask("copies.count", "{ minimum = 4, production_counts = true }")
    assert (four.outcome, four.assurance) == (Outcome.PASS, Source.DECLARED)
    assert "production was counted" in four.message
    assert ask("copies.count", "{ minimum = 3 }").assurance is Source.OBSERVED


@pytest.mark.parametrize("held", [points(), FUTURE, points(point(timedelta(hours=1), PointState.INCOMPLETE))])
def test_a_copy_without_a_usable_point_does_not_count(ask: Ask, held: object) -> None:
    some = put(facts(estate()), {Slot("bucket", "points"): seen(held)})
    finding = ask("copies.count", some=some)
    assert finding.outcome is Outcome.FAIL
    assert "not counted: bucket" in finding.message
    for check in ("copies.devices", "copies.media", "copies.independent"):
        assert ask(check, "{ minimum = 3 }").outcome is Outcome.PASS
        assert ask(check, "{ minimum = 3 }", some=some).outcome is Outcome.FAIL
    assert ask("copies.offsite", "{ minimum = 2 }", some=some).outcome is Outcome.FAIL


def test_a_copy_that_could_not_be_looked_at_is_possible_and_named_with_its_reason(ask: Ask) -> None:
    some = put(facts(estate()), {Slot("bucket", "points"): unseen(Reason.ACCESS_DENIED, "403 on \x1b[31mlist")})
    finding = ask("copies.count", some=some)
    assert finding.outcome is Outcome.UNKNOWN
    assert "bucket (access-denied: 403 on \\x1b[31mlist)" in finding.message
    assert ask("copies.count", "{ minimum = 2 }", some=some).outcome is Outcome.PASS
    # Too few even if it held something.
    assert ask("copies.count", "{ minimum = 4 }", some=some).outcome is Outcome.FAIL


def test_one_place_under_two_names_counts_once(ask: Ask) -> None:
    place = estate({"targets.archive.connector": "local", "targets.nas.options": {"root": "/b"}, "targets.archive.options": {"root": "/b"}})
    finding = ask("copies.count", place=place)
    assert finding.outcome is Outcome.FAIL
    assert "archive is the same place as nas" in finding.message
    other = estate({"targets.archive.connector": "local", "targets.nas.options": {"root": "/b"}, "targets.archive.options": {"root": "/c"}})
    assert ask("copies.count", place=other).outcome is Outcome.PASS


def test_one_observed_device_behind_two_declared_ones_counts_once(ask: Ask) -> None:
    some = put(facts(estate()), device("nas", "disk-1") | device("archive", "disk-1"))
    finding = ask("copies.devices", "{ minimum = 3 }", some=some)
    assert finding.outcome is Outcome.FAIL
    assert "nas and archive share device: disk-1" in finding.message
    assert ask("copies.devices", "{ minimum = 2 }", some=some).outcome is Outcome.PASS


def test_one_declared_device_counts_once_whatever_was_seen(ask: Ask) -> None:
    place = estate({"targets.archive.device": "nas-1"})
    assert ask("copies.devices", "{ minimum = 3 }", place=place).outcome is Outcome.FAIL


def test_devices_that_cannot_be_seen_differ_by_declaration(ask: Ask) -> None:
    some = put(facts(estate()), device("nas", "") | device("archive", "") | device("bucket", ""))
    finding = ask("copies.devices", "{ minimum = 3 }", some=some)
    assert (finding.outcome, finding.assurance) == (Outcome.PASS, Source.DECLARED)
    assert ask("copies.devices", "{ minimum = 3 }").assurance is Source.OBSERVED


def test_devices_of_a_rehearsal_are_declared(ask: Ask) -> None:
    place = estate({"rehearsal": True})
    some = put(facts(place), device("nas", "disk-1") | device("archive", "disk-1") | {Slot("bucket", "identity"): unseen()})
    finding = ask("copies.devices", "{ minimum = 3 }", place=place, some=some)
    assert (finding.outcome, finding.assurance) == (Outcome.PASS, Source.DECLARED)


def test_production_on_an_undeclared_device_is_not_known_to_differ(ask: Ask) -> None:
    place = estate({"systems.pas.production.device": None})
    finding = ask("copies.devices", "{ minimum = 4, production_counts = true }", place=place)
    assert finding.outcome is Outcome.UNKNOWN
    assert "device of live production is not declared" in finding.message


def test_media_are_counted_by_kind(ask: Ask) -> None:
    assert ask("copies.media", "{ minimum = 3 }").outcome is Outcome.PASS
    assert ask("copies.media", "{ minimum = 3 }", place=estate({"targets.archive.medium": "Disk"})).outcome is Outcome.FAIL
    unsaid = ask("copies.media", "{ minimum = 3 }", place=estate({"targets.archive.medium": None}))
    assert unsaid.outcome is Outcome.UNKNOWN
    assert "archive (its medium is not declared)" in unsaid.message
    assert ask("copies.media", "{ minimum = 4, production_counts = true }").outcome is Outcome.PASS


def test_off_site_is_another_site_and_another_device(ask: Ask) -> None:
    assert ask("copies.offsite", "{ minimum = 2 }").outcome is Outcome.PASS
    assert ask("copies.offsite", "{ minimum = 2 }").assurance is Source.DECLARED
    home = ask("copies.offsite", "{ minimum = 2 }", place=estate({"targets.archive.site": "main"}))
    assert home.outcome is Outcome.FAIL
    assert "it is at main, where production is" in home.message
    same = put(facts(estate()), device("nas", "disk-1") | device("archive", "disk-1"))
    finding = ask("copies.offsite", "{ minimum = 2 }", some=same)
    assert finding.outcome is Outcome.FAIL
    assert "same device as nas, which is on-site" in finding.message
    declared = ask("copies.offsite", "{ minimum = 2 }", place=estate({"targets.archive.device": "nas-1"}))
    assert declared.outcome is Outcome.FAIL
    assert ask("copies.offsite", "{ minimum = 2 }", place=estate({"targets.archive.device": "san-1"})).outcome is Outcome.FAIL


def test_an_unseen_on_site_target_leaves_open_only_what_it_could_have_been(ask: Ask) -> None:
    down = {Slot("nas", "identity"): unseen()}
    assert ask("copies.offsite", "{ minimum = 2 }", some=put(facts(estate()), down)).outcome is Outcome.PASS
    place = estate({"targets.archive.connector": "local"})
    finding = ask("copies.offsite", "{ minimum = 2 }", place=place, some=put(facts(place), down))
    assert finding.outcome is Outcome.UNKNOWN
    assert "the device of nas was not seen (unreachable)" in finding.message


def test_a_system_without_a_copy_is_not_covered(ask: Ask) -> None:
    place = estate({"copies": []})
    some = replace(facts(place), copies=())
    assert ask("coverage.systems", place=place, some=some).outcome is Outcome.FAIL
    assert ask("coverage.systems").outcome is Outcome.PASS
    nothing = put(facts(estate()), {Slot(target, "points"): seen(points()) for target in ("nas", "archive", "bucket")})
    assert ask("coverage.systems", some=nothing).outcome is Outcome.FAIL
    one = put(nothing, {Slot("nas", "points"): seen(healthy())})
    assert ask("coverage.systems", some=one).outcome is Outcome.PASS
