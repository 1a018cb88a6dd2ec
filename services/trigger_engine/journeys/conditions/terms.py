"""The core language: what a checked expression means, each term writing itself as Python source.

A term is written in one of two manners. *Quick* trusts that data has its declared shape and raises when it has not;
*careful* calls a total function for every step. Both give the same value where quick does not raise. Neither writes an
attribute access other than the constant `.get` of a field read, nor any loop: those stand in `runtime`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar

Constant = float | str | bool | timedelta | datetime | tuple[Any, ...] | None


@dataclass(slots=True)
class Writer:
    """What terms need while they are written: the manner, and the names given out."""

    careful: bool
    constants: dict[str, Any] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    _numbers: Any = field(default_factory=count)

    def constant(self, value: Any) -> str:
        """Return the name under which the code finds a constant that has no source form."""
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def scratch(self) -> str:
        """Return a variable's name that is used nowhere else."""
        return f"t{next(self._numbers)}"


class Term(ABC):
    """A checked expression. `boolean` terms give True or False and never null."""

    boolean: ClassVar[bool] = False

    @abstractmethod
    def write(self, to: Writer) -> str:
        """Return Python source, closed in itself."""


@dataclass(frozen=True, slots=True)
class Const(Term):
    """A value known when the condition is compiled."""

    value: Constant

    def write(self, to: Writer) -> str:
        """Write numbers, texts and truths as themselves, others by name."""
        return repr(self.value) if type(self.value) in {int, float, str, bool, type(None)} else to.constant(self.value)


@dataclass(frozen=True, slots=True)
class Root(Term):
    """One of the mappings given to an evaluation."""

    name: str

    def write(self, to: Writer) -> str:
        """Write the local variable that the function's head fills."""
        to.roots.add(self.name)
        return f"r_{self.name}"


@dataclass(frozen=True, slots=True)
class Variable(Term):
    """The item that a macro looks at."""

    name: str

    def write(self, to: Writer) -> str:  # noqa: ARG002 -- the family's signature
        """Write the parameter of the macro's function."""
        return f"v_{self.name}"


@dataclass(frozen=True, slots=True)
class Field(Term):
    """A named field, null where it is missing."""

    base: Term
    name: str

    def write(self, to: Writer) -> str:
        """Write a look-up that an absent record survives."""
        base = self.base.write(to)
        return f"field({base}, {self.name!r})" if to.careful else f"({base} or NOTHING).get({self.name!r})"


@dataclass(frozen=True, slots=True)
class Briefs(Term):
    """A record of values in short, by name."""

    values: Mapping[str, Term]

    def write(self, to: Writer) -> str:
        """Write a record."""
        return f"{{{', '.join(f'{name!r}: brief({value.write(to)})' for name, value in self.values.items())}}}"


@dataclass(frozen=True, slots=True)
class AnyHolds(Term):
    """Whether any of several conditions is true: of none that is null."""

    boolean = True
    terms: tuple[Term, ...]

    def write(self, to: Writer) -> str:
        """Write one after the other."""
        return " or ".join(f"({term.write(to)}) is True" for term in self.terms)


@dataclass(frozen=True, slots=True)
class Fact(Term):
    """The prepared value of a windowed function."""

    key: tuple[str, tuple[Any, ...]]

    def write(self, to: Writer) -> str:
        """Write a look-up by the call's key."""
        return f"({Root('calls').write(to)} or NOTHING).get({to.constant(self.key)})"


@dataclass(frozen=True, slots=True)
class Apply(Term):
    """A function of `runtime` applied to values."""

    function: str
    arguments: tuple[Term, ...]

    def write(self, to: Writer) -> str:
        """Write the call."""
        return f"{self.function}({', '.join(argument.write(to) for argument in self.arguments)})"


class Check(Apply):
    """A function whose answer is True or False."""

    __slots__ = ()
    boolean = True


@dataclass(frozen=True, slots=True)
class Loop(Term):
    """A macro: a function of `runtime` that calls `body` for each item."""

    function: str
    items: Term
    variable: str
    body: Term

    def write(self, to: Writer) -> str:
        """Write the body as a function of its own, so that its scratch names stay inside."""
        return f"{self.function}({self.items.write(to)}, lambda v_{self.variable}: {self.body.write(to)})"


class LoopCheck(Loop):
    """A macro whose answer is True or False."""

    __slots__ = ()
    boolean = True


@dataclass(frozen=True, slots=True)
class Items(Term):
    """A list written out."""

    items: tuple[Term, ...]

    def write(self, to: Writer) -> str:
        """Write a list."""
        return f"[{', '.join(item.write(to) for item in self.items)}]"


@dataclass(frozen=True, slots=True)
class Order(Term):
    """`<`, `<=`, `>` or `>=`: false if either side is null."""

    boolean = True
    sign: str
    left: Term
    right: Term

    def write(self, to: Writer) -> str:
        """Write the comparison behind its tests for null."""
        if to.careful:
            return f"order({self.sign!r}, {self.left.write(to)}, {self.right.write(to)})"
        tests: list[str] = []
        left, right = self._side(self.left, to, tests), self._side(self.right, to, tests)
        return f"({' and '.join([*tests, f'{left} {self.sign} {right}'])})"

    @staticmethod
    def _side(term: Term, to: Writer, tests: list[str]) -> str:
        if isinstance(term, Const):
            return term.write(to)
        name = term.write(to) if isinstance(term, Variable) else to.scratch()
        tests.append(
            f"{name} is not None" if isinstance(term, Variable) else f"({name} := {term.write(to)}) is not None"
        )
        return name


@dataclass(frozen=True, slots=True)
class Equal(Term):
    """`==`, as Python has it."""

    boolean = True
    left: Term
    right: Term

    def write(self, to: Writer) -> str:
        """Write the comparison; null equals null."""
        left, right = self.left.write(to), self.right.write(to)
        return f"equal({left}, {right})" if to.careful else f"({left} == {right})"


@dataclass(frozen=True, slots=True)
class Logic(Term):
    """A chain of `and` or of `or` over boolean terms."""

    boolean = True
    word: str
    items: tuple[Term, ...]

    def write(self, to: Writer) -> str:
        """Write the chain."""
        return f"({f' {self.word} '.join(item.write(to) for item in self.items)})"


@dataclass(frozen=True, slots=True)
class Not(Term):
    """The opposite of a boolean term."""

    boolean = True
    operand: Term

    def write(self, to: Writer) -> str:
        """Write the denial."""
        return f"(not {self.operand.write(to)})"


@dataclass(frozen=True, slots=True)
class Holds(Term):
    """Whether a value is true itself: null, and whatever else is not true, does not hold."""

    boolean = True
    operand: Term

    def write(self, to: Writer) -> str:
        """Write the identity test."""
        return f"({self.operand.write(to)} is True)"


@dataclass(frozen=True, slots=True)
class Present(Term):
    """Whether a value is there: neither missing nor null."""

    boolean = True
    operand: Term

    def write(self, to: Writer) -> str:
        """Write the test for null."""
        return f"({self.operand.write(to)} is not None)"


@dataclass(frozen=True, slots=True)
class Choose(Term):
    """One of two values, by a boolean term."""

    condition: Term
    yes: Term
    no: Term

    def write(self, to: Writer) -> str:
        """Write Python's conditional expression."""
        return f"({self.yes.write(to)} if {self.condition.write(to)} else {self.no.write(to)})"


def holds(term: Term) -> Term:
    """Return the term as a boolean one."""
    exact = term.boolean or (isinstance(term, Const) and isinstance(term.value, bool))
    return term if exact else Holds(term)
