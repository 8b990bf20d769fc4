"""Faults of drcheck's own store and of its backup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from drcheck.model import NOT_KEPT, Finding, Outcome, Reason, Source, Unobserved
from tests.faults.healthy import Place, local_place
from tests.faults.zoo import Fault, Findings, Zoo, fails, try_out, unknown

ZOO: Zoo[Place] = Zoo()
STORE, NORTH = "store.backed_up", "north"


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


@ZOO.fault(unknown(STORE, NORTH, "this run uses no store"))
def a_run_that_keeps_nothing(place: Place) -> None:
    place.store = NOT_KEPT


@ZOO.fault(unknown(STORE, NORTH, "unreachable: the store is locked"))
def a_store_that_cannot_be_read(place: Place) -> None:
    place.store = Unobserved(Reason.UNREACHABLE, "the store is locked")


@ZOO.fault(fails(STORE, NORTH, "no system is declared to hold drcheck's store, sqlite at /var/lib/drcheck/drcheck.db"))
def a_store_that_belongs_to_no_system(place: Place) -> None:
    del place.system("record")["holds_store"]


@ZOO.fault(fails(STORE, NORTH, "2 systems are declared to hold drcheck's store (record, laboratory)"))
def a_store_in_two_systems(place: Place) -> None:
    place.system("laboratory")["holds_store"] = True


def judged_alone(place: Place) -> Finding:
    """What is said of the store's backup where nothing else is asked."""
    place.document["policies"] = ["drcheck-self"]
    place.waivers = []
    (finding,) = place.look().findings
    return finding


def test_off_site_copies_that_stopped_are_a_failure_whatever_is_on_site(folder: Path) -> None:
    place = local_place(folder)
    place.drop_copies("record@vault")
    for target in ("south", "archive"):
        for days in range(3):
            for file in place.dump(target, days).parent.glob(place.dump(target, days).name + "*"):
                file.unlink()
    finding = judged_alone(place)
    assert (finding.outcome, finding.assurance) == (Outcome.FAIL, Source.DECLARED)
    assert "south and archive (its newest usable recovery point is 3d 6h old, of 2026-02-27T02:00:00Z)" in finding.message
    assert "onsite (it is at north, where production is)" in finding.message


def test_an_off_site_copy_that_is_away_leaves_it_unknown_and_one_on_site_does_not_help(folder: Path) -> None:
    place = local_place(folder)
    for target in ("south", "archive"):
        shutil.rmtree(place.path(target))
    finding = judged_alone(place)
    assert finding.outcome is Outcome.UNKNOWN
    assert "not counted: onsite (it is at north, where production is)" in finding.message
    assert "not known: vault, south, archive (did not answer: unreachable)" in finding.message
