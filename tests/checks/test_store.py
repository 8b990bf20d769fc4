"""Whether drcheck's own store is backed up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drcheck.estate.schema import Estate
from drcheck.model import NOT_KEPT, Finding, Outcome, PointState, Reason, Source
from tests.checks.conftest import Ask
from tests.policy.rig import Slot, estate, facts, point, points, put, seen, store_kept, unseen

CHECK, NORTH = "store.backed_up", "north"


def judged(ask: Ask, parameters: str = "{}", place: Estate | None = None, **slots: Any) -> Finding:
    """The finding where the points of the named targets, or the `store`, are others."""
    place = place or estate()
    values = {Slot("", name) if name == "store" else Slot(name, "points"): value for name, value in slots.items()}
    return ask(CHECK, parameters, place=place, some=put(facts(place), values), subject=NORTH)


def aged(**age: float) -> Any:
    return seen(points(point(timedelta(**age))))


def test_a_fresh_copy_off_site_is_a_pass_that_is_known_by_declaration_only(ask: Ask) -> None:
    finding = judged(ask)
    assert (finding.outcome, finding.assurance) == (Outcome.PASS, Source.DECLARED)
    assert "2 copies of pas, which holds drcheck's store, off-site within 1d (its RPO) (archive, bucket), at least 1 wanted" in finding.message
    assert "sqlite at /var/lib/drcheck/drcheck.db, 100 assessments since 2025-11-21T09:00:00Z" in [fact.value for fact in finding.facts]


def test_one_of_two_is_enough_unless_more_are_asked_for(ask: Ask) -> None:
    assert judged(ask, archive=aged(days=3)).outcome is Outcome.PASS
    finding = judged(ask, "{ minimum = 2 }", archive=aged(days=3))
    assert finding.outcome is Outcome.FAIL
    assert "archive (its newest usable recovery point is 3d old, of 2026-02-26T09:00:00Z)" in finding.message
    assert judged(ask, "{ minimum = 2 }", archive=unseen(Reason.TIMED_OUT)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("parameters", "hours", "outcome"),
    [
        ("{}", 24, Outcome.PASS),
        ("{}", 24.01, Outcome.FAIL),
        ('{ grace = "6h" }', 30, Outcome.PASS),
        ('{ grace = "6h" }', 30.01, Outcome.FAIL),
        ('{ grace = "5d" }', 30.01, Outcome.FAIL),
    ],
)
def test_the_grace_is_a_quarter_of_the_objective_at_the_most(ask: Ask, parameters: str, hours: float, outcome: Outcome) -> None:
    assert judged(ask, parameters, archive=aged(hours=hours), bucket=aged(days=9)).outcome is outcome


def test_what_cannot_be_restored_from_is_no_backup(ask: Ask) -> None:
    broken = seen(points(point(timedelta(hours=1), PointState.INCOMPLETE)))
    future = seen(points(point(-timedelta(days=1), PointState.FUTURE)))
    assert judged(ask, archive=broken, bucket=future).outcome is Outcome.FAIL
    assert judged(ask, archive=broken, bucket=unseen()).outcome is Outcome.UNKNOWN


def test_a_copy_on_site_does_not_count(ask: Ask) -> None:
    place = estate({"targets.archive.site": "main", "targets.bucket.site": "main"})
    finding = judged(ask, place=place)
    assert finding.outcome is Outcome.FAIL
    assert "it is at main, where production is" in finding.message


def test_no_system_and_several_are_failures_and_not_reasons_to_ask_nothing(ask: Ask) -> None:
    for change, says in (({"systems.pas.holds_store": False}, "no system is declared to hold drcheck's store, sqlite at /var/lib"),):
        finding = judged(ask, place=estate(change))
        assert (finding.outcome, finding.assurance) == (Outcome.FAIL, Source.DECLARED)
        assert says in finding.message
    document = estate().model_dump(mode="json", by_alias=True, exclude_none=True)
    document["systems"].append({**document["systems"][0], "id": "imaging"})
    finding = judged(ask, place=Estate.model_validate(document))
    assert finding.outcome is Outcome.FAIL
    assert "2 systems are declared to hold drcheck's store (pas, imaging)" in finding.message


def test_a_run_without_a_store_knows_nothing_of_its_backup(ask: Ask) -> None:
    for place in (estate(), estate({"systems.pas.holds_store": False})):
        finding = judged(ask, place=place, store=NOT_KEPT)
        assert (finding.outcome, finding.assurance) == (Outcome.UNKNOWN, None)
        assert "store not known: not-attempted: this run uses no store" in finding.message


def test_the_name_of_a_store_cannot_paint_the_terminal(ask: Ask) -> None:
    place = estate({"systems.pas.holds_store": False})
    finding = judged(ask, place=place, store=seen(store_kept(place="/tmp/\x1b[2Jx.db", nights=1, first=None)))
    assert "sqlite at /tmp/\\x1b[2Jx.db, 1 assessment: nothing shows" in finding.message
