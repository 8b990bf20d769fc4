"""Sizes and rates as people write them."""

from __future__ import annotations

import contextlib
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.sizes import BINARY, format_size, parse_rate, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("100 B", 100),
        ("64KiB", 65536),
        ("64 kB", 64000),
        ("64KB", 64000),
        ("1.5MiB", 1_572_864),
        ("500GiB", 500 * 2**30),
        (" 500 GB ", 500 * 10**9),
        ("2TiB", 2**41),
        ("1.5TB", 1_500_000_000_000),
        ("3PB", 3 * 10**15),
        ("7EiB", 7 * 2**60),
        ("9007199254740993 B", 2**53 + 1),
        ("0.1KiB", 102),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "500",
        "GiB",
        "500G",
        "500 g",
        "500mb",
        "500Mb",
        "500 gib",
        "-1B",
        "+1B",
        "1,5GB",
        ".5GB",
        "1.GB",
        "1e3B",
        "nanB",
        "\u0663B",
        "1  GB",
        "1MB/s",
    ],
)
def test_what_is_no_size_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text)) + " is not a size"):
        parse_size(text)


@pytest.mark.parametrize("text", ["8EiB", "9999999999EB"])
def test_sizes_too_large_to_count_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than drcheck can count"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("50MiB/s", 50 * 2**20),
        ("50 MB/s", 50e6),
        ("400Mbit/s", 50e6),
        ("1 Gbit/s", 125e6),
        ("1bit/s", 0.125),
        ("0.5 KiB/s", 512),
        ("0B/s", 0),
    ],
)
def test_rates_are_read(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "50", "50MiB", "50MiB/", "/s", "50MiB/m", "50 MiB / s", "50Mbps", "50Mb/s", "50M/s", "50mbit/s", "50MiB/s/s", "-1B/s"]
)
def test_what_is_no_rate_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text)) + " is not a rate"):
        parse_rate(text)


def test_a_rate_too_large_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="more than drcheck can count"):
        parse_rate("9" * 30 + "EB/s")


@given(st.text())
def test_reading_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_size(text) >= 0
    with contextlib.suppress(ValueError):
        assert parse_rate(text) >= 0


@pytest.mark.parametrize("digits", [41, 5000])
def test_numbers_of_absurd_length_are_refused(digits: int) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size("9" * digits + "B")


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_048_550, "1.0 MiB"),
        (1_572_864, "1.5 MiB"),
        (2**40, "1.0 TiB"),
        (2**70, "1024.0 EiB"),
    ],
)
def test_sizes_are_shown(size: int, shown: str) -> None:
    assert format_size(size) == shown


@given(st.integers(0, 7 * 2**60))
def test_a_size_is_read_back_as_it_was_shown(size: int) -> None:
    shown = format_size(size)
    read = parse_size(shown)
    assert format_size(read) == shown
    # One decimal of a number of at least one: off by a twentieth at most, and not at all below 1 KiB.
    assert abs(read - size) <= (0 if size < 1024 else size / 19)


@given(st.integers(0, 1023), st.sampled_from(BINARY[:-1]))
def test_whole_units_are_read_back_exactly(number: int, unit: str) -> None:
    size = parse_size(f"{number} {unit}")
    assert parse_size(format_size(size)) == size
    assert Fraction(size) == number * 1024 ** BINARY.index(unit)
    assert parse_rate(f"{number} {unit}/s") == size
