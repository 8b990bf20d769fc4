"""Whatever ends a night's reading, what stood stands, what was bad is bad, and what was not read does not count as read."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drcheck import connectors
from drcheck.connectors.base import Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, TimedOut, Unreachable
from drcheck.estate.schema import Estate
from drcheck.model import ObjectResult, Reason, Verification
from drcheck.store import open_store
from drcheck.verify import Manner
from drcheck.verify.budget import Budget
from drcheck.verify.terms import Asked
from tests.verify.nights import DAY, Nights, rotation, seen
from tests.verify.places import NOW, copy_of, counts, estate_of, problems
from tests.verify.troubled import CONNECTOR, TroubledConnector

FILES = {f"f{number}.img": f"content {number}".encode() for number in range(8)}
BUDGETS = [Budget(), Budget(bytes=10**6), Budget(seconds=3600.0)]
Wanting = Iterable[tuple[Entry, Collection[str]]]


class Troubled(Nights):
    """Nights over a place that fails on purpose."""

    def estate(self, **more: Any) -> Estate:
        declared = copy_of({"path": str(self.base / "SHA256SUMS")}, **more)
        return estate_of(declared, base=self.base, connector="troubled", options={"root": str(self.root)})


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    """Eight files that were read a night ago; `f3` and `f7` are not what was promised, and two are new since."""
    monkeypatch.setitem(connectors.BUILTIN, *next(iter(CONNECTOR.items())))
    monkeypatch.setattr(TroubledConnector, "before", staticmethod(lambda key: None))
    monkeypatch.setattr(TroubledConnector, "digests", Connector.digests)  # one after the other, through `read`
    with open_store(tmp_path / "state" / "drcheck.db") as store:
        made = Troubled(tmp_path, store, cycle=60 * DAY)
        made.write(FILES)
        for name in ("f3.img", "f7.img"):
            made.damage(name)
        assert counts(seen(made.night(0))) == {"match": 6, "mismatch": 2}
        made.write({"a.img": b"new", "z.img": b"new"})
        yield made


def raising(error: ConnectorError, after: int) -> Any:
    """What reads so many objects, takes another, and raises."""

    def digests(self: TroubledConnector, wanted: Wanting) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        drawn = iter(wanted)
        for each, _ in zip(drawn, range(after), strict=False):
            yield from Connector.digests(self, [each])
        next(drawn, None)
        raise error

    return digests


def ended_early(found: Verification, read: int) -> None:
    """All six good ones stand but the one in turn, which was read or stands too; both bad ones are bad; nothing else has a result."""
    assert found.stopped is not None
    assert sorted(problems(found, ObjectResult.MISMATCH)) == ["f3.img", "f7.img"]
    assert found.objects_read == read
    assert sum(counts(found).values()) == found.objects_total == 10
    assert all(number > 0 for number in counts(found).values())


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
@pytest.mark.parametrize(("error", "after"), [(TimedOut("the time is over"), 0), (Unreachable("closed"), 1)], ids=["late", "lost"])
def test_what_stood_and_what_was_bad_is_told_where_reading_raises(
    nights: Troubled, monkeypatch: pytest.MonkeyPatch, budget: Budget, error: ConnectorError, after: int
) -> None:
    monkeypatch.setattr(TroubledConnector, "digests", raising(error, after))
    facts = nights.night(1, budget)
    ended_early(seen(facts), after)
    assert seen(facts).stopped is not None
    assert seen(facts).stopped.reason is Reason(error.reason)  # type: ignore[union-attr]
    new = seen(facts).count(ObjectResult.MATCH) - 6
    assert 0 <= new <= after
    assert rotation(facts).verified == 6 + new


def test_what_was_due_and_begun_without_a_result_is_left(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    """All expired: eight are due, of which bad ones are suspect instead; the first two are drawn, and one of them gets a result."""
    for name in ("a.img", "z.img"):
        nights.remove(name)
    monkeypatch.setattr(TroubledConnector, "digests", raising(Unreachable("closed"), 1))
    facts = nights.night(200)
    assert (counts(seen(facts)), rotation(facts).left, rotation(facts).due) == ({"match": 1, "mismatch": 2, "not-read": 5}, 5, 6)


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_what_is_known_to_be_bad_is_bad_though_the_place_hangs_before_its_turn(nights: Troubled, budget: Budget) -> None:
    gate = threading.Event()

    def hang(_: str) -> None:
        gate.wait(30)

    TroubledConnector.before = staticmethod(hang)
    try:
        (facts,) = nights.look(nights.estate(), NOW + DAY, Asked(nights.cycle, budget), Manner(stall=0.3))
    finally:
        gate.set()
    ended_early(seen(facts), 0)
    standing = seen(facts).count(ObjectResult.MATCH)
    assert standing == rotation(facts).verified <= 6
    if budget != Budget():  # without one what stands is sorted out while it is read: what has not been is unread
        assert standing == 6


def test_what_is_due_is_left_where_the_place_hangs(nights: Troubled) -> None:
    gate = threading.Event()

    def hang(_: str) -> None:
        gate.wait(30)

    TroubledConnector.before = staticmethod(hang)
    try:
        (facts,) = nights.look(nights.estate(), NOW + 200 * DAY, Asked(nights.cycle), Manner(stall=0.3))
    finally:
        gate.set()
    assert rotation(facts).left >= 6, "the six that expired, and at the most what is suspect besides"
    assert counts(seen(facts)) == {"mismatch": 2, "not-read": 8}
