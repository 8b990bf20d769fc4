"""Shards that are lost on their way, with futures that do what Dask's may do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from distributed import KilledWorker

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, Entry, Options
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, Malformed, TimedOut, Unreachable
from drcheck.pace import Pace
from drcheck.secrets import resolve
from drcheck.verify.engines.dask_flight import Flight
from drcheck.verify.engines.dask_site import Site
from drcheck.verify.engines.shard import OBJECTS, Shard
from drcheck.verify.engines.wire import Report


@dataclass
class Fate:
    """What becomes of one shard that is sent out: a future, as far as a flight looks at one."""

    error: BaseException | None = None
    raised: BaseException | None = None
    is_cancelled: bool = False
    late: int = 0
    """How often its result is not there yet although it was said to be."""
    sent: bytes = b""
    twice: bool = False
    never: bool = False
    """Whether nothing is ever heard of its end."""
    life: int = 0
    """Bytes that it says were read before it is done."""
    key: str = ""
    shard: Shard = field(default_factory=Shard)
    released: bool = False

    def cancelled(self) -> bool:
        return self.is_cancelled

    def exception(self, timeout: float) -> BaseException | None:
        if self.late:
            self.late -= 1
            raise TimeoutError
        return self.error

    def result(self, timeout: float) -> bytes:
        if self.raised is not None:
            raise self.raised
        read: dict[int, Digests | ConnectorError] = {
            place: Digests({"sha256": entry.key}, entry.size) for place, (entry, _) in enumerate(self.shard.wanted)
        }
        return self.sent or Report("process 1 on here", [("nowhere:read", len(read))], read).to_bytes()

    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        for _ in range(0 if self.never else 2 if self.twice else 1):
            done(self)

    def release(self) -> None:
        assert not self.released
        self.released = True


class FakeSite:
    """A site whose workers are always there, or never."""

    def __init__(self, slots: int = 2) -> None:
        self.slots = slots

    def look(self) -> None:
        if not self.slots:
            raise Unreachable("nobody is there")


class Rig:
    """A flight whose shards meet these fates, one after the other; the rest arrives."""

    def __init__(self, *fates: Fate, slots: int = 2, seconds: float | None = 60, pace: Pace | None = None) -> None:
        self.calls = CallLog("nas")
        self.connector = Connector(Options(), secrets=resolve, deadline=Deadline(seconds), calls=self.calls)
        self.connector.pace = pace or Pace()
        self.listeners: dict[str, Callable[[int], None]] = {}
        self.sent: list[Fate] = []
        self._fates = list(fates)
        self.flight = Flight(cast(Any, self._submit), cast(Site, FakeSite(slots)), self.connector, self.listeners, "nas")
        self.most = 0

    def _submit(self, key: str, shard: Shard) -> Fate:
        fate = self._fates.pop(0) if self._fates else Fate()
        fate.key, fate.shard = key, shard
        self.sent.append(fate)
        if fate.life:
            self.listeners[key](fate.life)
        self.most = max(self.most, sum(not each.released for each in self.sent))
        return fate

    def answers(self, count: int = 3, size: int = 1) -> list[tuple[str, object]]:
        """Every answer to so many objects."""
        wanted = ((Entry(str(number), size, None), ("sha256",)) for number in range(count))
        answers: list[tuple[str, object]] = [(entry.key, answer) for entry, answer in self.flight.answers(wanted)]
        assert all(fate.released for fate in self.sent)
        assert not self.listeners
        assert sorted(key for key, _ in answers) == sorted(map(str, range(count)))  # one each
        return answers


def kinds(answers: list[tuple[str, object]]) -> set[type]:
    return {type(answer) for _, answer in answers}


def test_all_arrive_with_what_was_done_for_them() -> None:
    rig = Rig(Fate(twice=True))
    assert kinds(rig.answers(2 * OBJECTS + 1)) == {Digests}
    assert rig.calls.counts() == (("nowhere:read", 2 * OBJECTS + 1),)
    assert rig.connector.pace.bytes == 2 * OBJECTS + 1
    assert len(rig.sent) == 3


def test_no_more_are_out_than_the_site_can_use() -> None:
    rig = Rig(slots=1)
    rig.answers(10 * OBJECTS)
    assert rig.most == 2


def test_a_shard_that_is_cancelled_is_sent_once_more() -> None:
    for fate in (Fate(is_cancelled=True), Fate(raised=CancelledError()), Fate(raised=OSError("the line is down"))):
        rig = Rig(fate)
        assert kinds(rig.answers()) == {Digests}
        assert len(rig.sent) == 2
        assert rig.sent[0].key != rig.sent[1].key


def test_one_that_is_cancelled_again_is_an_error() -> None:
    rig = Rig(Fate(is_cancelled=True), Fate(is_cancelled=True))
    assert kinds(rig.answers()) == {Unreachable}
    assert len(rig.sent) == 2


def test_a_report_that_is_lost_with_its_worker_is_waited_for() -> None:
    rig = Rig(Fate(late=2))
    assert kinds(rig.answers()) == {Digests}
    assert len(rig.sent) == 1


@dataclass
class _Worker:
    address: str = "tls://10.0.0.5:4000"


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        (Fate(error=KilledWorker("key", cast(Any, _Worker()), 3)), "4 workers, one after the other, ended"),
        (Fate(raised=KilledWorker("key", cast(Any, _Worker()), 3)), "KilledWorker: Attempted to run task 'key' on 4 different workers"),
        (Fate(error=ModuleNotFoundError("No module named 'drcheck'")), r"is the same drcheck installed there.*No module named 'drcheck'"),
    ],
)
def test_a_shard_that_no_worker_survives_is_an_error(fate: Fate, said: str) -> None:
    answers = Rig(fate).answers()
    assert kinds(answers) == {ConnectorError}
    with pytest.raises(ConnectorError, match=said):
        raise cast(ConnectorError, answers[0][1])


def test_a_report_that_means_nothing_is_an_error() -> None:
    assert kinds(Rig(Fate(sent=b"{}")).answers()) == {Malformed}


def test_where_nobody_is_there_all_get_the_same_answer() -> None:
    assert kinds(Rig(slots=0).answers(2 * OBJECTS + 1)) == {Unreachable}


def test_after_the_deadline_all_get_the_same_answer() -> None:
    assert kinds(Rig(seconds=0).answers(2 * OBJECTS + 1)) == {TimedOut}


def test_a_rate_holds_shards_back() -> None:
    clock = Deadline(60)
    rig = Rig(pace=Pace(4_000.0))
    rig.answers(3 * OBJECTS)
    left = clock.remaining()
    assert left is not None
    assert 60 - left >= 0.5  # the third thousand may not begin before half a second has passed


def test_signs_of_life_are_bytes_read_and_not_counted_again() -> None:
    told: list[int] = []
    rig = Rig(Fate(life=20), pace=Telling(told))
    rig.answers(3, size=10)
    assert told == [20, 10]


@pytest.mark.parametrize("begun", [False, True])
def test_waiting_for_a_worker_is_no_silence_and_a_worker_that_is_silent_is(begun: bool) -> None:
    told: list[int] = []
    rig = Rig(Fate(never=True, life=1 if begun else 0), seconds=1.2, pace=Telling(told))
    assert kinds(rig.answers()) == {TimedOut}
    assert told == [1] if begun else set(told) == {0}


class Telling(Pace):
    """A pace that keeps what it is told."""

    def __init__(self, told: list[int]) -> None:
        super().__init__()
        self._told = told

    def add(self, amount: int = 0) -> None:
        self._told.append(amount)
