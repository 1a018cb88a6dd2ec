"""Intervals are those that the papers and tables print."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.insights.report.statistics import Group, Interval, newcombe, student, welch, wilson

# R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), 857-872,
# table I: method 3, the score interval.
SINGLE = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]
# The same, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
# Statistics in Medicine 17 (1998), 873-890, table II: method 10, examples (a) to (h).
DIFFERENCES = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000),
    (10, 10, 0, 10, 0.6075, 1.0000),
]
# NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, column 0.975.
STUDENT = [
    (1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (20, 2.086), (30, 2.042), (60, 2.000), (100, 1.984),
]  # fmt: skip


def near(found: Interval | None, low: float, high: float, digits: float = 0.00006) -> bool:
    return found is not None and abs(found.low - low) < digits and abs(found.high - high) < digits


@pytest.mark.parametrize(("successes", "number", "low", "high"), SINGLE)
def test_wilsons_interval_is_the_published_one(successes: int, number: int, low: float, high: float) -> None:
    assert near(wilson(successes, number), low, high)


@pytest.mark.parametrize(("a", "m", "b", "n", "low", "high"), DIFFERENCES)
def test_newcombes_interval_is_the_published_one(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    assert near(newcombe(a, m, b, n), low, high)


@pytest.mark.parametrize(("freedom", "point"), STUDENT)
def test_students_points_are_those_of_the_table(freedom: int, point: float) -> None:
    assert abs(student(freedom) - point) < 0.0006


def test_students_point_of_very_many_degrees_is_the_normal_one() -> None:
    assert abs(student(1e7) - 1.959964) < 0.00001


def test_welchs_interval_is_that_of_the_handbooks_cars() -> None:
    """NIST/SEMATECH e-Handbook, 1.3.5.3, AUTO83B.DAT: T = -12.94627, 136.8750 degrees of freedom, variances differ."""
    american, japanese = Group(249, 20.14458, 6.414700**2), Group(79, 30.48101, 6.107710**2)
    difference, t = 20.14458 - 30.48101, -12.94627
    half = 1.977447 * difference / t  # the 97.5 % point of 136.875 degrees, between the table's 1.984 and 1.976
    assert near(welch(american, japanese), difference - half, difference + half, 0.0002)


def test_of_nobody_nothing_is_said() -> None:
    assert wilson(0, 0) is None
    assert newcombe(0, 0, 1, 2) is None
    assert newcombe(1, 2, 0, 0) is None
    assert welch(Group(1, 5.0, 0.0), Group(9, 5.0, 1.0)) is None
    assert welch(Group(9, 5.0, 0.0), Group(9, 7.0, 0.0)) is None


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_an_interval_holds_the_difference_and_turns_round_with_it(one: tuple[int, int], other: tuple[int, int]) -> None:
    there, back = newcombe(*one, *other), newcombe(*other, *one)
    assert there is not None
    assert back is not None
    difference = one[0] / one[1] - other[0] / other[1]
    assert -1 <= there.low <= difference + 1e-12
    assert difference - 1e-12 <= there.high <= 1
    assert math.isclose(there.low, -back.high, abs_tol=1e-12)


def test_intervals_hold_the_truth_in_about_95_of_100_measurements() -> None:
    """Both kinds, drawn from known shares and from skewed sums with many zeros, as revenue is."""
    rng = random.Random(1998)
    held, means = 0, 0
    for _ in range(400):
        told = [rng.random() < 0.12 for _ in range(300)]
        silent = [rng.random() < 0.08 for _ in range(150)]
        found = newcombe(sum(told), 300, sum(silent), 150)
        held += found is not None and found.low <= 0.04 <= found.high
        one = group([hit * rng.expovariate(0.01) for hit in told])
        other = group([hit * rng.expovariate(0.01) for hit in silent])
        between = welch(one, other)
        means += between is not None and between.low <= 4 <= between.high
    assert 0.92 <= held / 400 <= 0.98
    assert 0.91 <= means / 400 <= 0.98


def group(values: list[float]) -> Group:
    mean = sum(values) / len(values)
    return Group(len(values), mean, sum((value - mean) ** 2 for value in values) / (len(values) - 1))
