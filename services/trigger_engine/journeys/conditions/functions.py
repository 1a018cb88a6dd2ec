"""The functions and methods of the language, other than macros: one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.trigger_engine.journeys.conditions import durations, runtime
from services.trigger_engine.journeys.conditions.errors import ConditionError, Span, did_you_mean
from services.trigger_engine.journeys.conditions.terms import Apply, Check, Const, Fact
from services.trigger_engine.journeys.conditions.typed import Typed
from services.trigger_engine.journeys.conditions.types import (
    ANY,
    BOOL,
    DURATION,
    NUMBER,
    STRING,
    TIMESTAMP,
    Function,
    ListOf,
    Record,
    Type,
    describe,
)

MACROS = frozenset({"exists", "all", "filter", "map", "count"})
PLAIN = frozenset({"size", "has", "duration", "timestamp"})


@dataclass(frozen=True, slots=True)
class Method:
    """A method: the `runtime` function behind it and what it takes and gives."""

    function: str
    of: Type
    parameters: tuple[Type, ...]
    result: Type


METHODS = {
    "startsWith": Method("starts_with", STRING, (STRING,), BOOL),
    "endsWith": Method("ends_with", STRING, (STRING,), BOOL),
    "contains": Method("contains", STRING, (STRING,), BOOL),
    "lower": Method("lower", STRING, (), STRING),
    "upper": Method("upper", STRING, (), STRING),
    "lowerAscii": Method("lower_ascii", STRING, (), STRING),
    "upperAscii": Method("upper_ascii", STRING, (), STRING),
    "sum": Method("total", ListOf(NUMBER), (), NUMBER),
}


METHOD_NAMES = MACROS | METHODS.keys() | {"size"}


def method(base: Typed, name: str, place: Span, arguments: tuple[Typed, ...]) -> Typed:
    """Return `base.name(arguments)` of a known method; ConditionError for values it cannot take."""
    span = base.span.to(place)
    if name in {"size", "count"}:
        need_arguments(name, place, arguments, 0)
        return size(base, span)
    known = METHODS[name]
    if not _takes(known.of, base.type):
        hint = "write value in list" if name == "contains" and isinstance(base.type, ListOf) else ""
        raise span.error(f"'{name}' works on {_plural(known.of)}, and this is {base.words}", hint)
    need_arguments(name, place, arguments, len(known.parameters))
    for argument, kind in zip(arguments, known.parameters, strict=True):
        if not argument.is_a(kind):
            raise argument.span.error(f"'{name}' needs {describe(kind)} here, and this is {argument.words}")
    term = Check if known.result == BOOL else Apply
    return Typed(term(known.function, (base.term, *(each.term for each in arguments))), known.result, span)


def plain(name: str, arguments: tuple[Typed, ...], place: Span) -> Typed:
    """Return `size(x)`, `duration("…")` or `timestamp("…")`."""
    need_arguments(name, place, arguments, 1)
    return {"size": size, "duration": duration, "timestamp": timestamp}[name](arguments[0], place)


def size(value: Typed, span: Span) -> Typed:
    """Return the number of characters, items or fields; 0 for what is missing."""
    if not isinstance(value.type, ListOf | Record) and not value.is_a(STRING):
        raise value.span.error(f"'size' counts the parts of text or a list, and this is {value.words}")
    return Typed(Apply("size", (value.term,)), NUMBER, span)


def duration(value: Typed, place: Span) -> Typed:
    """Return CEL's `duration("36h")`, a constant."""
    text = value.constant
    if not isinstance(text, str):
        raise value.span.error("'duration' needs a text that is written out", "write 36 hours")
    try:
        return Typed(Const(durations.parse_cel_duration(text)), DURATION, place)
    except durations.DurationError as error:
        raise value.span.error(error.message, error.hint) from None


def timestamp(value: Typed, place: Span) -> Typed:
    """Return CEL's `timestamp(text)`: a constant where the text is one, else read at evaluation."""
    if isinstance(value.constant, str):
        moment: datetime | None = runtime.timestamp(value.constant)
        if moment is None:
            raise value.span.error("this is no time", "write it like 2026-01-31T12:00:00Z")
        return Typed(Const(moment), TIMESTAMP, place)
    if not value.is_a(STRING) and value.type != TIMESTAMP:
        raise value.span.error(f"'timestamp' reads text, and this is {value.words}")
    return Typed(Apply("timestamp", (value.term,)), TIMESTAMP, place)


def fact(name: str, function: Function, place: Span, arguments: tuple[Typed, ...]) -> Fact:
    """Return the prepared value that a windowed function stands for; its arguments are written out."""
    need_arguments(name, place, arguments, len(function.parameters), _example(name, function))
    for argument, kind in zip(arguments, function.parameters, strict=True):
        if argument.type != kind:
            raise argument.span.error(
                f"'{name}' needs {describe(kind)} here, and this is {argument.words}",
                f"write {_example(name, function)}",
            )
        if argument.constant is None:
            raise argument.span.error(
                f"'{name}' needs a value that is written out, so that it can be prepared",
                f"write {_example(name, function)}",
            )
        if function.words and kind == STRING and argument.constant not in function.words:
            raise argument.span.error(
                f"'{name}' knows no {str(argument.constant)[:60]!r}",
                did_you_mean(str(argument.constant), function.words),
            )
        if isinstance(argument.constant, timedelta) and argument.constant <= timedelta(0):
            raise argument.span.error("a window must be longer than nothing", f"write {_example(name, function)}")
    return Fact((name, tuple(argument.constant for argument in arguments)))


def need_arguments(name: str, place: Span, arguments: tuple[object, ...], wanted: int, example: str = "") -> None:
    """Raise ConditionError unless a function was given as many values as it takes."""
    if len(arguments) != wanted:
        values = "1 value" if wanted == 1 else f"{wanted or 'no'} values"
        hint = f"write {example}" if example else ""
        raise place.error(f"'{name}' takes {values}, and {len(arguments)} {_were(len(arguments))} given", hint)


def unknown_method(name: str, place: Span, base: Typed) -> ConditionError:
    """Return the error about a method that does not exist."""
    if not isinstance(base.type, Record):
        return place.error(f"unknown function '{name}'", did_you_mean(name, METHOD_NAMES))
    known = [name for name, kind in base.type.fields.items() if isinstance(kind, Function)]
    return place.error(f"unknown function '{name}'", did_you_mean(name, known))


def unknown_function(name: str, place: Span, scope: frozenset[str]) -> ConditionError:
    """Return the error about a function that does not exist."""
    if name in METHODS or name in MACROS:
        return place.error(f"'{name}' stands after a value", f"write value.{name}(…)")
    return place.error(f"unknown function '{name}'", did_you_mean(name, scope | PLAIN))


def _takes(wanted: Type, given: Type) -> bool:
    if isinstance(wanted, ListOf) and isinstance(given, ListOf):
        return given.item in (wanted.item, ANY)
    return given in (wanted, ANY)


def _plural(kind: Type) -> str:
    return "a list of numbers" if isinstance(kind, ListOf) else describe(kind)


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _example(name: str, function: Function) -> str:
    shown: dict[Type, str] = {DURATION: "90 days", STRING: '"name"', NUMBER: "10"}
    return f"{name}({', '.join(shown.get(kind, '…') for kind in function.parameters)})"
