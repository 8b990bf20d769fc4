"""How fast worker processes read: every byte is told as it comes, and all of them together keep to a rate."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from drcheck.clock import Deadline
from drcheck.connectors import local_pool
from drcheck.connectors.base import CallLog
from drcheck.connectors.local import LocalConnector
from drcheck.connectors.local_pool import Pool
from drcheck.connectors.local_reader import BUFFER
from drcheck.digests import Digests, digest
from drcheck.errors import TimedOut
from drcheck.pace import Pace
from tests.connectors.asking import Told
from tests.connectors.local_rig import connect
from tests.connectors.test_local_pool import MIB, SHA256, children, entries, fill, read

SIZES = [0, 1, 4096, BUFFER, BUFFER + 1, (4 << 20) - 1, 9 * MIB + 7]


@pytest.fixture(autouse=True, params=[0, 2], ids=["here", "in two processes"])
def _pooled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool for a handful of files, that has no processes of its own or two."""
    monkeypatch.setattr(local_pool, "FEW", 3)
    monkeypatch.setattr(local_pool._Cores, "take", lambda self: request.param)


def sizes(root: Path) -> Path:
    for size in SIZES:
        (root / f"{size:09d}").write_bytes(os.urandom(1 << 12) * (size >> 12) + bytes(size & 0xFFF))
    return root


def expected(connector: LocalConnector) -> dict[str, Digests]:
    return {entry.key: digest(connector.read(entry.key), SHA256) for entry in entries(connector)}


def test_every_byte_is_told_once(tmp_path: Path) -> None:
    fill(sizes(tmp_path))
    with connect(tmp_path, seconds=60) as connector:
        total = sum(entry.size for entry in entries(connector))
        connector.pace = told = Told()
        found = read(connector, entries(connector))
        assert {type(answer) for answer in found.values()} == {Digests}
        assert told.bytes == total


@pytest.mark.parametrize("rate", [40 * MIB, 400 * MIB])
def test_what_is_held_back_gets_the_same_digests_and_tells_every_byte_once(tmp_path: Path, rate: int) -> None:
    fill(sizes(tmp_path))
    with connect(tmp_path, seconds=60) as connector:
        right = expected(connector)
        connector.pace = told = Told(rate)
        assert read(connector, entries(connector)) == right
        assert told.bytes == sum(answer.size for answer in right.values())


def test_several_processes_keep_to_one_rate(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"large-{number}").write_bytes(bytes(4 * MIB))
    for number in range(64):
        (tmp_path / f"small-{number}").write_bytes(bytes(MIB // 16))
    with connect(tmp_path, seconds=60) as connector:
        connector.pace = told = Told(20 * MIB)
        begun = time.monotonic()
        assert {type(answer) for answer in read(connector, entries(connector)).values()} == {Digests}
        assert time.monotonic() - begun > 0.75  # a second, but for what is read at once at the beginning
        assert told.bytes == 20 * MIB


def test_what_grew_since_it_was_listed_is_held_back_too(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    (tmp_path / "grows").write_bytes(b"x")
    with connect(tmp_path, seconds=60) as connector:
        listed = entries(connector)
        (tmp_path / "grows").write_bytes(bytes(8 * MIB))
        connector.pace = told = Told(10 * MIB)
        begun = time.monotonic()
        assert read(connector, listed)["grows"] == Digests({"sha256": digest([bytes(8 * MIB)], SHA256).hex["sha256"]}, 8 * MIB)
        assert time.monotonic() - begun > 0.5
        assert max(told.amounts) <= 2 * MIB


def test_a_rate_that_leaves_too_little_time_answers_everything_by_the_deadline(tmp_path: Path) -> None:
    keys = fill(tmp_path, 200)
    for number in range(3):
        (tmp_path / f"large-{number}").write_bytes(bytes(16 * MIB))
    with connect(tmp_path, seconds=2) as connector:
        connector.pace = Told(64 * 1024)
        begun = time.monotonic()
        found = read(connector, entries(connector))
        assert time.monotonic() - begun < 10
        assert len(found) == len(keys) + 3
        assert TimedOut in {type(answer) for answer in found.values()}
        assert children() == []


def test_large_objects_are_told_of_while_they_are_read(tmp_path: Path) -> None:
    for name in "abcd":
        with (tmp_path / name).open("wb") as file:
            file.truncate(20 << 30)
    with connect(tmp_path, seconds=3) as connector:
        connector.pace = told = Told()
        found = read(connector, entries(connector))
    assert {type(answer) for answer in found.values()} == {TimedOut}
    assert told.bytes > 32 * MIB


def test_one_that_is_killed_while_it_waits_for_leave_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_pool._Cores, "take", lambda self: 2)
    for number in range(6):
        (tmp_path / f"large-{number}").write_bytes(bytes(4 * MIB))
    with connect(tmp_path, seconds=60) as connector:
        right = expected(connector)
        connector.pace = Told(10 * MIB)
        answers = connector.digests([(entry, SHA256) for entry in entries(connector)])
        entry, answer = next(answers)
        found = {entry.key: answer}
        os.kill(children()[0], signal.SIGKILL)
        found.update((entry.key, answer) for entry, answer in answers)
    assert found == right


def test_where_nothing_is_held_back_nobody_waits_for_leave() -> None:
    with Pool(0, deadline=Deadline(1), calls=CallLog("test"), kind="local", pace=Pace()) as pool:
        assert pool._portion == 0
    with Pool(0, deadline=Deadline(1), calls=CallLog("test"), kind="local", pace=Pace(whole=Pace(8 * MIB))) as pool:
        assert pool._portion == MIB
