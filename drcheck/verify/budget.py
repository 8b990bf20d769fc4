"""
What one night may use up: budgets, and their apportionment over the copies.

Each copy has a share of every budget that it falls under, the run's and its target's, by what it must read a night. It may use that share and what
copies that are done with have left over. The first object of a copy fits always, as far as money allows: otherwise no night would read a dump that is
larger than the budget, and it would never be read.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from drcheck.estate.schema import Budget as Declared

N = TypeVar("N", int, float, Decimal)

_MONEY = 10**12
"""Money is counted in whole parts of so many: sums are then exact."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one night may use up. None is no limit."""

    bytes: int | None = None
    seconds: float | None = None
    requests: Mapping[str, int] = field(default_factory=dict)
    """By class; one that is not named has no limit."""
    money: Decimal | None = None
    """In the tariff's currency."""

    def __and__(self, other: Budget) -> Budget:
        """What keeps to both: the smaller limit of each kind."""
        return Budget(
            _smaller(self.bytes, other.bytes),
            _smaller(self.seconds, other.seconds),
            {kind: min(each[kind] for each in (self.requests, other.requests) if kind in each) for kind in {**self.requests, **other.requests}},
            _smaller(self.money, other.money),
        )


def declared_budget(declared: Declared) -> Budget:
    """A budget as the estate declares it."""
    requests = {str(kind): count for kind, count in declared.requests.items()}
    return Budget(declared.bytes, declared.time.total_seconds() if declared.time else None, requests, declared.money)


@dataclass(slots=True)
class Cost:
    """What reading uses up, or used up."""

    objects: int = 0
    bytes: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """By class."""
    money: Decimal = Decimal(0)
    """In the tariff's currency; 0 without a tariff."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.objects + other.objects, self.bytes + other.bytes, self.requests + other.requests, self.money + other.money)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the share of one copy is reckoned from, and what reading there costs."""

    copy: str
    target: str
    need: Cost
    """What must be read of it a night for its cycle to hold. Only its ratio to that of other copies matters."""
    requests: Callable[[int], Mapping[str, int]]
    """The requests that reading an object of so many bytes takes, by class."""
    price: Callable[[int, Mapping[str, int]], Decimal] | None = None
    """What reading so many bytes with so many requests costs, linear in both; None without a tariff."""


class Allowance:
    """
    What may be read of one copy tonight. Any thread may use it.

    Attributes:
        seconds: how long reading may go on at this copy's target, for all copies there; None for no limit. Kept by whoever reads.
        need: what must be read of it a night.
        unlimited: whether nothing but time limits it.
        overdrawn: whether its first object went beyond a whole budget of bytes or requests.
    """

    def __init__(self, claim: Claim, limits: Iterable[_Limits], lock: threading.Lock, seconds: float | None) -> None:
        self.seconds = seconds
        self.need = claim.need
        self.overdrawn = False
        self._claim = claim
        self._limits = tuple(each for each in limits if each.limited)
        self._lock = lock
        self.unlimited = not self._limits
        self._objects = self._bytes = 0
        self._requests: Counter[str] = Counter()
        self._finished = False

    def take(self, size: int) -> bool:
        """
        Whether an object of `size` bytes may be read; its cost is then spent.

        The first object of a copy may take from the shares of others and go beyond budgets of bytes and requests, never beyond money. What is
        refused may be followed by a smaller one that is not.
        """
        requests = self._claim.requests(size)
        with self._lock:
            if self._finished or not self._spend(size, requests):
                return False
            self._objects += 1
            self._bytes += size
            for kind, count in requests.items():
                self._requests[kind] += count
            return True

    def may(self, requests: Mapping[str, int]) -> bool:
        """Whether these requests may still be made; they are then spent."""
        with self._lock:
            amounts = self._amounts(0, requests)
            if self._finished or any(amount > pot.room(self._claim.copy) for pot, amount in amounts):
                return False
            for pot, amount in amounts:
                pot.spend(self._claim.copy, amount)
            self._requests.update(requests)
            return True

    def prepared(self, requests: Mapping[str, int]) -> None:
        """
        Count the requests by which the copy was listed and its manifests were read. They cost money; but they are made every night whatever the
        budget is, so they use up no limit of requests, or a copy with many manifests would keep all others from being read.
        """
        with self._lock:
            for pot, amount in self._amounts(0, requests):
                if pot.hard:
                    pot.spend(self._claim.copy, amount)
            self._requests.update(requests)

    def charge(self, requests: Mapping[str, int], size: int = 0) -> None:
        """Spend what is used up whatever the budget says, such as `size` bytes that must be read again."""
        with self._lock:
            for pot, amount in self._amounts(size, requests):
                pot.spend(self._claim.copy, amount)
            self._bytes += size
            self._requests.update(requests)

    def finish(self) -> None:
        """Leave what was not spent to the copies that are not done; nothing more can be taken here."""
        with self._lock:
            self._finished = True
            for each in self._limits:
                for pot in each.pots.values():
                    pot.leave(self._claim.copy)

    @property
    def spent(self) -> Cost:
        """What was taken so far."""
        with self._lock:
            requests, price = Counter(self._requests), self._claim.price
            return Cost(self._objects, self._bytes, requests, Decimal(0) if price is None else price(self._bytes, requests))

    def _spend(self, size: int, requests: Mapping[str, int]) -> bool:
        if self.unlimited:
            return True
        amounts = self._amounts(size, requests)
        if any(amount > pot.room(self._claim.copy) for pot, amount in amounts):
            if self._objects or any(pot.hard and amount > pot.left for pot, amount in amounts):
                return False
            self.overdrawn = any(amount > pot.left for pot, amount in amounts)
        for pot, amount in amounts:
            pot.spend(self._claim.copy, amount)
        return True

    def _amounts(self, size: int, requests: Mapping[str, int]) -> list[tuple[_Pot, int]]:
        found = []
        for each in self._limits:
            for kind, pot in each.pots.items():
                amount = _amount(kind, size, requests, self._claim.price)
                if amount:
                    found.append((pot, amount))
        return found


