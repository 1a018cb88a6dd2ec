"""Syntax tree to core terms: names are found in the scope, types are checked, every misuse is named at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from services.trigger_engine.journeys.conditions import functions, operators, syntax
from services.trigger_engine.journeys.conditions.errors import Span, did_you_mean
from services.trigger_engine.journeys.conditions.terms import (
    Apply,
    Choose,
    Const,
    Field,
    Items,
    Logic,
    Loop,
    LoopCheck,
    Not,
    Present,
    Root,
    Variable,
)
from services.trigger_engine.journeys.conditions.typed import Typed, read, taken_as, truth
from services.trigger_engine.journeys.conditions.types import (
    ANY,
    BOOL,
    DURATION,
    NULL,
    NUMBER,
    STRING,
    TIMESTAMP,
    Function,
    ListOf,
    Record,
    Type,
    describe,
)

DEEPEST_MACRO = 2

_CLASSES: dict[Type, tuple[type, ...]] = {
    STRING: (str,),
    NUMBER: (int, float),
    BOOL: (bool,),
    TIMESTAMP: (datetime,),
    DURATION: (timedelta,),
}
_LOOPS = {"exists": "exists", "all": "every", "filter": "keep", "map": "each", "count": "count"}


@dataclass(slots=True)
class Scope:
    """The names in reach, and what has been read and called so far."""

    names: Mapping[str, Type]
    variables: dict[str, Type] = field(default_factory=dict)
    reads: set[tuple[str, ...]] = field(default_factory=set)
    calls: set[tuple[str, tuple[Any, ...]]] = field(default_factory=set)


def check(node: syntax.Node, scope: Scope) -> Typed:
    """Return what a node means as a value; ConditionError if it means nothing."""
    found = resolve(node, scope)
    if isinstance(found.type, Function):
        raise found.span.error("this is a function", "call it with its values in parentheses")
    if not isinstance(node, syntax.Name | syntax.Select | syntax.Index):
        return found
    if found.path:
        scope.reads.add(found.path)
    return read(found)


@singledispatch
def resolve(node: syntax.Node, scope: Scope) -> Typed:
    """Return what a node means before it is read: a path of fields stays a path."""
    raise NotImplementedError(type(node), scope)


@resolve.register
def _literal(node: syntax.Literal, _: Scope) -> Typed:
    kinds: dict[type, Type] = {bool: BOOL, str: STRING, timedelta: DURATION, type(None): NULL}
    return Typed(Const(node.value), kinds.get(type(node.value), NUMBER), node.span)


@resolve.register
def _name(node: syntax.Name, scope: Scope) -> Typed:
    if node.name in scope.variables:
        return Typed(Variable(node.name), scope.variables[node.name], node.span)
    if node.name in scope.names:
        return Typed(Root(node.name), scope.names[node.name], node.span, (node.name,))
    if node.name in functions.PLAIN | functions.METHOD_NAMES:
        raise node.span.error(f"'{node.name}' is a function", f"write {node.name}(…)")
    raise node.span.error(f"unknown name '{node.name}'", did_you_mean(node.name, scope.names.keys() | scope.variables))


@resolve.register
def _select(node: syntax.Select, scope: Scope) -> Typed:
    return _field(resolve(node.base, scope), node.field, node.span, node.place)


def _field(base: Typed, name: str, span: Span, place: Span) -> Typed:
    path = (*base.path, name) if base.path else ()
    if base.type == ANY:
        return Typed(Field(base.term, name), ANY, span, path)
    if not isinstance(base.type, Record):
        in_list = f"write list.exists(i, i.{name} == …) or list[0].{name}" if isinstance(base.type, ListOf) else ""
        called = f"write {name}()" if name in functions.METHOD_NAMES else in_list
        raise place.error(f"{base.words} has no field '{name}'", called)
    kind = base.type.fields.get(name, ANY if base.type.open else None)
    if kind is None:
        raise place.error(f"unknown field '{name}'", did_you_mean(name, base.type.fields))
    return Typed(Field(base.term, name), kind, span, path)


@resolve.register
def _index(node: syntax.Index, scope: Scope) -> Typed:
    if isinstance(node.key, syntax.Literal) and isinstance(node.key.value, str):
        return _field(resolve(node.base, scope), node.key.value, node.span, node.key.span)
    base, key = check(node.base, scope), check(node.key, scope)
    if isinstance(base.type, ListOf) and not key.is_a(NUMBER):
        raise key.span.error(f"a list is counted by number, and this is {key.words}", "write list[0] for the first")
    if isinstance(base.type, Record) and not key.is_a(STRING):
        raise key.span.error(f"a record's field has a name, and this is {key.words}", 'write record["name"]')
    if not isinstance(base.type, ListOf | Record) and base.type != ANY:
        raise base.span.error(f"{base.words} has no items")
    kind = base.type.item if isinstance(base.type, ListOf) else ANY
    return Typed(Apply("item", (base.term, key.term)), kind, node.span)


@resolve.register
def _list(node: syntax.ListLiteral, scope: Scope) -> Typed:
    items = [check(item, scope) for item in node.items]
    kinds = [item.type for item in items if item.type != NULL]
    same = all(kind == kinds[0] for kind in kinds)
    return Typed(Items(tuple(item.term for item in items)), ListOf(kinds[0] if kinds and same else ANY), node.span)


@resolve.register
def _unary(node: syntax.Unary, scope: Scope) -> Typed:
    operand = check(node.operand, scope)
    if node.operator == "!":
        return Typed(Not(truth(operand)), BOOL, node.span)
    value = operand.constant
    if isinstance(value, int | float | timedelta) and not isinstance(value, bool):
        return Typed(Const(-value), operand.type, node.span)
    if not operand.is_a(NUMBER) and operand.type != DURATION:
        raise node.span.error(f"'-' cannot take {operand.words}", "write it before a number or a duration")
    return Typed(Apply("negate", (operand.term,)), operand.type, node.span)


@resolve.register
def _binary(node: syntax.Binary, scope: Scope) -> Typed:
    return operators.binary(node.operator, check(node.left, scope), check(node.right, scope))


@resolve.register
def _logic(node: syntax.Logic, scope: Scope) -> Typed:
    items = tuple(truth(check(item, scope)) for item in node.items)
    return Typed(Logic("and" if node.operator == "&&" else "or", items), BOOL, node.span)


@resolve.register
def _ternary(node: syntax.Ternary, scope: Scope) -> Typed:
    condition = truth(check(node.condition, scope))
    yes, no = check(node.yes, scope), check(node.no, scope)
    kinds = [kind for kind in (yes.type, no.type) if kind not in (NULL, ANY)]
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        raise yes.span.to(no.span).error(
            f"'?' gives {yes.words} or {no.words}", "both results must be the same kind of thing"
        )
    kind = kinds[0] if kinds and ANY not in (yes.type, no.type) else ANY
    return Typed(Choose(condition, yes.term, no.term), kind, node.span)


@resolve.register
def _call(node: syntax.Call, scope: Scope) -> Typed:
    path = _path(node)
    function = _function_at(path, scope)
    if function is not None:
        return _fact(".".join(path), function, node, scope)
    if node.base is None:
        return _plain_call(node, scope)
    base = check(node.base, scope)
    if node.name in functions.MACROS and (node.arguments or node.name != "count"):
        return _macro(node, base, scope)
    if node.name not in functions.METHOD_NAMES:
        raise functions.unknown_method(node.name, node.place, base)
    return functions.method(base, node.name, node.place, _arguments(node, scope))


def _plain_call(node: syntax.Call, scope: Scope) -> Typed:
    if node.name == "has":
        return _has(node, scope)
    if node.name not in functions.PLAIN:
        names = frozenset(name for name, kind in scope.names.items() if isinstance(kind, Function))
        raise functions.unknown_function(node.name, node.place, names)
    return functions.plain(node.name, _arguments(node, scope), node.span)


def _path(node: syntax.Call) -> tuple[str, ...]:
    """Return the names of a call such as coupons.given(…), or () if something other than names stands before it."""
    names, base = [node.name], node.base
    while isinstance(base, syntax.Select):
        names.append(base.field)
        base = base.base
    if isinstance(base, syntax.Name):
        names.append(base.name)
    return tuple(reversed(names)) if base is None or isinstance(base, syntax.Name) else ()


def _function_at(path: tuple[str, ...], scope: Scope) -> Function | None:
    kind: Type | None = Record(scope.names)
    for name in path:
        kind = kind.fields.get(name) if isinstance(kind, Record) else None
    return kind if isinstance(kind, Function) else None


def _fact(name: str, function: Function, node: syntax.Call, scope: Scope) -> Typed:
    fact = functions.fact(name, function, node.span, _arguments(node, scope))
    scope.calls.add(fact.key)
    return read(Typed(fact, function.result, node.span))


def _has(node: syntax.Call, scope: Scope) -> Typed:
    functions.need_arguments("has", node.span, node.arguments, 1, "has(event.cart.total)")
    (field_node,) = node.arguments
    if not isinstance(field_node, syntax.Select | syntax.Index):
        raise field_node.span.error("'has' asks for a field", "write has(event.cart.total)")
    return Typed(Present(check(field_node, scope).term), BOOL, node.span)


def _macro(node: syntax.Call, over: Typed, scope: Scope) -> Typed:
    if not isinstance(over.type, ListOf) and over.type != ANY:
        raise over.span.error(f"'{node.name}' looks at the items of a list, and this is {over.words}")
    example = f"list.{node.name}(i, i.price > 10)"
    functions.need_arguments(node.name, node.place, node.arguments, 2, example)
    variable, body_node = node.arguments
    if not isinstance(variable, syntax.Name):
        raise variable.span.error("the first value names an item", f"write {example}")
    if variable.name in scope.variables or variable.name in scope.names:
        raise variable.span.error(f"the name '{variable.name}' is already taken", "choose another for the item")
    if len(scope.variables) == DEEPEST_MACRO:
        raise node.place.error(f"macros are nested more than {DEEPEST_MACRO} deep", "split the condition")
    scope.variables[variable.name] = over.type.item if isinstance(over.type, ListOf) else ANY
    body = check(body_node, scope)
    del scope.variables[variable.name]
    return _loop(node, over, variable.name, body)


def _loop(node: syntax.Call, over: Typed, variable: str, body: Typed) -> Typed:
    function = _LOOPS[node.name]
    if node.name == "map":
        return Typed(Loop(function, over.term, variable, body.term), ListOf(body.type), node.span)
    if node.name in {"exists", "all"}:
        return Typed(LoopCheck(function, over.term, variable, truth(body)), BOOL, node.span)
    kind = NUMBER if node.name == "count" else ListOf(over.type.item if isinstance(over.type, ListOf) else ANY)
    return Typed(Loop(function, over.term, variable, truth(body)), kind, node.span)


def _arguments(node: syntax.Call, scope: Scope) -> tuple[Typed, ...]:
    return tuple(check(argument, scope) for argument in node.arguments)


def result(value: Typed, expected: tuple[Type, ...]) -> Typed:
    """Return a whole expression as one of the types expected; ConditionError if it is of another."""
    if value.type == ANY:
        return value if ANY in expected else _unknown_result(value, expected)
    if ANY not in expected and value.type not in expected:
        wanted = " or ".join(dict.fromkeys(map(describe, expected)))
        hint = _result_hint(value) if expected == (BOOL,) else ""
        raise value.span.error(f"this gives {value.words}, where {wanted} is needed", hint)
    return replace(value, term=truth(value)) if value.type == BOOL else value


def _unknown_result(value: Typed, expected: tuple[Type, ...]) -> Typed:
    """Read what is unknown as the one type expected; of several types keep a value that has one of them."""
    if expected == (BOOL,):
        return Typed(truth(value), BOOL, value.span)
    if len(expected) == 1 and expected[0] in (NUMBER, TIMESTAMP):
        return Typed(taken_as(value, expected[0]), expected[0], value.span)
    classes = tuple(kind for each in expected for kind in _CLASSES.get(each, (list, dict)))
    return replace(value, term=Apply("exactly", (value.term, Const(classes))))


def _result_hint(value: Typed) -> str:
    return "write has(…) or != null" if isinstance(value.type, Record) else "compare it, such as … == … or … > 0"
