"""A night's budgets: never more than they hold, everything that is left over can be used, and the first object of a copy always fits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.verify.budget import Allowance, Budget, Claim, Cost, apportion

PER_GET = Decimal("0.0004")
PER_BYTE = Decimal("0.001")


def requests(size: int) -> Mapping[str, int]:
    return {"get": 1 + size // 100}


def price(size: int, made: Mapping[str, int]) -> Decimal:
    return PER_BYTE * size + PER_GET * made.get("get", 0)


def claim(copy: str, need: int = 1, target: str = "") -> Claim:
    """The claim of a copy that must read so many bytes a night, in objects of 100 bytes."""
    return Claim(copy, target or copy.partition("@")[2], Cost(need, need * 100, Counter(get=need * 2), need * Decimal(1)), requests, price)


def read(allowance: Allowance, size: int, most: int = 10_000) -> int:
    """How many objects of `size` bytes fit."""
    return next((count for count in range(most) if not allowance.take(size)), most)


# Budgets and costs


def test_two_budgets_are_kept_by_the_smaller_of_each_limit() -> None:
    one = Budget(bytes=10, requests={"get": 5, "head": 1}, money=Decimal(0))
    other = Budget(bytes=20, seconds=3.0, requests={"get": 4, "list": 9})
    both = Budget(bytes=10, seconds=3.0, requests={"get": 4, "head": 1, "list": 9}, money=Decimal(0))
    assert one & other == other & one == both
    assert one & Budget() == one


def test_costs_add_up() -> None:
    one, other = Cost(1, 10, Counter(get=2), Decimal("0.1")), Cost(2, 5, Counter(get=1, list=3), Decimal("0.2"))
    assert one + other == Cost(3, 15, Counter(get=3, list=3), Decimal("0.3"))
    assert sum((one, other), Cost()) == one + other


# Shares


def test_each_copy_has_its_share_by_need() -> None:
    found = apportion([claim("a@x", 3), claim("b@x", 1)], Budget(bytes=4000), {})
    assert (read(found["b@x"], 100), read(found["a@x"], 100)) == (10, 30)
    assert not any(allowance.overdrawn or allowance.unlimited for allowance in found.values())


def test_a_copy_may_use_what_those_before_it_left() -> None:
    found = apportion([claim("a@x"), claim("b@x"), claim("c@y")], Budget(bytes=3000), {})
    assert found["a@x"].take(100)
    assert read(found["b@x"], 100) == 10
    found["a@x"].finish()
    assert read(found["b@x"], 100) == 9
    found["b@x"].finish()
    assert read(found["c@y"], 100) == 10


def test_what_a_target_leaves_goes_to_its_own_copies_and_to_others_by_the_budget_that_it_was_kept_from() -> None:
    targets = {"x": Budget(bytes=1000)}
    found = apportion([claim("a@x"), claim("b@x"), claim("c@y", 2)], Budget(bytes=4000), targets)
    assert read(found["a@x"], 100) == 5, "half of what its target may"
    found["a@x"].finish()
    assert read(found["b@x"], 100) == 5
    found["b@x"].finish()
    assert read(found["c@y"], 100) == 30, "its own 2000, and 1000 that the run had kept for x"


def test_every_limit_holds() -> None:
    gets = apportion([claim("a@x")], Budget(bytes=10_000, requests={"get": 7, "head": 1}), {})["a@x"]
    assert read(gets, 100) == 3
    money = apportion([claim("a@x")], Budget(money=price(300, {"get": 6})), {})["a@x"]
    assert read(money, 100) == 3
    assert money.spent == Cost(3, 300, Counter(get=6), price(300, {"get": 6}))


def test_time_is_the_smaller_of_run_and_target_and_limits_nothing_here() -> None:
    found = apportion([claim("a@x"), claim("b@y"), claim("c@z")], Budget(seconds=60), {"x": Budget(seconds=5), "y": Budget(seconds=90)})
    assert [(allowance.seconds, allowance.unlimited) for allowance in found.values()] == [(5, True), (60, True), (60, True)]


def test_without_limits_everything_fits_and_is_counted() -> None:
    allowance = apportion([claim("a@x")], Budget(), {"y": Budget(bytes=1)})["a@x"]
    assert (allowance.unlimited, allowance.seconds, read(allowance, 250, most=1000)) == (True, None, 1000)
    assert allowance.spent == Cost(1000, 250_000, Counter(get=3000), price(250_000, {"get": 3000}))


def test_where_nothing_is_needed_the_shares_are_alike() -> None:
    found = apportion([claim("a@x", 0), claim("b@x", 0)], Budget(bytes=1000), {})
    assert [read(allowance, 100) for allowance in found.values()] == [5, 5]


# The first object


def test_the_first_object_fits_though_it_is_larger_than_the_share_and_others_bear_it() -> None:
    found = apportion([claim("a@x"), claim("b@x"), claim("c@x")], Budget(bytes=3000), {})
    assert found["a@x"].take(2000)
    assert not found["a@x"].overdrawn, "the budget as a whole holds"
    assert not found["a@x"].take(100)
    assert [read(found[copy], 100) for copy in ("b@x", "c@x")] == [5, 5]


def test_the_first_object_fits_though_it_is_larger_than_the_whole_budget() -> None:
    found = apportion([claim("a@x"), claim("b@x")], Budget(bytes=1000, requests={"get": 1}), {"x": Budget(bytes=10)})
    assert found["a@x"].take(5000)
    assert found["a@x"].overdrawn
    assert not found["a@x"].take(0)
    assert found["b@x"].take(200), "the first of its copy"
    assert found["b@x"].overdrawn
    assert not found["b@x"].take(1)


def test_a_small_object_first_uses_the_exception_up() -> None:
    allowance = apportion([claim("a@x")], Budget(bytes=1000), {})["a@x"]
    assert (allowance.take(1), allowance.take(1001), allowance.overdrawn) == (True, False, False)


def test_no_object_goes_beyond_money() -> None:
    budget = Budget(bytes=10, money=price(1000, {"get": 11}))
    found = apportion([claim("a@x"), claim("b@x")], budget, {})
    assert not found["a@x"].take(1001)
    assert found["a@x"].take(1000), "all that the run may cost, from the share of the other too"
    assert not found["b@x"].take(0)
    assert found["b@x"].spent == Cost()


def test_no_money_reads_what_costs_nothing() -> None:
    free = Claim("b@y", "y", Cost(), lambda size: {}, lambda size, made: Decimal(0))
    found = apportion([claim("a@x"), free], Budget(money=Decimal(0)), {})
    assert (read(found["a@x"], 0), read(found["b@y"], 10**12, most=50)) == (0, 50)


def test_money_needs_prices() -> None:
    unpriced = Claim("a@x", "x", Cost(), requests)
    with pytest.raises(ValueError, match="reading a@x costs is not known"):
        apportion([unpriced], Budget(money=Decimal(1)), {})
    with pytest.raises(ValueError, match="not known"):
        apportion([unpriced], Budget(), {"x": Budget(money=Decimal(1))})
    assert apportion([unpriced], Budget(), {"y": Budget(money=Decimal(1))})["a@x"].spent.money == 0


# What is spent anyway, and the end


def test_what_was_spent_anyway_is_missing_then() -> None:
    found = apportion([claim("a@x"), claim("b@x")], Budget(requests={"get": 20, "list": 5}), {})
    found["a@x"].charge({"list": 50, "get": 4})
    assert read(found["a@x"], 0) == 6
    assert found["a@x"].spent.requests == Counter(list=50, get=10)
    assert read(found["b@x"], 0) == 10, "no request of a class that is spent is needed to read"
    bytes_ = apportion([claim("a@x")], Budget(bytes=1000), {})["a@x"]
    bytes_.charge({"get": 1}, 700)
    assert (read(bytes_, 100), bytes_.spent.bytes, bytes_.spent.objects) == (3, 1000, 3)


def test_what_is_finished_takes_nothing_more() -> None:
    for budget in (Budget(), Budget(bytes=1000)):
        allowance = apportion([claim("a@x")], budget, {})["a@x"]
        allowance.finish()
        allowance.finish()
        assert not allowance.take(1)


def test_threads_together_spend_no_more_than_there_is() -> None:
    found = apportion([claim(f"{number}@x") for number in range(4)], Budget(bytes=40_000), {})

    def work(allowance: Allowance) -> None:
        while allowance.take(10):
            pass
        allowance.finish()

    threads = [threading.Thread(target=work, args=(allowance,)) for allowance in found.values() for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = sum((allowance.spent for allowance in found.values()), Cost())
    assert spent.bytes <= 40_000
    assert all(allowance.spent.bytes >= 10_000 for allowance in found.values()), "each its share, whoever was first"


# Whatever comes


limits = st.one_of(st.none(), st.integers(0, 3000))
budgets = st.builds(
    Budget,
    bytes=limits,
    requests=st.dictionaries(st.sampled_from(["get", "head"]), st.integers(1, 40), max_size=2),
    money=st.one_of(st.none(), st.decimals(0, 3, places=3)),
)
nights = st.fixed_dictionaries(
    {
        "needs": st.lists(st.tuples(st.integers(0, 50), st.sampled_from("xyz")), min_size=1, max_size=6),
        "run": budgets,
        "targets": st.dictionaries(st.sampled_from("xyz"), budgets),
        # Which copy does what next: an object of so many bytes, or None: it is done.
        "acts": st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 1500))), max_size=60),
    }
)


def play(night: dict[str, object]) -> Iterator[tuple[dict[str, Allowance], Allowance, int | None, bool]]:
    """One night, act after act: all allowances, the one that was asked, for how many bytes (None: it is done), and what it said."""
    needs, run, targets, acts = (night[key] for key in ("needs", "run", "targets", "acts"))
    claims = [claim(f"{number}@{target}", need) for number, (need, target) in enumerate(needs)]  # type: ignore[arg-type, var-annotated]
    found = apportion(claims, run, targets)  # type: ignore[arg-type]
    each = list(found.values())
    for number, size in acts:  # type: ignore[attr-defined]
        allowance = each[number % len(each)]
        if size is None:
            allowance.finish()
        yield found, allowance, size, size is not None and allowance.take(size)


def kept(budget: Budget, allowances: list[Allowance]) -> bool:
    """Whether a budget holds, but for the first object of each copy that went beyond it."""
    spent = sum((allowance.spent for allowance in allowances), Cost())
    if budget.money is not None and spent.money > budget.money:
        return False
    if any(allowance.overdrawn for allowance in allowances):
        return True
    within = budget.bytes is None or spent.bytes <= budget.bytes
    return within and all(spent.requests[kind] <= limit for kind, limit in budget.requests.items())


@given(nights)
def test_no_budget_is_ever_exceeded_but_by_first_objects(night: dict[str, object]) -> None:
    run, targets = night["run"], night["targets"]
    for found, asked, _, fits in play(night):
        assert kept(run, list(found.values()))  # type: ignore[arg-type]
        for target, budget in targets.items():  # type: ignore[attr-defined]
            assert kept(budget, [allowance for copy, allowance in found.items() if copy.endswith(f"@{target}")])
        if fits and asked.overdrawn and asked.spent.objects > 1:
            # What went beyond was the first object: from then on nothing that uses up the same was let through.
            assert not asked.take(10**6)


@given(nights)
def test_the_same_night_goes_the_same_way(night: dict[str, object]) -> None:
    assert [fits for *_, fits in play(night)] == [fits for *_, fits in play(night)]


@given(nights)
def test_a_copy_is_refused_its_first_object_for_money_or_because_it_is_done(night: dict[str, object]) -> None:
    money = any(budget.money is not None for budget in (night["run"], *night["targets"].values()))  # type: ignore[attr-defined]
    done: set[int] = set()
    for _, asked, size, fits in play(night):
        if size is None:
            done.add(id(asked))
        elif id(asked) in done:
            assert not fits
        elif asked.spent.objects == 0:
            assert money


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=8), st.integers(0, 2**63), st.randoms(use_true_random=False))
def test_shares_add_up_to_the_whole_and_what_is_left_can_all_be_used(needs: list[int], whole: int, random: object) -> None:
    claims = [claim(f"{number}@x", need) for number, need in enumerate(needs)]
    found = list(apportion(claims, Budget(bytes=whole), {}).values())
    order = sorted(found, key=lambda _: random.random())  # type: ignore[attr-defined]
    spent = 0
    for allowance in order:
        allowance.take(0)  # an empty object is the first
        step = 1 << 63
        while step:  # the most that fits, by halves
            while allowance.take(step):
                spent += step
            step >>= 1
        if len(order) == 1:
            assert spent == whole
        # In proportion to need, to the byte.
        place = found.index(allowance)
        assert abs(allowance.spent.bytes * max(1, sum(needs)) - whole * needs[place]) <= sum(needs) or not sum(needs)
    assert spent == whole
    again = list(apportion(claims, Budget(bytes=whole), {}).values())
    for allowance in again[:-1]:
        allowance.finish()
    again[-1].take(0)
    assert again[-1].take(whole)
    assert not again[-1].take(1)
    assert not again[-1].overdrawn
