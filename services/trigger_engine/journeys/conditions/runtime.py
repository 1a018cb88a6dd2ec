"""What compiled conditions call. Every function is total: data of the wrong shape gives null or false, never an error.

Null is None. A calculation that cannot be done (a null operand, a division by zero, a result out of bounds) is null, a
comparison or search that cannot be made is false, and a missing list is an empty one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

LONGEST_TEXT = 10_000
"""Joined text of more characters than this is null."""

MOST_ITEMS = 1_000
"""A macro looks at this many items of a list, so that two nested ones stay below a million steps."""

_LARGEST = 2**63
_MEASURES = frozenset({int, float, datetime, timedelta})
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WRONG_DATA = (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


def number(value: object) -> float | None:
    """Read a number, or a decimal string as money travels; anything else is null."""
    kind = type(value)
    if kind is str or kind is Decimal:
        try:
            read = float(value)  # type: ignore[arg-type]
        except ValueError:
            return None
        return read if math.isfinite(read) else None
    return value if kind is int or kind is float else None  # type: ignore[return-value]


def timestamp(value: object) -> datetime | None:
    """Read RFC 3339 text, or a datetime, as an aware datetime (UTC where it names no offset); anything else is null."""
    if type(value) is str:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def numbers(values: object) -> list[float | None]:
    """Read a list of numbers or decimal strings."""
    return [number(value) for value in _items(values)]


def timestamps(values: object) -> list[datetime | None]:
    """Read a list of times."""
    return [timestamp(value) for value in _items(values)]


def exactly(value: object, kinds: tuple[type, ...]) -> Any:
    """Return the value if its type is one of `kinds`, else null."""
    return value if type(value) in kinds else None


def field(base: Any, name: str) -> Any:
    """Return a field of a mapping; null where there is none or `base` is no mapping."""
    try:
        return base.get(name)
    except _WRONG_DATA:
        return None


def item(base: object, key: Any) -> Any:
    """Return `base[key]` of a list (counted from 0) or a record; null where there is none."""
    if type(base) is dict:
        return base.get(key) if type(key) is str else None
    if isinstance(base, Sequence) and type(base) is not str and type(key) in {int, float} and key == key // 1:
        return base[int(key)] if 0 <= key < len(base) else None
    return None


def order(sign: str, left: Any, right: Any) -> bool:
    """Compare two values of one kind; false if either is null or they cannot be ordered."""
    if left is None or right is None:
        return False
    try:
        return _COMPARE[sign](left, right) is True
    except _WRONG_DATA:
        return False


def equal(left: object, right: object) -> bool:
    """Compare as Python does; null equals only null."""
    try:
        return bool(left == right)
    except _WRONG_DATA:
        return False


def within(value: Any, held: Any) -> bool:
    """Tell whether a list holds the value, or a record has a field of that name."""
    try:
        return type(held) is not str and value in held
    except _WRONG_DATA:
        return False


def add(left: Any, right: Any) -> Any:
    """Return the sum of numbers, durations, a time and a duration, or two texts joined."""
    if type(left) is str and type(right) is str:
        return left + right if len(left) + len(right) <= LONGEST_TEXT else None
    return _calculate(operator.add, left, right)


def subtract(left: Any, right: Any) -> Any:
    """Return a difference; that of two times is a duration. Text taken from a time is read as a time."""
    if type(right) is str and isinstance(left, datetime):
        right = timestamp(right)
    return _calculate(operator.sub, left, right)


def multiply(left: Any, right: Any) -> Any:
    """Return a product of numbers, or a duration as many times."""
    return _calculate(operator.mul, left, right)


def divide(left: Any, right: Any) -> Any:
    """Return the exact quotient: 7 / 2 is 3.5, and a division by zero is null."""
    return _calculate(operator.truediv, left, right)


def remainder(left: Any, right: Any) -> Any:
    """Return what a division leaves, with the sign of the left operand as in CEL."""
    return _calculate(math.fmod, left, right)


def negate(value: Any) -> Any:
    """Return the opposite of a number or duration."""
    return _calculate(operator.mul, value, -1)


def starts_with(text: object, start: object) -> bool:
    """Tell whether a text starts with another."""
    return type(text) is str and type(start) is str and text.startswith(start)


def ends_with(text: object, end: object) -> bool:
    """Tell whether a text ends with another."""
    return type(text) is str and type(end) is str and text.endswith(end)


def contains(text: object, part: object) -> bool:
    """Tell whether a text has another in it."""
    return type(text) is str and type(part) is str and part in text


def lower(text: object) -> str | None:
    """Return a text in small letters of every script."""
    return text.lower() if type(text) is str else None


def upper(text: object) -> str | None:
    """Return a text in capitals of every script."""
    return text.upper() if type(text) is str else None


def lower_ascii(text: object) -> str | None:
    """Return a text with A-Z as a-z."""
    return text.translate(_LOWER) if type(text) is str else None


def upper_ascii(text: object) -> str | None:
    """Return a text with a-z as A-Z."""
    return text.translate(_UPPER) if type(text) is str else None


def size(value: object) -> int:
    """Count characters, items or fields; what is missing has none."""
    return len(value) if isinstance(value, str | Sequence | Mapping) else 0


def total(values: object) -> Any:
    """Return the sum of a list of numbers, nulls left out; null if it is out of bounds."""
    result: Any = 0
    for value in _items(values):
        read = number(value)
        result = result if read is None else add(result, read)
    return result


def exists(values: object, holds: Callable[[Any], bool]) -> bool:
    """Tell whether the condition holds for any item."""
    for value in _items(values):  # noqa: SIM110 -- a plain loop calls a function in half the time of any()
        if holds(value):
            return True
    return False


def every(values: object, holds: Callable[[Any], bool]) -> bool:
    """Tell whether the condition holds for all items; it does for an empty list."""
    for value in _items(values):  # noqa: SIM110 -- as above
        if not holds(value):
            return False
    return True


def keep(values: object, holds: Callable[[Any], bool]) -> list[Any]:
    """Return the items for which the condition holds."""
    return [value for value in _items(values) if holds(value)]


def each(values: object, result: Callable[[Any], Any]) -> list[Any]:
    """Return the result for every item."""
    return [result(value) for value in _items(values)]


def count(values: object, holds: Callable[[Any], bool]) -> int:
    """Count the items for which the condition holds."""
    return sum([holds(value) for value in _items(values)])


_LOWER = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
_UPPER = {small: small - 32 for small in range(ord("a"), ord("z") + 1)}


def _items(values: object) -> Sequence[Any]:
    if type(values) is list:
        return values if len(values) <= MOST_ITEMS else values[:MOST_ITEMS]
    return values[:MOST_ITEMS] if isinstance(values, tuple) else ()


def _calculate(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Calculate with numbers of at most 64 bits and times; everything else, and every failure, is null."""
    if not _is_measure(left) or not _is_measure(right):
        return None
    try:
        result = function(left, right)
    except _WRONG_DATA:
        return None
    return result if _is_measure(result) else None


def _is_measure(value: Any) -> bool:
    kind = type(value)
    if kind is int:
        return bool(-_LARGEST < value < _LARGEST)
    return kind in _MEASURES and (kind is not float or math.isfinite(value))
