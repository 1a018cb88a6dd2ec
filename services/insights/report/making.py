"""From rows to a report: rates with their intervals, lift against holdouts, and what must be said with them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, get_args

import msgspec

from services.contracts.journey import Journey
from services.insights.report.lift import lifts
from services.insights.report.model import Arm, ArmName, Credit, GlobalHoldout, JourneyReport, Messages, Way
from services.insights.report.statistics import Group, wilson

DEFAULT_WINDOW = 7 * 86_400.0
"""A goal without `within` is counted for so long after an entry's end, and attributed so long after a message."""
CENT = Decimal("0.01")


class Found(msgspec.Struct, frozen=True):
    """Rows by journey, as services/insights/report/statements.py gives them."""

    arms: dict[str, list[Any]]
    messages: dict[str, list[Any]]
    splits: dict[str, list[Any]]
    credits: dict[str, list[Any]]


def window(journey: Journey) -> float:
    """Within how many seconds of a message a goal is attributed: the longest `within` of the journey's goals."""
    return max((goal.within or DEFAULT_WINDOW for goal in journey.goals), default=DEFAULT_WINDOW)


def journey(one: Journey, found: Found, currency: str) -> JourneyReport:
    """The report of one journey."""
    rows = found.arms.get(one.name, [])
    arms, groups = _arms(rows)
    by = {row["arm"]: row for row in rows}
    return JourneyReport(
        journey=one.name,
        entered=sum(row["entries"] for row in rows),
        held_out=by["held_out"]["entries"] if "held_out" in by else 0,
        held_out_globally=by["held_out_globally"]["entries"] if "held_out_globally" in by else 0,
        goals=sum(row["goals"] for row in rows),
        window=window(one),
        arms=arms,
        lift=lifts(arms, groups, currency) if one.goals else [],
        messages=[_messages(row) for row in found.messages.get(one.name, [])],
        splits=[_way(row) for row in found.splits.get(one.name, [])],
        attributed=[
            Credit(row["currency"], round(row["goals"], 6), row["revenue"].quantize(CENT))
            for row in found.credits.get(one.name, [])
        ],
        notes=_notes(one, arms, rows),
    )


def global_holdout(rows: Sequence[Any], share: float, currency: str) -> GlobalHoldout | None:
    """The report of policies.holdout (`share` is what it is now, in percent); None where it kept nobody silent."""
    arms, groups = _arms(rows)
    if not arms and not share:
        return None
    notes = ["A goal of any journey counts; an order once, however many goals it reached."]
    if not any(arm.arm == "held_out_globally" for arm in arms):
        notes.append("Nobody was held out in these days: nothing is known of the lift.")
    return GlobalHoldout(arms, lifts(arms, groups, currency), notes + _mixed(rows))


def _notes(one: Journey, arms: Sequence[Arm], rows: Sequence[Any]) -> list[str]:
    notes = []
    if not one.goals:
        notes.append("The journey has no goal: write what it is for under goal, and its conversions are counted.")
    elif not any(arm.arm.startswith("held_out") for arm in arms):
        notes.append(
            "Nobody was held out: what would have happened without the journey is not known. Write holdout: 10% to"
            " measure it."
        )
    elif any(goal.within is None for goal in one.goals):
        notes.append(
            "A goal has no within: those who are told have longer for it, which looks like lift. Write within: 7 days."
        )
    return notes + _mixed(rows)


def _mixed(rows: Sequence[Any]) -> list[str]:
    mixed = max((row["mixed"] for row in rows), default=0)
    if not mixed:
        return []
    return [f"Left out of the arms, being in more than one since two profiles became one: {mixed} customers."]


def _arms(rows: Sequence[Any]) -> tuple[list[Arm], dict[ArmName, Group]]:
    order = get_args(ArmName)
    rows = sorted(rows, key=lambda row: order.index(row["arm"]))
    groups = {row["arm"]: Group(row["customers"], row["mean"], row["variance"]) for row in rows}
    return [_arm(row) for row in rows], groups


def _arm(row: Any) -> Arm:
    customers, converted = row["customers"], row["converted"]
    return Arm(
        arm=row["arm"],
        entries=row["entries"],
        customers=customers,
        converted=converted,
        rate=converted / customers if customers else 0.0,
        interval=wilson(converted, customers),
        revenue=row["revenue"].quantize(CENT),
        revenue_per_customer=Decimal(str(row["mean"])).quantize(CENT),
    )


def _messages(row: Any) -> Messages:
    return Messages(**{name: row[name] for name in Messages.__struct_fields__})


def _way(row: Any) -> Way:
    customers, converted = row["customers"], row["converted"]
    return Way(row["step"], row["arm"], customers, converted, converted / customers, wilson(converted, customers))
