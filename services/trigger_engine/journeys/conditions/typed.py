"""A checked piece of an expression: its meaning, its type, and its place for the errors of whatever holds it."""

from __future__ import annotations

from dataclasses import dataclass

from services.trigger_engine.journeys.conditions.errors import Span
from services.trigger_engine.journeys.conditions.terms import Apply, Const, Term, holds
from services.trigger_engine.journeys.conditions.types import (
    ANY,
    BOOL,
    MONEY,
    NUMBER,
    TIMESTAMP,
    ListOf,
    Type,
    as_read,
    describe,
)

_READERS = {MONEY: "number", NUMBER: "number", TIMESTAMP: "timestamp"}


@dataclass(frozen=True, slots=True)
class Typed:
    """A term with its type. `path` is the field it reads, from its root, if it does nothing else."""

    term: Term
    type: Type
    span: Span
    path: tuple[str, ...] = ()

    def is_a(self, kind: Type) -> bool:
        """Tell whether the value has this type or may turn out to have it."""
        return self.type in (kind, ANY)

    @property
    def words(self) -> str:
        """The type in an error message's words."""
        return describe(self.type)

    @property
    def constant(self) -> object:
        """The value of a literal, else None."""
        return self.term.value if isinstance(self.term, Const) else None


def read(stored: Typed) -> Typed:
    """Return a stored value as what it means: money as a number, RFC 3339 text as a time."""
    term, kind = stored.term, stored.type
    if kind in (MONEY, TIMESTAMP):
        term = Apply(_READERS[kind], (term,))
    elif isinstance(kind, ListOf) and kind.item in (MONEY, TIMESTAMP):
        term = Apply(f"{_READERS[kind.item]}s", (term,))
    return Typed(term, as_read(kind), stored.span, stored.path)


def taken_as(value: Typed, kind: Type) -> Term:
    """Return the term of a value of which `kind` is expected: what is unknown is read as that."""
    if value.type == ANY and kind in _READERS:
        return Apply(_READERS[kind], (value.term,))
    return value.term


def truth(value: Typed) -> Term:
    """Return a boolean term; ConditionError if the value is known to be something else."""
    if value.is_a(BOOL):
        return holds(value.term)
    hint = (
        "compare it, such as size(…) > 0" if isinstance(value.type, ListOf) else "compare it, such as … == … or … > 0"
    )
    raise value.span.error(f"this is {value.words}, where true or false is needed", hint)
