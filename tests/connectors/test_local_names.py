"""Sorting the names of one folder in bounded memory."""

from __future__ import annotations

import os
import random
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from drcheck.connectors import local_names
from drcheck.connectors.local_names import in_order
from drcheck.errors import ConnectorError
from tests.connectors.local_rig import connect


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 57])
@pytest.mark.parametrize("part", [1, 7, 1 << 15])
def test_names_come_by_their_bytes_whether_there_are_few_or_many(count: int, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_names, "HELD", 10)
    monkeypatch.setattr(local_names, "_PART", part)
    choice = random.Random(count)
    names = [bytes(choice.randrange(1, 256) for _ in range(choice.randrange(1, 9))) for _ in range(count)]
    assert list(in_order(iter(names))) == sorted(names)


def test_a_folder_of_more_names_than_are_held_is_listed_in_key_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_names, "HELD", 10)
    names = ["a", "a-b", "a.txt", "a0", "é", "z\udcff", *(f"file {number}" for number in range(40))]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "in it").write_bytes(b"x")
    (tmp_path / "folder-0").write_bytes(b"x")
    with connect(tmp_path) as connector:
        keys = [entry.key for entry in connector.list()]
    assert keys == sorted([*names, "folder/in it", "folder-0"], key=os.fsencode)


def test_memory_does_not_grow_with_the_names() -> None:
    def names(count: int) -> Iterator[bytes]:
        return (b"a-file-of-a-hospital-%08d.dcm" % (number * 7919 % count) for number in range(count))

    peaks = []
    for count in (70_000, 210_000):
        tracemalloc.start()
        try:
            assert sum(1 for _ in in_order(names(count))) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_no_room_for_the_names_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(local_names, "HELD", 10)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(ConnectorError, match=r"sorted in .*absent, which cannot be: No such file or directory; make room there"):
        in_order(b"%d" % number for number in range(30))
