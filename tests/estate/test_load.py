"""Loading an estate: what is right is taken as it is meant, and what is wrong is named, all of it at once."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from drcheck.errors import ConfigError, Problem
from drcheck.estate.load import load_estate
from drcheck.estate.schema import Budget
from tests.estate.examples import GOOD, options_of, problems_of, replaced


def the_only_problem(tmp_path: Path, content: str) -> Problem:
    problems = problems_of(tmp_path, content)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def test_a_right_estate_is_loaded_with_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(GOOD)
    estate = load_estate(file, options_of)
    assert estate.file == file
    assert estate.digest == f"sha256:{hashlib.sha256(GOOD.encode()).hexdigest()}"
    assert estate.drills == tmp_path / "drills.toml"
    assert estate.system("epr").rpo == timedelta(hours=24)
    assert estate.site("main").domains == {"power": "feed-a", "cooling": ("chiller-1", "chiller-2"), "key": "vault-key"}
    assert [copy.id for copy in estate.copies] == ["epr@nas", "epr@vault"]


VERIFY = """\
[verify]
cycle = "30d"
tariff = "tariff.toml"
budget = { bytes = "1.5 TiB", time = "6h", requests = { get = 100000 }, money = 0.0004 }

[organisation]
"""


def test_how_backups_are_read_can_be_declared(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    text = replaced('path = "epr/full"', 'cycle = "90d"', replaced('id = "vault"', 'id = "vault"\nbudget = { money = "5.00" }'))
    file.write_text(replaced("[organisation]\n", VERIFY, text))
    estate = load_estate(file, options_of)
    assert (estate.verify.cycle, estate.verify.tariff) == (timedelta(days=30), tmp_path / "tariff.toml")
    assert estate.verify.budget == Budget(bytes="1536GiB", time="6h", requests={"get": 100_000}, money="0.0004")
    assert estate.verify.budget.bytes == 3 * 2**39
    assert (estate.target("nas").budget, estate.target("vault").budget.money) == (Budget(), Decimal("5.00"))
    assert [copy.cycle for copy in estate.copies] == [None, timedelta(days=90)]


def test_without_a_word_about_it_nothing_is_limited(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(GOOD)
    verify = load_estate(file, options_of).verify
    assert (verify.cycle, verify.tariff, verify.budget) == (None, None, Budget())
    assert (verify.budget.bytes, verify.budget.time, verify.budget.requests, verify.budget.money) == (None, None, {}, None)


@pytest.mark.parametrize("written", ["nan", "inf", "true", "-1", '"-1"', '"1,000"', '"1e3"', '""', '"\u0661"', "1e300"])
def test_what_is_no_amount_of_money_is_refused(tmp_path: Path, written: str) -> None:
    problem = the_only_problem(tmp_path, replaced("[organisation]", f"[verify]\ntariff = 't'\nbudget = {{ money = {written} }}\n[organisation]"))
    assert problem.key == "verify.budget.money"
    assert "an amount of money is a number" in problem.message


@pytest.mark.parametrize(("written", "amount"), [("0", "0"), ("0.1", "0.1"), ('" 5.00 "', "5.00"), ("1e-5", "0.00001"), ("12", "12")])
def test_an_amount_of_money_is_what_was_written(tmp_path: Path, written: str, amount: str) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(replaced("[organisation]", f"[verify]\ntariff = 't'\nbudget = {{ money = {written} }}\n[organisation]"))
    assert str(load_estate(file, options_of).verify.budget.money) == amount


def test_a_system_without_copies_is_a_finding_and_no_problem(tmp_path: Path) -> None:
    assert "lab" not in GOOD.split("[[copies]]", 1)[1]
    assert problems_of(tmp_path, GOOD) == ()


def test_options_are_not_looked_at_without_a_lookup(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(GOOD.replace('"nas.example"', "5"))
    load_estate(file)
    with pytest.raises(ConfigError):
        load_estate(file, options_of)


def test_only_what_the_estate_names_is_looked_up(tmp_path: Path) -> None:
    asked: list[tuple[str, str, tuple[str, ...]]] = []
    file = tmp_path / "estate.toml"
    file.write_text(replaced("policies =", 'plugins = ["drcheck-tape"]\npolicies ='))
    load_estate(file, lambda noun, kind, trusted: asked.append((noun, kind, tuple(trusted))) or options_of(noun, kind, trusted))  # type: ignore[func-returns-value]
    assert set(asked) == {("connector", "box", ("drcheck-tape",)), ("format", "plain", ("drcheck-tape",))}


@pytest.mark.parametrize(
    ("old", "new", "key", "message", "hint"),
    [
        ('rpo = "24h"', 'retentoin = "9d"\nrpo = "24h"', "systems[0] (epr).retentoin", "unknown key; allowed here: id, name, tier", '"retention"?'),
        ('rpo = "24h"', "rpo = 24", "systems[0] (epr).rpo", "24: a duration is text with a number and a unit", ""),
        ('rpo = "24h"', 'rpo = "a day"', "systems[0] (epr).rpo", "'a day' is not a duration", ""),
        ('rpo = "24h"', 'rpo = "0h"', "systems[0] (epr).rpo", '"0h": a duration must be longer than nothing', ""),
        ('rpo = "24h"\n', "", "systems[0] (epr).rpo", "is missing: Recovery point objective", 'for example rpo = "24h"'),
        (
            'tier = "critical"',
            'tier = "critcal"',
            "systems[0] (epr).tier",
            'must be one of critical, important, routine, not "critcal"',
            '"critical"',
        ),
        ('tier = "critical"', "tier = 1", "systems[0] (epr).tier", "must be one of critical, important, routine, not 1", ""),
        ('owner = "CCIO"', 'owner = ""', "systems[0] (epr).owner", "must not be empty", ""),
        ('owner = "CCIO"', "owner = ['a']", "systems[0] (epr).owner", "must be text in quotes, not a list", ""),
        ('owner = "CCIO"', "owner = 2026-03-01", "systems[0] (epr).owner", "must be text in quotes, not 2026-03-01", ""),
        ('id = "north"', 'id = "North Hospital"', "organisation.id", '"North Hospital": an id has lower-case letters', ""),
        ('country = "GB"', 'country = "UK"', "organisation.country", 'write "GB"', ""),
        ('country = "GB"', 'country = "gb"', "organisation.country", 'such as "GB"', ""),
        ('power = "feed-a"', 'pwoer = "feed-a"', "sites[0] (main).domains.pwoer", "unknown key; allowed here: building, power", '"power"'),
        ('power = "feed-a"', "power = 3", "sites[0] (main).domains.power", "3: write one name, or a list of names", ""),
        ('power = "feed-a"', "power = []", "sites[0] (main).domains.power", "write one name, or a list of names", ""),
        ('power = "feed-a"', 'power = ["a", " "]', "sites[0] (main).domains.power", "none of them empty", ""),
        (
            'site = "main", device',
            'site = "mian", device',
            "systems[0] (epr).production.site",
            'no site has the id "mian"; declared: main, away',
            '"main"',
        ),
        ('site = "away"', 'site = "awya"', "targets[1] (vault).site", 'no site has the id "awya"', '"away"'),
        ('system = "epr"\ntarget = "vault"', 'system = "xyz"\ntarget = "vault"', "copies[1] (xyz@vault).system", 'no system has the id "xyz"', ""),
        ('target = "vault"', 'target = "valut"', "copies[1] (epr@valut).target", 'no target has the id "valut"; declared: nas, vault', '"vault"'),
        ('target = "vault"', 'target = "nas"', "copies[1] (epr@nas)", "is already declared by copies[0]", "declare a second target"),
        ("[[systems]]", '[[sites]]\nid = "main"\nname = "Main"\n[[systems]]', "sites[2] (main).id", '"main" is already the id of sites[0]', ""),
        ('id = "lab"', 'id = "epr"', "systems[1] (epr).id", '"epr" is already the id of systems[0]', ""),
        ('["uk-caf-b5"]', "[]", "policies", "must have at least one entry", ""),
        ('["uk-caf-b5"]', '"uk-caf-b5"', "policies", 'must be a list, written as [ … ], not "uk-caf-b5"', ""),
        ('["uk-caf-b5"]', '["uk-caf-b5", "uk-caf-b5"]', "policies[1]", "is named twice", ""),
        ('"drcheck.estate/1"', '"drcheck.estate/2"', "schema", 'must be drcheck.estate/1, not "drcheck.estate/2"', ""),
        ('path = "epr/full"', 'path = "../epr"', "copies[1] (epr@vault).path", 'without ".."', ""),
        ('path = "epr/full"', 'path = "/epr"', "copies[1] (epr@vault).path", "leading /", ""),
        ('path = "epr/full"', 'manifest = "SHA256SUMS"', "copies[1] (epr@vault).manifest", "must be a table, written as { key = value }", ""),
        ('path = "epr/full"', "since = 2026-01-01T00:00:00Z", "copies[1] (epr@vault).since", "a date is written as 2026-03-01", ""),
        ('id = "vault"', 'id = "vault"\nimmutable = "no"', "targets[1] (vault).immutable", 'must be true or false, not "no"', ""),
        ("policies", "rehearsal = 0\npolicies", "rehearsal", "must be true or false, not 0", ""),
        ('drills = "drills.toml"', 'drills = ""', "drills", "a path must not be empty", ""),
        ('drills = "drills.toml"', 'drills = "~nobody-of-that-name/x"', "drills", "the home folder of ~nobody-of-that-name is not known", ""),
        ('drills = "drills.toml"', 'drills = "a\\u0000b"', "drills", "NUL", ""),
        ('host = "nas.example"', "host = 5", "targets[0] (nas).options.host", "must be text in quotes, not 5", ""),
        (
            'host = "nas.example"',
            'hots = "x", host = "y"',
            "targets[0] (nas).options.hots",
            "unknown key; allowed here: host, port, password, known_hosts",
            '"host"',
        ),
        ('options = { host = "nas.example" }\n', "", "targets[0] (nas).options.host", "is missing", ""),
        ('options = { host = "nas.example" }', 'options = "nas"', "targets[0] (nas).options", "must be a table", ""),
        ('host = "nas.example"', 'host = "x", port = "y"', "targets[0] (nas).options.port", 'must be a whole number, not "y"', ""),
        ('connector = "box"', 'connector = "bx"', "targets[0] (nas).connector", "no connector is called 'bx'", ""),
        ('format = "plain"', 'format = "palin"', "copies[0] (epr@nas).format", "no format is called 'palin'", ""),
        ('format = "plain"', 'format = "plain"\noptions = { x = 1 }', "copies[0] (epr@nas).options.x", "unknown key; allowed here: pattern", ""),
        ("[organisation]", "verify = 3\n[organisation]", "verify", "must be a table", ""),
        ("[organisation]", "[verify]\ncylce = '30d'\n[organisation]", "verify.cylce", "unknown key; allowed here: cycle, budget, tariff", '"cycle"'),
        ("[organisation]", "[verify]\ncycle = 30\n[organisation]", "verify.cycle", "30: a duration is text with a number and a unit", ""),
        ("[organisation]", "[verify.budget]\nbytes = 5\n[organisation]", "verify.budget.bytes", "5: a size is text with a number and a unit", ""),
        ("[organisation]", "[verify.budget]\nbytes = '5'\n[organisation]", "verify.budget.bytes", "'5' is not a size", ""),
        ("[organisation]", "[verify.budget]\nbytes = '0B'\n[organisation]", "verify.budget.bytes", '"0B": a size must be more than nothing', ""),
        ("[organisation]", "[verify.budget]\ntime = '0s'\n[organisation]", "verify.budget.time", "must be longer than nothing", ""),
        (
            "[organisation]",
            "[verify.budget.requests]\ngets = 5\n[organisation]",
            "verify.budget.requests.gets",
            "unknown key; allowed here: list, get, head",
            '"get"',
        ),
        ("[organisation]", "[verify.budget.requests]\nget = 0\n[organisation]", "verify.budget.requests.get", "must be at least 1, not 0", ""),
        (
            "[organisation]",
            "[verify.budget.requests]\nget = '5'\n[organisation]",
            "verify.budget.requests.get",
            'must be a whole number, not "5"',
            "",
        ),
        ("[organisation]", "[verify.budget]\nmoney = 5\n[organisation]", "verify.budget.money", "none is named", 'add tariff = "tariff.toml"'),
        (
            "[organisation]",
            "[verify]\ntariff = 'tariff.toml'\nbudget = { money = '5 EUR' }\n[organisation]",
            "verify.budget.money",
            '"5 EUR": an amount of money is a number without sign, currency',
            "",
        ),
        ("[organisation]", "[verify]\ntariff = ''\n[organisation]", "verify.tariff", "a path must not be empty", ""),
        ('id = "vault"', 'id = "vault"\nbudget = { money = "5" }', "targets[1] (vault).budget.money", "none is named", "to [verify]"),
        ('id = "vault"', 'id = "vault"\nbudget = "5GiB"', "targets[1] (vault).budget", "must be a table", ""),
        ('path = "epr/full"', 'cycle = "0d"', "copies[1] (epr@vault).cycle", "must be longer than nothing", ""),
        ('name = "Away"', 'name = "Away"\n"a key\\u001b" = 1', r'sites[1] (away)."a key\\x1b"', "unknown key", ""),
    ],
)
def test_one_mistake_is_one_problem_that_says_where_what_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, key: str, message: str, hint: str
) -> None:
    problem = the_only_problem(tmp_path, replaced(old, new))
    assert problem.key == key
    assert message in problem.message
    assert hint in problem.hint


def test_every_problem_is_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = replaced('country = "GB"', 'country = "XXX"')
    text = replaced('rpo = "24h"', "rpo = 24", text)
    text = replaced('host = "nas.example"', "hots = 1", text)
    text = replaced('target = "vault"', 'target = "nowhere"', text)
    text = replaced('policies = ["uk-caf-b5"]\n', "", text)
    assert [problem.key for problem in problems_of(tmp_path, text)] == [
        "organisation.country",
        "systems[0] (epr).rpo",
        "targets[0] (nas).options.host",
        "targets[0] (nas).options.hots",
        "copies[1] (epr@nowhere).target",
        "policies",
    ]


def test_an_entry_that_is_wrong_does_not_hide_that_references_to_it_are_right(tmp_path: Path) -> None:
    assert the_only_problem(tmp_path, replaced('name = "Main"', "name = 5")).key == "sites[0] (main).name"


def test_a_section_that_is_no_list_is_one_problem(tmp_path: Path) -> None:
    assert (
        the_only_problem(
            tmp_path, replaced('[[sites]]\nid = "main"', '[sites]\nid = "main"').replace('[[sites]]\nid = "away"\nname = "Away"\n', "")
        ).key
        == "sites"
    )


def test_a_value_cannot_forge_a_line_even_where_a_validator_repeats_it(tmp_path: Path) -> None:
    problem = the_only_problem(tmp_path, replaced('format = "plain"', 'format = "plain"\noptions = { pattern = "x\\nforged: all is well" }'))
    assert problem.message == r"x\x0aforged: all is well is refused as it stands"


@pytest.mark.parametrize("number", ["9223372036854775808", "0x" + "f" * 5000])
def test_a_number_that_toml_does_not_allow_is_refused(tmp_path: Path, number: str) -> None:
    problem = the_only_problem(tmp_path, replaced('owner = "CCIO"', f"owner = {number}"))
    assert (problem.key, problem.message) == ("systems[0] (epr).owner", "the number is too large")


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    assert "nested" in the_only_problem(tmp_path, GOOD + ".".join(["a"] * 3000) + " = 1\n").message


@pytest.mark.parametrize(
    ("written", "valid"), [("2026-03-01", True), ('"2026-03-01"', True), ("2026-03-01T00:00:00Z", True), ("2026-03-01T00:00:00", False)]
)
def test_when_a_target_was_connected_is_a_day_or_a_moment_with_its_zone(tmp_path: Path, written: str, valid: bool) -> None:
    problems = problems_of(tmp_path, replaced('id = "vault"', f'id = "vault"\noffline = {{ rotation = "7d", last_connected = {written} }}'))
    assert [problem.key for problem in problems] == ([] if valid else ["targets[1] (vault).offline.last_connected"])
