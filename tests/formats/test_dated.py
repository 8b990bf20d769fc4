"""The format `dated`: a directory a recovery point."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from drcheck.formats.dated import DatedFormat, DatedOptions
from drcheck.model import PointState
from tests.formats.contract import LONG_AGO, NOW, FormatContract, folder, local, look, states
from tests.formats.memory import MemoryConnector


def dated(pattern: str = "%Y-%m-%d", **options: object) -> DatedFormat:
    """The format with these options."""
    return DatedFormat(DatedOptions.model_validate({"pattern": pattern, **options}))


class TestDated(FormatContract):
    """The contract, over three days with two files each."""

    ids = ("2026-03-09", "2026-03-08", "2026-03-07")
    payload = 6

    def layout(self) -> DatedFormat:
        return dated()

    def files(self) -> dict[str, bytes]:
        return {
            f"{day}/{name}": content
            for day in self.ids
            for name, content in {"results.db": b"r" * 90, "notes/one.txt": b"notes", "SHA256SUMS": b"sums"}.items()
        }


@pytest.mark.parametrize(
    ("pattern", "name", "moment"),
    [
        ("%Y/%m/%d", "2026/03/09", datetime(2026, 3, 9, tzinfo=UTC)),
        ("backup-%Y%m%dT%H%M%SZ", "backup-20260309T021000Z", datetime(2026, 3, 9, 2, 10, tzinfo=UTC)),
        ("%Y/%Y-%m-%d", "2026/2026-03-09", datetime(2026, 3, 9, tzinfo=UTC)),
    ],
)
def test_patterns_over_several_levels(tmp_path: Path, pattern: str, name: str, moment: datetime) -> None:
    folder(tmp_path, {f"copy/{name}/deep/er/file": b"content"})
    points = look(dated(pattern), local(tmp_path), "copy")
    assert [(point.id, point.time, point.time_from, point.sample) for point in points.newest] == [(name, moment, "name", f"copy/{name}/deep/er/file")]
    assert dated(pattern).manifest_root("copy", name) == f"copy/{name}"
    assert dated(pattern).manifest_root("", name) == name


def test_names_that_do_not_match_are_counted_and_shown(tmp_path: Path) -> None:
    strays = {f"copy/old/{number}": b"x" for number in range(12)} | {"copy/2026-13-01/x": b"x", "copy/2026-03-09": b"", "copy/2026-02-30/y": b"y"}
    folder(tmp_path, {**{name: content for name, content in strays.items() if name != "copy/2026-03-09"}, "copy/2026-03-08/ok": b"ok"})
    (tmp_path / "copy/2026-03-09").write_bytes(b"a file, not a directory")
    (tmp_path / "copy/SHA256SUMS").write_bytes(b"sums")
    points = look(dated(), local(tmp_path), "copy")
    assert (points.total, points.unrecognised) == (1, 15)
    assert len(points.unrecognised_sample) == 10
    assert points.unrecognised_sample[:3] == ("copy/2026-02-30/y", "copy/2026-03-09", "copy/2026-13-01/x")


def test_a_modification_time_is_never_taken_for_the_time(tmp_path: Path) -> None:
    folder(tmp_path, {"2026-03-01/data": b"old data"}, modified=NOW - timedelta(hours=1))
    assert look(dated(), local(tmp_path)).newest[0].time == datetime(2026, 3, 1, tzinfo=UTC)


def test_without_its_marker_a_point_is_in_progress_and_later_incomplete() -> None:
    connector = MemoryConnector()
    connector.put("2026-03-07/COMPLETE", b"", LONG_AGO)
    connector.put("2026-03-07/data", 100, LONG_AGO)
    connector.put("2026-03-08/data", 100, NOW - timedelta(hours=20))
    connector.put("2026-03-09/data", 100, NOW - timedelta(minutes=5))
    connector.put("2026-03-10/COMPLETE", b"", NOW)
    points = look(dated(marker="COMPLETE"), connector)
    assert states(points) == {
        "2026-03-10": PointState.EMPTY,
        "2026-03-09": PointState.IN_PROGRESS,
        "2026-03-08": PointState.INCOMPLETE,
        "2026-03-07": PointState.FINISHED,
    }
    newest = points.newest_usable(NOW)
    assert newest is not None
    assert newest.id == "2026-03-07"
    assert points.newest[2].detail.startswith("its marker COMPLETE is missing")
    assert [stored.auxiliary for stored in dated(marker="COMPLETE").objects(connector, "2026-03-07")] == [False, False]
    assert [stored.auxiliary for stored in dated(marker="COMPLETE").objects(connector, "")] == [True, False, False, False, True]


def test_a_marker_says_that_it_is_finished_though_it_changed_just_now() -> None:
    connector = MemoryConnector()
    connector.put("2026-03-09/COMPLETE", b"", NOW)
    connector.put("2026-03-09/data", 100, NOW)
    connector.between = lambda: connector.put("2026-03-09/data", 200, NOW)
    assert states(look(dated(marker="COMPLETE"), connector)) == {"2026-03-09": PointState.FINISHED}
    assert dict(connector.calls.counts())["memory:list"] == 1


@pytest.mark.parametrize("name", ["2026-03-09.partial/data", "2026-03-09/data.filepart", "2026-03-09/base.tmp/data"])
def test_partial_names_of_directories_and_files(name: str) -> None:
    connector = MemoryConnector()
    connector.put("2026-03-08/data", 100, LONG_AGO)
    connector.put(name, 100, LONG_AGO)
    points = look(dated(), connector)
    assert [point.state for point in points.newest] == [PointState.IN_PROGRESS, PointState.FINISHED]
    assert points.newest[0].time == datetime(2026, 3, 9, tzinfo=UTC)
    assert look(dated(partial=[".mine"]), connector).count(PointState.IN_PROGRESS) == 0


def test_an_abandoned_attempt_beside_the_finished_point_does_not_hide_it() -> None:
    connector = MemoryConnector()
    connector.put("2026-03-09.tmp/data", 10, LONG_AGO)
    connector.put("2026-03-09/data", 100, LONG_AGO)
    assert states(look(dated(), connector)) == {"2026-03-09.tmp": PointState.IN_PROGRESS, "2026-03-09": PointState.FINISHED}


def test_a_point_from_the_future_never_counts_as_newest() -> None:
    connector = MemoryConnector()
    connector.put("2026-03-10T1204/data", 100, LONG_AGO)
    connector.put("2026-03-10T1206/data", 100, LONG_AGO)
    connector.put("2027-01-01T0000/data", 100, LONG_AGO)
    points = look(dated("%Y-%m-%dT%H%M"), connector)
    assert [point.id for point in points.newest] == ["2026-03-10T1204"]
    assert [point.id for point in points.future] == ["2026-03-10T1206", "2027-01-01T0000"]
    assert points.count(PointState.FUTURE) == 2
    assert points.future[1].detail == "says that it was made at 2027-01-01T00:00:00Z, 296d 12h after 2026-03-10T12:00:00Z"


def sizes(connector: MemoryConnector, *each: int) -> None:
    """One point a day from the first of February, of these sizes."""
    for day, size in enumerate(each, start=1):
        connector.put(f"2026-02-{day:02}/data", size, LONG_AGO)


@pytest.mark.parametrize(
    ("each", "small"),
    [
        ((100, 100, 100, 49), [4]),
        ((100, 100, 100, 50), []),
        ((100, 100, 10), []),
        ((100,) * 7 + (10,) * 9, list(range(8, 17))),
        ((10, 100, 100, 100, 49), [5]),
        ((1000, 100, 100, 100, 100, 100, 100, 49), [8]),
    ],
)
def test_suddenly_small_ones_are_told_from_those_before(each: tuple[int, ...], small: list[int]) -> None:
    connector = MemoryConnector()
    sizes(connector, *each)
    found = states(look(dated(), connector))
    assert [day for day in range(1, len(each) + 1) if found[f"2026-02-{day:02}"] is PointState.SMALL] == small


def test_how_small_is_small_can_be_said() -> None:
    connector = MemoryConnector()
    sizes(connector, 1000, 1000, 1000, 200)
    assert states(look(dated(shrink_ratio=0.1), connector))["2026-02-04"] is PointState.FINISHED
    point = look(dated(), connector).newest[0]
    assert point.detail == "200 bytes: less than 0.5 × 1,000, the median of 3 finished before it"


def test_a_growing_newest_point_leaves_the_one_before_as_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.formats.growth.APART", 0.0)
    connector = MemoryConnector()
    connector.put("2026-03-08/data", 100, NOW - timedelta(minutes=9))
    connector.put("2026-03-09/data", 100, NOW)
    connector.between = lambda: connector.put("2026-03-09/more", 100, NOW)
    points = look(dated(), connector)
    newest = points.newest_usable(NOW)
    assert newest is not None
    assert newest.id == "2026-03-08"
    assert points.newest[0].detail == "it went from 100 bytes in 1 objects to 200 in 2 while it was looked at"


def test_when_many_grow_it_is_looked_on_until_one_keeps_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.formats.growth.APART", 0.0)
    connector = MemoryConnector()
    keys = [f"2026-02-{day:02}/data" for day in range(1, 29)]
    for key in keys:
        connector.put(key, 100, NOW)

    def write() -> None:
        for key in keys[5:]:
            connector.put(key, 101, NOW)

    connector.between = write
    newest = look(dated(), connector).newest_usable(NOW)
    assert newest is not None
    assert newest.id == "2026-02-05"


def test_a_real_file_that_grows_between_two_real_looks(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    folder(tmp_path, {"2026-03-08/data": b"done"})
    folder(tmp_path, {"2026-03-09/data": b"some"}, modified=now)
    stop = threading.Event()

    def write() -> None:
        with (tmp_path / "2026-03-09/data").open("ab", buffering=0) as file:
            while not stop.wait(0.02):
                file.write(b"more")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        points = look(dated(), local(tmp_path), now=now)
    finally:
        stop.set()
        writer.join()
    assert states(points) == {"2026-03-09": PointState.IN_PROGRESS, "2026-03-08": PointState.FINISHED}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pattern": "%Y-%m"}, "does not tell one day"),
        ({"pattern": "%Y-%m-%d-%Q"}, "is not a field"),
        ({"pattern": "*-%Y-%m-%d"}, "free part"),
        ({"pattern": "/%Y-%m-%d"}, "relative name"),
        ({"pattern": "%Y-%m-%d", "zone": "Europe/Lundun"}, "not a time zone"),
        ({"pattern": "%Y-%m-%d", "zone": "../../etc/passwd"}, "not a time zone"),
        ({"pattern": "%Y-%m-%d", "zone": "Europe"}, "not a time zone"),
        ({"pattern": "%Y-%m-%d", "marker": "../COMPLETE"}, "relative name"),
        ({"pattern": "%Y-%m-%d", "settle": "soon"}, "not a duration"),
        ({"pattern": "%Y-%m-%d", "shrink_ratio": 2}, "less than or equal to 1"),
        ({"pattern": "%Y-%m-%d", "partial": [""]}, "at least 1 character"),
        ({"pattern": "%Y-%m-%d", "mark": "x"}, "Extra inputs"),
        ({}, "Field required"),
    ],
)
def test_wrong_options_are_refused_with_what_is_right(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DatedOptions.model_validate(options)
