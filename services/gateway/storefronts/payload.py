"""Reading a platform's JSON: what is not of the kind that it should be is a BadRecord that names the place, no value.

Platforms write ids as numbers, money as text or numbers, absent things as null, "" or nothing at all. Here an id is
text, money a Decimal, and what is absent None.
"""

from __future__ import annotations

import html
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from services.kit.errors import BadRecord

_GROSCHEN = Decimal("0.01")
_MOST_DIGITS = 12


def wrong(place: str, expected: str) -> BadRecord:
    """A webhook that cannot be translated."""
    return BadRecord("webhook_untranslatable", f"`{place}` is not {expected}.")


def child(payload: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside; empty if it is absent."""
    value = payload.get(name) or {}
    if not isinstance(value, dict):
        raise wrong(name, "an object")
    return value


def children(payload: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects inside; empty if it is absent."""
    value = payload.get(name) or []
    if not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        raise wrong(name, "a list of objects")
    return value


def text(payload: dict[str, Any], *names: str) -> str | None:
    """The first of these that is there, as it is written; numbers as digits."""
    for name in names:
        value = payload.get(name)
        if isinstance(value, bool | list | dict | float):
            raise wrong(name, "a text")
        if value is not None and (found := str(value).strip()):
            return found
    return None


def texts(payload: dict[str, Any], name: str) -> list[str]:
    """A list of texts; empty if it is absent."""
    value = payload.get(name) or []
    if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise wrong(name, "a list of texts")
    return value


def plain(payload: dict[str, Any], *names: str) -> str | None:
    """A name as a reader writes it: `&amp;` is &, line breaks and double blanks are one blank."""
    found = text(payload, *names)
    return " ".join(html.unescape(found).split()) or None if found else None


def required(payload: dict[str, Any], name: str) -> str:
    """An id that must be there."""
    found = text(payload, name)
    if found is None:
        raise wrong(name, "there, and nothing can be said without it")
    return found


def number(payload: dict[str, Any], name: str) -> Decimal | None:
    """A number, also where it is written as text."""
    value = payload.get(name)
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or found.adjusted() >= _MOST_DIGITS:
        raise wrong(name, "a number")
    return found


def amount(payload: dict[str, Any], *names: str) -> Decimal:
    """The sum of these, each nothing if it is absent."""
    return sum((number(payload, name) or Decimal(0) for name in names), Decimal(0))


def money(value: Decimal | None) -> str | None:
    """Money as it is written on the wire, to the hundredth."""
    return None if value is None else str(value.quantize(_GROSCHEN, ROUND_HALF_UP))


def count(value: Decimal | None) -> float | None:
    """How many, as a number of JSON."""
    return None if value is None else int(value) if value == value.to_integral_value() else float(value)


def instant(payload: dict[str, Any], *names: str) -> datetime | None:
    """The first of these moments that is there, in UTC. One without a zone is in UTC."""
    for name in names:
        found = text(payload, name)
        if found is None:
            continue
        try:
            at = datetime.fromisoformat(found)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            raise wrong(name, "a time in ISO 8601") from None
    return None


def compact(**members: Any) -> dict[str, Any]:
    """The members that say something."""
    return {name: value for name, value in members.items() if value not in (None, {}, [])}


def locale(value: str | None) -> str | None:
    """A language tag of BCP 47: PHP platforms write pl_PL."""
    return value.replace("_", "-") if value else None
