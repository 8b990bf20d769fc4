"""The options that say how much one run reads."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from drcheck.cli.verify_options import verify_options
from drcheck.verify.budget import Budget
from drcheck.verify.terms import Asked


def asked(*arguments: str) -> Asked | str:
    """What a command with these options is given, or what is said against them."""
    given: list[Asked] = []

    @click.command()
    @verify_options
    @click.option("--other", default="x")
    def command(other: str, asked: Asked) -> None:
        assert other == "x"
        given.append(asked)

    done = CliRunner().invoke(command, list(arguments))
    if done.exit_code == 0 and "--help" not in arguments:
        return given[0]
    assert done.exit_code == (0 if "--help" in arguments else 2)
    return " ".join(done.output.split())


def test_nothing_is_asked_for_by_default() -> None:
    assert asked() == Asked()


def test_everything_can_be_asked_for() -> None:
    limits = "--budget-bytes 1.5TiB --budget-time 90m --budget-requests get=100000 --budget-requests list=5 --budget-money 5.00"
    assert asked("--cycle", "30d", *limits.split(), "--tariff", "t.toml", "--full") == Asked(
        timedelta(days=30), Budget(3 * 2**39, 5400.0, {"get": 100_000, "list": 5}, Decimal("5.00")), Path("t.toml"), True
    )


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--cycle", "30", "'30' is not a duration"),
        ("--budget-bytes", "5", "'5' is not a size; write a number and a unit"),
        ("--budget-bytes", "0B", "must be more than nothing"),
        ("--budget-time", "0s", "must be longer than nothing"),
        ("--budget-requests", "100", "such as get=100000; classes: list, get, head"),
        ("--budget-requests", "put=1", "'put=1' is not a class of requests and a number"),
        ("--budget-requests", "get=0", "'get=0' is not a class"),
        ("--budget-requests", "get=-1", "'get=-1' is not a class"),
        ("--budget-requests", "get=\u0661", "is not a class"),
        ("--budget-requests", f"get={'9' * 5000}", "is not a class"),
        ("--budget-money", "-1", "an amount of money is a number without sign"),
        ("--budget-money", "nan", "'nan': an amount of money"),
    ],
)
def test_what_cannot_be_understood_is_refused(option: str, value: str, message: str) -> None:
    said = asked(option, value)
    assert isinstance(said, str)
    assert message in said
    assert option in said


def test_two_numbers_for_one_class_are_refused() -> None:
    assert "both get=1 and get=2" in str(asked("--budget-requests", "get=1", "--budget-requests", "get=2"))


def test_the_help_names_every_option() -> None:
    text = str(asked("--help"))
    options = ("--cycle", "--budget-bytes SIZE", "--budget-time", "--budget-requests CLASS=N", "--budget-money", "--tariff FILE", "--full")
    assert all(option in text for option in options)
