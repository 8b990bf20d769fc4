"""The JSON Schema of the estate file agrees with the loader."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from drcheck.estate.reference import estate_schema, key_table
from drcheck.estate.schema import Estate, System
from drcheck.estate.starter import Answers, starter
from tests.estate.examples import GOOD, replaced


def errors(text: str) -> list[str]:
    document = as_json(tomllib.loads(text))
    return [
        error.json_path for error in Draft202012Validator(estate_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(document)
    ]


def as_json(value: Any) -> Any:
    match value:
        case dict():
            return {key: as_json(item) for key, item in value.items()}
        case list():
            return [as_json(item) for item in value]
        case date() | datetime():
            return value.isoformat()
        case _:
            return value


def test_it_is_a_schema_with_a_name_and_a_title() -> None:
    schema = estate_schema()
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"], schema["title"]) == (
        "https://json-schema.org/draft/2020-12/schema",
        "urn:drcheck:estate:1",
        "drcheck estate",
    )


VERIFY = """\
[verify]
cycle = "30d"
tariff = "tariff.toml"
budget = { bytes = "1.5 TiB", time = "6h", requests = { get = 100000 }, money = 0.0004 }

[organisation]"""


@pytest.mark.parametrize("text", [GOOD, starter(Answers()), replaced("[organisation]", VERIFY)])
def test_it_accepts_what_the_loader_accepts(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('rpo = "24h"', 'rpo = "a day"', "$.systems[0].rpo"),
        ('rpo = "24h"', 'rop = "24h"', "$.systems[0]"),
        ('country = "GB"', 'country = "gb"', "$.organisation.country"),
        ('power = "feed-a"', "power = []", "$.sites[0].domains.power"),
        ('path = "epr/full"', 'since = "yesterday"', "$.copies[1].since"),
        ('tier = "critical"', 'tier = "high"', "$.systems[0].tier"),
        ("[organisation]", "[verify.budget]\nbytes = '5'\n[organisation]", "$.verify.budget.bytes"),
        ("[organisation]", "[verify.budget]\nmoney = '5 EUR'\n[organisation]", "$.verify.budget.money"),
        ("[organisation]", "[verify.budget.requests]\ngets = 5\n[organisation]", "$.verify.budget.requests"),
    ],
)
def test_it_refuses_what_the_loader_refuses(old: str, new: str, place: str) -> None:
    assert place in errors(replaced(old, new))


def test_every_key_is_described() -> None:
    definitions = estate_schema()["$defs"]
    for name, part in {"Estate": estate_schema(), **definitions}.items():
        assert part.get("description"), name
        for key, field in part["properties"].items():
            assert field.get("description"), f"{name}.{key}"


def test_every_example_is_right() -> None:
    for definition in [estate_schema(), *estate_schema()["$defs"].values()]:
        for key, field in definition["properties"].items():
            for example in field.get("examples", ()):
                schema = {"$defs": estate_schema()["$defs"], **field}
                if "properties" in schema.get("$defs", {}).get(str(field.get("$ref", "")).rpartition("/")[2], {}):
                    continue
                assert not list(Draft202012Validator(schema).iter_errors(example)), key


def test_a_table_has_a_line_for_every_key() -> None:
    lines = key_table(System).splitlines()
    assert len(lines) == 2 + len(System.model_fields)
    assert '| `rpo` | duration | **required** | Recovery point objective: the most data, in time, that may be lost. Example: `rpo = "24h"` |' in lines
    assert any(line.startswith('| `tier` | `"critical"`, `"important"`, `"routine"` |') for line in lines)
    assert "| `immutable` |" not in "\n".join(lines)
    assert Estate.__doc__
