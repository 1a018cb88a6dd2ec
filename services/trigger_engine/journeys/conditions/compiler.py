"""Expression text to a Python function: tokens, syntax tree, checked terms, source, code object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from types import CodeType, FunctionType
from typing import Any

from services.trigger_engine.journeys.conditions import runtime
from services.trigger_engine.journeys.conditions.checker import Scope, check, result
from services.trigger_engine.journeys.conditions.parser import parse
from services.trigger_engine.journeys.conditions.terms import Term, Writer
from services.trigger_engine.journeys.conditions.types import BOOL, Type, as_read

Environment = Mapping[str, Any]
_ON_RECORD = frozenset({"event", "received", "entry", "shop", "now"})
LONGEST_TEXT = 64
MOST_ITEMS = 10
_BRIEF = frozenset({int, float, bool, type(None)})
CallKey = tuple[str, tuple[str | float | timedelta, ...]]

_HELPERS = (
    *(runtime.number, runtime.numbers, runtime.timestamp, runtime.timestamps, runtime.exactly),
    *(runtime.field, runtime.item, runtime.order, runtime.equal, runtime.within, runtime.size, runtime.total),
    *(runtime.add, runtime.subtract, runtime.multiply, runtime.divide, runtime.remainder, runtime.negate),
    *(runtime.starts_with, runtime.ends_with, runtime.contains),
    *(runtime.lower, runtime.upper, runtime.lower_ascii, runtime.upper_ascii),
    *(runtime.exists, runtime.every, runtime.keep, runtime.each, runtime.count),
)
_NAMESPACE: dict[str, Any] = {"__builtins__": {}, "NOTHING": {}} | {helper.__name__: helper for helper in _HELPERS}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression.

    `type` is that of its result; `reads` holds the path of every field it looks at, such as ("event", "cart", "total");
    `calls` holds the key of every windowed function it uses, such as ("spent", (timedelta(days=365),)).
    """

    text: str
    type: Type
    reads: frozenset[tuple[str, ...]]
    calls: frozenset[CallKey]
    _quick: Callable[[Environment], Any] = field(repr=False, compare=False)
    _careful: Callable[[Environment], Any] = field(repr=False, compare=False)
    _facts: tuple[tuple[str, tuple[str, ...]], ...] = field(repr=False, compare=False)

    def evaluate(self, env: Environment) -> Any:
        """Return the value for the roots in `env` (`event`, `profile`, `now`, …) and its `calls` by key.

        Roots are dicts as decoded from JSON; one that is missing is null. Data never makes this raise: where it has not
        the declared shape, the step concerned gives null or false.
        """
        try:
            return self._quick(env)
        except (TypeError, AttributeError, ValueError, ArithmeticError, RecursionError):
            return self._careful(env)

    def seen(self, env: Environment) -> dict[str, Any] | None:
        """What it reads that is on record nowhere else, by path, in short: the customer and his cart as they are now.

        None where it reads nothing of the kind.
        """
        if not self._facts and not self.calls:
            return None
        values = {}
        for name, path in self._facts:
            value: Any = env.get(path[0])
            for part in path[1:]:
                # Nearly always a view of ours or a dict, and asking an abstract class takes ten times as long.
                value = value.get(part) if hasattr(value, "get") else None
            values[name] = value if type(value) in _BRIEF else brief(value)
        if self.calls:
            calls = env.get("calls") or {}
            values |= {call_text(key): brief(calls.get(key)) for key in sorted(self.calls, key=str)}
        return values


def compile_condition(text: str, scope: Mapping[str, Type], *, expect: Type | tuple[Type, ...] = BOOL) -> Condition:
    """Compile an expression whose root names have the types in `scope` and whose result has the type expected.

    A tuple expects any one of its types. Raises ConditionError, which names the place and says what to write instead.
    """
    expected = expect if isinstance(expect, tuple) else (expect,)
    found = Scope(scope)
    value = result(check(parse(text), found), tuple(as_read(kind) for kind in expected))
    return Condition(
        text=text,
        type=value.type,
        reads=frozenset(found.reads),
        calls=frozenset(found.calls),
        _quick=_function(value.term, careful=False),
        _careful=_function(value.term, careful=True),
        _facts=tuple((".".join(path), path) for path in sorted(found.reads) if path[0] not in _ON_RECORD),
    )


def call_text(key: CallKey) -> str:
    """A windowed function as it is written, such as `spent(365 days)`."""
    name, arguments = key
    words = (f"{a / timedelta(days=1):g} days" if isinstance(a, timedelta) else str(a) for a in arguments)
    return f"{name}({', '.join(words)})"


def brief(value: Any) -> Any:
    """A value cut to what a note may hold."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    if type(value) is list:  # mostly, and asking an abstract class takes ten times as long
        return [brief(part) for part in value[:MOST_ITEMS]]
    if isinstance(value, Mapping):
        return {str(name): brief(part) for name, part in islice(value.items(), MOST_ITEMS)}
    if isinstance(value, Collection):
        return [brief(part) for part in islice(value, MOST_ITEMS)]
    return value


def source(term: Term, writer: Writer) -> str:
    """Return the Python source of the function that evaluates a term."""
    body = term.write(writer)
    head = [f'    r_{root} = env.get("{root}")' for root in sorted(writer.roots)]
    return "\n".join(["def condition(env):", *head, f"    return {body}"])


def _function(term: Term, *, careful: bool) -> Callable[[Environment], Any]:
    writer = Writer(careful)
    module = compile(source(term, writer), "<condition>", "exec")
    code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    return FunctionType(code, _NAMESPACE | writer.constants)
