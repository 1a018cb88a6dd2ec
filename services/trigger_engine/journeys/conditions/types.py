"""The types that fields, functions and expressions have.

Every field may be missing, so null belongs to each of them. There is one kind of number; MONEY is a number that travels
as a decimal string, TIMESTAMP a moment that travels as RFC 3339 text, and both are read as what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class Type:
    """What a value is known to be before there is a value."""


@dataclass(frozen=True, slots=True)
class Scalar(Type):
    """A type without parts. `words` is how an error message calls it."""

    name: str
    words: str


NUMBER = Scalar("number", "a number")
MONEY = Scalar("money", "a number")
STRING = Scalar("string", "text")
BOOL = Scalar("bool", "true or false")
TIMESTAMP = Scalar("timestamp", "a time")
DURATION = Scalar("duration", "a duration")
NULL = Scalar("null", "null")
ANY = Scalar("any", "something unknown")


@dataclass(frozen=True, slots=True)
class ListOf(Type):
    """A list whose items all have the type `item`."""

    item: Type


@dataclass(frozen=True, slots=True)
class Record(Type):
    """Named fields. An `open` record may hold others too, whose type is ANY."""

    fields: Mapping[str, Type]
    open: bool = False

    def __hash__(self) -> int:
        """Hash by the names, so that the mapping need not be hashable."""
        return hash((frozenset(self.fields), self.open))


@dataclass(frozen=True, slots=True)
class Function(Type):
    """A fact looked up by constant arguments, such as `spent(365 days)`.

    Every call in use is known once a condition is compiled, so its value can be prepared before evaluation. `words`, if
    there are any, are those that a text among the arguments may be.
    """

    parameters: tuple[Type, ...]
    result: Type
    words: frozenset[str] = frozenset()


def describe(kind: Type) -> str:
    """Return the type in the words of an error message, such as "a number"."""
    if isinstance(kind, Scalar):
        return kind.words
    if isinstance(kind, ListOf):
        return "a list"
    return "a function" if isinstance(kind, Function) else "a record"


def as_read(kind: Type) -> Type:
    """Return the type that a stored value has once it was read: money becomes a number."""
    if kind == MONEY:
        return NUMBER
    return ListOf(as_read(kind.item)) if isinstance(kind, ListOf) else kind
