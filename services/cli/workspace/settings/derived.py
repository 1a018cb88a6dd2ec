"""`policies.derive` → when derived events follow: what is written, over the defaults; `off` switches one off."""

from __future__ import annotations

import itertools
from decimal import Decimal

from services.cli.workspace.reading.positions import Node, Scalar
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.policies import OFF
from services.contracts.settings import Anniversary, Browse, Derive, Lapsed, Threshold, Unpaid, Yearly
from services.trigger_engine.journeys.conditions.durations import DurationError, parse_duration


def derive(row: Row, sheet: Sheet) -> Derive:
    """The derived events of a checked mapping."""
    default = Derive()
    return Derive(
        cart_abandoned=_delay(row, "cart.abandoned", default.cart_abandoned, sheet),
        cart_emptied=_delay(row, "cart.emptied", default.cart_emptied, sheet),
        checkout_abandoned=_delay(row, "checkout.abandoned", default.checkout_abandoned, sheet),
        browse_abandoned=_browse(row, sheet),
        order_unpaid=_unpaid(row, sheet),
        order_milestone=_milestones(row, default.order_milestone),
        spend_threshold=_threshold(row, Threshold(), sheet),
        first_order=row.text("order.first_placed", "on") == "on",
        customer_lapsed=_lapsed(row),
        customer_birthday=_birthday(row),
        customer_anniversary=_anniversary(row),
        price_dropped=_price_dropped(row, default.price_dropped),
        back_in_stock=row.text("product.back_in_stock", "on") == "on",
    )


def _delay(row: Row, key: str, default: float | None, sheet: Sheet) -> float | None:
    node = row.node_of(key)
    if node is None or key not in row.values:
        return default
    written = row.row(key)
    if written:
        return written.number("after")
    if isinstance(node, Scalar) and node.text in OFF:
        return None
    return _seconds(node, sheet)


def _number(row: Row, key: str, default: float) -> float:
    number = row.number(key)
    return default if number is None else number


def _seconds(node: Node, sheet: Sheet) -> float | None:
    try:
        return parse_duration(node.text if isinstance(node, Scalar) else "").total_seconds()
    except DurationError as error:
        sheet.error(node.place, "bad-duration", error.message, f"{error.hint}, or off")
        return None


def _unpaid(row: Row, sheet: Sheet) -> Unpaid | None:
    default, written = Unpaid(), row.row("order.unpaid")
    if not written:
        after = _delay(row, "order.unpaid", default.after, sheet)
        return None if after is None else Unpaid(after)
    return Unpaid(
        after=_number(written, "after", default.after),
        excluded=written.texts("except") if "except" in written else default.excluded,
    )


def _browse(row: Row, sheet: Sheet) -> Browse | None:
    default, written = Browse(), row.row("browse.abandoned")
    if not written:
        after = _delay(row, "browse.abandoned", default.after, sheet)
        return None if after is None else Browse(after)
    return Browse(
        after=_number(written, "after", default.after),
        views=int(_number(written, "views", default.views)),
        within=_number(written, "within", default.within),
    )


def _milestones(row: Row, default: tuple[int, ...]) -> tuple[int, ...]:
    written = row.values.get("order.milestone", default)
    return () if written in OFF else tuple(int(number) for number in written if number is not None)


def _lapsed(row: Row) -> Lapsed | None:
    default, written = Lapsed(), row.row("customer.lapsed")
    if not written:
        return None if row.text("customer.lapsed") in OFF else default
    return Lapsed(
        usual_gap_times=_number(written, "usual_gap_times", default.usual_gap_times),
        at_least=_number(written, "at_least", default.at_least),
        default=_number(written, "default", default.default),
    )


def _birthday(row: Row) -> Yearly | None:
    written = row.row("customer.birthday")
    if not written:
        return None if row.text("customer.birthday") in OFF else Yearly()
    return Yearly(written.text("at", Yearly().at))


def _anniversary(row: Row) -> Anniversary | None:
    default, written = Anniversary(), row.row("customer.anniversary")
    if not written:
        return None if row.text("customer.anniversary") in OFF else default
    named = written.texts("of") if "of" in written else default.of
    of = tuple(kind for kind in ("first_order", "signup") if kind in named)
    return Anniversary(of, written.text("at", default.at)) if of else None


def _price_dropped(row: Row, default: float | None) -> float | None:
    written = row.row("product.price_dropped")
    if written:
        return float(written.text("at_least").removesuffix("%") or 0)
    return None if row.text("product.price_dropped") in OFF else default


def _threshold(row: Row, default: Threshold, sheet: Sheet) -> Threshold | None:
    key = "spend.threshold_crossed"
    if row.text(key) in OFF:
        return None
    written = row.row(key)
    if written is None:
        return default
    per = written.text("per", default.per)
    return Threshold(
        steps=_steps(written, sheet) if "steps" in written else default.steps,
        currency=written.maybe("currency"),
        per="year" if per == "year" else "month" if per == "month" else "lifetime",
        counts="placed" if written.text("counts", default.counts) == "placed" else "paid",
        without=written.texts("without") if "without" in written else default.without,
    )


def _steps(row: Row, sheet: Sheet) -> tuple[Decimal, ...]:
    steps = tuple(Decimal(str(step)) for step in row.values["steps"] if step is not None)
    if any(after <= before for before, after in itertools.pairwise(steps)):
        ascending = ", ".join(f"{step:f}" for step in sorted(set(steps)))
        sheet.error(row.at("steps"), "bad-value", "the steps must ascend", f"write instead: [{ascending}]")
    return steps
