"""The terms of one night: what the estate and the command line allow to be spent, as an allowance for each copy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from drcheck.connectors import connector_class
from drcheck.connectors.base import Connector
from drcheck.errors import ConfigError, Problem
from drcheck.estate.schema import Estate
from drcheck.model import CopyFacts, Observed
from drcheck.verify.budget import Allowance, Budget, Claim, Cost, apportion, declared_budget
from drcheck.verify.plan import INTERVAL
from drcheck.verify.tariff import Prices, Tariff, load_tariff


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of one run. Each limit that is given stands in for that of `[verify]`; targets keep theirs."""

    cycle: timedelta | None = None
    budget: Budget = field(default_factory=Budget)
    tariff: Path | None = None
    full: bool = False
    """Whether everything is read, though it stands."""

    def over(self, declared: Budget) -> Budget:
        """The budget of the run: what is asked for, else what is declared."""
        asked = self.budget
        return Budget(
            declared.bytes if asked.bytes is None else asked.bytes,
            declared.seconds if asked.seconds is None else asked.seconds,
            {**declared.requests, **asked.requests},
            declared.money if asked.money is None else asked.money,
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be spent in one night."""

    budget: Budget
    """That of the whole run."""
    tariff: Tariff | None
    allowances: Mapping[str, Allowance]
    """By the id of the copy."""


def terms(estate: Estate, copies: Iterable[CopyFacts], cycles: Mapping[str, timedelta], asked: Asked) -> Terms:
    """
    What may be spent on each of `copies` tonight, in their order.

    Args:
        copies: what inspection saw: shares are by the bytes and objects that must be read a night.
        cycles: within what time each copy is read, by its id.

    Raises:
        ConfigError: as `priced`.
    """
    copies = tuple(copies)
    run = asked.over(declared_budget(estate.verify.budget))
    targets = {target.id: declared_budget(target.budget) for target in estate.targets}
    tariff = priced(estate, asked)
    claims = [_claim(estate, facts, cycles[facts.id], tariff) for facts in copies]
    return Terms(run, tariff, apportion(claims, run, targets))


def priced(estate: Estate, asked: Asked) -> Tariff | None:
    """
    The tariff that the night's money is reckoned by; None where none is named.

    Raises:
        ConfigError: the tariff is wrong, or lacks prices for a target that a budget of money holds for; or there is such a budget and no tariff.
    """
    path = asked.tariff or estate.verify.tariff
    tariff = None if path is None else load_tariff(path, estate)
    whole = asked.over(declared_budget(estate.verify.budget)).money is not None
    used = {copy.target for copy in estate.copies}
    limited = [target for target in estate.targets if target.id in used and (whole or target.budget.money is not None)]
    if tariff is None:
        if whole or limited:
            raise ConfigError("a budget of money needs a tariff: name one with --tariff, or in the estate with tariff = … under [verify]")
        return None
    problems = [
        Problem(
            str(tariff.file),
            f"targets.{target.id}",
            f"is missing: a budget of money holds for this target, which is reached by {target.connector}",
            f"add [targets.{target.id}] or [connectors.{target.connector}], with free = true where reading costs nothing",
        )
        for target in limited
        if tariff.prices(target.id, target.connector) is None
    ]
    if problems:
        raise ConfigError(problems)
    return tariff


def _claim(estate: Estate, facts: CopyFacts, cycle: timedelta, tariff: Tariff | None) -> Claim:
    target = estate.target(facts.target)
    connector = connector_class(target.connector, estate.plugins)
    prices = tariff.prices(target.id, target.connector) if tariff is not None else None
    return Claim(facts.id, facts.target, _need(facts, cycle, connector, prices), connector.requests_for, prices.of if prices is not None else None)


def _need(facts: CopyFacts, cycle: timedelta, connector: type[Connector], prices: Prices | None) -> Cost:
    """What must be read of a copy a night: a part of what is there, in objects of a mean size."""
    if not isinstance(facts.points, Observed):
        return Cost()
    points, share = facts.points.value, min(1.0, INTERVAL / cycle)
    objects, size = math.ceil(points.objects * share), math.ceil(points.bytes * share)
    each = connector.requests_for(points.bytes // points.objects) if points.objects else {}
    need = Cost(objects, size, Counter({kind: count * objects for kind, count in each.items()}))
    return need if prices is None else replace(need, money=prices.of(need.bytes, need.requests))
