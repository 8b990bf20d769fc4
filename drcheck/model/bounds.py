"""What a sample says about the whole: an upper bound of the share that is bad."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from drcheck.model.fixity import ObjectResult, Rotation, Verification

MOST_DRAWN = 10**12
"""More objects than this nobody drew in a night; a claim of more is not believed, for counting with it could take for ever."""
_STEPS = 200
_TINY = 1e-300


def bad_rate(seen: Verification, now: datetime) -> float:
    """
    The most that can be bad at `now`: a share (0 to 1) of all objects that are listed or were promised; 1.0 where nothing was compared.

    Good are only those that were read here and match their promise, with a rotation those whose reading still stands. Those that a rotation drew from
    and did not read are bounded by those that it drew, at 95 % confidence. Whatever else has no result may be bad altogether: listings, unpromised
    objects and what a server says of its own objects add nothing.
    """
    rotation, bad = seen.rotation, seen.bad
    good = max(0, seen.count(ObjectResult.MATCH) - seen.hashed_there)
    if rotation is not None:
        good = min(good, rotation.standing(now))
    if not good + bad:
        return 1.0
    total = max(seen.objects_total + seen.count(ObjectResult.MISSING), good + bad)
    doubtful: float = total - good - bad
    if rotation is not None and good:
        unread = max(0, min(rotation.unread, rotation.unverified - rotation.drawn, seen.count(ObjectResult.NOT_READ), total - good - bad))
        doubtful -= unread - min(unread, _bad_unread(rotation))
    return min(1.0, (bad + doubtful) / total)


def _bad_unread(rotation: Rotation) -> float:
    """
    How many of the objects that had no reading when the night began can be bad beside those that were drawn and are, at 95 % confidence.

    The bound holds for all of them, those drawn included. To take its share of only those that were not read would promise too much: where half of
    a thousand were drawn and none is bad, four bad ones among the rest are still no surprise, and that share would be three.
    """
    bad, drawn, unverified = rotation.drawn_bad, rotation.drawn, rotation.unverified
    if not 0 <= bad <= drawn <= unverified or drawn > MOST_DRAWN:
        return math.inf  # counts that cannot be show nothing
    return upper_bound(bad, drawn, unverified) * unverified - bad


def percent_at_most(share: float) -> str:
    """A share in percent for people, rounded up: to two digits that count, and from 10 % on to whole ones, such as `1.0 %` or `42 %`."""
    return _percent(share, ROUND_CEILING)


def percent_at_least(share: float) -> str:
    """As `percent_at_most`, rounded down."""
    return _percent(share, ROUND_FLOOR)


def _percent(share: float, rounding: str) -> str:
    # By its shortest text: 0.07 is to be 7 %, and not rounded up for what a float adds to it.
    return f"{Context(prec=2, rounding=rounding).create_decimal(Decimal(repr(share)).scaleb(2)):f} %" if share else "0 %"


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
