"""What a sample says about the whole: an upper bound of the share that is bad."""

from __future__ import annotations

import math

_STEPS = 200
_TINY = 1e-300


def upper_bound(bad: int, read: int, total: int, confidence: float = 0.95) -> float:
    """
    The share of bad objects (0 to 1) that is exceeded with a probability of at most `1 - confidence`, after `read` of `total` objects were drawn
    at random and `bad` of them were bad.

    The one-sided bound of C. J. Clopper and E. S. Pearson (Biometrika 26, 1934); it takes no account of the population being finite, which makes
    it too high rather than too low. Never above the share that would be bad if every unread object were; exact where everything was read; 1.0 where
    nothing was. It says nothing about objects that were not drawn at random.

    Raises:
        ValueError: the counts contradict each other, or the confidence is not between 0 and 1.
    """
    if not 0 <= bad <= read <= total:
        raise ValueError(f"{bad} bad of {read} read of {total} objects cannot be")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    if read == 0:
        return 1.0
    if read == total:
        return bad / total
    worst = (bad + total - read) / total
    if bad == read:
        return worst
    low, high = bad / read, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return min(high, worst)
        if _at_most(bad, read, middle) > 1 - confidence:
            low = middle
        else:
            high = middle


def _at_most(bad: int, read: int, rate: float) -> float:
    """The probability of at most `bad` bad ones among `read` when each is bad with probability `rate`: the incomplete beta function."""
    return _incomplete_beta(read - bad, bad + 1, 1 - rate)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (NIST DLMF 8.17.22) on the side where that converges fast."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, by Lentz's method; the number of steps it needs grows with the root of the larger argument."""
    upper, lower = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for step in range(1, _STEPS + int(10 * math.sqrt(max(a, b)))):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        lower, upper = 1 / _not_zero(1 + even * lower), _not_zero(1 + even / upper)
        value *= lower * upper
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        lower, upper = 1 / _not_zero(1 + odd * lower), _not_zero(1 + odd / upper)
        change = lower * upper
        value *= change
        if abs(change - 1) < 1e-15:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
