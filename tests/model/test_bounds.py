"""The upper bound of the bad rate: published numbers, the closed form, and what it may never say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.model.bounds import upper_bound

MANY = 10**9


@pytest.mark.parametrize(
    ("bad", "read", "below"),
    [(0, 59, 0.05), (0, 299, 0.01), (0, 1000, 0.003), (0, 3000, 0.001), (1, 59, 0.078), (1, 299, 0.016), (2, 299, 0.021), (3, 1000, 0.008)],
)
def test_published_bounds_hold_and_are_tight(bad: int, read: int, below: float) -> None:
    bound = upper_bound(bad, read, MANY)
    assert 0.95 * below < bound < below


@pytest.mark.parametrize(
    ("confidence", "rate", "reads"),
    [
        (0.90, 0.10, 22),
        (0.90, 0.01, 230),
        (0.90, 0.0001, 23_025),
        (0.95, 0.10, 29),
        (0.95, 0.05, 59),
        (0.95, 0.02, 149),
        (0.95, 0.005, 598),
        (0.95, 0.001, 2_995),
        (0.95, 0.0001, 29_956),
        (0.99, 0.05, 90),
        (0.99, 0.01, 459),
        (0.99, 0.0001, 46_050),
    ],
)
def test_sample_sizes_without_a_bad_object_are_the_smallest_that_suffice(confidence: float, rate: float, reads: int) -> None:
    assert upper_bound(0, reads, MANY, confidence) <= rate < upper_bound(0, reads - 1, MANY, confidence)


@given(read=st.integers(1, 10**6), confidence=st.sampled_from([0.9, 0.95, 0.99]))
def test_without_a_bad_object_it_is_the_closed_form(read: int, confidence: float) -> None:
    expected = -math.expm1(math.log(1 - confidence) / read)
    assert upper_bound(0, read, MANY, confidence) == pytest.approx(expected, rel=1e-6)


@given(bad=st.integers(0, 12), read=st.integers(13, 200))
def test_it_solves_the_binomial_equation(bad: int, read: int) -> None:
    rate = upper_bound(bad, read, MANY)
    at_most = math.fsum(math.comb(read, k) * rate**k * (1 - rate) ** (read - k) for k in range(bad + 1))
    assert at_most == pytest.approx(0.05, rel=1e-6)


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_it_is_a_share_between_what_is_known_bad_and_what_could_be(first: int, second: int, third: int) -> None:
    bad, read, total = sorted((first, second, third))
    bound = upper_bound(bad, read, total)
    assert 0 <= bound <= 1
    if total:
        assert bad / total <= bound
    if read:
        assert bound <= (bad + total - read) / total


def test_nothing_read_bounds_nothing_and_everything_read_is_exact() -> None:
    assert upper_bound(0, 0, 0) == 1.0
    assert upper_bound(0, 0, 100) == 1.0
    assert upper_bound(0, 100, 100) == 0.0
    assert upper_bound(7, 100, 100) == 0.07
    assert upper_bound(5, 5, 10) == 1.0


@pytest.mark.parametrize("counts", [(-1, 5, 10), (6, 5, 10), (0, 11, 10)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        upper_bound(*counts)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 95.0])
def test_a_confidence_that_is_no_probability_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        upper_bound(0, 5, 10, confidence)
