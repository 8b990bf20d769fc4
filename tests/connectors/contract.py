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

import time
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import pytest

from drcheck.connectors.base import Connector, attempt
from drcheck.errors import AccessDenied, ConnectorError, NoCredentials, TimedOut, Unreachable, Untrusted
from drcheck.model import Encryption, Identity, Observed, Permissions, Protection, Reason, Unobserved, Versions
from tests.busy import BUSY
from tests.connectors.asking import content, in_key_order, keys, reason
from tests.connectors.contract_listing import ListingContract
from tests.connectors.contract_pace import PaceContract
from tests.connectors.contract_reading import ReadingContract
from tests.connectors.rig import CLIMBING, LARGE_SIZE, LARGE_TAIL, MANY, MIB, NAMES, NOT_UTF8, Rig

__all__ = [
    "CLIMBING",
    "LARGE_SIZE",
    "LARGE_TAIL",
    "MANY",
    "MIB",
    "NAMES",
    "NOT_UTF8",
    "ConnectorContract",
    "Rig",
    "content",
    "in_key_order",
    "keys",
    "reason",
]

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


class ConnectorContract(ListingContract, ReadingContract, PaceContract):
    """The tests. Each makes its own folder through the rig, so they run in any order and beside each other."""

    cannot: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, why in cls.cannot.items():
            if not callable(getattr(ConnectorContract, name, None)) or not why.strip():
                raise TypeError(f"{cls.__name__}.cannot: {name!r} is no test of the contract, or has no reason")
            setattr(cls, name, None)

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
        assert time.monotonic() - started < 1.5 + BUSY

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
