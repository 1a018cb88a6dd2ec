"""`policies:` → the published document; what this version accepts and does not apply is warned about by name."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from services.cli.workspace.policies_shape import DERIVED_LATER, OFF
from services.cli.workspace.positions import Node, Scalar, plain
from services.cli.workspace.row import Row
from services.cli.workspace.sheet import Sheet
from services.contracts.settings import Derive, Policies, Threshold
from services.trigger_engine.journeys.conditions.durations import DurationError, parse_duration

NOTHING: tuple[Any, ...] = ("none", "off", "on", [], {}, "0%")
NOT_YET = "it is kept, and takes effect in a later version"


def policies(row: Row | None, sheet: Sheet) -> Policies:
    """The policies of a checked `policies:` mapping; defaults where there is none."""
    if row is None:
        return Policies()
    for key in ("classes", "quiet_hours", "caps", "brake", "sms_opt_out"):
        _not_yet(row, key, sheet)
    classes = row.row("classes")
    derived = row.row("derive")
    other = {key: plain(row.node_of(key)) for key in row.values if key not in ("classes", "derive", "holdout")}
    if derived:
        other |= {f"derive.{key}": plain(derived.node_of(key)) for key in derived.values if key in DERIVED_LATER}
    return Policies(
        classes=dict(classes.values) if classes else {},
        derive=derive(derived, sheet) if derived else Derive(),
        holdout=percent(row.text("holdout")),
        other=other,
    )


def percent(written: str) -> float:
    """5 of `5%`; 0 of nothing."""
    return float(written.removesuffix("%") or 0)


def derive(row: Row, sheet: Sheet) -> Derive:
    """Derived events: what is written, over the defaults; `off` switches one off."""
    for key in DERIVED_LATER:
        _not_yet(row, key, sheet)
    default = Derive()
    return Derive(
        cart_abandoned=_delay(row, "cart.abandoned", default.cart_abandoned, sheet),
        spend_threshold=_threshold(row, default.spend_threshold, sheet),
        first_order=row.text("order.first_placed", "on") == "on",
    )


def _not_yet(row: Row, key: str, sheet: Sheet) -> None:
    node = row.node_of(key)
    if node is not None and key in row.values and not _says_nothing(plain(node)):
        sheet.warning(row.key_at(key), "not-yet-applied", f"'{key}' is not applied in this version", NOT_YET)


def _says_nothing(value: Any) -> bool:
    return value in NOTHING or (isinstance(value, dict) and all(_says_nothing(each) for each in value.values()))


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


def _seconds(node: Node, sheet: Sheet) -> float | None:
    try:
        return parse_duration(node.text if isinstance(node, Scalar) else "").total_seconds()
    except DurationError as error:
        sheet.error(node.place, "bad-duration", error.message, f"{error.hint}, or off")
        return None


def _threshold(row: Row, default: Threshold | None, sheet: Sheet) -> Threshold | None:
    key = "spend.threshold_crossed"
    if row.text(key) in OFF:
        return None
    written = row.row(key)
    if written is None or default is None:
        return default
    if written.text("per", "lifetime") != "lifetime":
        sheet.warning(written.at("per"), "not-yet-applied", "only 'lifetime' is counted in this version", NOT_YET)
    if "without" in written and written.texts("without") != default.without:
        sheet.warning(
            written.at("without"), "not-yet-applied", "'without' can only be [shipping] in this version", NOT_YET
        )
    return Threshold(
        steps=_steps(written, sheet) if "steps" in written else default.steps,
        currency=written.maybe("currency"),
        per=written.text("per", default.per),
        counts="placed" if written.text("counts", default.counts) == "placed" else "paid",
        without=written.texts("without") if "without" in written else default.without,
    )


def _steps(row: Row, sheet: Sheet) -> tuple[Decimal, ...]:
    steps = tuple(Decimal(str(step)) for step in row.values["steps"] if step is not None)
    if any(after <= before for before, after in itertools.pairwise(steps)):
        ascending = ", ".join(f"{step:f}" for step in sorted(set(steps)))
        sheet.error(row.at("steps"), "bad-value", "the steps must ascend", f"write instead: [{ascending}]")
    return steps
