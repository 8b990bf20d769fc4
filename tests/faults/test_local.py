"""Faults of local targets: folders that may not be read, and mounts that are not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.connectors.local_rig import LocalRig
from tests.faults.healthy import Place, local_place
from tests.faults.zoo import Fault, Findings, Turned, Zoo, fails, try_out, unknown

ZOO: Zoo[Place] = Zoo()
RECENCY, COMPLETENESS, INTEGRITY = "backup.recency", "backup.completeness", "integrity.checksums"
THREE_PLACES = "NHSE-BP-1.places"
SYSTEMS = ("record", "laboratory", "imaging")


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


def deny(place: Place, key: str, mode: int = 0) -> None:
    """Look as a user without rights, to whom something is closed."""
    place.during.append(LocalRig(place.folder).as_nobody(key, mode))


def nothing_known_of_a_copy(copy: str, says: str) -> tuple[Turned, ...]:
    """What is unknown where a copy could not be listed."""
    return tuple(unknown(check, copy, says) for check in (RECENCY, COMPLETENESS, INTEGRITY))


def nothing_known_of_the_archive(says: str) -> tuple[Turned, ...]:
    """What is unknown where the archive did not answer; that it holds a third place of each system is unknown as well."""
    copies = [turned for system in SYSTEMS for turned in nothing_known_of_a_copy(f"{system}@archive", says)]
    return (*copies, *(unknown(THREE_PLACES, system, "archive") for system in SYSTEMS))


@ZOO.fault(unknown(INTEGRITY, "imaging@archive", "1 object could not be read whole (imaging/studies/CT-2.dcm)"))
def an_object_that_may_not_be_read(place: Place) -> None:
    deny(place, "archive/imaging/studies/CT-2.dcm")


@ZOO.fault(*nothing_known_of_a_copy("record@onsite", "access-denied: record: Permission denied"))
def a_copy_folder_that_may_not_be_listed(place: Place) -> None:
    deny(place, "onsite/record", 0o311)


@ZOO.fault(
    *nothing_known_of_a_copy("imaging@archive", "access-denied: imaging/studies: Permission denied"),
    unknown(THREE_PLACES, "imaging", "archive (access-denied: imaging/studies: Permission denied)"),
)
def a_folder_inside_a_copy_that_may_not_be_listed(place: Place) -> None:
    deny(place, "archive/imaging/studies")


@ZOO.fault(*nothing_known_of_the_archive("Permission denied"))
def a_root_that_may_not_be_entered(place: Place) -> None:
    deny(place, "archive")


@ZOO.fault(unknown(INTEGRITY, "laboratory@south", "SHA256SUMS: could not be read: access-denied"))
def a_manifest_that_may_not_be_read(place: Place) -> None:
    deny(place, str((place.night("south") / "SHA256SUMS").relative_to(place.folder)))


@ZOO.fault(unknown(INTEGRITY, "record@archive", "manifests/record.sha256: could not be read: Permission denied"))
def a_manifest_on_this_machine_that_may_not_be_read(place: Place) -> None:
    deny(place, "manifests/record.sha256")


@ZOO.fault(*nothing_known_of_a_copy("imaging@onsite", "access-denied: imaging/LAST_SYNC: Permission denied"))
def a_stamp_that_may_not_be_read(place: Place) -> None:
    deny(place, "onsite/imaging/LAST_SYNC")


@ZOO.fault(*nothing_known_of_the_archive("nothing is mounted at"))
def a_mount_missing_so_that_the_folder_is_empty(place: Place) -> None:
    place.target("archive")["options"]["mounted"] = True
    shutil.rmtree(place.path("archive"))
    place.path("archive").mkdir()


@ZOO.fault(
    *(fails(check, f"{system}@archive", "nothing there") for system in SYSTEMS for check in (RECENCY, COMPLETENESS)),
    *(fails(INTEGRITY, f"{system}@archive", "(missing)") for system in ("record", "imaging")),
    unknown(INTEGRITY, "laboratory@archive", "nothing could be compared"),
    *(unknown(THREE_PLACES, system, "archive (nothing there)") for system in SYSTEMS),
)
def a_mount_missing_where_nobody_said_that_there_is_one(place: Place) -> None:
    shutil.rmtree(place.path("archive"))
    place.path("archive").mkdir()


@ZOO.fault(*nothing_known_of_the_archive("should be nfs4, and is"))
def another_file_system_than_declared(place: Place) -> None:
    place.target("archive")["options"]["file_system"] = "nfs4"


@ZOO.fault(*nothing_known_of_the_archive("unreachable"))
def a_root_that_is_not_there(place: Place) -> None:
    shutil.rmtree(place.path("archive"))


@ZOO.fault(*nothing_known_of_a_copy("record@onsite", "unsupported: record: is a symbolic link, which is never followed"))
def a_symbolic_link_swapped_in_for_a_copy_folder(place: Place) -> None:
    place.path("onsite/record").rename(place.path("elsewhere"))
    place.path("onsite/record").symlink_to(place.path("elsewhere"))
