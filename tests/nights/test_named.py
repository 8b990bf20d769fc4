"""Which night a name means."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drcheck.errors import ConfigError
from drcheck.nights import night_named
from tests.nights.making import night, number

NIGHTS = [
    night(1),
    night(2),
    night(3, at=number(2) + timedelta(hours=9)),
    night(4, at=number(1) + timedelta(hours=9), as_of=True),
    night(5, at=number(4) + timedelta(hours=21, minutes=59)),
]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("run-2", 2),
        ("run-4", 4),
        ("latest", 5),
        ("latest~0", 5),
        ("latest~1", 3),
        ("latest~3", 1),
        ("2026-03-01", 1),
        ("2026-03-02", 3),
        ("2026-03-04", 5),
    ],
)
def test_a_night_is_named_by_its_run_its_day_or_its_distance(name: str, meant: int) -> None:
    for nights in (NIGHTS, NIGHTS[::-1]):
        assert night_named(name, nights).number == meant


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("latest~4", "the store holds 4 nights, so there is none that is as far back"),
        ("2026-03-03", "no night was judged on that day"),
        ("2026-02-30", "no run has this id; write a run's id, latest"),
        ("latest~-1", "no run has this id"),
        ("latest~٣", "no run has this id"),
        ("\x1b[2J", "'\\\\x1b[2J': no run has this id"),
    ],
)
def test_what_is_not_there_is_said(name: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        night_named(name, NIGHTS)
    assert says in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_of_several_organisations_only_an_id_is_clear() -> None:
    nights = [*NIGHTS, night(6, organisation="south")]
    assert night_named("run-6", nights).organisation == "south"
    for name in ("latest", "2026-03-01"):
        with pytest.raises(ConfigError, match="nights of north, south; name one with --organisation"):
            night_named(name, nights)


def test_an_empty_store_has_no_latest() -> None:
    with pytest.raises(ConfigError, match="holds 0 nights"):
        night_named("latest", [])
