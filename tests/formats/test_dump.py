"""The format `dump`: a file a recovery point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from drcheck.errors import Unsupported
from drcheck.formats.dump import DumpFormat, DumpOptions
from drcheck.model import PointState
from tests.formats.contract import LONG_AGO, NOW, FormatContract, folder, local, look
from tests.formats.memory import MemoryConnector

PATTERN = "ehr-%Y-%m-%dT%H%M%SZ.dump.gz"


def dump(pattern: str = PATTERN, **options: object) -> DumpFormat:
    """The format with these options."""
    return DumpFormat(DumpOptions.model_validate({"pattern": pattern, **options}))


class TestDump(FormatContract):
    """The contract, over three dumps with a checksum file beside each."""

    ids = ("ehr-2026-03-09T021000Z.dump.gz", "ehr-2026-03-08T021000Z.dump.gz", "ehr-2026-03-07T021000Z.dump.gz")
    payload = 3

    def layout(self) -> DumpFormat:
        return dump()

    def files(self) -> dict[str, bytes]:
        return {"SHA256SUMS": b"sums"} | {name: content for dump in self.ids for name, content in {dump: b"d" * 95, f"{dump}.sha256": b"sum"}.items()}


class TestDumpOfSeveralFiles(FormatContract):
    """The contract, over points of two files each that are told apart by a free part at the end."""

    ids = ("ehr-20260309-*.sql", "ehr-20260308-*.sql")
    payload = 4

    def layout(self) -> DumpFormat:
        return dump("ehr-%Y%m%d-*.sql")

    def files(self) -> dict[str, bytes]:
        return {f"ehr-2026030{day}-{name}.sql{end}": b"d" * 40 for day in (8, 9) for name in ("main", "audit") for end in ("", ".md5")}


class TestDumpOfSeveralFamilies(FormatContract):
    """The contract, over points whose files are not listed together."""

    ids = ("*-20260309.sql", "*-20260308.sql")
    payload = 4

    def layout(self) -> DumpFormat:
        return dump("*-%Y%m%d.sql")

    def files(self) -> dict[str, bytes]:
        return {f"{name}-2026030{day}.sql{end}": b"d" * 40 for day in (8, 9) for name in ("main", "audit") for end in ("", ".md5")}


def test_times_are_read_in_the_zone_of_the_names(tmp_path: Path) -> None:
    folder(tmp_path, {"2026-07-01_0210.dump": b"x" * 9, "2026-01-01_0210.dump": b"x" * 9})
    points = look(dump("%Y-%m-%d_%H%M.dump", zone="Europe/London"), local(tmp_path), now=datetime(2026, 8, 1, tzinfo=UTC))
    assert [point.time for point in points.newest] == [datetime(2026, 7, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 2, 10, tzinfo=UTC)]


def test_a_checksum_whose_dump_is_gone_is_an_empty_point(tmp_path: Path) -> None:
    folder(tmp_path, {"ehr-2026-03-09T021000Z.dump.gz": b"dump", "ehr-2026-03-01T021000Z.dump.gz.sha256": b"the dump was removed"})
    (kept, gone) = look(dump(), local(tmp_path)).newest
    assert (kept.state, gone.state, gone.objects) == (PointState.FINISHED, PointState.EMPTY, 0)


def test_what_is_no_dump_is_counted(tmp_path: Path) -> None:
    folder(
        tmp_path,
        {
            "ehr-2026-03-09T021000Z.dump.gz": b"dump",
            "ehr-2026-03-09T021000Z.dump.gz.sha256": b"sum",
            "SHA256SUMS": b"sums",
            "SHA256SUMS.tmp": b"sums",
            "readme.txt": b"text",
            "ehr-2026-03-09T026000Z.dump.gz": b"no such minute",
            "below/ehr-2026-03-09T021000Z.dump.gz": b"another folder",
            "ehr-2026-03-09T021000Z.dump.gz.old": b"renamed",
        },
    )
    points = look(dump(), local(tmp_path))
    assert (points.total, points.unrecognised) == (1, 4)
    assert points.unrecognised_sample == (
        "below/ehr-2026-03-09T021000Z.dump.gz",
        "ehr-2026-03-09T021000Z.dump.gz.old",
        "ehr-2026-03-09T026000Z.dump.gz",
        "readme.txt",
    )
    with local(tmp_path) as connector:
        auxiliary = {stored.entry.key: stored.point for stored in dump().objects(connector, "") if stored.auxiliary}
    assert auxiliary["ehr-2026-03-09T021000Z.dump.gz.sha256"] == "ehr-2026-03-09T021000Z.dump.gz"
    assert auxiliary["SHA256SUMS"] == ""
    assert dump().manifest_root("a/b", "any") == "a/b"


def test_markers_beside_the_dumps() -> None:
    connector = MemoryConnector()
    for day, modified, marked in ((6, LONG_AGO, True), (7, LONG_AGO, False), (8, NOW - timedelta(minutes=3), False), (9, NOW, True)):
        connector.put(f"ehr-2026-03-0{day}T021000Z.dump.gz", 100, modified)
        if marked:
            connector.put(f"ehr-2026-03-0{day}T021000Z.dump.gz.ok", b"", modified)
    connector.put("ehr-2026-03-05T021000Z.dump.gz.ok", b"", LONG_AGO)
    points = look(dump(marker_suffix=".ok"), connector)
    assert [point.state for point in points.newest] == [
        PointState.FINISHED,
        PointState.IN_PROGRESS,
        PointState.INCOMPLETE,
        PointState.FINISHED,
        PointState.EMPTY,
    ]
    assert points.newest[2].detail.startswith("its marker ehr-2026-03-07T021000Z.dump.gz.ok is missing")
    assert points.unrecognised == 0
    assert "memory:stat" not in dict(connector.calls.counts()), "what a marker says is finished is not looked at twice"


@pytest.mark.parametrize("pattern", ["ehr-%Y%m%d*", "*-%Y%m%d*"])
@pytest.mark.parametrize(
    ("names", "state", "said"),
    [
        (("ehr-20260309", "ehr-20260309-b"), PointState.FINISHED, ""),
        (("ehr-20260309", "ehr-20260309.o"), PointState.FINISHED, ""),
        (("ehr-20260309", "-ehr-20260309-b"), PointState.INCOMPLETE, "its marker ehr-20260309-b.ok is missing"),
        (("-ehr-20260309", "ehr-20260309-b"), PointState.INCOMPLETE, "its marker ehr-20260309.ok is missing"),
        (("+ehr-20260309", "ehr-20260309-b"), PointState.INCOMPLETE, "the dump that ehr-20260309.ok says is finished is missing"),
    ],
)
def test_every_file_of_a_point_needs_its_marker(pattern: str, names: tuple[str, ...], state: PointState, said: str) -> None:
    connector = MemoryConnector()
    connector.put("ehr-20260308", 10, LONG_AGO)
    connector.put("ehr-20260308.ok", 1, LONG_AGO)
    for name in names:
        if not name.startswith("+"):
            connector.put(name.lstrip("-"), 10, LONG_AGO)
        if not name.startswith("-"):
            connector.put(f"{name.lstrip('+')}.ok", 1, LONG_AGO)
    points = look(dump(pattern, marker_suffix=".ok"), connector)
    assert [point.state for point in points.newest] == [state, PointState.FINISHED]
    assert points.newest[0].detail.startswith(said)


def test_several_files_of_one_time_are_one_point() -> None:
    connector = MemoryConnector()
    for number in range(5):
        connector.put(f"ehr-20260309.{number:03}", 10, LONG_AGO)
    point = look(dump("ehr-%Y%m%d.*"), connector).newest[0]
    assert (point.id, point.objects, point.size, point.sample) == ("ehr-20260309.*", 5, 50, "ehr-20260309.000")


def test_too_many_points_that_cannot_be_told_apart_in_little_memory_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.formats.dump.SCATTERED", 3)
    connector = MemoryConnector()
    for day in range(1, 5):
        connector.put(f"main-2026030{day}.sql", 10, LONG_AGO)
    with pytest.raises(Unsupported, match="declare one copy for each family"):
        look(dump("*-%Y%m%d.sql"), connector)
    assert look(dump("main-%Y%m%d*.sql"), connector).total == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pattern": "ehr-%Y-%m-%d.dump.part"}, "which `partial` says is being written"),
        ({"pattern": "ehr-%Y-%m-%d.dump", "marker_suffix": ".tmp"}, "is also in `partial`"),
        ({"pattern": "ehr-%Y-%m-%d.ok", "marker_suffix": ".ok"}, "not of its marker"),
        ({"pattern": "ehr.dump"}, "does not tell one day"),
        ({"pattern": "***%Y-%m-%d"}, "at most 2"),
        ({"pattern": "%Y-%m-%d.dump", "marker_suffix": "a/b"}, "match pattern"),
    ],
)
def test_wrong_options_are_refused_with_what_is_right(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DumpOptions.model_validate(options)
