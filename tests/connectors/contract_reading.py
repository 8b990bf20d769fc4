"""The part of the contract about reading, and about what goes away or changes meanwhile."""

from __future__ import annotations

import hashlib

import pytest

from drcheck.errors import ConnectorError, InProgress, NotThere, Unsupported
from tests.connectors.asking import content, keys, resident
from tests.connectors.rig import LARGE_SIZE, LARGE_TAIL, MIB, Rig


class ReadingContract:
    """What every read must be."""

    # Reading

    def test_an_empty_object_reads_as_nothing(self, rig: Rig) -> None:
        key = f"{rig.folder()}/empty"
        rig.put(key, b"")
        with rig.connector() as connector:
            assert connector.stat(key).size == 0
            assert content(connector, key) == b""
            assert content(connector, key, 0, 10) == b""
            assert content(connector, key, 5) == b""

    @pytest.mark.parametrize(
        ("start", "length"),
        [(0, None), (0, 0), (0, 1), (3, 0), (3, 4), (3, None), (255, None), (255, 10), (256, None), (256, 5), (1000, None), (1000, 7)],
    )
    def test_ranges(self, rig: Rig, start: int, length: int | None) -> None:
        key = f"{rig.once('range', lambda name: rig.put(f'{name}/object', bytes(range(256))))}/object"
        end = None if length is None else start + length
        with rig.connector() as connector:
            assert content(connector, key, start, length) == bytes(range(256))[start:end]

    def test_ranges_across_chunks(self, rig: Rig) -> None:
        key = f"{rig.folder()}/object"
        whole = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(5 * MIB // 32)) + b"end"
        rig.put(key, whole)
        with rig.connector() as connector:
            assert content(connector, key) == whole
            assert content(connector, key, 1, 4 * MIB) == whole[1 : 1 + 4 * MIB]
            assert content(connector, key, 3 * MIB + 5) == whole[3 * MIB + 5 :]
            assert max(len(chunk) for chunk in connector.read(key)) <= 16 * MIB

    def test_two_reads_at_once_do_not_mix(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/a", b"a" * (3 * MIB))
        rig.put(f"{folder}/b", b"b" * (3 * MIB))
        with rig.connector() as connector:
            first, second = connector.read(f"{folder}/a"), connector.read(f"{folder}/b")
            mixed = [next(first), next(second)]
            assert mixed[0] + b"".join(first) == b"a" * (3 * MIB)
            assert mixed[1] + b"".join(second) == b"b" * (3 * MIB)

    def test_reading_while_listing(self, rig: Rig) -> None:
        folder = rig.folder()
        for number in range(5):
            rig.put(f"{folder}/{number}", b"%d" % number)
        with rig.connector() as connector:
            assert [content(connector, entry.key) for entry in connector.list(folder)] == [b"0", b"1", b"2", b"3", b"4"]

    def test_a_read_given_up_half_way_leaves_the_connector_well(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/long", b"x" * (6 * MIB))
        rig.put(f"{folder}/short", b"y")
        with rig.connector() as connector:
            for _ in range(10):
                stream = connector.read(f"{folder}/long")
                assert next(stream)
                del stream
            assert content(connector, f"{folder}/short") == b"y"

    @pytest.mark.slow
    def test_a_large_object_is_read_near_its_end(self, rig: Rig) -> None:
        key = f"{rig.once('large', lambda name: rig.put_large(f'{name}/object', LARGE_SIZE))}/object"
        with rig.connector(seconds=120) as connector:
            assert connector.stat(key).size == LARGE_SIZE
            assert [entry.size for entry in connector.list("large")] == [LARGE_SIZE]
            assert content(connector, key, LARGE_SIZE - len(LARGE_TAIL) - 2) == b"\0\0" + LARGE_TAIL
            assert content(connector, key, LARGE_SIZE - 5, 100) == LARGE_TAIL[-5:]
            assert content(connector, key, 2**31 - 1, 2) == b"\0\0"
            assert content(connector, key, LARGE_SIZE) == b""

    @pytest.mark.slow
    def test_a_large_object_is_read_whole_in_constant_memory(self, rig: Rig) -> None:
        key = f"{rig.once('large', lambda name: rig.put_large(f'{name}/object', LARGE_SIZE))}/object"
        size, tail, most = 0, b"", 0
        with rig.connector(seconds=240) as connector:
            before = resident()
            for number, chunk in enumerate(connector.read(key)):
                size += len(chunk)
                tail = (tail + chunk)[-len(LARGE_TAIL) :]
                if number % 64 == 0:
                    most = max(most, resident() - before)
        assert size == LARGE_SIZE
        assert tail == LARGE_TAIL
        assert most < 96 * MIB, f"reading took {most} bytes"

    # What goes away or changes

    def test_a_missing_object_is_not_there(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/here", b"x")
        with rig.connector() as connector:
            for key in (f"{folder}/absent", f"{folder}/absent/deeper", folder, f"{folder}/here/below-a-file"):
                with pytest.raises(NotThere):
                    connector.stat(key)
                with pytest.raises(NotThere):
                    content(connector, key)

    def test_an_object_that_vanished_after_the_listing_is_not_there(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        with rig.connector() as connector:
            (entry,) = connector.list(folder)
            rig.remove(entry.key)
            with pytest.raises(NotThere):
                content(connector, entry.key)
            with pytest.raises(NotThere):
                connector.stat(entry.key)
            assert keys(connector, folder) == []

    def test_an_object_replaced_while_read_is_never_a_mixture(self, rig: Rig) -> None:
        key = f"{rig.folder()}/object"
        old, new = b"o" * (24 * MIB), b"n" * (24 * MIB)
        rig.put(key, old)
        with rig.connector() as connector:
            stream = connector.read(key)
            parts = [next(stream)]
            rig.put(key, new)
            try:
                parts.extend(stream)
            except InProgress:
                return
        assert b"".join(parts) in (old, new)

    def test_an_object_cut_short_while_read_is_never_a_short_read(self, rig: Rig) -> None:
        key = f"{rig.folder()}/object"
        old = b"o" * (24 * MIB)
        rig.put(key, old)
        with rig.connector() as connector:
            stream = connector.read(key)
            parts = [next(stream)]
            rig.put(key, b"short")
            try:
                parts.extend(stream)
            except ConnectorError:
                return
        assert b"".join(parts) == old

    def test_an_archived_object_is_listed_and_not_read(self, rig: Rig) -> None:
        key = f"{rig.folder()}/object"
        rig.archive(key, b"cold")
        with rig.connector() as connector:
            assert connector.stat(key).archived
            assert [(entry.key, entry.size, entry.archived) for entry in connector.list(key)] == [(key, 4, True)]
            before = dict(connector.calls.counts())
            with pytest.raises(Unsupported):
                content(connector, key)
            made = {call for call, count in connector.calls.counts() if count != before.get(call, 0)}
            assert not any(call.lower().rpartition(":")[2] == "getobject" for call in made)