def apportion(claims: Iterable[Claim], run: Budget, targets: Mapping[str, Budget]) -> dict[str, Allowance]:
    """
    What each copy may read tonight, by its id.

    Args:
        claims: the copies in the order in which they are read; of a budget that cannot be parted evenly they get the same at every call.
        run: what all of them together may use up.
        targets: what the copies of a target together may use up, by its id; a target that is not named has no budget of its own.

    Raises:
        ValueError: a budget of money without prices for all that it holds for.
    """
    claims = tuple(claims)
    lock = threading.Lock()
    whole = _Limits(run, claims)
    own = {target: _Limits(budget, tuple(claim for claim in claims if claim.target == target)) for target, budget in targets.items()}
    allowances = {}
    for claim in claims:
        limits = [whole] + ([own[claim.target]] if claim.target in own else [])
        seconds = _smaller(run.seconds, targets[claim.target].seconds if claim.target in targets else None)
        allowances[claim.copy] = Allowance(claim, limits, lock, seconds)
    return allowances


class _Pot:
    """One limit, and the shares of it. What is neither spent nor kept for somebody is for all."""

    def __init__(self, limit: int, needs: Mapping[str, int], *, hard: bool) -> None:
        self.left = limit
        """What nobody has spent; below zero where a first object went beyond."""
        self.hard = hard
        """Whether not even a first object may go beyond it."""
        self._kept = dict(zip(needs, _parts(limit, list(needs.values())), strict=True))
        self._kept_for_all = sum(self._kept.values())

    def room(self, copy: str) -> int:
        return self.left - self._kept_for_all + self._kept[copy]

    def spend(self, copy: str, amount: int) -> None:
        self.left -= amount
        mine = min(amount, self._kept[copy])
        self._kept[copy] -= mine
        self._kept_for_all -= mine
        if self._kept_for_all > max(self.left, 0):
            # Somebody's first object took from what was kept for others, who bear it by their shares.
            self._kept = dict(zip(self._kept, _parts(max(self.left, 0), list(self._kept.values())), strict=True))
            self._kept_for_all = sum(self._kept.values())

    def leave(self, copy: str) -> None:
        self._kept_for_all -= self._kept[copy]
        self._kept[copy] = 0


class _Limits:
    """The limits of one budget."""

    def __init__(self, budget: Budget, claims: Iterable[Claim]) -> None:
        sizes: dict[str, int] = {f"{_OF_REQUESTS}{kind}": limit for kind, limit in budget.requests.items()}
        if budget.bytes is not None:
            sizes["bytes"] = budget.bytes
        if budget.money is not None:
            if bare := [claim.copy for claim in claims if claim.price is None]:
                raise ValueError(f"what reading {bare[0]} costs is not known, so no budget of money can be kept")
            sizes["money"] = math.floor(budget.money * _MONEY)
        needs = {claim.copy: claim.need for claim in claims}
        self.pots = {
            kind: _Pot(limit, {copy: _needed(kind, need) for copy, need in needs.items()}, hard=kind == "money") for kind, limit in sizes.items()
        }
        self.limited = bool(self.pots)


_OF_REQUESTS = "requests."


def _amount(kind: str, size: int, requests: Mapping[str, int], price: Callable[[int, Mapping[str, int]], Decimal] | None) -> int:
    if kind == "bytes":
        return size
    if kind == "money":
        return math.ceil(price(size, requests) * _MONEY) if price is not None else 0
    return requests.get(kind.removeprefix(_OF_REQUESTS), 0)


def _needed(kind: str, need: Cost) -> int:
    if kind == "bytes":
        return need.bytes
    if kind == "money":
        return math.ceil(need.money * _MONEY)
    return need.requests[kind.removeprefix(_OF_REQUESTS)]


def _parts(whole: int, needs: list[int]) -> list[int]:
    """The whole in parts by need, alike where nobody needs anything; they add up to it."""
    total = sum(needs)
    weights = needs if total else [1] * len(needs)
    parts, before, seen = [], 0, 0
    for weight in weights:
        seen += weight
        until = whole * seen // (total or len(needs))
        parts.append(until - before)
        before = until
    return parts


def _smaller(one: N | None, other: N | None) -> N | None:
    return min((each for each in (one, other) if each is not None), default=None)
