"""The part of the contract about listings and names."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from drcheck.connectors.base import Entry, attempt
from drcheck.errors import ConnectorError
from drcheck.model import Observed, Reason, Unobserved
from tests.connectors.asking import content, in_key_order, keys, reason
from tests.connectors.rig import CLIMBING, MANY, MIB, NAMES, NOT_UTF8, Rig


class ListingContract:
    """What every listing must be."""

    # Listing

    def test_listing_gives_every_object_in_key_order(self, rig: Rig) -> None:
        folder = rig.folder()
        names = ["b", "a/z", "a.txt", "a0", "a-b", "a/b/c", "a/b-c", "A", "a b/c", "Z/é/x", "Z/e/y", "Z/\U00010000", "Z/\ue000"]
        for name in names:
            rig.put(f"{folder}/{name}", name.encode())
        with rig.connector() as connector:
            found = list(connector.list(folder))
        assert [entry.key for entry in found] == in_key_order([f"{folder}/{name}" for name in names])
        assert {entry.key: entry.size for entry in found} == {f"{folder}/{name}": len(name.encode()) for name in names}

    def test_listing_everything_includes_what_lies_at_the_root(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}-at-the-root", b"1")
        rig.put(f"{folder}/below", b"2")
        with rig.connector() as connector:
            found = [key for key in keys(connector) if key.startswith(folder)]
        assert found == [f"{folder}-at-the-root", f"{folder}/below"]

    def test_a_prefix_is_a_folder_or_one_object(self, rig: Rig) -> None:
        folder = rig.folder()
        for name in ("a/b/c", "a/b/d/e", "a/bc", "a/b.txt", "a/b-/x", "a/b0"):
            rig.put(f"{folder}/{name}", b"x")
        with rig.connector() as connector:
            assert keys(connector, f"{folder}/a/b") == [f"{folder}/a/b/c", f"{folder}/a/b/d/e"]
            assert keys(connector, f"{folder}/a/bc") == [f"{folder}/a/bc"]
            assert keys(connector, f"{folder}/a/b.txt") == [f"{folder}/a/b.txt"]
            assert keys(connector, f"{folder}/a/b/d") == [f"{folder}/a/b/d/e"]

    def test_a_key_that_is_an_object_and_a_folder_is_both(self, rig: Rig) -> None:
        folder = rig.folder()
        for name in ("b", "b/c", "b-", "bc"):
            rig.put(f"{folder}/{name}", b"x")
        with rig.connector() as connector:
            assert keys(connector, f"{folder}/b") == [f"{folder}/b", f"{folder}/b/c"]

    def test_a_prefix_that_is_not_there_lists_nothing(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/here", b"x")
        with rig.connector() as connector:
            assert keys(connector, f"{folder}/absent") == []
            assert keys(connector, f"{folder}/absent/deeper") == []
            assert keys(connector, f"{folder}/her") == []
            assert keys(connector, f"{folder}/here/below-a-file") == []

    def test_paging_past_ten_thousand_loses_and_repeats_nothing(self, rig: Rig) -> None:
        folder = rig.once("many", lambda name: rig.put_many(name, MANY))
        with rig.connector(seconds=120) as connector:
            assert keys(connector, folder) == [f"{folder}/object-{number:05d}" for number in range(MANY)]

    def test_memory_of_a_listing_is_flat(self, rig: Rig) -> None:
        few = rig.once("few", lambda name: rig.put_many(name, 1_001))
        many = rig.once("many", lambda name: rig.put_many(name, MANY))

        def most(folder: str) -> int:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for _ in connector.list(folder):
                pass
            return tracemalloc.get_traced_memory()[1] - before

        with rig.connector(seconds=240) as connector:
            for _ in connector.list(few):
                pass  # what is made once (parsers, buffers) is made now
            tracemalloc.start()
            try:
                grown = most(many) - most(few)
            finally:
                tracemalloc.stop()
        assert grown < 2 * MIB, f"listing {MANY} objects took {grown} bytes more than listing 1,001"

    def test_entries_tell_size_time_and_version(self, rig: Rig) -> None:
        folder = rig.folder()
        key = f"{folder}/object"
        rig.put(key, b"four")
        with rig.connector() as connector:
            (listed,) = connector.list(folder)
            asked = connector.stat(key)
            assert (listed.key, listed.size, listed.archived) == (key, 4, False)
            assert (asked.key, asked.size, asked.archived, asked.version) == (key, 4, False, listed.version)
            assert listed.modified is not None
            assert listed.modified.utcoffset() == timedelta(0)
            assert abs(listed.modified - datetime.now(UTC)) < timedelta(minutes=5)
            rig.put(key, b"fours")
            changed = connector.stat(key)
            assert changed.size == 5
            assert not changed.version or changed.version != listed.version

    def test_the_version_of_what_did_not_change_stays(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"same")
        with rig.connector() as connector:
            before: list[Entry] = list(connector.list(folder))
            content(connector, f"{folder}/object")
            assert list(connector.list(folder)) == before

    # Names

    def test_names_of_every_sort_are_listed_and_read(self, rig: Rig) -> None:
        folder = rig.folder()
        held = [f"{folder}/{name}" for name in (*NAMES, NOT_UTF8) if name not in rig.cannot_hold]
        for key in held:
            rig.put(key, key.encode("utf-8", "surrogateescape"))
        with rig.connector() as connector:
            assert keys(connector, folder) == in_key_order(held)
            for key in held:
                expected = key.encode("utf-8", "surrogateescape")
                assert content(connector, key) == expected, ascii(key)
                assert connector.stat(key).size == len(expected), ascii(key)
                assert keys(connector, key) == [key], ascii(key)

    def test_folders_with_names_of_every_sort_are_listed(self, rig: Rig) -> None:
        folder = rig.folder()
        held = [f"{folder}/{name}/x" for name in (*NAMES, NOT_UTF8) if name not in rig.cannot_hold]
        for key in held:
            rig.put(key, b"x")
        with rig.connector() as connector:
            assert keys(connector, folder) == in_key_order(held)
            for key in held:
                assert keys(connector, key.removesuffix("/x")) == [key], ascii(key)

    def test_keys_that_climb_are_plain_keys_or_refused(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/inside/object", b"inside")
        rig.put(f"{folder}/up", b"not what was asked for")
        with rig.connector() as connector:
            for name in CLIMBING:
                key = f"{folder}/inside/{name}"
                if name in rig.cannot_hold:
                    assert isinstance(attempt(lambda key=key: content(connector, key)), Unobserved), key  # type: ignore[misc]
                    assert isinstance(attempt(lambda key=key: connector.stat(key)), Unobserved), key  # type: ignore[misc]
                    assert reason(attempt(lambda key=key: keys(connector, key))) is not Reason.INTERNAL, key  # type: ignore[misc]
                    with pytest.raises(ConnectorError):
                        content(connector, key)
                else:
                    rig.put(key, name.encode())
                    assert content(connector, key) == name.encode(), key
                    assert connector.stat(key).size == len(name), key
                    assert key in keys(connector, f"{folder}/inside"), key

    def test_keys_that_leave_the_root_are_never_followed(self, rig: Rig) -> None:
        with rig.connector() as connector:
            for key in ("../outside", "/etc/passwd", "a/../../outside", "..", "/", "nul\0byte"):
                with pytest.raises(ConnectorError):
                    content(connector, key)
                with pytest.raises(ConnectorError):
                    connector.stat(key)

    def test_symbolic_links_are_not_followed_and_not_listed(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/real/object", b"x")
        rig.link(f"{folder}/to-a-file", "real/object")
        rig.link(f"{folder}/to-a-folder", "real")
        rig.link(f"{folder}/out", "/etc")
        rig.link(f"{folder}/to-itself", "to-itself")
        rig.link(f"{folder}/to-nowhere", "nowhere")
        with rig.connector() as connector:
            assert keys(connector, folder) == [f"{folder}/real/object"]
            for name in ("to-a-file", "to-a-folder/object", "out/passwd", "to-itself", "to-nowhere"):
                with pytest.raises(ConnectorError):
                    content(connector, f"{folder}/{name}")
                with pytest.raises(ConnectorError):
                    connector.stat(f"{folder}/{name}")
            for name in ("to-a-file", "to-a-folder", "to-a-folder/object", "out"):
                # Nothing, or the honest answer that it was not looked at; never what lies behind it.
                fact = attempt(lambda name=name: keys(connector, f"{folder}/{name}"))  # type: ignore[misc]
                assert fact.value == [] if isinstance(fact, Observed) else fact.reason is Reason.UNSUPPORTED, fact

    def test_pipes_are_not_opened(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        rig.pipe(f"{folder}/pipe")
        with rig.connector(seconds=5) as connector:
            assert keys(connector, folder) == [f"{folder}/object"]
            with pytest.raises(ConnectorError):
                content(connector, f"{folder}/pipe")
