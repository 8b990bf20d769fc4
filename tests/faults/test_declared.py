"""Faults of what stands where: too few copies, copies that one event takes together, and declarations that are not so."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.faults import trees
from tests.faults.healthy import FIRST_LOOK, LAYOUTS, POINTS, Place, local_place
from tests.faults.zoo import Fault, Findings, Turned, Zoo, fails, not_asked, passes, try_out, unknown

ZOO: Zoo[Place] = Zoo()
OWN_STORE = "store.backed_up"
COUNT, DEVICES, OFFSITE, OFFLINE = "copies.count", "copies.devices", "copies.offsite", "copies.offline"
INDEPENDENT, MATCHES, RETENTION, TESTED = "copies.independent", "declared.matches.observed", "retention.depth", "restore.tested"
THREE_PLACES, TWO_PLACES, TWO_DRIVES = "NHSE-BP-1.places", "CAF4-B5.b.places", "NCSC-MMR-A1.places"


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


def of_each_system(turned: Turned) -> tuple[Turned, ...]:
    """The same for each of the three systems."""
    return tuple(Turned(turned.what, system, turned.outcome, turned.says) for system in LAYOUTS)


# Too few


@ZOO.fault(
    fails("coverage.systems", "imaging", "no copy is declared: nothing of this system would survive the loss of production"),
    fails(COUNT, "imaging", "1 copy (live production), at least 3 wanted"),
    fails(DEVICES, "imaging", "(live production), at least 2 wanted"),
    fails(OFFSITE, "imaging", "0 copies off-site, at least 1 wanted"),
    fails(OFFLINE, "imaging", "at least 1 wanted"),
    fails(INDEPENDENT, "imaging", "at least"),
    fails(RETENTION, "imaging", "0 copies reach back 30d"),
    fails(TESTED, "imaging", "was made from a copy that is not declared"),
)
def a_system_without_any_copy(place: Place) -> None:
    place.drop_copies("imaging@onsite", "imaging@south", "imaging@archive", "imaging@vault")


@ZOO.fault(
    fails(COUNT, "record", "2 copies (live production, onsite), at least 3 wanted; production was counted"),
    fails(OFFSITE, "record", "onsite (it is at north, where production is)"),
    fails(OFFLINE, "record", "onsite (not declared offline"),
    fails(INDEPENDENT, "record", "at least"),
    fails(TESTED, "record", "was made from a copy that is not declared"),
    fails(OWN_STORE, "north", "0 copies of record, which holds drcheck's store, off-site within 1d"),
)
def one_copy_on_site_and_no_other(place: Place) -> None:
    place.drop_copies("record@south", "record@archive", "record@vault")


@ZOO.fault(
    unknown(COUNT, "record", "2 copies (live production, archive), at least 3 wanted; not known: vault"),
    unknown(THREE_PLACES, "record", "not known: vault"),
    unknown(TWO_DRIVES, "record", "not known: vault"),
)
def fewer_than_three_copies_that_can_be_seen(place: Place) -> None:
    place.drop_copies("record@onsite", "record@south")


@ZOO.fault(
    fails("NCSC-OFF-1", "laboratory", "0 copies offline, at least 1 wanted"),
    fails("NHSE-BP-1.isolated", "laboratory", "0 copies offline or immutable and off-site, at least 1 wanted"),
)
def no_copy_that_an_attacker_cannot_reach(place: Place) -> None:
    place.drop_copies("laboratory@vault")


@ZOO.fault(passes(COUNT, "record", "again is the same place as onsite and counts once with it"), passes("backup.recency", "record@again", "6h old"))
def one_folder_declared_under_two_names(place: Place) -> None:
    twin = {**place.target("onsite"), "id": "again", "device": "disks-again"}
    place.declare(twin, place.copy_at("again", "record"))


# Together


@ZOO.fault(*of_each_system(unknown(THREE_PLACES, "", "onsite and south share cooling: chiller-1")))
def two_data_centres_on_one_cooling_plant(place: Place) -> None:
    place.domains("north")["cooling"] = place.domains("south")["cooling"] = "chiller-1"


@ZOO.fault(*of_each_system(fails(THREE_PLACES, "", "share cooling: chiller-1")))
def all_but_the_archive_on_one_cooling_plant(place: Place) -> None:
    for site in ("north", "south", "vault"):
        place.domains(site)["cooling"] = "chiller-1"


@ZOO.fault(*of_each_system(fails(TWO_PLACES, "", "share power: county-grid")), *of_each_system(fails(THREE_PLACES, "", "share power: county-grid")))
def every_site_on_one_power_grid(place: Place) -> None:
    for site in place.document["sites"]:
        site["domains"]["power"] = "county-grid"


@ZOO.fault(*of_each_system(unknown(THREE_PLACES, "", "share building: main-block")))
def two_data_centres_in_one_building(place: Place) -> None:
    place.domains("north")["building"] = place.domains("south")["building"] = "main-block"


@ZOO.fault(*of_each_system(unknown(THREE_PLACES, "", "cooling of archive is not declared")))
def a_failure_domain_that_nobody_knows(place: Place) -> None:
    del place.domains("archive")["cooling"]


@ZOO.fault(
    *of_each_system(unknown(OFFSITE, "", "its device san-9 is declared on-site (onsite)")),
    *of_each_system(unknown(TWO_DRIVES, "", "onsite, south and archive share array: san-9")),
    *of_each_system(unknown(THREE_PLACES, "", "onsite, south and archive share device: san-9")),
    fails(THREE_PLACES, "record", "live production, onsite, south and archive share device: san-9"),
    unknown(DEVICES, "record", "share device: san-9"),
    unknown(TWO_PLACES, "record", "share device: san-9"),
    unknown(OWN_STORE, "north", "its device san-9 is declared on-site (onsite)"),
)
def every_copy_declared_on_one_array_with_the_record_itself(place: Place) -> None:
    place.system("record")["production"]["device"] = "san-9"
    for target in ("onsite", "south", "archive"):
        place.target(target)["device"] = "san-9"


# Not as declared


@ZOO.fault(
    fails(MATCHES, "archive", "record@archive is declared off-site, but it is at north, where production is"),
    *of_each_system(unknown(THREE_PLACES, "", "live production, onsite and archive share building: building-north")),
)
def declared_off_site_on_the_production_site(place: Place) -> None:
    place.target("archive")["site"] = "north"


@ZOO.fault(
    fails(MATCHES, "vault", "declared offline, but it answers and can be written to"),
    *of_each_system(fails(OFFLINE, "", "vault (declared offline, but it answers and can be written to")),
    *(passes("backup.completeness", f"{system}@vault", "was finished") for system in LAYOUTS),
    *(passes("integrity.checksums", f"{system}@vault", "objects match") for system in LAYOUTS),
    *(passes("backup.recency", f"{system}@vault", "the newest usable recovery point is 6h old") for system in LAYOUTS),
    *(not_asked("NHSE-BP-2.rpo", f"{system}@vault", "made every 7d by declaration") for system in LAYOUTS),
)
def declared_offline_and_connected(place: Place) -> None:
    moments = trees.nights(place.newest, weeks=2)
    place.write("vault", "record", trees.record(moments))
    place.write("vault", "laboratory", trees.laboratory(moments))
    place.write("vault", "imaging", trees.imaging(place.newest))


@ZOO.fault(
    *of_each_system(fails("NCSC-OFF-1", "", "its rotation is overdue: last connected 15d 8h ago, wanted every 7d")),
    *of_each_system(unknown("NHSE-BP-1.isolated", "", "its rotation is overdue: last connected 15d 8h ago, wanted every 7d")),
)
def an_offline_medium_that_nobody_rotated(place: Place) -> None:
    place.target("vault")["offline"]["last_connected"] = date(2026, 2, 15)


@ZOO.fault(
    *of_each_system(fails("NCSC-OFF-1", "", "its last connection is dated in the future")),
    *of_each_system(unknown("NHSE-BP-1.isolated", "", "its last connection is dated in the future")),
)
def an_offline_medium_whose_last_connection_is_in_the_future(place: Place) -> None:
    place.target("vault")["offline"]["last_connected"] = date(2027, 2, 15)


@ZOO.fault(
    fails(MATCHES, "archive", "declared immutable, but it has no lock"),
    *(unknown(FIRST_LOOK, f"{system}@archive", "nothing is known of earlier nights") for system in POINTS),
)
def declared_immutable_on_a_folder_without_any_lock(place: Place) -> None:
    place.target("archive")["immutable"] = True


@ZOO.fault(
    fails(MATCHES, "onsite", "declared as the device disks-onsite, but it was seen to be the same device as south, archive"),
    fails(MATCHES, "south", "declared as the device disks-south, but it was seen to be the same device as onsite, archive"),
    fails(MATCHES, "archive", "it was seen to be the same device as onsite"),
    *of_each_system(unknown(OFFSITE, "", "south and archive (it is the same device as onsite, which is on-site)")),
    *of_each_system(unknown(THREE_PLACES, "", "onsite, south and archive share device: ")),
    *of_each_system(unknown(TWO_DRIVES, "", "onsite, south and archive share array: ")),
    unknown(OWN_STORE, "north", "south and archive (it is the same device as onsite, which is on-site)"),
)
def one_disk_under_three_names(place: Place) -> None:
    place.document["rehearsal"] = False


@ZOO.fault(
    fails("NCSC-OFF-4.recent", "record@archive", "allowed are 4h (the copy's schedule) and 1h of grace"),
    fails("NHSE-BP-2.schedule", "record@archive", "allowed are 4h (the copy's schedule) and 1h of grace"),
    fails("CAF4-B5.c.current", "record@archive", "allowed are 4h (the copy's schedule) and 1h of grace"),
)
def a_copy_that_missed_its_own_schedule_within_the_objective(place: Place) -> None:
    place.copy("record@archive")["every"] = "4h"


@ZOO.fault(*(fails("NHSE-BP-2.rpo", f"record@{target}", "no copy of record is made as often as 1d") for target in ("onsite", "south", "archive")))
def no_copy_made_as_often_as_the_objective(place: Place) -> None:
    for target in ("onsite", "south", "archive"):
        place.copy(f"record@{target}")["every"] = "7d"


def test_the_vault_counts_while_its_rotation_is_not_overdue(folder: Path, healthy: Findings) -> None:
    place = local_place(folder)
    place.target("vault")["offline"]["last_connected"] = (place.now - timedelta(days=6)).date()
    try_out(Fault(lambda _: None, ()), place, healthy)
