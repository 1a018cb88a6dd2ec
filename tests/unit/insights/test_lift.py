"""What is said of a difference: never more than the numbers carry."""

from __future__ import annotations

from decimal import Decimal

from services.insights.report.lift import lifts, sentence
from services.insights.report.model import Arm, ArmName
from services.insights.report.statistics import Group, Interval, wilson


def arm(name: ArmName, customers: int, converted: int, revenue: str = "0") -> Arm:
    rate, interval = converted / max(customers, 1), wilson(converted, customers)
    return Arm(name, customers, customers, converted, rate, interval, Decimal(revenue), Decimal(0))


def said(*arms: Arm, **groups: Group) -> list[tuple[str, bool, str]]:
    given: dict[ArmName, Group] = {one.arm: groups.get(one.arm, Group(one.customers, 0, 0)) for one in arms}
    return [(one.of, one.enough, one.said) for one in lifts(arms, given, "PLN")]


def test_a_difference_whose_interval_holds_zero_is_not_distinguishable_from_chance() -> None:
    text = "+2.1 points, 95 % interval −0.3 to 4.5: not distinguishable from chance"  # noqa: RUF001
    assert sentence(0.021, Interval(-0.003, 0.045), "", "") == text
    ((_, enough, text),) = said(arm("told", 900, 100), arm("held_out", 100, 9))
    assert enough
    assert text.startswith("+2.1 points")
    assert text.endswith("not distinguishable from chance")


def test_a_difference_whose_interval_is_beyond_zero_is_more_than_chance() -> None:
    text = "+6.1 points, 95 % interval 4.5 to 7.5: more than chance would give"
    assert sentence(0.061, Interval(0.045, 0.075), "", "") == text
    text = "−6.0 points, 95 % interval −8.2 to −4.2: less, and more so than chance would give"  # noqa: RUF001
    assert sentence(-0.06, Interval(-0.082, -0.042), "", "") == text
    assert "more than chance" in said(arm("told", 9000, 1000), arm("held_out", 1000, 50))[0][2]
    assert "less" in said(arm("told", 9000, 450), arm("held_out", 1000, 110))[0][2]


def test_too_few_customers_are_said_to_be_so_whatever_the_difference_is() -> None:
    ((_, enough, text),) = said(arm("told", 900, 890), arm("held_out", 12, 0))
    assert not enough
    assert text.endswith(": too few to tell: 12 customers held out, at least 100 are needed")
    ((_, enough, text),) = said(arm("told", 900, 300), arm("held_out", 120, 2))
    assert not enough
    assert "2 of 120 customers held out reached the goal" in text


def test_without_a_holdout_there_is_no_lift() -> None:
    assert said(arm("told", 900, 100)) == []
    assert said(arm("no_holdout", 900, 100), arm("told", 0, 0), arm("held_out", 100, 9)) == []


def test_both_holdouts_are_compared_each_for_itself() -> None:
    arms = [arm("told", 900, 100), arm("held_out", 100, 9), arm("held_out_globally", 100, 20)]
    assert [one.held_out for one in lifts(arms, {}, "PLN")] == ["held_out", "held_out_globally"]


def test_revenue_is_compared_per_customer_where_there_is_any() -> None:
    arms = (arm("told", 900, 100, "9000"), arm("held_out", 100, 9, "500"))
    found = said(*arms, told=Group(900, 10.0, 900.0), held_out=Group(100, 5.0, 400.0))
    of, enough, text = found[1]
    # Both variances of the mean are known here: 1 and 4, so the interval is 5 ± t·√5 with about 155 degrees.
    assert (of, enough, text.split(",")[0]) == ("revenue", True, "+5.00 PLN per customer")
    assert text.endswith("95 % interval 0.58 to 9.42: more than chance would give")


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert sentence(-0.0001, Interval(-0.01, 0.01), "", "").startswith("0.0 points")
    assert "no interval" in sentence(0.0, None, "", "PLN")
