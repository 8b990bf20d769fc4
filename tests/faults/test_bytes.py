"""Faults of bytes: what lies there is not what was promised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.healthy import Place, local_place
from tests.faults.trees import some_bytes
from tests.faults.zoo import Fault, Findings, Zoo, fails, try_out, unknown

ZOO: Zoo[Place] = Zoo()
INTEGRITY = "integrity.checksums"


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


def flip(path: Path) -> None:
    """Change one bit in the middle of a file; its size and times stay."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(first: Path, second: Path) -> None:
    """Let two files of one folder change places."""
    between = first.with_name("between")
    first.rename(between)
    second.rename(first)
    between.rename(second)


@ZOO.fault(fails(INTEGRITY, "imaging@archive", "imaging/studies/CT-2.dcm (mismatch)"))
def a_flipped_bit_off_site(place: Place) -> None:
    flip(place.path("archive/imaging/studies/CT-2.dcm"))


@ZOO.fault(fails(INTEGRITY, "record@onsite", "(mismatch)"))
def a_flipped_bit_in_the_oldest_recovery_point(place: Place) -> None:
    flip(place.dump("onsite", days=63))


@ZOO.fault(fails(INTEGRITY, "imaging@south", "data/CT-1.dcm (mismatch)"))
def a_flipped_bit_in_a_bag(place: Place) -> None:
    flip(place.night("south", system="imaging") / "data" / "CT-1.dcm")


@ZOO.fault(fails(INTEGRITY, "laboratory@south", "reports/report-1.txt (mismatch)"), fails(INTEGRITY, "record@south", "(mismatch)"))
def two_systems_on_one_failing_disk(place: Place) -> None:
    flip(place.night("south", days=1) / "reports" / "report-1.txt")
    flip(place.dump("south", days=2))


@ZOO.fault(fails(INTEGRITY, "record@archive", "1 object is not what was promised"))
def a_truncated_object(place: Place) -> None:
    os.truncate(place.dump("archive"), 299)


@ZOO.fault(fails(INTEGRITY, "record@archive", "(mismatch)"))
def a_grown_object(place: Place) -> None:
    with place.dump("archive", days=3).open("ab") as file:
        file.write(b"\n")


@ZOO.fault(fails(INTEGRITY, "imaging@onsite", "imaging/studies/MR-1.dcm (mismatch)"))
def an_object_of_zeros_in_its_full_length(place: Place) -> None:
    path = place.path("onsite/imaging/studies/MR-1.dcm")
    path.write_bytes(bytes(path.stat().st_size))


@ZOO.fault(fails(INTEGRITY, "laboratory@archive", "reports/report-1.txt (mismatch)"))
def an_empty_object(place: Place) -> None:
    os.truncate(place.night("archive", days=7) / "reports" / "report-1.txt", 0)


@ZOO.fault(fails(INTEGRITY, "record@south", "2 objects are not what was promised"))
def two_swapped_nights(place: Place) -> None:
    swap(place.dump("south", days=1), place.dump("south", days=2))


@ZOO.fault(fails(INTEGRITY, "imaging@archive", "imaging/studies/CT-1.dcm (mismatch), imaging/studies/CT-2.dcm (mismatch)"))
def two_swapped_studies(place: Place) -> None:
    swap(place.path("archive/imaging/studies/CT-1.dcm"), place.path("archive/imaging/studies/CT-2.dcm"))


@ZOO.fault(fails(INTEGRITY, "imaging@archive", "imaging/studies/CT-1.dcm (missing)"))
def a_missing_object(place: Place) -> None:
    place.path("archive/imaging/studies/CT-1.dcm").unlink()


@ZOO.fault(fails(INTEGRITY, "record@onsite", "(missing)"))
def a_dump_gone_whose_checksum_stayed(place: Place) -> None:
    place.dump("onsite", days=14).unlink()


@ZOO.fault(unknown(INTEGRITY, "imaging@archive", "nothing was promised for 1 object (imaging/studies/CT-3.dcm)"))
def an_extra_object(place: Place) -> None:
    place.path("archive/imaging/studies/CT-3.dcm").write_bytes(some_bytes("planted", 400))


@ZOO.fault(fails(INTEGRITY, "imaging@onsite", "imaging/studies/CT-1.dcm (missing)"))
def a_renamed_object(place: Place) -> None:
    path = place.path("onsite/imaging/studies/CT-1.dcm")
    path.rename(path.with_name("CT-1 (encrypted).dcm"))


@ZOO.fault(fails(INTEGRITY, "imaging@onsite", "imaging/studies/CT-1.dcm (missing), imaging/studies/CT-2.dcm (missing)"))
def every_name_with_the_ending_of_ransomware(place: Place) -> None:
    for path in sorted(place.path("onsite/imaging/studies").iterdir()):
        path.rename(path.with_name(f"{path.name}.locked"))


@ZOO.fault(
    fails(
        INTEGRITY,
        "laboratory@onsite",
        "report-1.txt (missing: laboratory/2026-03-02T020000Z/reports/report-1.txt: is or leads through a symbolic link",
    )
)
def a_symbolic_link_swapped_in_for_a_directory(place: Place) -> None:
    reports = place.night("onsite") / "reports"
    reports.rename(place.path("elsewhere"))
    reports.symlink_to(place.path("elsewhere"))


@ZOO.fault(fails(INTEGRITY, "imaging@archive", "(missing: imaging/studies/CT-1.dcm: is a symbolic link, which is never followed)"))
def a_symbolic_link_swapped_in_for_an_object(place: Place) -> None:
    study = place.path("archive/imaging/studies/CT-1.dcm")
    study.rename(place.path("elsewhere"))
    study.symlink_to(place.path("elsewhere"))


@ZOO.fault(fails(INTEGRITY, "imaging@archive", "imaging/studies/CT-1.dcm (missing)"))
def a_folder_of_the_name_of_an_object(place: Place) -> None:
    study = place.path("archive/imaging/studies/CT-1.dcm")
    study.unlink()
    study.mkdir()
