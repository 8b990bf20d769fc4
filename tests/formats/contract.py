"""The contract suite that every format passes: over real folders through the local connector, and over memory."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.errors import Malformed
from drcheck.formats.base import Format
from drcheck.model import Points, PointState, RecoveryPoint
from drcheck.secrets import resolve
from tests.formats.memory import MemoryConnector

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def folder(root: Path, files: Mapping[str, bytes], modified: datetime = LONG_AGO) -> None:
    """Write real files that were last changed at `modified`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (modified.timestamp(), modified.timestamp()))


def local(root: Path) -> LocalConnector:
    """A connector to a real folder."""
    return LocalConnector(LocalOptions(root=root), secrets=resolve, deadline=Deadline(30), calls=CallLog("folder"))


def look(layout: Format, connector: Connector, path: str = "", now: datetime = NOW) -> Points:
    """What the format finds."""
    with connector:
        return layout.points(connector, path, now)


def states(points: Points) -> dict[str, PointState]:
    """The state of each point by its id."""
    return {point.id: point.state for point in (*points.newest, *points.future)}


class FormatContract(ABC):
    """What holds for every format. A subclass says how a copy of its format looks."""

    ids: ClassVar[tuple[str, ...]]
    """The recovery points that `files` makes, newest first."""
    payload: ClassVar[int]
    """How many data objects `files` makes."""

    @abstractmethod
    def layout(self) -> Format:
        """The format, without markers."""

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """Finished recovery points, with a checksum file for each."""

    def memory(self, path: str = "") -> MemoryConnector:
        """The same in memory, below `path`."""
        connector = MemoryConnector()
        for name, content in self.files().items():
            connector.put(f"{path}/{name}" if path else name, content, LONG_AGO)
        return connector

    def newest(self, points: Points) -> RecoveryPoint:
        """The newest usable point, which there must be."""
        point = points.newest_usable(NOW)
        assert point is not None
        return point

    def test_a_path_that_is_absent_holds_nothing_and_that_is_known(self, tmp_path: Path) -> None:
        points = look(self.layout(), local(tmp_path), "not/there")
        assert (points.total, points.objects, points.bytes, points.newest, points.oldest) == (0, 0, 0, (), None)

    def test_an_empty_folder_holds_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "copy").mkdir()
        assert look(self.layout(), local(tmp_path), "copy").total == 0

    @pytest.mark.parametrize("path", ["", "copy", "a/deep copy"])
    def test_finished_points_are_found_with_their_sizes(self, tmp_path: Path, path: str) -> None:
        folder(tmp_path / path, self.files())
        points = look(self.layout(), local(tmp_path), path)
        assert tuple(point.id for point in points.newest) == self.ids
        assert points.by_state == ((PointState.FINISHED, len(self.ids)),)
        assert points.total == len(self.ids)
        assert points.objects == self.payload == sum(point.objects for point in points.newest)
        assert points.bytes == sum(point.size for point in points.newest) > 0
        assert points.unrecognised == 0
        assert points.oldest == points.newest[-1]
        assert all(point.time.tzinfo is UTC and not point.detail for point in points.newest)

    def test_the_sample_is_a_data_object_that_exists(self, tmp_path: Path) -> None:
        folder(tmp_path / "copy", self.files())
        layout = self.layout()
        points = look(layout, local(tmp_path), "copy")
        with local(tmp_path) as connector:
            data = {stored.entry.key: stored.point for stored in layout.objects(connector, "copy") if not stored.auxiliary}
        assert all(data[point.sample] == point.id for point in points.newest)

    def test_objects_are_all_listed_in_key_order_with_their_points(self) -> None:
        layout = self.layout()
        with self.memory("copy") as connector:
            stored = list(layout.objects(connector, "copy"))
        keys = [each.entry.key for each in stored]
        assert keys == sorted(f"copy/{name}" for name in self.files())
        assert sum(not each.auxiliary for each in stored) == self.payload
        assert {each.point for each in stored} - {""} == set(self.ids)

    def test_a_copy_beside_this_one_is_not_looked_into(self) -> None:
        connector = self.memory("copy")
        alone = look(self.layout(), connector, "copy")
        for name in self.files():
            connector.put(f"copy2/{name}", 5, LONG_AGO)
            connector.put(f"copy-/{name}", 5, LONG_AGO)
        assert look(self.layout(), connector, "copy") == alone

    def test_a_point_that_grows_while_looked_at_is_in_progress(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("drcheck.formats.growth.APART", 0.0)
        connector = self.memory("copy")
        sample = self.newest(look(self.layout(), connector, "copy")).sample
        connector.put(sample, 100, NOW - timedelta(seconds=20))
        connector.between = lambda: connector.put(sample, 150, NOW - timedelta(seconds=1))
        point = look(self.layout(), connector, "copy").newest[0]
        assert (point.id, point.state) == (self.ids[0], PointState.IN_PROGRESS)
        assert "while it was looked at" in point.detail

    def test_a_point_that_changed_just_now_and_keeps_still_is_finished(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("drcheck.formats.growth.APART", 0.0)
        connector = self.memory("copy")
        sample = self.newest(look(self.layout(), connector, "copy")).sample
        connector.put(sample, 100, NOW - timedelta(seconds=20))
        assert self.newest(look(self.layout(), connector, "copy")).id == self.ids[0]

    def test_a_point_that_vanishes_while_looked_at_is_in_progress(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("drcheck.formats.growth.APART", 0.0)
        connector = self.memory("copy")
        for name in self.files():
            connector.put(f"copy/{name}", 100, NOW - timedelta(seconds=20))
        connector.between = connector.entries.clear
        assert look(self.layout(), connector, "copy").newest[0].state is PointState.IN_PROGRESS

    def test_the_targets_clock_decides_what_changed_just_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("drcheck.formats.growth.APART", 0.0)
        connector = self.memory("copy")
        connector.skew = -7200.0
        sample = self.newest(look(self.layout(), connector, "copy")).sample
        connector.put(sample, 100, NOW - timedelta(hours=2, seconds=20))
        connector.between = lambda: connector.put(sample, 150, NOW - timedelta(hours=2))
        assert look(self.layout(), connector, "copy").newest[0].state is PointState.IN_PROGRESS

    def test_a_partial_name_is_in_progress(self) -> None:
        connector = self.memory("copy")
        sample = self.newest(look(self.layout(), connector, "copy")).sample
        connector.put(f"{sample}.part", 10, NOW - timedelta(minutes=1))
        point = look(self.layout(), connector, "copy").newest[0]
        assert (point.id, point.state) == (self.ids[0], PointState.IN_PROGRESS)
        assert f"{sample}.part" in point.detail
        assert "abandoned" not in point.detail

    def test_a_partial_name_that_nobody_writes_is_still_no_finished_point(self) -> None:
        connector = self.memory("copy")
        sample = self.newest(look(self.layout(), connector, "copy")).sample
        connector.put(f"{sample}.part", 10, LONG_AGO)
        point = look(self.layout(), connector, "copy").newest[0]
        assert point.state is PointState.IN_PROGRESS
        assert "abandoned" in point.detail

    def test_points_without_a_byte_are_empty(self) -> None:
        connector = self.memory("copy")
        for stored in list(self.layout().objects(connector, "copy")):
            if not stored.auxiliary:
                connector.put(stored.entry.key, b"", stored.entry.modified)
        points = look(self.layout(), connector, "copy")
        assert points.by_state == ((PointState.EMPTY, len(self.ids)),)
        assert points.newest_usable(NOW) is None
        assert points.oldest is None

    @pytest.mark.parametrize("disorder", ["backwards", "twice"])
    def test_a_listing_out_of_order_is_refused(self, disorder: str) -> None:
        connector = self.memory("copy")
        entries = list(connector.list("copy"))
        entries = entries[::-1] if disorder == "backwards" else [*entries, entries[-1]]
        connector.source = lambda: iter(entries)
        with pytest.raises(Malformed, match="not in key order"):
            look(self.layout(), connector, "copy")

    def test_the_same_place_gives_the_same_points(self) -> None:
        assert look(self.layout(), self.memory(), "") == look(self.layout(), self.memory(), "")
