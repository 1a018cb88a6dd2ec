"""Expression text to a Python function: tokens, syntax tree, checked terms, source, code object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import CodeType, FunctionType
from typing import Any

from services.trigger_engine.journeys.conditions import runtime
from services.trigger_engine.journeys.conditions.brief import brief
from services.trigger_engine.journeys.conditions.checker import Scope, check, result
from services.trigger_engine.journeys.conditions.parser import parse
from services.trigger_engine.journeys.conditions.terms import Briefs, Field, Root, Term, Writer
from services.trigger_engine.journeys.conditions.types import BOOL, Type, as_read

Environment = Mapping[str, Any]
_ON_RECORD = frozenset({"event", "received", "entry", "shop", "now"})
CallKey = tuple[str, tuple[str | float | timedelta, ...]]

_HELPERS = (
    *(runtime.number, runtime.numbers, runtime.timestamp, runtime.timestamps, runtime.exactly),
    *(runtime.field, runtime.item, runtime.order, runtime.equal, runtime.within, runtime.size, runtime.total),
    *(runtime.add, runtime.subtract, runtime.multiply, runtime.divide, runtime.remainder, runtime.negate),
    *(runtime.starts_with, runtime.ends_with, runtime.contains),
    *(runtime.lower, runtime.upper, runtime.lower_ascii, runtime.upper_ascii),
    *(runtime.exists, runtime.every, runtime.keep, runtime.each, runtime.count),
    brief,
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
    _facts: Callable[[Environment], dict[str, Any]] | None = field(repr=False, compare=False)

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
        if self._facts is None and not self.calls:
            return None
        values = {} if self._facts is None else self._facts(env)
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
        _facts=_facts(found.reads),
    )


def _facts(reads: Iterable[tuple[str, ...]]) -> Callable[[Environment], dict[str, Any]] | None:
    """What gives the values of those paths that are on record nowhere else; None where there is no such path."""
    found: dict[str, Term] = {}
    for path in sorted(path for path in reads if path[0] not in _ON_RECORD):
        term: Term = Root(path[0])
        for name in path[1:]:
            term = Field(term, name)
        found[".".join(path)] = term
    return _function(Briefs(found), careful=True) if found else None


def call_text(key: CallKey) -> str:
    """A windowed function as it is written, such as `spent(365 days)`."""
    name, arguments = key
    words = (f"{a / timedelta(days=1):g} days" if isinstance(a, timedelta) else str(a) for a in arguments)
    return f"{name}({', '.join(words)})"


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
