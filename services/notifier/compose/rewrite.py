"""What a template's syntax tree gains before it is compiled: limits, exact comparison, the currency that belongs."""

from __future__ import annotations

from typing import cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from services.notifier.compose.language import walk
from services.notifier.compose.reads import path_of

_ORDER = {"lt", "lteq", "gt", "gteq"}


def _filter(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(cast("nodes.Expr", node), name, list(args), [], None, None, lineno=node.lineno)


def _variable(path: tuple[str, ...], line: int) -> nodes.Expr:
    expression: nodes.Expr = nodes.Name(path[0], "load", lineno=line)
    for attribute in path[1:]:
        expression = nodes.Getattr(expression, attribute, "load", lineno=line)
    return expression


def _currency(origin: tuple[str, ...]) -> tuple[str, ...] | None:
    """Where the currency of an amount stands: beside it in the order, cart or product that it is part of."""
    if origin[0] == "cart":
        return ("cart", "currency")
    if origin[0] == "event" and len(origin) > 2:  # event.<thing>.<amount>
        return ("event", origin[1], "currency")
    return None


class Rewriter(NodeTransformer):
    """Rewrites a checked tree in place."""

    def __init__(self) -> None:
        self.names: dict[str, tuple[str, ...]] = {}

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 -- Jinja's visitor protocol
        """Charge every round of a loop for the work in its body."""
        self._remember(node.target, node.iter)
        self.generic_visit(node)
        cost = 1 + sum(1 for statement in node.body for _ in walk(statement, into_loops=False))
        node.iter = _filter(node.iter, "_limited", nodes.Const(cost, lineno=node.lineno))
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Assign:  # noqa: N802
        """Remember what a name stands for."""
        self._remember(node.target, node.node)
        self.generic_visit(node)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        """Join by `~` with a limit on the length."""
        self.generic_visit(node)
        return _filter(nodes.Const("", lineno=node.lineno), "_joined", *node.nodes)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        """Compare decimal strings as numbers where order is asked for."""
        self.generic_visit(node)
        if any(operand.op in _ORDER for operand in node.ops):
            node.expr = _filter(node.expr, "_comparable")
            for operand in node.ops:
                operand.expr = _filter(operand.expr, "_comparable")
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:  # noqa: N802
        """Give `money` the currency and `date` the time zone that the author left out."""
        if node.name == "money" and not node.args and not node.kwargs and node.node is not None:
            origin = self._origin(node.node)
            if origin and (currency := _currency(origin)):
                node.args.append(_variable(currency, node.lineno))
        if node.name == "date" and all(argument.key != "time_zone" for argument in node.kwargs):
            zone = _variable(("profile", "time_zone"), node.lineno)
            node.kwargs = [*node.kwargs, nodes.Keyword("time_zone", zone, lineno=node.lineno)]  # type: ignore[list-item]
        self.generic_visit(node)
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:  # noqa: N802
        """Give a function what it wants to know besides its arguments."""
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        line = node.lineno
        first, last, gender = (_variable(("profile", fact), line) for fact in ("first_name", "last_name", "gender"))
        if name == "price":
            origin = self._origin(node.args[0])
            currency = _currency((*origin, "price")) if origin else None
            return _filter(self.visit(node.args[0]), "_price", *([_variable(currency, line)] if currency else []))
        self.generic_visit(node)
        if name == "greeting":
            return _filter(first, "_greeting", last, gender)
        if name == "gendered":
            return _filter(first, "_gendered", gender, *node.args)
        return node

    def _remember(self, target: nodes.Node, value: nodes.Node) -> None:
        if isinstance(target, nodes.Name) and (origin := self._origin(value)):
            self.names[target.name] = origin

    def _origin(self, expression: nodes.Node) -> tuple[str, ...] | None:
        """The first variable that an expression reads, seen through loops and names."""
        for node, _ in walk(expression):
            if isinstance(node, (nodes.Getattr, nodes.Getitem, nodes.Name)) and (path := path_of(node)):
                return self.names.get(path[0], path[:1]) + path[1:]
        return None
