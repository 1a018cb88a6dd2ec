"""Numbers as templates meet them: JSON numbers, and money as decimal strings."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from jinja2 import Undefined

from services.notifier.compose.errors import RenderError

MAX_DIGITS = 36


def number(value: Any, wanted_by: str) -> Decimal | int:
    """`value` as an exact number of at most MAX_DIGITS digits on either side of the point.

    Takes int, float, Decimal and decimal strings. Raises RenderError, naming `wanted_by`, for anything else.
    """
    if type(value) is int:
        if value.bit_length() > 4 * MAX_DIGITS:
            raise RenderError(f"`{wanted_by}` met a number that is too large")
        return value
    if isinstance(value, bool) or not isinstance(value, (str, float, Decimal)):
        raise RenderError(f"`{wanted_by}` wants a number; join text with ~")
    try:
        exact = Decimal(str(value)[: 3 * MAX_DIGITS])
    except InvalidOperation:
        raise RenderError(f"`{wanted_by}` wants a number; join text with ~") from None
    if not exact.is_finite() or abs(exact.adjusted()) > MAX_DIGITS:
        raise RenderError(f"`{wanted_by}` met a number that is too large or too small")
    return exact


def comparable(value: Any) -> Any:
    """A value as <, > compare it: decimal strings as numbers, missing ones as NaN (every comparison is false)."""
    if value is None or value == "" or isinstance(value, Undefined):
        return float("nan")
    if isinstance(value, (str, Decimal)):
        try:
            return float(value)
        except ValueError:
            return value
    return value
