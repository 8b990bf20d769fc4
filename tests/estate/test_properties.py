"""Whatever a file holds, loading it gives an estate or a ConfigError that can be printed, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drcheck.clock import parse_duration
from drcheck.errors import ConfigError, Problem
from drcheck.estate.fields import exact_duration
from drcheck.estate.load import parse_estate
from drcheck.estate.schema import Copy, Estate, Offline, Site, System, Target
from drcheck.estate.toml_text import toml_key, toml_value
from drcheck.estate.written import parse_toml
from drcheck.restore.records import load_drills
from tests.estate.examples import GOOD, options_of

FILE = Path("estate.toml")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = st.sampled_from(
    [*(key for section in (Estate, Site, System, Target, Copy, Offline) for key in section.model_fields), "schema", "power", "host", "password"]
)
PLAIN = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.sampled_from(["main", "epr", "nas", "box", "plain", "24h", "drcheck.estate/1", "~x/y", "AKIA" + "A" * 16]),
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.dates(),
    st.times(),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | TEXT, inner, max_size=5), max_leaves=12
)


def survives(load: Callable[[], object]) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        load()
    except ConfigError as error:
        problems = error.problems
    if problems is not None:
        assert problems
        assert all(str(problem).encode("utf-8") and "\n" not in problem.key for problem in problems)


@given(st.binary(max_size=200))
@example(b"a = 0001-01-01T00:00:00+23:59")
@example(b"\xef\xbb\xbf")
def test_bytes(content: bytes) -> None:
    survives(lambda: parse_estate(FILE, content, options_of))


@given(st.text(max_size=200), st.integers(0, len(GOOD)))
@example("\n[[[", 40)
@example('\n"" = 1\n', 0)
def test_text_put_into_a_right_estate(text: str, place: int) -> None:
    content = (GOOD[:place] + text + GOOD[place:]).encode("utf-8", "surrogatepass")
    survives(lambda: parse_estate(FILE, content, options_of))


@given(st.dictionaries(WORDS | TEXT, VALUES, max_size=8))
@settings(suppress_health_check=[HealthCheck.too_slow])
@example({"systems": [{"rpo": "9" * 400 + "d"}], "targets": [{"offline": {"last_connected": datetime(1, 1, 1, tzinfo=UTC)}}]})
@example({"targets": [{"connector": "box", "options": {"host": {"host": {}}}}], "copies": [{"format": "plain", "options": []}]})
@example({"sites": [{"domains": {"power": {"[key]": 1}, "x": {"[key]": {}}}}]})
def test_toml_with_the_right_words_in_the_wrong_places(document: dict[str, Any]) -> None:
    content = "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in document.items()).encode()
    survives(lambda: parse_estate(FILE, content, options_of))


@given(st.dictionaries(WORDS | TEXT, VALUES, min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.too_slow])
@example({"a": "\x7f\x00\r\n\t\"'\\\u2028"})
def test_what_is_written_as_toml_reads_as_the_same(document: dict[str, Any]) -> None:
    content = "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in document.items()).encode()
    assert parse_toml(FILE, content) == document


@given(st.timedeltas(timedelta(0), timedelta(days=100_000)))
@example(timedelta(0))
@example(timedelta(microseconds=1))
def test_an_exact_duration_reads_as_the_same(length: timedelta) -> None:
    assert abs(parse_duration(exact_duration(length)) - length) <= timedelta(microseconds=1)


@pytest.mark.parametrize("suffix", ["toml", "jsonl"])
@settings(max_examples=60)
@given(content=st.binary(max_size=200))
@example(content=b'{"started": "0001-01-01T00:00:00+23:59", "\\ud800": 1, "system": "\\ud800"}')
@example(content=b'{"success": NaN}\n[1]\n5\n"x"\nnull\n{"a": 1, "a": 2}\n' + b"[" * 100_000)
@example(content=b'{"problems": ' + b"9" * 5000 + b"}")
@example(content=b'{"ended": 1e999, "data_loss": "99999999999999d"}')
def test_drills(suffix: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"drills.{suffix}"
        file.write_bytes(content)
        survives(lambda: load_drills(file))


def test_the_kinds_of_value_that_toml_knows() -> None:
    values = [True, 1, 2.5, "x", date(2026, 3, 1), datetime(2026, 3, 1, 2, tzinfo=UTC), time(2, 10), [1, [2]], {"a b": {}}]
    assert parse_toml(FILE, f"a = {toml_value(values)}".encode()) == {"a": values}
    with pytest.raises(TypeError):
        toml_value(None)
