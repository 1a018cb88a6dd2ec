"""`policies:` → the published document; what this version accepts and does not apply is warned about by name."""

from __future__ import annotations

from typing import Any, Literal, cast

from services.cli.workspace.reading.positions import plain
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.settings import derived, limits
from services.cli.workspace.shapes.policies import DERIVED_LATER
from services.contracts.settings import Derive, Policies

NOTHING: tuple[Any, ...] = ("none", "off", "on", [], {}, "0%")
APPLIED = frozenset({"classes", "quiet_hours", "caps", "brake", "holdout", "sms", "sms_parts", "sms_opt_out", "derive"})
NOT_YET = "it is kept, and takes effect in a later version"


def policies(row: Row | None, sheet: Sheet) -> Policies:
    """The policies of a checked `policies:` mapping; defaults where there is none."""
    if row is None:
        return Policies()
    written = row.row("derive")
    other = {key: plain(row.node_of(key)) for key in row.values if key not in APPLIED}
    if written:
        other |= {f"derive.{key}": plain(written.node_of(key)) for key in written.values if key in DERIVED_LATER}
    return Policies(
        classes=limits.classes(row.row("classes"), sheet),
        quiet_hours=limits.quiet_hours(row.row("quiet_hours"), sheet),
        caps=tuple(limits.cap(each, sheet) for each in row.rows("caps")),
        brake=limits.brake(row.row("brake")),
        derive=derive(written, sheet) if written else Derive(),
        holdout=percent(row.text("holdout")),
        plain_sms=row.text("sms") == "transliterate",
        sms_parts=int(row.values.get("sms_parts", 2)),
        sms_opt_out=cast("Literal['append', 'off']", row.text("sms_opt_out", "append")),
        other=other,
    )


def percent(written: str) -> float:
    """5 of `5%`; 0 of nothing."""
    return float(written.removesuffix("%") or 0)


def derive(row: Row, sheet: Sheet) -> Derive:
    """Derived events: what is written, over the defaults; `off` switches one off."""
    for key in DERIVED_LATER:
        _not_yet(row, key, sheet)
    return derived.derive(row, sheet)


def _not_yet(row: Row, key: str, sheet: Sheet) -> None:
    node = row.node_of(key)
    if node is not None and key in row.values and not _says_nothing(plain(node)):
        sheet.warning(row.key_at(key), "not-yet-applied", f"'{key}' is not applied in this version", NOT_YET)


def _says_nothing(value: Any) -> bool:
    return value in NOTHING or (isinstance(value, dict) and all(_says_nothing(each) for each in value.values()))
