"""What a template prints and its journey's event need not bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from services.cli.workspace.findings import short
from services.cli.workspace.rules.whole import Whole
from services.contracts.journey import Send
from services.contracts.message import Channel
from services.contracts.workspace import Template
from services.notifier.compose.reads import path_of
from services.notifier.compose.sandbox import TEXT

Path = tuple[str, ...]
_ORDER = ("number", "payment_url", "pay_before", "status_url", "cart_id", "discount")
_PRODUCT = ("url", "image_url", "regular_price", "lowest_price_30d", "category")
MAY_LACK: frozenset[Path] = frozenset({
    ("profile", "first_name"), ("profile", "last_name"),
    ("event", "customer", "first_name"), ("event", "customer", "last_name"),
    ("event", "cart", "recovery_url"), ("cart", "recovery_url"),
    *(("event", "order", name) for name in _ORDER), *(("event", "product", name) for name in _PRODUCT),
})  # fmt: skip
"""What many platforms and guests leave out."""
_ASKS = frozenset({"default", "_greeting", "_gendered", "_price"})
"""Filters that have something to say where nothing is known: greeting(), gendered() and price() become such."""


def optional_variable(whole: Whole) -> None:
    """What is printed as if it were always there, and by experience, or by the event's schema, is not."""
    printed: dict[tuple[str, tuple[Channel, ...]], list[Path]] = {}
    for told, send, folder in whole.said():
        schema = whole.around.own_events.get(told.journey.enter.on)
        key = (folder.name, send.via)
        if key not in printed:
            printed[key] = sorted({path for one in folder.compiled.values() for path in _printed(one, send)})
        for path in printed[key]:
            if path in MAY_LACK or (path[0] == "event" and schema is not None and _optional(path[1:], schema)):
                name = ".".join(path)
                message = f"the template {short(folder.name)} prints {name}, which may be missing"
                hint = f"write {{% if {name} %}} around it, or what to say instead: {{{{ {name} or … }}}}"
                told.sheet.warning(told.step_at(send, "send"), "optional-variable", message, hint)


def _optional(path: Path, schema: Any) -> bool:
    """Whether some field of the path may be missing, by a schema that says which are required."""
    for name in path:
        if not isinstance(schema, Mapping):
            return False
        required, fields = schema.get("required"), schema.get("properties")
        if not isinstance(fields, Mapping) or name not in fields:
            return False
        if isinstance(required, list) and name not in required:
            return True
        schema = fields[name]
    return False


def _printed(template: Template, send: Send) -> Iterator[Path]:
    mail = template.email if "email" in send.via else None
    sources = [*((mail.subject, mail.text) if mail else ()), *((template.sms or "",) if "sms" in send.via else ())]
    for source in sources:
        yield from bare(TEXT.parsed(source), frozenset())


def bare(node: nodes.Node, asked: frozenset[Path]) -> Iterator[Path]:
    """Paths that are printed where nothing has asked whether they are there."""
    if isinstance(node, nodes.If | nodes.CondExpr):
        inside = asked | set(_paths(node.test))
        for child in node.iter_child_nodes(exclude=("test",)):
            yield from bare(child, inside)
    elif isinstance(node, nodes.For):
        for child in (*node.body, *node.else_):
            yield from bare(child, asked | set(_paths(node.iter)))
    elif isinstance(node, nodes.Or | nodes.Assign) or (isinstance(node, nodes.Filter) and node.name in _ASKS):
        return
    elif (path := path_of(node)) is not None:
        if not any(path[: len(one)] == one or one[: len(path)] == path for one in asked):
            yield path
    else:
        for child in node.iter_child_nodes():
            yield from bare(child, asked)


def _paths(node: nodes.Node) -> Iterator[Path]:
    todo = [node]
    while todo:
        one = todo.pop()
        path = path_of(one)
        if path is not None:
            yield path
        else:
            todo += one.iter_child_nodes()


RULES = (optional_variable,)
