"""
What every connector must do, tried out against a real server.

A connector's test file writes a `Rig` (how to put things there behind the connector's back, and how to make the place misbehave), a fixture
`rig` of scope `module` (or of scope `class`, as a class method, where a file has two servers), and a class:

    class TestSftp(ConnectorContract):
        cannot = {"test_archived_objects_are_not_read": "a file server has no storage classes"}

`cannot` names each test that the kind of place cannot have, with the reason; those are not collected. Names that the store cannot hold are
in `Rig.cannot_hold`, with the reason. Nothing is skipped in silence.
"""

from __future__ import annotations

import hashlib
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest

from drcheck.connectors.base import Connector, Entry, attempt
from drcheck.errors import (
    AccessDenied,
    ConnectorError,
    InProgress,
    NoCredentials,
    NotThere,
    TimedOut,
    Unreachable,
    Unsupported,
    Untrusted,
)
from drcheck.model import Encryption, Fact, Identity, Observed, Permissions, Protection, Reason, Unobserved, Versions
from tests.connectors.rig import CLIMBING, LARGE_SIZE, LARGE_TAIL, MANY, MIB, NAMES, NOT_UTF8, Rig

__all__ = ["CLIMBING", "LARGE_SIZE", "LARGE_TAIL", "MANY", "MIB", "NAMES", "NOT_UTF8", "ConnectorContract", "Rig"]

T = TypeVar("T")

WRITING_WORDS = (
    "write",
    "put",
    "delete",
    "remove",
    "unlink",
    "rename",
    "mkdir",
    "rmdir",
    "upload",
    "copy",
    "truncate",
    "chmod",
    "chown",
    "touch",
    "create",
)


def keys(connector: Connector, prefix: str = "") -> list[str]:
    """Every key that a listing gives, in its order."""
    return [entry.key for entry in connector.list(prefix)]


def content(connector: Connector, key: str, start: int = 0, length: int | None = None) -> bytes:
    """What a read gives, whole."""
    return b"".join(connector.read(key, start, length))


def reason(fact: Fact[T]) -> Reason | None:
    """Why the fact is missing; None where it is there."""
    return fact.reason if isinstance(fact, Unobserved) else None


def in_key_order(names: list[str]) -> list[str]:
    """The names by the bytes of their UTF-8 form, escaped bytes as themselves."""
    return sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))


