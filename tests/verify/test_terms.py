"""What the estate, the command line and a tariff together allow to be spent on each copy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from drcheck.errors import ConfigError
from drcheck.estate.schema import Estate
from drcheck.model import CopyFacts, Fact, Observed, Points, Reason, Source, Unobserved
from drcheck.open_estate import checked_estate
from drcheck.verify.budget import Allowance, Budget, Cost
from drcheck.verify.terms import Asked, priced, terms
from tests.verify.test_tariff import PRICES

ESTATE = """\
schema = "drcheck.estate/1"
policies = ["uk-caf-b5"]

[verify]
tariff = "tariff.toml"

[organisation]
id = "north"
name = "North Hospital"
country = "GB"

[[sites]]
id = "main"
name = "Main"

[[systems]]
id = "epr"
name = "Patient record"
tier = "critical"
owner = "CCIO"
production = { site = "main" }
rpo = "24h"

[[targets]]
id = "nas"
connector = "local"
site = "main"
options = { root = "nas" }

[[targets]]
id = "bucket"
connector = "s3"
site = "main"
options = { bucket = "backups", region = "eu-west-2", access_key = "env:A", secret_key = "env:B" }

[[copies]]
system = "epr"
target = "nas"
format = "mirror"

[[copies]]
system = "epr"
target = "bucket"
format = "mirror"
"""
GIB = 2**30
NOT_SEEN = Unobserved(Reason.UNREACHABLE, "it did not answer")
CYCLES = {"epr@nas": timedelta(days=10), "epr@bucket": timedelta(days=30)}
UNPRICED = PRICES.replace("[targets.vault]", "[connectors.sftp]")


def estate(tmp_path: Path, old: str = "", new: str = "", prices: str = UNPRICED) -> Estate:
    assert old in ESTATE
    (tmp_path / "tariff.toml").write_text(prices)
    return checked_estate(tmp_path / "estate.toml", ESTATE.replace(old, new, 1).encode())


def copy(target: str, objects: int, size: int) -> CopyFacts:
    points = Points(1, (), (), None, (), objects, size, 0, ())
    seen: Fact[Points] = Observed(points, datetime(2026, 3, 1, tzinfo=UTC), Source.OBSERVED)
    return CopyFacts("epr", target, seen, NOT_SEEN, NOT_SEEN)


COPIES = (copy("nas", 100, 100 * GIB), copy("bucket", 300, 300 * GIB))


def fits(allowance: Allowance, size: int) -> int:
    return next(count for count in range(100_000) if not allowance.take(size))


def test_shares_are_by_what_must_be_read_a_night(tmp_path: Path) -> None:
    found = terms(estate(tmp_path, "tariff =", 'budget = { bytes = "40GiB" }\ntariff ='), COPIES, CYCLES, Asked())
    assert (found.budget, list(found.allowances)) == (Budget(bytes=40 * GIB), ["epr@nas", "epr@bucket"])
    assert [fits(allowance, GIB) for allowance in found.allowances.values()] == [20, 20], "a tenth of 100, and a thirtieth of 300"


def test_requests_are_shared_by_requests_and_cost_what_the_tariff_says(tmp_path: Path) -> None:
    found = terms(estate(tmp_path), COPIES, CYCLES, Asked(budget=Budget(requests={"get": 500}))).allowances
    assert fits(found["epr@bucket"], 100) == 500, "at the disk nobody counts requests"
    assert found["epr@bucket"].spent.money == Decimal("0.0004") * 500 / 1000 + Decimal("0.09") * 50_000 / GIB
    assert found["epr@nas"].take(GIB)
    assert found["epr@nas"].spent == Cost(1, GIB)


def test_the_budget_of_a_target_holds_beside_that_of_the_run(tmp_path: Path) -> None:
    opened = estate(tmp_path, 'id = "bucket"', 'id = "bucket"\nbudget = { money = "0.9", time = "1h" }')
    found = terms(opened, COPIES, CYCLES, Asked(budget=Budget(bytes=100 * GIB, seconds=7200))).allowances
    assert fits(found["epr@bucket"], GIB) == 9, "the tenth GiB and its requests would cost more than that"
    assert (found["epr@bucket"].seconds, found["epr@nas"].seconds) == (3600, 7200)


def test_what_is_asked_for_stands_in_for_what_is_declared() -> None:
    declared = Budget(bytes=10, seconds=5.0, requests={"get": 5, "head": 1}, money=Decimal(1))
    assert Asked().over(declared) == declared
    assert Asked(budget=Budget(bytes=20, requests={"get": 9})).over(declared) == Budget(20, 5.0, {"get": 9, "head": 1}, Decimal(1))
    assert Asked(budget=Budget(seconds=1.0, money=Decimal(0))).over(declared) == Budget(10, 1.0, {"get": 5, "head": 1}, Decimal(0))


def test_a_copy_that_was_not_seen_or_is_empty_has_an_allowance_too(tmp_path: Path) -> None:
    unseen = CopyFacts("epr", "nas", NOT_SEEN, NOT_SEEN, NOT_SEEN)
    found = terms(estate(tmp_path), (unseen, copy("bucket", 0, 0)), CYCLES, Asked(budget=Budget(bytes=100))).allowances
    assert [fits(allowance, 10) for allowance in found.values()] == [5, 5]


def test_money_cannot_be_kept_to_without_prices(tmp_path: Path) -> None:
    money = Asked(budget=Budget(money=Decimal(5)))
    unnamed = estate(tmp_path, 'tariff = "tariff.toml"\n', "")
    assert priced(unnamed, Asked()) is None
    with pytest.raises(ConfigError, match="a budget of money needs a tariff: name one with --tariff"):
        priced(unnamed, money)
    tariff = priced(unnamed, Asked(budget=money.budget, tariff=tmp_path / "tariff.toml"))
    assert tariff is not None
    assert tariff.currency == "GBP"
    without = estate(tmp_path, prices=UNPRICED.replace("connectors.s3", "connectors.other").replace("connectors.local", "connectors.tape"))
    assert priced(without, Asked()) is not None, "prices that no budget needs may be missing"
    with pytest.raises(ConfigError) as raised:
        priced(without, money)
    assert [problem.key for problem in raised.value.problems] == ["targets.nas", "targets.bucket"]
    assert "[connectors.local], with free = true" in raised.value.problems[0].hint


def test_only_targets_under_a_budget_of_money_need_prices(tmp_path: Path) -> None:
    prices = UNPRICED.replace("connectors.local", "connectors.tape")
    opened = estate(tmp_path, 'id = "bucket"', 'id = "bucket"\nbudget = { money = "0.9" }', prices)
    assert fits(terms(opened, COPIES, CYCLES, Asked()).allowances["epr@bucket"], GIB) == 9
