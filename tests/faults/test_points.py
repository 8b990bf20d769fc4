"""Faults of recovery points: too old, unfinished, empty, small, from the future, or not there."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from drcheck.clock import now
from tests.faults import trees
from tests.faults.healthy import Place, local_place
from tests.faults.trees import NIGHT
from tests.faults.zoo import Fault, Findings, Zoo, fails, findings_of, passes, try_out, unknown

ZOO: Zoo[Place] = Zoo()
RECENCY, COMPLETENESS, INTEGRITY = "backup.recency", "backup.completeness", "integrity.checksums"
THREE_PLACES = "NHSE-BP-1.places"


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


def remove_dumps(place: Place, target: str, newer_than: int) -> None:
    """Remove the dumps of the last nights, with their checksums."""
    for days in range(newer_than):
        for path in (place.dump(target, days), Path(f"{place.dump(target, days)}.sha256")):
            path.unlink(missing_ok=True)


def keep_promises_of_what_is_there(place: Place) -> None:
    """Write the manifest that is kept away for the dumps that are at the archive now."""
    dumps = {path.name: path.read_bytes() for path in place.path("archive/record").glob("*.dump")}
    place.path("manifests/record.sha256").write_bytes(trees.sums(dumps))


@ZOO.fault(fails(RECENCY, "record@onsite", "the newest usable recovery point is 3d 6h old"))
def a_stale_copy(place: Place) -> None:
    remove_dumps(place, "onsite", 3)


@ZOO.fault(fails(RECENCY, "record@archive", "the newest usable recovery point is 7d 6h old"))
def only_the_copy_off_site_is_stale(place: Place) -> None:
    remove_dumps(place, "archive", 4)
    keep_promises_of_what_is_there(place)


@ZOO.fault(fails("NHSE-BP-2.rpo", "laboratory@onsite", "1d 30m old"))
def a_copy_half_an_hour_over_the_objective_and_within_the_grace_of_its_schedule(place: Place) -> None:
    early = place.night("onsite").with_name(f"{place.now - timedelta(hours=24, minutes=30):{NIGHT}}")
    place.night("onsite").rename(early)
    shutil.rmtree(place.night("onsite", days=1))


@ZOO.fault(
    fails(RECENCY, "record@onsite", "1 dated in the future (ehr-2031-01-01T020000Z.dump)"),
    fails(COMPLETENESS, "record@onsite", "ehr-2031-01-01T020000Z.dump (dated in the future"),
)
def a_dump_dated_in_the_future_over_a_stale_copy(place: Place) -> None:
    remove_dumps(place, "onsite", 3)
    place.path("onsite/record/ehr-2031-01-01T020000Z.dump").write_bytes(trees.some_bytes("future", 300))


@ZOO.fault(
    passes(RECENCY, "laboratory@south", "1 dated in the future (2031-01-01T020000Z)"),
    fails(COMPLETENESS, "laboratory@south", "2031-01-01T020000Z (dated in the future"),
)
def a_night_dated_in_the_future_beside_good_ones(place: Place) -> None:
    shutil.copytree(place.night("south"), place.night("south").with_name("2031-01-01T020000Z"))


@ZOO.fault(
    fails(RECENCY, "imaging@archive", "no usable recovery point (1 future)"),
    fails(COMPLETENESS, "imaging@archive", "no usable recovery point (1 future)"),
    unknown(INTEGRITY, "imaging@archive", "no recovery point of imaging@archive is finished"),
    unknown(THREE_PLACES, "imaging", "not counted: archive (no usable recovery point (1 future))"),
)
def a_mirror_stamped_by_a_clock_that_is_a_day_ahead(place: Place) -> None:
    place.path("archive/imaging/LAST_SYNC").write_text(f"{place.now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}\n")


@ZOO.fault(
    fails(RECENCY, "record@onsite", "1d 6h old"),
    passes(COMPLETENESS, "record@onsite", "so it may have been abandoned"),
)
def a_half_written_dump(place: Place) -> None:
    dump = place.dump("onsite")
    Path(f"{dump}.sha256").unlink()
    os.truncate(dump, 120)
    dump.rename(f"{dump}.part")


@ZOO.fault(fails(COMPLETENESS, "record@onsite", "(begun and never finished: record/ehr-2026-03-01T020000Z.dump.part is named as one"))
def a_half_written_dump_left_from_the_night_before(place: Place) -> None:
    dump = place.dump("onsite", days=1)
    Path(f"{dump}.sha256").unlink()
    dump.rename(f"{dump}.part")


@ZOO.fault(
    fails(RECENCY, "laboratory@archive", "1d 6h old"),
    fails(COMPLETENESS, "laboratory@archive", "2026-03-02T020000Z (incomplete: its marker COMPLETE is missing"),
)
def a_marker_missing(place: Place) -> None:
    (place.night("archive") / "COMPLETE").unlink()


@ZOO.fault(
    fails(RECENCY, "laboratory@south", "1d 6h old"),
    fails(COMPLETENESS, "laboratory@south", "2026-03-02T020000Z (empty: holds no data)"),
)
def an_empty_recovery_point(place: Place) -> None:
    night = place.night("south")
    shutil.rmtree(night)
    night.mkdir()
    (night / "COMPLETE").touch()


@ZOO.fault(
    fails(COMPLETENESS, "laboratory@south", "2026-02-28T020000Z (empty: its 2 objects hold 0 bytes)"),
)
def a_night_of_empty_files_whose_manifest_is_right(place: Place) -> None:
    night = place.night("south", days=2)
    files = {"results.csv": b"", "reports/report-1.txt": b""}
    for name, content in {**files, "SHA256SUMS": trees.sums(files)}.items():
        (night / name).write_bytes(content)


@ZOO.fault(
    fails(RECENCY, "record@south", "1d 6h old"),
    fails(COMPLETENESS, "record@south", "(small: 30 bytes: less than 0.5 × 300, the median of 7 finished before it)"),
)
def a_dump_that_is_suddenly_small_with_a_checksum_that_is_right(place: Place) -> None:
    dump = place.dump("south")
    dump.write_bytes(b"ERROR: could not connect to pg")
    Path(f"{dump}.sha256").write_bytes(trees.sums({dump.name: dump.read_bytes()}))


@ZOO.fault(
    fails(RECENCY, "record@onsite", "1d 6h old"),
    fails(COMPLETENESS, "record@onsite", ".dump (empty: holds no data)"),
    fails(INTEGRITY, "record@onsite", ".dump (missing)"),
)
def a_checksum_written_and_its_dump_never(place: Place) -> None:
    place.dump("onsite").unlink()


@ZOO.fault(
    fails(RECENCY, "record@onsite", "nothing there"),
    fails(COMPLETENESS, "record@onsite", "nothing there"),
    unknown(INTEGRITY, "record@onsite", "record@onsite holds no finished recovery point and nothing is promised"),
)
def an_empty_copy_folder(place: Place) -> None:
    shutil.rmtree(place.path("onsite/record"))
    place.path("onsite/record").mkdir()


@ZOO.fault(
    fails(RECENCY, "record@archive", "nothing there"),
    fails(COMPLETENESS, "record@archive", "nothing there"),
    fails(INTEGRITY, "record@archive", "13 objects are not what was promised"),
    unknown(THREE_PLACES, "record", "not counted: archive (nothing there)"),
)
def a_copy_folder_gone_off_site(place: Place) -> None:
    shutil.rmtree(place.path("archive/record"))


@ZOO.fault(
    fails(RECENCY, "laboratory@onsite", "39 objects there, and none named as the format says (such as laboratory/"),
    fails(COMPLETENESS, "laboratory@onsite", "none named as the format says"),
    unknown(INTEGRITY, "laboratory@onsite", "holds no finished recovery point"),
)
def a_pattern_that_fits_no_name(place: Place) -> None:
    place.copy("laboratory@onsite")["options"]["pattern"] = "%Y-%m-%d"


@ZOO.fault(
    fails(RECENCY, "imaging@archive", "no usable recovery point (1 incomplete)"),
    fails(COMPLETENESS, "imaging@archive", "no usable recovery point (1 incomplete)"),
    unknown(INTEGRITY, "imaging@archive", "no recovery point of imaging@archive is finished"),
    unknown(THREE_PLACES, "imaging", "not counted: archive (no usable recovery point (1 incomplete))"),
)
def a_mirror_whose_job_never_came_to_its_end(place: Place) -> None:
    place.path("archive/imaging/LAST_SYNC").unlink()


@ZOO.fault(
    unknown(RECENCY, "imaging@archive", "the stamp imaging/LAST_SYNC holds 'last night'; expected one moment with its zone"),
    unknown(COMPLETENESS, "imaging@archive", "malformed"),
    unknown(INTEGRITY, "imaging@archive", "malformed"),
    unknown(THREE_PLACES, "imaging", "archive (malformed: the stamp imaging/LAST_SYNC"),
)
def a_stamp_that_is_no_moment(place: Place) -> None:
    place.path("archive/imaging/LAST_SYNC").write_text("last night")


@ZOO.fault(
    unknown("retention.depth", "record", "onsite, south, archive (only 14d 6h back; versions not known"),
)
def retention_too_short_on_every_copy_that_can_be_seen(place: Place) -> None:
    for target in ("onsite", "south", "archive"):
        for days in range(15, 64):
            place.dump(target, days).unlink(missing_ok=True)
            Path(f"{place.dump(target, days)}.sha256").unlink(missing_ok=True)
    keep_promises_of_what_is_there(place)


def test_a_dump_that_grows_while_it_is_looked_at_is_not_the_newest(folder: Path) -> None:
    # The clock that decides what is fresh is the present one here, so the healthy estate is judged anew as well.
    present = now().replace(microsecond=0)
    (folder / "healthy").mkdir()
    (folder / "growing").mkdir()
    healthy = findings_of(local_place(folder / "healthy", now=present).look())
    place = local_place(folder / "growing", now=present)
    dump = place.dump("onsite")
    Path(f"{dump}.sha256").unlink()
    place.age()
    place.ages = False
    place.during.append(growing(dump))
    turned = (
        fails(RECENCY, "record@onsite", f"1d 6h old ({place.dump('onsite', days=1).name}"),
        passes(COMPLETENESS, "record@onsite", f"{dump.name} is not finished yet: it went from"),
    )
    try_out(Fault(lambda _: None, turned), place, healthy)


@contextmanager
def growing(file: Path) -> Iterator[None]:
    """Within it, somebody writes to the file."""
    done = threading.Event()

    def write() -> None:
        with file.open("ab", buffering=0) as open_file:
            while not done.wait(0.02):
                open_file.write(b"more")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while file.stat().st_size == 300:
            done.wait(0.01)
        yield
    finally:
        done.set()
        writer.join()