def resident() -> int:
    """Bytes of memory that this process has now; 0 where the system has no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


class ConnectorContract:
    """The tests. Each makes its own folder through the rig, so they run in any order and beside each other."""

    cannot: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, why in cls.cannot.items():
            if not callable(getattr(ConnectorContract, name, None)) or not why.strip():
                raise TypeError(f"{cls.__name__}.cannot: {name!r} is no test of the contract, or has no reason")
            setattr(cls, name, None)

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

    # Refusals

    def test_a_denied_listing_does_not_stop_reading(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        with rig.deny_listing(folder) as connector, connector:
            assert reason(attempt(lambda: keys(connector, folder))) is Reason.ACCESS_DENIED
            assert content(connector, f"{folder}/object") == b"x"
            with pytest.raises(AccessDenied):
                keys(connector, folder)

    def test_a_part_that_cannot_be_listed_fails_the_whole_listing(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/a/object", b"x")
        rig.put(f"{folder}/denied/object", b"x")
        with rig.deny_listing(f"{folder}/denied") as connector, connector:
            assert reason(attempt(lambda: keys(connector, folder))) is Reason.ACCESS_DENIED

    def test_a_denied_read_does_not_stop_listing(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/denied", b"x")
        rig.put(f"{folder}/other", b"y")
        with rig.deny_reading(f"{folder}/denied") as connector, connector:
            assert keys(connector, folder) == [f"{folder}/denied", f"{folder}/other"]
            assert reason(attempt(lambda: content(connector, f"{folder}/denied"))) is Reason.ACCESS_DENIED
            assert content(connector, f"{folder}/other") == b"y"
            with pytest.raises(AccessDenied):
                content(connector, f"{folder}/denied")

    def test_wrong_credentials_are_denied(self, rig: Rig) -> None:
        with pytest.raises(AccessDenied):
            _use(rig.wrong_credentials())

    def test_unresolvable_credentials_are_no_credentials(self, rig: Rig) -> None:
        with pytest.raises(NoCredentials):
            _use(rig.unresolvable_credentials())

    def test_another_place_than_the_pinned_one_is_untrusted(self, rig: Rig) -> None:
        with pytest.raises(Untrusted):
            _use(rig.impostor())

    # Time

    def test_a_place_that_does_not_answer_is_unreachable(self, rig: Rig) -> None:
        with pytest.raises(Unreachable):
            _use(rig.unreachable())

    def test_a_place_that_hangs_times_out(self, rig: Rig) -> None:
        connector = rig.hanging(1.5)
        started = time.monotonic()
        with pytest.raises(TimedOut):
            _use(connector)
        assert time.monotonic() - started < 3.5

    def test_no_time_left_means_timed_out(self, rig: Rig) -> None:
        with pytest.raises(TimedOut):
            _use(rig.connector(seconds=0.0))

    def test_a_read_that_is_closed_half_way_is_an_error(self, rig: Rig) -> None:
        key = f"{rig.folder()}/object"
        rig.put(key, b"x" * (4 * MIB))
        with rig.cut_off(key) as connector, pytest.raises(ConnectorError):
            content(connector, key)

    def test_a_clock_that_is_right_shows_no_skew(self, rig: Rig) -> None:
        with rig.connector() as connector:
            fact = attempt(connector.clock_skew)
        assert abs(fact.value) < 5 if isinstance(fact, Observed) else fact.reason is Reason.UNSUPPORTED

    def test_a_clock_that_is_wrong_shows_its_skew(self, rig: Rig) -> None:
        for seconds in (-7200.0, 600.0):
            with rig.skewed(seconds) as connector:
                assert abs(connector.clock_skew() - seconds) < 10

    # Aspects

    def test_each_aspect_is_answered_by_its_own_noun_or_unsupported(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        with rig.connector() as connector:
            for ask, noun in (
                (connector.protection, Protection),
                (lambda: connector.protection(f"{folder}/object"), Protection),
                (connector.encryption, Encryption),
                (connector.versions, Versions),
                (connector.permissions, Permissions),
                (connector.clock_skew, float),
            ):
                fact = attempt(ask)
                assert isinstance(fact.value, noun) if isinstance(fact, Observed) else fact.reason is Reason.UNSUPPORTED, fact

    def test_identity_is_known_and_stays(self, rig: Rig) -> None:
        with rig.connector() as first:
            one = first.identity()
        with rig.connector() as second:
            two = second.identity()
        assert isinstance(one, Identity)
        assert one.principal
        assert one.device == two.device
        assert one.principal == two.principal
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in one.traits)

    def test_protection_of_a_missing_object_is_not_invented(self, rig: Rig) -> None:
        with rig.connector() as connector:
            assert isinstance(attempt(lambda: connector.protection(f"{rig.folder()}/absent")), Unobserved)

    # Read-only

    def test_nothing_there_changes_and_every_call_is_allowed(self, rig: Rig) -> None:
        folder = rig.folder()
        for name in NAMES:
            if name not in rig.cannot_hold:
                rig.put(f"{folder}/{name}", b"content")
        before = rig.snapshot()
        with rig.connector() as connector:
            for entry in connector.list(folder):
                content(connector, entry.key)
                content(connector, entry.key, 2, 3)
                connector.stat(entry.key)
                attempt(lambda entry=entry: connector.protection(entry.key))  # type: ignore[misc]
            attempt(lambda: content(connector, f"{folder}/absent"))
            attempt(lambda: keys(connector, f"{folder}/absent"))
            for ask in _aspects(connector):
                attempt(ask)
            made = {call for call, _ in connector.calls.counts()}
        assert rig.snapshot() == before
        assert made
        assert made <= connector.allowed_calls
        assert all(":" in call for call in connector.allowed_calls)
        assert not [call for call in connector.allowed_calls if any(word in call.lower().rpartition(":")[2] for word in WRITING_WORDS)]

    def test_the_class_offers_no_way_to_write(self, rig: Rig) -> None:
        kind = type(rig.connector())
        offered = {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))}
        assert offered <= {name for name in dir(Connector) if not name.startswith("_")} | {"options_class"}
        assert not [name for name in offered if any(word in name for word in WRITING_WORDS)]

    # Life

    def test_a_connector_can_be_opened_again(self, rig: Rig) -> None:
        folder = rig.folder()
        rig.put(f"{folder}/object", b"x")
        connector = rig.connector()
        for _ in range(2):
            with connector:
                assert keys(connector, folder) == [f"{folder}/object"]
        connector.close()
        connector.close()

    def test_close_is_safe_before_and_after_a_failed_open(self, rig: Rig) -> None:
        connector = rig.unreachable()
        connector.close()
        with pytest.raises(ConnectorError):
            _use(connector)
        connector.close()

    def test_an_iterator_does_not_leave_the_boundary(self, rig: Rig) -> None:
        with rig.connector() as connector:
            assert reason(attempt(lambda: connector.list("absent"))) is Reason.INTERNAL


def _use(connector: Connector) -> None:
    """Open it, and list a little: some places refuse at the first, some at the second."""
    with connector:
        keys(connector, "absent")


def _aspects(connector: Connector) -> Iterator[Callable[[], object]]:
    yield from (connector.identity, connector.protection, connector.encryption, connector.versions, connector.permissions, connector.clock_skew)
