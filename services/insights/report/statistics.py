"""How much of a difference may be chance: intervals of 95 %. Pure arithmetic, no database.

An interval is of the kind that contains the true value in 95 of 100 such measurements.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)


class Interval(msgspec.Struct, frozen=True):
    """From `low` to `high`, both included."""

    low: float
    high: float


class Group(msgspec.Struct, frozen=True):
    """So many customers, and of a number that each of them has, the mean and the sample variance."""

    number: int
    mean: float
    variance: float


def wilson(successes: int, number: int) -> Interval | None:
    """The interval of a proportion: Wilson's score interval, without continuity correction. None of nobody.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212.
    """
    if number == 0:
        return None
    z2, p = _Z * _Z, successes / number
    middle = p + z2 / (2 * number)
    half = _Z * math.sqrt(p * (1 - p) / number + z2 / (4 * number * number))
    whole = 1 + z2 / number
    return Interval(max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole))


def newcombe(successes: int, number: int, other_successes: int, other_number: int) -> Interval | None:
    """The interval of the difference of two independent proportions, one minus the other: the hybrid score interval.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998), 873-890: method 10. None where either is of nobody.
    """
    one, other = wilson(successes, number), wilson(other_successes, other_number)
    if one is None or other is None:
        return None
    p, q = successes / number, other_successes / other_number
    low = p - q - math.hypot(p - one.low, other.high - q)
    high = p - q + math.hypot(one.high - p, q - other.low)
    return Interval(max(-1.0, low), min(1.0, high))


def welch(one: Group, other: Group) -> Interval | None:
    """The interval of the difference of two means, one minus the other, whose variances differ: Welch's t interval.

    B. L. Welch, "The generalization of 'Student's' problem when several different population variances are involved",
    Biometrika 34 (1947), 28-35. None where a group has fewer than two customers, or nothing varies in either.
    """
    if one.number < 2 or other.number < 2:
        return None
    a, b = one.variance / one.number, other.variance / other.number
    if a + b == 0:
        return None
    freedom = (a + b) ** 2 / (a * a / (one.number - 1) + b * b / (other.number - 1))
    half = student(freedom) * math.sqrt(a + b)
    difference = one.mean - other.mean
    return Interval(difference - half, difference + half)


def student(freedom: float) -> float:
    """The two-sided 95 % point of Student's t with `freedom` (1 or more) degrees of freedom.

    The mass between the points is the regularised incomplete beta function I_x(1/2, v/2), x = t²/(v + t²)
    (M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.7.1); the point is found by halving.
    """
    low, high = _Z, 13.0  # 12.706 with one degree
    for _ in range(60):
        middle = (low + high) / 2
        squared = middle * middle
        inside = _beta(0.5, freedom / 2, squared / (freedom + squared))
        low, high = (middle, high) if inside < CONFIDENCE else (low, middle)
    return (low + high) / 2


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # From its end to its beginning: the fraction converges long before 400 terms where x is on this side.
    value = 0.0
    for m in range(200, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        value = even / (1 + odd / (1 + value))
    first = -(a + b) * x / (a + 1)
    return front / (a * (1 + first / (1 + value)))
