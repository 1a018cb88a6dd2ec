"""The template language: the part of Jinja that cannot loop for ever, grow without bound or reach into Python.

A template prints, decides (`if`), walks lists (`for`) and names values (`set`). There are no macros, includes, calls
of methods or text kept in variables, so the work of a template is bounded by its size, the lists it is given and the
budget of `sandbox.py`. The same check runs at publish and again before a stored template is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from jinja2 import nodes

from services.notifier.compose.errors import LanguageError
from services.notifier.compose.registry import FILTERS, FUNCTIONS, TESTS

ROOTS = frozenset({"profile", "event", "cart", "entry", "shop", "links", "message", "alert", "now"})
LINKS = frozenset({"unsubscribe", "preferences", "confirm"})
MAX_DEPTH = 60

_STATEMENTS = {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign}
_VALUES = {nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Tuple, nodes.List, nodes.Dict}
_OPERATORS = {
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat,
    nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.CondExpr,
}  # fmt: skip
_USES = {nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword, nodes.Pair}
_ALLOWED = _STATEMENTS | _VALUES | _OPERATORS | _USES

_INSTEAD: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Macro: ("macro", "write the block where it is used, or loop over a list"),
    nodes.CallBlock: ("call", "write the block where it is used"),
    nodes.FilterBlock: ("filter", "use the filter on each value: {{ value | upper }}"),
    nodes.AssignBlock: ("set … endset", "name a value, not a block: {% set name = value %}"),
    nodes.Include: ("include", 'name the partial in quotes: {% include "products" %}'),
    nodes.Import: ("import", "write the text into this file"),
    nodes.FromImport: ("from … import", "write the text into this file"),
    nodes.Extends: ("extends", "write the whole template into this file"),
    nodes.Block: ("block", "write the whole template into this file"),
    nodes.Scope: ("autoescape", "values are always escaped in HTML and never in text"),
    nodes.With: ("with", "name a value: {% set name = value %}"),
    nodes.Pow: ("**", "multiply instead"),
    nodes.NSRef: ("namespace", "count with loop.index, or sum a list: {{ items | sum(attribute='price') }}"),
}


def walk(root: nodes.Node, *, into_loops: bool = True) -> Iterator[tuple[nodes.Node, int]]:
    """Every node under `root` with its depth, in the order of the source; without recursion."""
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        if into_loops or not isinstance(node, nodes.For):
            stack.extend(reversed([(child, depth + 1) for child in node.iter_child_nodes()]))


def check(tree: nodes.Template) -> None:
    """Refuse what is not part of the language. Raises LanguageError with the line and what to write instead."""
    called = {id(node.node) for node, _ in walk(tree) if isinstance(node, nodes.Call)}
    named = {node.name for node, _ in walk(tree) if isinstance(node, nodes.Name) and node.ctx == "store"}
    for node, depth in walk(tree):
        if depth > MAX_DEPTH:
            raise LanguageError("nested too deeply", node.lineno, f"at most {MAX_DEPTH} levels; split the expression")
        if type(node) not in _ALLOWED:
            word, hint = _INSTEAD.get(type(node), (type(node).__name__.lower(), "see docs/templates.md"))
            raise LanguageError(f"`{word}` is not part of the template language", node.lineno, hint)
        if isinstance(node, nodes.Name):
            _check_name(node, named | set(FUNCTIONS) if id(node) in called else named)
        elif rule := _RULES.get(type(node)):
            rule(node)


def _check_name(node: nodes.Name, named: set[str]) -> None:
    if node.ctx == "store":
        if node.name in ROOTS or node.name in {"loop", "range"} or node.name.startswith("_"):
            raise LanguageError(f"`{node.name}` cannot be used as a name here", node.lineno, "choose another name")
    elif node.name in FUNCTIONS and node.name not in named:
        raise LanguageError(f"`{node.name}` is a function", node.lineno, f"write {FUNCTIONS[node.name].example}")
    elif node.name == "coupon" and node.name not in named:
        hint = "take it out, and what it promises: no code is given yet"
        raise LanguageError("`coupon` is not available in this version", node.lineno, hint)
    elif node.name not in ROOTS | named | {"loop"}:
        raise LanguageError(f"unknown variable `{node.name}`", node.lineno, _suggest(node.name, ROOTS | named))


def _check_attribute(node: nodes.Getattr) -> None:
    if node.attr.startswith("_"):
        raise LanguageError(f"`{node.attr}` cannot be read", node.lineno, "names do not begin with _")
    if isinstance(node.node, nodes.Name) and node.node.name == "links" and node.attr not in LINKS:
        raise LanguageError(f"unknown link `links.{node.attr}`", node.lineno, _suggest(node.attr, LINKS))


def _check_item(node: nodes.Getitem) -> None:
    if isinstance(node.arg, nodes.Const) and str(node.arg.value).startswith("_"):
        raise LanguageError(f"`{node.arg.value}` cannot be read", node.lineno, "names do not begin with _")


def _check_for(node: nodes.For) -> None:
    if node.recursive:
        raise LanguageError("`recursive` is not part of the template language", node.lineno, "write a loop per level")


def _check_call(node: nodes.Call) -> None:
    _check_arguments(node)
    callee = node.node
    if isinstance(callee, nodes.Name) and callee.name in FUNCTIONS:
        wanted = FUNCTIONS[callee.name]
        if node.kwargs or not wanted.least <= len(node.args) <= wanted.most:
            raise LanguageError(f"`{callee.name}` is called otherwise", node.lineno, f"write {wanted.example}")
        return
    loop = isinstance(callee, nodes.Getattr) and isinstance(callee.node, nodes.Name) and callee.node.name == "loop"
    if not (loop and isinstance(callee, nodes.Getattr) and callee.attr in {"cycle", "changed"}):
        raise LanguageError(
            f"only {', '.join(f'{name}()' for name in FUNCTIONS)}, loop.cycle() and loop.changed() can be called",
            node.lineno,
            "change a value with a filter: {{ value | upper }}",
        )


def _check_filter(node: nodes.Filter) -> None:
    _check_arguments(node)
    if node.name not in FILTERS:
        raise LanguageError(f"unknown filter `{node.name}`", node.lineno, _suggest_filter(node.name))
    first = node.args[0] if node.args else None
    known = {"map": FILTERS, "select": TESTS, "reject": TESTS}.get(node.name)
    if known is not None and first is not None and not (isinstance(first, nodes.Const) and first.value in known):
        raise LanguageError(f"`{node.name}` wants a known name in quotes", node.lineno, "see docs/templates.md")


def _check_test(node: nodes.Test) -> None:
    _check_arguments(node)
    if node.name not in TESTS:
        raise LanguageError(
            f"unknown test `is {node.name}`",
            node.lineno,
            _suggest(node.name, {name for name in TESTS if name.isalpha()}),
        )


def _check_arguments(node: nodes.Call | nodes.Filter | nodes.Test) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise LanguageError("arguments with * cannot be used", node.lineno, "write each argument")


def _check_literal(node: nodes.List | nodes.Tuple | nodes.Dict) -> None:
    """A list made of other values could be doubled line by line; one of constants is as long as it is written."""
    if isinstance(node, nodes.Tuple) and node.ctx == "store":
        return
    if any(not isinstance(child, (nodes.Const, nodes.Pair)) for child in node.iter_child_nodes()):
        raise LanguageError("a list in a template holds only fixed words and numbers", node.lineno)


def _check_pair(node: nodes.Pair) -> None:
    if not (isinstance(node.key, nodes.Const) and isinstance(node.value, nodes.Const)):
        raise LanguageError("a table in a template holds only fixed words and numbers", node.lineno)


def _suggest(word: str, known: frozenset[str] | set[str]) -> str:
    close = get_close_matches(word, sorted(known), 1)
    return f"did you mean `{close[0]}`?" if close else "known: " + ", ".join(sorted(known))


def _suggest_filter(word: str) -> str:
    if word == "safe":
        return "values are always escaped in HTML; write markup into the template itself"
    return _suggest(word, frozenset(FILTERS))


_RULES: dict[type[nodes.Node], Callable[..., None]] = {
    nodes.Getattr: _check_attribute,
    nodes.Getitem: _check_item,
    nodes.For: _check_for,
    nodes.Call: _check_call,
    nodes.Filter: _check_filter,
    nodes.Test: _check_test,
    nodes.List: _check_literal,
    nodes.Tuple: _check_literal,
    nodes.Dict: _check_literal,
    nodes.Pair: _check_pair,
}
