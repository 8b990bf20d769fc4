"""Where objects wait: who is first, what is left over, and that chance alone decides among equals."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from drcheck.connectors.base import Entry
from drcheck.manifests import Promise
from drcheck.model.bounds import upper_bound
from drcheck.verify.earlier import Earlier
from drcheck.verify.plan import Line, Purse, choose
from drcheck.verify.spool import Spool
from drcheck.verify.standing import Role
from drcheck.verify.tonight import Tonight
from drcheck.verify.waiting import Waiting
from tests.verify.test_plan import Bytes, Unlimited

SEED = bytes(range(32))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    with Spool(tmp_path / "spool") as made:
        yield made


def hold(spool: Spool, objects: dict[str, tuple[int, int]]) -> None:
    """List and promise objects of these sizes, which wait since these moments."""
    for key, (size, queue) in objects.items():
        spool.add_object(Entry(key, size, None), "", Role.EXPECTED, Earlier(queue, 0, "", ""))
    spool.add_manifest("SUMS", [Promise(key, "sha256", "ab" * 32, None, line) for line, key in enumerate(objects, 1)], "")
    spool.settle(())


def wait(spool: Spool, seed: bytes = SEED, *, suspect: str = "", fresh: str = "", due: str = "", stood: str = "") -> Waiting:
    """The lines of everything that is held; each of the others names some of the keys, which have one letter then."""
    waiting = Waiting(spool, "ehr@nas", seed)
    for wanted in spool.wanted():
        key = wanted.entry.key
        waiting.add(
            wanted if key not in stood else type(wanted)(wanted.entry, wanted.promises, wanted.earlier, stood=True),
            suspect=key in suspect,
            fresh=key in fresh,
            due=key in due,
        )
    waiting.settle()
    return waiting


def names(waiting: Waiting, line: Line) -> str:
    """The keys in a line, one after the other."""
    return "".join(key for key, _ in waiting.waiting(line))


def test_who_waited_longest_is_first_and_the_newest_of_the_fresh(spool: Spool) -> None:
    hold(spool, {"a": (1, 50), "b": (2, 10), "c": (3, 40), "d": (4, 20), "e": (5, 30)})
    waiting = wait(spool, suspect="ad", fresh="bce", due="d")
    assert names(waiting, Line.ROTATION) == "bdeca"
    assert names(waiting, Line.SUSPECT) == "da"
    assert names(waiting, Line.FRESH) == "ceb"
    assert dict(waiting.waiting(Line.ROTATION)) == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_what_is_chosen_is_read_by_wave_and_then_by_key(spool: Spool) -> None:
    hold(spool, dict.fromkeys("abcdef", (1, 10)))
    waiting = wait(spool)
    for key, wave in (("f", 1), ("c", 2), ("e", 1), ("a", 2)):
        assert not waiting.chosen(key)
        waiting.choose(key, wave)
        assert waiting.chosen(key)
    assert [wanted.entry.key for wanted in waiting.tonight()] == ["e", "f", "a", "c"]


def test_what_is_left_and_what_was_passed(spool: Spool) -> None:
    hold(spool, {"a": (1, 10), "b": (2, 10), "c": (4, 10), "d": (8, 10), "e": (16, 10)})
    waiting, tonight = wait(spool, suspect="ae", due="abc", stood="cd"), Tonight(spool)
    for key in "bd":
        waiting.choose(key, 1)
    assert waiting.passed() == (2, 1 + 16)
    assert waiting.left() == (3, 1 + 2 + 16)
    tonight.note_done("b", bad=False)
    tonight.note_done("c", bad=False)  # a neighbour of one that was bad
    tonight.settle()
    assert waiting.left() == (1, 1 + 16)
    assert [wanted.entry.key for wanted in waiting.passed_over()] == ["a", "e"]
    assert [wanted.entry.key for wanted in waiting.unread()] == []


def test_without_anybody_waiting_nothing_was_drawn(spool: Spool) -> None:
    hold(spool, {})
    waiting = wait(spool)
    Tonight(spool)
    assert (waiting.drawn(), waiting.left(), waiting.passed()) == ((0, 0, 0, 0), (0, 0), (0, 0))


def test_drawn_from_is_the_largest_group_that_waited_equally_long_and_does_not_stand(spool: Spool) -> None:
    hold(spool, {**dict.fromkeys("abc", (1, 10)), **dict.fromkeys("defg", (1, 20)), **dict.fromkeys("hijklm", (1, 30))})
    waiting, tonight = wait(spool, stood="hijk"), Tonight(spool)
    assert waiting.drawn() == (4, 0, 0, 4)
    order = [key for key, _ in waiting.waiting(Line.ROTATION) if key in "defg"]
    tonight.note_done(order[0], bad=True)
    tonight.note_done(order[1], bad=False)
    tonight.note_done(order[3], bad=True)  # beyond the first that was not read: it was not drawn
    tonight.note_done("a", bad=True)
    tonight.settle()
    assert waiting.drawn() == (4, 2, 1, 1)


def test_the_order_among_equals_is_that_of_the_seed_and_the_copy(spool: Spool) -> None:
    hold(spool, {f"{number:02}": (1, 10) for number in range(40)})
    orders = set()
    for seed, copy in ((SEED, "ehr@nas"), (SEED[::-1], "ehr@nas"), (SEED, "ehr@tape")):
        waiting = Waiting(spool, copy, seed)
        for wanted in spool.wanted():
            waiting.add(wanted, suspect=False, fresh=True, due=False)
        waiting.settle()
        order = tuple(key for key, _ in waiting.waiting(Line.ROTATION))
        ranks = {f"{n:02}": hashlib.blake2b(copy.encode() + b"\0" + f"{n:02}".encode(), key=seed, digest_size=16).digest() for n in range(40)}
        assert order == tuple(sorted(ranks, key=lambda key: ranks[key])), "whoever has the seed cannot recompute it"
        assert order == tuple(key for key, _ in waiting.waiting(Line.FRESH))
        orders.add(order)
        spool.run("DROP TABLE waiting")
    assert len(orders) == 3


COUNT, TRIALS = 80, 120


def draws(
    spool: Spool, size: Callable[[int], int], bad: Callable[[int], bool], purse: Callable[[], Purse], suspects: int = 0, cut: int | None = None
) -> Iterator[tuple[list[str], int, int]]:
    """What each of many nights drew from the same objects with another seed: the keys, how many were bad, and how many were drawn."""
    hold(spool, {f"{number:02}": (size(number), 10) for number in range(COUNT)})
    tonight = Tonight(spool)
    for trial in range(TRIALS):
        waiting = Waiting(spool, "ehr@nas", hashlib.sha256(f"{trial}".encode()).digest())
        for wanted in spool.wanted():
            number = int(wanted.entry.key)
            waiting.add(wanted, suspect=bad(number) and number < suspects, fresh=number >= suspects, due=False)
        waiting.settle()
        choose(waiting, purse(), in_waves=cut is not None)
        for wanted in islice(waiting.tonight(), cut):
            tonight.note_done(wanted.entry.key, bad=bad(int(wanted.entry.key)))
        tonight.settle()
        pool, drawn, found, unread = waiting.drawn()
        order = [key for key, _ in waiting.waiting(Line.ROTATION)]
        assert pool == COUNT
        assert unread == COUNT - sum(map(tonight.told, order))
        assert all(map(tonight.told, order[:drawn]))
        assert drawn == COUNT or not tonight.told(order[drawn])
        yield order[:drawn], found, drawn
        spool.run("DROP TABLE waiting")
        spool.run("DELETE FROM done")


@pytest.mark.parametrize(
    ("size", "bad", "suspects"),
    [
        (lambda _: 5, lambda number: number % 8 == 0, 0),
        (lambda _: 5, lambda number: number < 2, 0),
        (lambda number: 1 + 9 * (number % 4 == 0), lambda number: number % 4 == 0, 0),  # what is bad is large
        (lambda number: 10 - 9 * (number % 4 == 0), lambda number: number % 4 == 0, 0),  # what is bad is small
        (lambda number: 500 if number % 2 else 1, lambda number: number % 2 == 1, 0),  # what is bad does not fit
        (lambda number: number, lambda number: number > 70, 0),
        (lambda _: 5, lambda number: number % 4 == 0, 20),  # some that are bad were so before, and have a line of their own
    ],
    ids=["an eighth", "two", "large ones", "small ones", "ones that do not fit", "the largest", "suspects"],
)
def test_the_bound_of_what_was_drawn_holds(spool: Spool, size: Callable[[int], int], bad: Callable[[int], bool], suspects: int) -> None:
    true = sum(map(bad, range(COUNT)))
    wrong = sum(upper_bound(found, drawn, COUNT) * COUNT < true - 1e-9 for _, found, drawn in draws(spool, size, bad, lambda: Bytes(150), suspects))
    assert wrong <= 0.05 * TRIALS, f"the bound of 95 % was wrong {wrong} times of {TRIALS}"


@pytest.mark.parametrize("cut", [1, 13, 50])
@pytest.mark.parametrize(
    "bad", [lambda number: number >= 70, lambda number: number < 10, lambda number: number % 8 == 0], ids=["late", "early", "mixed"]
)
def test_the_bound_holds_wherever_time_runs_out_within_a_wave(spool: Spool, bad: Callable[[int], bool], cut: int) -> None:
    """Within a wave it is by name, and what is bad may be so too."""
    true = sum(map(bad, range(COUNT)))
    wrong = sum(upper_bound(found, drawn, COUNT) * COUNT < true - 1e-9 for _, found, drawn in draws(spool, lambda _: 5, bad, Unlimited, cut=cut))
    assert wrong <= 0.05 * TRIALS, f"the bound of 95 % was wrong {wrong} times of {TRIALS}"


def test_every_object_is_drawn_equally_often(spool: Spool) -> None:
    times = Counter(key for keys, _, _ in draws(spool, lambda _: 5, lambda _: False, lambda: Bytes(100)) for key in keys)
    mean, deviation = TRIALS * 20 / COUNT, math.sqrt(TRIALS * 0.25 * 0.75)
    assert sum(times.values()) == TRIALS * 20
    assert all(abs(times[f"{number:02}"] - mean) < 4 * deviation for number in range(COUNT)), times
