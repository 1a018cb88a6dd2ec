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
from services.trigger_engine.journeys.conditions.terms import AnyHolds, Briefs, Fact, Field, Root, Term, Writer
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
_UNSHAPED = (TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
_NAMESPACE: dict[str, Any] = {
    "__builtins__": {},
    "NOTHING": {},
    "UNSHAPED": _UNSHAPED,
    **{helper.__name__: helper for helper in _HELPERS},
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression.

    `type` is that of its result; `reads` holds the path of every field it looks at, such as ("event", "cart", "total");
    `calls` holds the key of every windowed function it uses, such as ("spent", (timedelta(days=365),)).

    `evaluate` returns the value for the roots in an environment (`event`, `profile`, `now`, …) and its `calls` by key.
    Roots are dicts as decoded from JSON; one that is missing is null. Data never makes this raise: where it has not the
    declared shape, the step concerned gives null or false. `sees` returns what is read that is on record nowhere else,
    by path, in short: the customer and his cart as they are now; it is None where nothing of the kind is read. `term`
    is what it means.
    """

    text: str
    type: Type
    reads: frozenset[tuple[str, ...]]
    calls: frozenset[CallKey]
    evaluate: Callable[[Environment], Any] = field(repr=False, compare=False)
    sees: Callable[[Environment], dict[str, Any]] | None = field(repr=False, compare=False)
    term: Term = field(repr=False, compare=False)

    def seen(self, env: Environment) -> dict[str, Any] | None:
        """What it `sees`; None where that is nothing."""
        return None if self.sees is None else self.sees(env)


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
        evaluate=_function(value.term),
        sees=_sees(found.reads, found.calls),
        term=value.term,
    )


def any_holds(conditions: Iterable[Condition]) -> Callable[[Environment], bool]:
    """What tells whether at least one of several conditions is true: in one call, as mostly none is."""
    return _function(AnyHolds(tuple(condition.term for condition in conditions)))


def _sees(reads: Iterable[tuple[str, ...]], calls: Iterable[CallKey]) -> Callable[[Environment], dict[str, Any]] | None:
    """What gives the values of calls and of those paths that are on record nowhere else; None where there are none."""
    found: dict[str, Term] = {}
    for path in sorted(path for path in reads if path[0] not in _ON_RECORD):
        term: Term = Root(path[0])
        for name in path[1:]:
            term = Field(term, name)
        found[".".join(path)] = term
    found |= {call_text(key): Fact(key) for key in sorted(calls, key=str)}
    return _function(Briefs(found)) if found else None


def call_text(key: CallKey) -> str:
    """A windowed function as it is written, such as `spent(365 days)`."""
    name, arguments = key
    words = (f"{a / timedelta(days=1):g} days" if isinstance(a, timedelta) else str(a) for a in arguments)
    return f"{name}({', '.join(words)})"


def source(term: Term, writer: Writer) -> str:
    """Return the Python source of the function that evaluates a term."""
    body = term.write(writer)
    lines = [*(f'r_{root} = env.get("{root}")' for root in sorted(writer.roots)), f"return {body}"]
    if not writer.careful:
        otherwise = f"return {writer.constant(_written(term, Writer(careful=True)))}(env)"
        lines = ["try:", *(f"    {line}" for line in lines), "except UNSHAPED:", f"    {otherwise}"]
    return "\n".join(["def condition(env):", *(f"    {line}" for line in lines)])


def _function(term: Term) -> Callable[[Environment], Any]:
    """The quick manner, which turns to the careful one where it fails."""
    return _written(term, Writer(careful=False))


def _written(term: Term, writer: Writer) -> Callable[[Environment], Any]:
    module = compile(source(term, writer), "<condition>", "exec")
    code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    return FunctionType(code, _NAMESPACE | writer.constants)
