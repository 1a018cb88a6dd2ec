"""What operators accept and give: arithmetic, comparison, equality and `in`."""

from __future__ import annotations

from services.trigger_engine.journeys.conditions.terms import Apply, Check, Equal, Not, Order
from services.trigger_engine.journeys.conditions.typed import Typed, taken_as
from services.trigger_engine.journeys.conditions.types import (
    ANY,
    BOOL,
    DURATION,
    NULL,
    NUMBER,
    STRING,
    TIMESTAMP,
    ListOf,
    Record,
    Type,
)

ORDERS = frozenset({"<", "<=", ">", ">="})

_ORDERED = frozenset({NUMBER, STRING, TIMESTAMP, DURATION})
_ARITHMETIC: dict[str, tuple[str, tuple[tuple[Type, Type, Type], ...]]] = {
    "+": (
        "add",
        (
            (NUMBER, NUMBER, NUMBER),
            (STRING, STRING, STRING),
            (TIMESTAMP, DURATION, TIMESTAMP),
            (DURATION, TIMESTAMP, TIMESTAMP),
            (DURATION, DURATION, DURATION),
        ),
    ),
    "-": (
        "subtract",
        (
            (NUMBER, NUMBER, NUMBER),
            (TIMESTAMP, TIMESTAMP, DURATION),
            (TIMESTAMP, DURATION, TIMESTAMP),
            (DURATION, DURATION, DURATION),
        ),
    ),
    "*": ("multiply", ((NUMBER, NUMBER, NUMBER), (DURATION, NUMBER, DURATION), (NUMBER, DURATION, DURATION))),
    "/": ("divide", ((NUMBER, NUMBER, NUMBER), (DURATION, NUMBER, DURATION))),
    "%": ("remainder", ((NUMBER, NUMBER, NUMBER),)),
}


def binary(sign: str, left: Typed, right: Typed) -> Typed:
    """Return what a binary operator means for two checked operands; ConditionError if it means nothing."""
    if sign == "in":
        return membership(left, right)
    if sign in ORDERS:
        return order(sign, left, right)
    return equality(sign, left, right) if sign in {"==", "!="} else arithmetic(sign, left, right)


def arithmetic(sign: str, left: Typed, right: Typed) -> Typed:
    """Return a calculation. An unknown operand is read as what the other one calls for, if that is one thing."""
    function, rows = _ARITHMETIC[sign]
    span = left.span.to(right.span)
    fitting = [row for row in rows if left.is_a(row[0]) and right.is_a(row[1])]
    if not fitting:
        hint = _instead(left, right) or "calculate with numbers, or with times and durations"
        raise span.error(f"'{sign}' cannot take {left.words} and {right.words}", hint)
    if len(fitting) > 1:
        results = {row[2] for row in fitting}
        kind = results.pop() if len(results) == 1 else ANY
        return Typed(Apply(function, (left.term, right.term)), kind, span)
    ((one, other, kind),) = fitting
    return Typed(Apply(function, (taken_as(left, one), taken_as(right, other))), kind, span)


def order(sign: str, left: Typed, right: Typed) -> Typed:
    """Return a comparison of two numbers, texts, times or durations."""
    span = left.span.to(right.span)
    if BOOL in (left.type, right.type):
        raise span.error(f"'{sign}' cannot order true and false", "join comparisons with &&, such as 1 < x && x < 5")
    if NULL in (left.type, right.type):
        raise span.error(f"'{sign}' cannot order null", "write == null, != null or has(…)")
    kinds = {left.type, right.type} - {ANY}
    if not kinds <= _ORDERED or len(kinds) > 1:
        raise span.error(f"'{sign}' compares {left.words} with {right.words}", _instead(left, right))
    kind = kinds.pop() if kinds else ANY
    return Typed(Order(sign, taken_as(left, kind), taken_as(right, kind)), BOOL, span)


def equality(sign: str, left: Typed, right: Typed) -> Typed:
    """Return `==` or `!=`; ConditionError where the types can never be equal."""
    span = left.span.to(right.span)
    if not _may_equal(left.type, right.type):
        never = "is always false" if sign == "==" else "is always true"
        raise span.error(f"comparing {left.words} with {right.words} {never}", _instead(left, right))
    same = Equal(taken_as(left, right.type), taken_as(right, left.type))
    return Typed(same if sign == "==" else Not(same), BOOL, span)


def membership(value: Typed, held: Typed) -> Typed:
    """Return `value in held` for a list, or for a record and a field's name."""
    span = value.span.to(held.span)
    if held.type == STRING:
        raise span.error("'in' looks into a list, and this is text", "write text.contains(part)")
    if isinstance(held.type, Record) and not value.is_a(STRING):
        raise value.span.error(f"a record's field has a name, and this is {value.words}", 'write "name" in record')
    if not isinstance(held.type, ListOf | Record) and held.type != ANY:
        raise held.span.error(f"'in' looks into a list, and this is {held.words}", "write ==, or a list such as [1, 2]")
    item = held.type.item if isinstance(held.type, ListOf) else ANY
    if not _may_equal(value.type, item):
        found = Typed(held.term, item, held.span)
        raise span.error(f"this is a list of other things: {found.words}, not {value.words}", _instead(found, value))
    return Typed(Check("within", (taken_as(value, item), held.term)), BOOL, span)


def _may_equal(one: Type, other: Type) -> bool:
    if isinstance(one, ListOf) and isinstance(other, ListOf):
        return _may_equal(one.item, other.item)
    if isinstance(one, Record) and isinstance(other, Record):
        return True
    return one == other or ANY in (one, other) or NULL in (one, other)


def _instead(left: Typed, right: Typed) -> str:
    kinds = (left.type, right.type)
    text = left.constant if left.type == STRING else right.constant
    if STRING in kinds and NUMBER in kinds:
        return f"write the number without quotes: {text}" if _looks_like_number(text) else "write a number, unquoted"
    if TIMESTAMP in kinds and STRING in kinds:
        return 'write timestamp("2026-01-31T12:00:00Z")'
    if DURATION in kinds and NUMBER in kinds:
        return "write a duration with its unit, such as 36 hours"
    if TIMESTAMP in kinds and DURATION in kinds:
        return "write now - … to get a duration"
    if any(isinstance(kind, ListOf) for kind in kinds):
        return "write list.exists(i, …), value in list or size(list)"
    return "both sides must be the same kind of thing"


def _looks_like_number(text: object) -> bool:
    return isinstance(text, str) and text.strip().replace(".", "", 1).isdecimal()
