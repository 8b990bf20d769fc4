"""On real folders with a store: every object has its turn, and no night reads nothing while something is to be read."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.clock import Deadline
from drcheck.inspect import inspect
from drcheck.model import CopyFacts, ObjectResult
from drcheck.store import open_store
from drcheck.verify import Memory, verify
from drcheck.verify.budget import Budget
from drcheck.verify.plan import SHARES, Line
from drcheck.verify.terms import Asked
from tests.verify.nights import DAY, Nights, rotation, seen
from tests.verify.places import NOW, copy_of, counts, estate_of, problems

SIZE = 5
CYCLE = 4


@cache
def empty_store() -> bytes:
    """The file of a store with nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        open_store(Path(folder) / "drcheck.db").close()
        return (Path(folder) / "drcheck.db").read_bytes()


@contextmanager
def folders() -> Iterator[Nights]:
    """Nights over an empty folder, with a new store."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "drcheck.db").write_bytes(empty_store())
        (base / "nas").mkdir()
        with open_store(base / "drcheck.db") as store:
            yield Nights(base, store, CYCLE * DAY)


def read_since(nights: Nights, moment: datetime) -> set[str]:
    """What was read whole since."""
    return {known.key for known in nights.store.objects("north", "imaging@nas").known() if known.last_read and known.last_read >= moment}


def a_day_passes(nights: Nights, chance: random.Random, most: int, made: int) -> set[str]:
    """Some files go, some are damaged, some come, and there is one at least; the names whose state is another."""
    for name in [name for name in nights.files if chance.random() < 0.15]:
        nights.remove(name)
    damaged = [name for name in nights.files if chance.random() < 0.1]
    for name in damaged:
        nights.damage(name)
    coming = chance.randrange(most - len(nights.files) + 1) or not nights.files
    new = {f"{chance.randrange(100):02}-{made}-{number}": chance.randbytes(SIZE) for number in range(coming)}
    nights.write(new)
    return {*new, *damaged}


def night(nights: Nights, number: int, budget: Budget) -> CopyFacts:
    """As `Nights.night`, but that objects are read some seconds after they were listed, as in life."""
    at = NOW + number * DAY
    estate, moments = nights.estate(), itertools.count()
    copies = inspect(estate, now=at, seconds=20, workers=2, run=Deadline(60))[1]
    memory = Memory(nights.store, Asked(nights.cycle, budget), clock=lambda: at + timedelta(seconds=next(moments)))
    with memory.night(estate, copies) as rolling:
        (facts,) = verify(estate, copies, now=at, workers=2, run=Deadline(60), rolling=rolling)
    assert not memory.failures
    return facts


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), budget=st.integers(0, 12))
def test_after_one_over_f_nights_every_object_was_read(seed: int, budget: int) -> None:
    """One over f, and those nights on which an object is left alone since its last reading stands until the next night."""
    most, chance = 9, random.Random(seed)
    share = max(1, ceil((budget - 2) * SHARES[Line.ROTATION] / sum(SHARES.values())))
    window = ceil(most / share) + CYCLE - 1
    with folders() as nights:
        unread: dict[str, int] = {}
        for number in range(window + 5):
            other = a_day_passes(nights, chance, most, number)
            found = seen(night(nights, number, Budget(bytes=SIZE * budget)))
            assert found.objects_read >= 1 or found.count(ObjectResult.MATCH) == len(nights.files), "a night read nothing"
            assert sum(counts(found).values()) == len(nights.files) == found.objects_total
            read = read_since(nights, NOW + number * DAY)
            assert len(read) == found.objects_read
            unread = {name: 0 if name in read else (0 if name in other else unread.get(name, 0)) + 1 for name in nights.files}
            late = [name for name, count in unread.items() if count >= window]
            assert not late, f"{late} were not read in {window} nights, of which each may read {budget} objects"


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_without_a_budget_nothing_is_ever_older_than_the_cycle(seed: int) -> None:
    chance = random.Random(seed)
    with folders() as nights:
        bad: set[str] = set()
        for number in range(3 * CYCLE):
            a_day_passes(nights, chance, 12, number)
            bad = {name for name in nights.files if (nights.root / name).read_bytes() != nights.files[name]}
            facts = nights.night(number)
            found = seen(facts)
            assert set(problems(found, ObjectResult.MISMATCH)) == bad
            assert counts(found).get("match", 0) == rotation(facts).verified == len(nights.files) - len(bad)
            oldest = rotation(facts).oldest_read
            assert oldest is None or NOW + number * DAY - oldest <= nights.cycle
            assert rotation(facts).left == 0


@pytest.mark.parametrize(
    "budget",
    [Budget(bytes=0), Budget(bytes=1), Budget(requests={"get": 0, "list": 0, "head": 0}), Budget(seconds=0.0), Budget(bytes=0, seconds=0.0)],
    ids=str,
)
def test_every_copy_reads_something_every_night_whatever_the_budget(budget: Budget) -> None:
    """All of them are at one target, and the first may use up everything."""
    with folders() as nights:
        nights.write({f"f{number}.img": bytes([number]) * SIZE for number in range(6)})
        systems = ("ehr", "imaging", "labs")
        copies = [copy_of({"path": str(nights.base / "SHA256SUMS")}, system=system) for system in systems]
        estate = estate_of(*copies, base=nights.base)
        for number in range(6):
            for facts in nights.look(estate, NOW + number * DAY, Asked(60 * DAY, budget)):
                assert seen(facts).objects_read >= 1 or rotation(facts).verified == 6, (facts.id, number)
        for facts in nights.look(estate, NOW + 7 * DAY, Asked(60 * DAY, budget)):
            assert rotation(facts).verified == 6


def test_nothing_is_due_where_a_clock_went_back_but_what_was_read_by_the_wrong_one() -> None:
    """What was read in the year 2030 does not stand until then, and is not last in the line either."""
    with folders() as nights:
        nights.write({f"f{number}.img": bytes([number]) * SIZE for number in range(4)})
        estate, ahead = nights.estate(), timedelta(days=1500)
        nights.look(estate, NOW + ahead, Asked(nights.cycle))
        (facts,) = nights.look(estate, NOW, Asked(nights.cycle, Budget(bytes=SIZE)))
        assert (counts(seen(facts)), rotation(facts).due, rotation(facts).left) == ({"match": 1, "not-read": 3}, 4, 3)
        for number in range(1, 4):
            (facts,) = nights.look(estate, NOW + number * DAY, Asked(10 * DAY, Budget(bytes=SIZE)))
        assert rotation(facts).verified == 4
        assert rotation(facts).oldest_read == NOW
