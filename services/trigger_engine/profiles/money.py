"""Sums of money as whole ten-thousandths: exact, so that no order of events changes a sum."""

from __future__ import annotations

from decimal import Decimal

SCALE = 10_000


def units(amount: str | float | Decimal | None) -> int:
    """Ten-thousandths of an amount as it stands on the wire; nothing is zero."""
    if amount is None:
        return 0
    if type(amount) is str:
        whole, _, rest = amount.partition(".")
        value = int(whole or "0") * SCALE
        part = int((rest + "0000")[:4])
        return value - part if whole.startswith("-") else value + part
    return int((Decimal(str(amount)) * SCALE).to_integral_value())
