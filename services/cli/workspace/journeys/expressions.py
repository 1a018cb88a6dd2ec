"""Conditions where they stand: compiled against the event's types, with errors at the place inside the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.positions import Node, Scalar
from services.cli.workspace.reading.sheet import Sheet
from services.trigger_engine.journeys.conditions import BOOL, ConditionError, Type, compile_condition


def check_expression(
    node: Node | None, scope: Mapping[str, Type], sheet: Sheet, expect: Type | tuple[Type, ...] = BOOL, skip: int = 0
) -> None:
    """Compile the expression at `node`, but for its first `skip` characters; what is wrong becomes a finding."""
    if not isinstance(node, Scalar):
        return
    try:
        compile_condition(node.text[skip:], scope, expect=expect)
    except ConditionError as error:
        hint = error.hint or ("write it like: event.order.total >= 100" if expect == BOOL else "name one field of it")
        sheet.error(place_in(node, error.column + skip, sheet), "bad-condition", error.message, hint)


def place_in(node: Scalar, column: int, sheet: Sheet) -> Place:
    """Where character `column` (from 1) of a scalar's text stands in the file.

    Exact for text on one line and for literal blocks; for folded text, escapes and filled parameters it is the nearest
    that is known.
    """
    sheet = sheet.of(node.place)
    line, start = node.place.line, node.place.column
    if node.made:
        return node.place
    if node.style in ("|", ">"):
        line, start = line + 1, _indent(sheet.line(line + 1))
    elif node.style:
        start += 1
    left = column - 1
    while left > (room := len(sheet.line(line).rstrip()) - start + 1) and sheet.line(line + 1).strip():
        left -= room + 1
        line, start = line + 1, _indent(sheet.line(line + 1))
    return replace(node.place, line=line, column=start + max(left, 0))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) + 1
