"""A tariff is read whole or refused with everything that is wrong in it, and what it does not price is not free."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from drcheck.errors import ConfigError
from drcheck.estate.load import parse_estate
from drcheck.estate.schema import Budget, Verify
from drcheck.verify.budget import Cost
from drcheck.verify.tariff import Tariff, load_tariff
from tests.estate.examples import GOOD

GIB = 2**30
PRICES = """\
schema = "drcheck.tariff/1"
currency = "GBP"

[connectors.s3]
requests = { list = "0.005", get = 0.0004, head = "0.0002" }
egress = "0.08"
retrieval = "0.01"
source = "an invented price list"
date = 2026-03-01

[connectors.local]
free = true
source = "our own disks"
date = "2026-01-15"

[targets.vault]
requests = { list = 1, get = 1, head = 1 }
egress = 0
retrieval = 0
source = "contract 4711, annex B"
date = 2026-02-01
"""


def loaded(tmp_path: Path, text: str = PRICES) -> Tariff:
    file = tmp_path / "tariff.toml"
    file.write_text(text)
    return load_tariff(file)


def problems_of(tmp_path: Path, old: str, new: str) -> list[tuple[str, str, str]]:
    assert old in PRICES
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, PRICES.replace(old, new, 1))
    assert {problem.file for problem in raised.value.problems} == {str(tmp_path / "tariff.toml")}
    return [(problem.key, problem.message, problem.hint) for problem in raised.value.problems]


def test_the_parts_of_a_price_add_up(tmp_path: Path) -> None:
    tariff = loaded(tmp_path)
    for cost, price in (
        (Cost(bytes=GIB), "0.09"),
        (Cost(bytes=10 * GIB, requests=Counter(get=1_000_000, head=5_000, list=2_000)), "1.311"),
        (Cost(requests=Counter(get=1)), "0.0000004"),
        (Cost(objects=7), "0"),
    ):
        assert tariff.price("any", "s3", cost) == Decimal(price)
    assert (tariff.currency, tariff.oldest()) == ("GBP", date(2026, 1, 15))


def test_a_target_with_prices_of_its_own_has_those(tmp_path: Path) -> None:
    tariff = loaded(tmp_path)
    cost = Cost(bytes=GIB, requests=Counter(get=1000))
    assert tariff.price("vault", "s3", cost) == 1
    assert tariff.price("nas", "local", cost) == 0


def test_what_is_not_priced_is_not_free(tmp_path: Path) -> None:
    tariff = loaded(tmp_path)
    assert tariff.prices("nas", "sftp") is None
    with pytest.raises(ConfigError, match=r"tariff.toml: has no prices for the target nas \(sftp\); add \[targets.nas\] or \[connectors.sftp\]"):
        tariff.price("nas", "sftp", Cost())


@pytest.mark.parametrize(
    ("old", "new", "key", "message", "hint"),
    [
        ('"drcheck.tariff/1"', '"drcheck.tariff/2"', "schema", "must be drcheck.tariff/1", ""),
        ('"GBP"', '"pounds"', "currency", 'must have the form ^[A-Z]{3}$, not "pounds"', ""),
        ('currency = "GBP"\n', "", "currency", "is missing: ISO 4217 code", 'for example currency = "GBP"'),
        ('get = 0.0004, head = "0.0002"', "get = 0.0004", "connectors.s3.requests.head", "is missing: Asking about an object", "for example"),
        ("get = 0.0004", "got = 1, get = 0.0004", "connectors.s3.requests.got", "unknown key; allowed here: list, get, head", '"get"'),
        ("get = 0.0004", "get = -1", "connectors.s3.requests.get", "-1: an amount of money is a number without sign", ""),
        ('egress = "0.08"', 'egress = "0,08"', "connectors.s3.egress", '"0,08": an amount of money is', ""),
        ('egress = "0.08"\n', "", "connectors.s3.egress", "is missing: For a GiB that leaves the place", 'write "0" where it costs nothing'),
        ('retrieval = "0.01"\n', "", "connectors.s3.retrieval", "is missing: For a GiB", "free = true where nothing does"),
        ('requests = { list = "0.005", get = 0.0004, head = "0.0002" }\n', "", "connectors.s3.requests", "is missing: For 1,000 requests", ""),
        ("free = true", "free = true\negress = 1", "connectors.local.egress", "stands beside free = true", "leave one of them out"),
        ('source = "our own disks"\n', "", "connectors.local.source", "is missing: Where the prices stand", ""),
        ('source = "our own disks"', 'source = " "', "connectors.local.source", "must not be empty", ""),
        ("date = 2026-02-01\n", "", "targets.vault.date", "is missing: The day on which they were looked up", ""),
        ("date = 2026-02-01", "date = 2026", "targets.vault.date", "2026: a date is written as 2026-03-01", ""),
        ("[targets.vault]", "[traget]\n[targets.vault]", "traget", "unknown key; allowed here: schema, currency, connectors, targets", '"targets"'),
        ('"contract 4711, annex B"', '"https://me:s3cret@example.org/"', "targets.vault.source", "", ""),
    ],
)
def test_one_mistake_is_one_problem(tmp_path: Path, old: str, new: str, key: str, message: str, hint: str) -> None:
    ((found, said, help_),) = problems_of(tmp_path, old, new)
    assert (found, message in said, hint in help_) == (key, True, True), (found, said, help_)
    assert "s3cret" not in said


def test_only_true_is_free(tmp_path: Path) -> None:
    ((key, message, _),) = problems_of(tmp_path, "free = true", 'free = "yes"\nrequests = { list = 0, get = 0, head = 0 }\negress = 0\nretrieval = 0')
    assert (key, message) == ("connectors.local.free", 'must be true or false, not "yes"')


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    text = PRICES.replace('"GBP"', "5").replace('egress = "0.08"\n', "").replace("date = 2026-02-01", 'date = "x"').replace("head = 1", "hat = 1")
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, text)
    assert sorted(problem.key for problem in raised.value.problems) == [
        "connectors.s3.egress",
        "currency",
        "targets.vault.date",
        "targets.vault.requests.hat",
        "targets.vault.requests.head",
    ]


@pytest.mark.parametrize("text", ["targets = 3\n", "[targets]\nvault = 3\n", "[connectors]\ns3 = []\n", "", "x = ["])
def test_what_is_no_tariff_at_all_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"tariff\.toml"):
        loaded(tmp_path, text)


def test_a_missing_file_says_where_to_find_an_example(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file; expected a tariff of prices \(docs/verify.md shows one"):
        load_tariff(tmp_path / "tariff.toml")


def test_prices_of_a_target_that_is_not_declared_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "tariff.toml"
    estate = parse_estate(tmp_path / "estate.toml", GOOD.encode())
    file.write_text(PRICES)
    assert load_tariff(file, estate).prices("vault", "box") is not None
    file.write_text(PRICES.replace("[targets.vault]", "[targets.valut]"))
    with pytest.raises(ConfigError, match=re.escape('targets.valut: no target has the id "valut"; declared: nas, vault (did you mean "vault"?)')):
        load_tariff(file, estate)


def test_the_examples_in_the_documentation_are_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text(encoding="utf-8")
    declared, example = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    verify, target = tomllib.loads(declared)["verify"], tomllib.loads(declared)["targets"][0]
    assert Verify.model_validate(verify).budget.bytes == 2 * 2**40
    assert Budget.model_validate(target["budget"]).money == 2
    tariff = loaded(tmp_path, example)
    assert "**invented**" in page
    assert tariff.price("offsite-bucket", "s3", Cost(bytes=GIB, requests=Counter(get=1000))) == Decimal("0.091")
    assert tariff.price("nas", "local", Cost(bytes=GIB)) == 0
