"""What being told was good for, beside those held out: the differences, and how sure they are, in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from services.insights.report.model import Arm, ArmName, Lift
from services.insights.report.statistics import Group, Interval, newcombe, welch

FEWEST_CUSTOMERS = 100
FEWEST_OF_EACH = 5
"""Customers in each arm, and in each arm both of those who reached the goal and of those who did not: with fewer, one
customer more or less turns the answer round."""
PROPORTIONS = "difference of proportions, Newcombe's hybrid score interval, 95 %"
MEANS = "difference of means, Welch's t interval, 95 %"
_HELD: tuple[ArmName, ...] = ("held_out", "held_out_globally")


def lifts(arms: Sequence[Arm], groups: Mapping[ArmName, Group], currency: str) -> list[Lift]:
    """Of each arm that was held out, what the told have more in conversions, and in revenue where there is any."""
    by = {arm.arm: arm for arm in arms}
    told = by.get("told")
    found: list[Lift] = []
    for name in _HELD:
        held = by.get(name)
        if told is not None and held is not None and told.customers and held.customers:
            found += _against(told, held, groups, currency)
    return found


def _against(told: Arm, held: Arm, groups: Mapping[ArmName, Group], currency: str) -> Iterator[Lift]:
    few = too_few(told, held)
    interval = newcombe(told.converted, told.customers, held.converted, held.customers)
    yield _lift("conversion", held.arm, told.rate - held.rate, interval, few, "")
    if told.revenue or held.revenue:
        one, other = groups[told.arm], groups[held.arm]
        yield _lift("revenue", held.arm, one.mean - other.mean, welch(one, other), few, currency)


def _lift(
    of: Literal["conversion", "revenue"],
    held: ArmName,
    difference: float,
    interval: Interval | None,
    few: str,
    currency: str,
) -> Lift:
    said = sentence(difference, interval, few, currency)
    return Lift(of, held, difference, interval, MEANS if currency else PROPORTIONS, not few, said)


def too_few(told: Arm, held: Arm) -> str:
    """Why two arms tell nothing yet; nothing where they may."""
    for arm in (told, held):
        name = arm.arm.replace("_", " ")
        if arm.customers < FEWEST_CUSTOMERS:
            return f"too few to tell: {arm.customers} customers {name}, at least {FEWEST_CUSTOMERS} are needed"
        if min(arm.converted, arm.customers - arm.converted) < FEWEST_OF_EACH:
            return (
                f"too few to tell: {arm.converted} of {arm.customers} customers {name} reached the goal, at least"
                f" {FEWEST_OF_EACH} who did and {FEWEST_OF_EACH} who did not are needed"
            )
    return ""


def sentence(difference: float, interval: Interval | None, few: str, currency: str) -> str:
    """The difference in words: points of a rate, or an amount of `currency` per customer."""
    scale, unit = (1.0, f" {currency} per customer") if currency else (100.0, " points")
    digits = 2 if currency else 1
    number = _number(difference * scale, digits, sign=True)
    if interval is None:
        return f"{number}{unit}: {few or 'nothing varies, so that no interval can be given'}"
    low, high = _number(interval.low * scale, digits), _number(interval.high * scale, digits)
    if not few and interval.low <= 0 <= interval.high:
        few = "not distinguishable from chance"
    verdict = few or ("more than chance would give" if difference > 0 else "less, and more so than chance would give")
    return f"{number}{unit}, 95 % interval {low} to {high}: {verdict}"


def _number(value: float, digits: int, *, sign: bool = False) -> str:
    """With a true minus; what rounds to nothing has no sign."""
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")
