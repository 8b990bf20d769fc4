"""An estate at a glance, as people and programs see it."""

from __future__ import annotations

import json
from pathlib import Path

from drcheck.estate.load import parse_estate
from drcheck.estate.overview import as_json, as_tables, summary
from drcheck.estate.schema import Estate
from tests.estate.examples import GOOD, options_of, replaced

FILE = Path("estate.toml")


def estate(text: str = GOOD) -> Estate:
    return parse_estate(FILE, text.encode(), options_of)


def test_things_are_counted_in_words() -> None:
    assert summary(estate()) == "2 systems, 2 targets, 2 copies, 1 policy"


def test_tables_show_what_is_declared_and_what_has_no_copy() -> None:
    text = as_tables(estate())
    assert "epr@" not in text
    assert any(line.split()[:4] == ["epr", "vault", "away", "(off-site)"] for line in text.splitlines())
    assert "Without any copy: lab" in text


def test_failure_domains_that_a_target_shares_are_listed_with_who_shares_them() -> None:
    text = as_tables(estate(replaced('name = "Away"', 'name = "Away"\ndomains = { cooling = "chiller-2", power = "feed-b" }')))
    shared = text.split("Shared failure domains", 1)[1]
    assert [line.split() for line in shared.splitlines() if line.startswith("cooling")] == [
        ["cooling", "chiller-1", "epr,", "lab", "nas"],
        ["cooling", "chiller-2", "epr,", "lab", "nas,", "vault"],
    ]
    assert "feed-b" not in shared


def test_hostile_names_cannot_steer_the_terminal() -> None:
    text = as_tables(estate(replaced('name = "Away"', 'name = "Away\\u001b[2J\\u202e"')))
    assert "\x1b" not in text
    assert r"Away\x1b[2J\u202e" in text


def test_what_a_night_may_use_up_is_shown_where_it_is_declared() -> None:
    assert "Read within a cycle of each copy's own; no limit to a night; tariff: none\n" in as_tables(estate())
    head = "[verify]\ncycle = '30d'\ntariff = 't.toml'\nbudget = { bytes = '2TiB', time = '90m', money = '5.00' }\n[organisation]"
    text = replaced('path = "epr/full"', 'cycle = "90d"', replaced("[organisation]", head))
    shown = as_tables(estate(replaced('id = "vault"', 'id = "vault"\nbudget = { requests = { get = 20000 } }', text)))
    assert "Read within 30d; at most 2.0 TiB, 1h 30m, 5.00 of money a night; tariff: t.toml\n" in shown
    (vault,) = [line for line in shown.splitlines() if line.startswith("vault ")]
    assert vault.endswith("at most 20,000 get requests a night")
    cycles = [line.split() for line in shown.splitlines() if line.startswith("epr ")][1:]
    assert [("30d" in words, "90d" in words) for words in cycles] == [(True, False), (False, True)]


def test_json_holds_sizes_and_money_as_they_can_be_written() -> None:
    head = "[verify]\ntariff = 't.toml'\nbudget = { bytes = '1.5TB', money = 0.1 }\n[organisation]"
    document = json.loads(as_json(estate(replaced("[organisation]", head))))
    assert document["verify"] == {"budget": {"bytes": "1464843750KiB", "requests": {}, "money": "0.1"}, "tariff": "t.toml"}


def test_numbers_in_names_stay_as_they_are_written() -> None:
    assert "0012e5" in as_tables(estate(replaced('name = "Away"', 'name = "0012e5"')))


def test_json_has_the_keys_of_the_file_and_durations_without_rounding() -> None:
    document = json.loads(as_json(estate(replaced('rpo = "24h"', 'rpo = "1d2h3m4s"'))))
    assert document["file"] == "estate.toml"
    assert document["schema"] == "drcheck.estate/1"
    assert document["systems"][0]["rpo"] == "1d2h3m4s"
    assert document["targets"][1]["options"]["password"] == "env:VAULT"


def test_json_shows_a_command_without_its_arguments() -> None:
    text = as_json(estate(replaced('"env:VAULT"', '"command:vault read --pin 4711"')))
    assert "4711" not in text
    assert json.loads(text)["targets"][1]["options"]["password"] == "command:vault …"
