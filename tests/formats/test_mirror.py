"""The format `mirror`: the tree is the one recovery point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.errors import Malformed, Unsupported
from drcheck.formats.mirror import MirrorFormat, MirrorOptions
from drcheck.model import Points, PointState
from tests.formats.contract import LONG_AGO, NOW, FormatContract, folder, local, look
from tests.formats.memory import MemoryConnector


def mirror(**options: object) -> MirrorFormat:
    """The format with these options."""
    return MirrorFormat(MirrorOptions.model_validate(options))


def stamped(content: bytes) -> Points:
    """What is found in a tree whose stamp holds this."""
    connector = MemoryConnector()
    connector.put("copy/a/image.dcm", 100, LONG_AGO)
    connector.put("copy/.synced", content, NOW)
    return look(mirror(stamp=".synced"), connector, "copy")


class TestMirror(FormatContract):
    """The contract, over a small tree."""

    ids = (".",)
    payload = 3

    def layout(self) -> MirrorFormat:
        return mirror()

    def files(self) -> dict[str, bytes]:
        return {"2026/study 1/1.dcm": b"i" * 50, "2026/study 1/2.dcm": b"i" * 50, "index.db": b"db", "SHA256SUMS": b"sums"}


@pytest.mark.parametrize(
    "content",
    [
        b"2026-03-09T02:10:00Z",
        b"2026-03-09T02:10:00Z\n",
        b"2026-03-09T03:10:00+01:00",
        b"1773022200",
        b"1773022200.0\n",
        b"\xef\xbb\xbf2026-03-09T02:10:00Z\r\n",
    ],
)
def test_the_time_is_the_stamps(content: bytes) -> None:
    points = stamped(content)
    point = points.newest[0]
    assert (point.time, point.time_from, point.state) == (datetime(2026, 3, 9, 2, 10, tzinfo=UTC), "stamp", PointState.FINISHED)
    assert (point.objects, point.size, point.sample) == (1, 100, "copy/a/image.dcm")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"yesterday",
        b"2026-03-09T02:10:00",
        b"2026-03-09",
        b"12",
        b"17730222000000",
        b"0001-01-01T00:00:00+10:00",
        b"\xff\xfe2\x000\x00",
        b"1" * 500,
    ],
)
def test_a_stamp_that_is_no_moment_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed, match=r"the stamp copy/\.synced holds .*expected one moment with its zone"):
        stamped(content)


@given(st.binary(max_size=300))
def test_any_stamp_is_a_moment_or_malformed(content: bytes) -> None:
    try:
        points = stamped(content)
    except Malformed:
        return
    assert points.total == 1


def test_without_a_stamp_the_time_is_that_of_the_object_changed_last(tmp_path: Path) -> None:
    folder(tmp_path, {"a/old": b"old"})
    folder(tmp_path, {"a/new": b"new"}, modified=LONG_AGO + timedelta(days=3))
    points = look(mirror(), local(tmp_path))
    assert (points.newest[0].time, points.newest[0].time_from) == (LONG_AGO + timedelta(days=3), "modified")


def test_a_named_stamp_that_is_missing_is_incomplete() -> None:
    connector = MemoryConnector()
    connector.put("a", 100, LONG_AGO)
    point = look(mirror(stamp=".synced"), connector).newest[0]
    assert (point.state, point.time) == (PointState.INCOMPLETE, LONG_AGO)
    assert point.detail.startswith("its stamp .synced is missing")
    connector.put("b", 100, NOW - timedelta(minutes=1))
    assert look(mirror(stamp=".synced"), connector).newest[0].state is PointState.IN_PROGRESS


def test_a_stamp_without_data_is_empty() -> None:
    connector = MemoryConnector()
    connector.put(".synced", b"2026-03-09T02:10:00Z", NOW)
    points = look(mirror(stamp=".synced"), connector)
    assert (points.newest[0].state, points.newest[0].detail, points.objects) == (PointState.EMPTY, "holds no data", 0)


def test_a_stamp_from_the_future_is_told() -> None:
    points = stamped(b"2026-04-01T00:00:00Z")
    assert (points.newest, points.future[0].state) == ((), PointState.FUTURE)


def test_a_place_that_tells_no_times_needs_a_stamp() -> None:
    connector = MemoryConnector()
    connector.put("a", 100)
    with pytest.raises(Unsupported, match="let the job write a stamp"):
        look(mirror(), connector)


def test_every_object_belongs_to_the_tree() -> None:
    connector = MemoryConnector()
    connector.put("copy/.synced", b"2026-03-09T02:10:00Z", NOW)
    connector.put("copy/a.sha256", 10, LONG_AGO)
    connector.put("copy/a", 10, LONG_AGO)
    found = [(stored.entry.key, stored.point, stored.auxiliary) for stored in mirror(stamp=".synced").objects(connector, "copy")]
    assert found == [("copy/.synced", ".", True), ("copy/a", ".", False), ("copy/a.sha256", ".", True)]
    assert mirror().manifest_root("copy", ".") == "copy"
