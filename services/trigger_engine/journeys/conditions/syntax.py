"""The syntax tree: what was written, not yet what it means. Every node knows its place and how deep it is."""

from __future__ import annotations

from dataclasses import dataclass

from services.trigger_engine.journeys.conditions.errors import Span
from services.trigger_engine.journeys.conditions.tokens import Value


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of an expression. `depth` is the number of nodes on the longest way down, itself included."""

    span: Span
    depth: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, text, duration, true, false or null."""

    value: Value


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A root such as `event`, or the variable of a macro."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`base.field`; `place` is where the field's name stands."""

    base: Node
    field: str
    place: Span


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`base[key]`."""

    base: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(arguments)`, or `base.name(arguments)`; `place` is where the name stands."""

    base: Node | None
    name: str
    place: Span
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`!operand` or `-operand`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic, a comparison or `in`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """A chain of `&&` or of `||`, kept flat: its length costs no depth."""

    operator: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Ternary(Node):
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node
