"""What a template prints and its journey's event need not bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from services.cli.workspace.findings import short
from services.cli.workspace.rules.whole import Whole
from services.contracts.journey import Send
from services.contracts.workspace import Template
from services.notifier.compose.reads import path_of
from services.notifier.compose.sandbox import TEXT

Path = tuple[str, ...]


def optional_variable(whole: Whole) -> None:
    """A field of an event of the shop's own, printed as if it were always there though its schema does not say so."""
    for told, send, folder in whole.said():
        schema = whole.around.own_events.get(told.journey.enter.on)
        if schema is None:
            continue
        printed = sorted({path for template in folder.compiled.values() for path in _printed(template, send)})
        for path in printed:
            if path[0] == "event" and _optional(path[1:], schema):
                name = ".".join(path)
                message = (
                    f"the template {short(folder.name)} prints {name}, which {told.journey.enter.on} need not bring"
                )
                hint = (
                    f"write {{% if {name} %}} around it, {{{{ {name} or … }}}}, or name it under required in the schema"
                )
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
    elif isinstance(node, nodes.Or | nodes.Assign) or (isinstance(node, nodes.Filter) and node.name == "default"):
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
