"""The part of the contract about how fast is read: every byte is told, once and as it comes, and reading keeps to a rate."""

from __future__ import annotations

import time
from collections.abc import Mapping

from drcheck.connectors.base import guarded
from drcheck.digests import Digests
from drcheck.errors import TimedOut
from tests.connectors.asking import Told, content
from tests.connectors.rig import MIB, Rig

SHA256 = frozenset({"sha256"})
LARGE = 16 * MIB + 5
SIZES = {"empty": 0, "one": 1, "small": 70_000, "some": 3 * MIB + 1, "large": LARGE}


class PaceContract:
    """What production that shares the disks may rely on, and whoever watches for a place that has stopped."""

    def test_reading_tells_every_byte_once(self, rig: Rig) -> None:
        folder = _put_paced(rig)
        with rig.connector() as connector:
            for name, size in SIZES.items():
                connector.pace = told = Told()
                assert len(content(connector, f"{folder}/{name}")) == size
                assert told.bytes == size
            connector.pace = told = Told()
            assert len(content(connector, f"{folder}/some", 5, MIB)) == MIB
            assert told.bytes == MIB

    def test_digests_tell_every_byte_once(self, rig: Rig) -> None:
        folder = _put_paced(rig)
        with rig.connector() as connector:
            connector.pace = told = Told()
            found = dict(connector.digests((entry, SHA256) for entry in connector.list(folder)))
        assert {entry.key.rpartition("/")[2]: entry.size for entry, answer in found.items() if isinstance(answer, Digests)} == SIZES
        assert told.bytes == sum(SIZES.values())

    def test_bytes_are_told_as_they_come(self, rig: Rig) -> None:
        folder = _put_paced(rig)
        with rig.connector() as connector:
            entry = connector.stat(f"{folder}/large")
            for read in (lambda: content(connector, entry.key), lambda: list(connector.digests([(entry, SHA256)]))):
                connector.pace = told = Told()
                read()
                assert max(told.amounts) <= LARGE / 2, "half of a large object is told while the other half is to come"

    def test_a_rate_holds_reading_back(self, rig: Rig) -> None:
        folder = _put_paced(rig)
        with rig.connector() as connector:
            entry = connector.stat(f"{folder}/large")
            for read in (lambda: content(connector, entry.key), lambda: list(connector.digests([(entry, SHA256)]))):
                connector.pace = told = Told(32 * MIB)
                begun = time.monotonic()
                read()
                assert told.bytes == LARGE
                assert time.monotonic() - begun > 0.3  # half a second, but for the first piece

    def test_a_rate_holds_many_small_objects_back(self, rig: Rig) -> None:
        folder = rig.once("paced-small", lambda name: _put_all(rig, name, {str(number): 32 * 1024 for number in range(32)}))
        with rig.connector() as connector:
            entries = list(connector.list(folder))
            connector.pace = told = Told(2 * MIB)
            begun = time.monotonic()
            assert all(isinstance(answer, Digests) for _, answer in connector.digests((entry, SHA256) for entry in entries))
            assert time.monotonic() - begun > 0.3
            assert told.bytes == MIB

    def test_a_rate_that_leaves_too_little_time_ends_with_the_deadline(self, rig: Rig) -> None:
        folder = _put_paced(rig)
        with rig.connector(seconds=4.0) as connector:
            connector.pace = Told(64 * 1024)
            entry = connector.stat(f"{folder}/large")
            begun = time.monotonic()
            answer = guarded(lambda: next(connector.digests([(entry, SHA256)]))[1])
            assert isinstance(answer, TimedOut)
            assert time.monotonic() - begun < 12
            assert connector.pace.bytes < LARGE


def _put_paced(rig: Rig) -> str:
    return rig.once("paced", lambda name: _put_all(rig, name, SIZES))


def _put_all(rig: Rig, folder: str, sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        rig.put(f"{folder}/{name}", bytes(size))
