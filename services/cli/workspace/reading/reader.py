"""Checks a tree against a shape. Every mistake becomes a finding that says what to write; reading goes on after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from services.cli.workspace.findings import short, write_instead
from services.cli.workspace.reading.positions import Mapping, Node, Scalar, Sequence, plain
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.scalars import later_word, read_scalar, wrong_kind
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.vocabulary import (
    Anything,
    ByKind,
    ByValue,
    ByWord,
    Choice,
    ListOf,
    Named,
    Names,
    Shape,
    Table,
)

Reader = Callable[[Any, Node, Sheet, str], Any]


def read(shape: Shape, node: Node, sheet: Sheet, what: str) -> Any:
    """The value of `node` as `shape` wants it, or None where it is wrong (the sheet then has a finding).

    A Table gives a `Row`, a ListOf a list, Names a dict, a Duration seconds, everything else a plain value.
    """
    reader: Reader = READERS.get(type(shape), read_scalar)
    return reader(shape, node, sheet, what)


def _table(shape: Table, node: Node, sheet: Sheet, what: str) -> Row | None:
    if not isinstance(node, Mapping):
        wrong_kind(node, sheet, what, "a mapping", shape.like)
        return None
    values: dict[str, Any] = {}
    for key, value in node.values.items():
        known = shape.fields.get(key)
        if known is None:
            _unknown_key(shape, key, node, sheet, what)
        elif (found := read(known, value, sheet, f"'{key}'")) is not None:
            values[key] = found
    for key in shape.required:
        if key not in node.values:
            hint = f"write instead: {shape.like}" if shape.like.startswith("{") else f"add a line '{key}: …'"
            sheet.error(node.place, "missing-key", f"{what} needs '{key}'", hint)
    return Row(node, values)


def _unknown_key(shape: Table, key: str, node: Mapping, sheet: Sheet, what: str) -> None:
    place = node.keys[key]
    if key in shape.later:
        later_word(sheet, node.keys[key], key)
    elif not shape.rest:
        hint = write_instead(key, shape.fields, "keys are")
        sheet.error(place, "unknown-key", f"{what} has no key {short(key)}", hint)


def _list(shape: ListOf, node: Node, sheet: Sheet, what: str) -> list[Any] | None:
    if isinstance(node, Sequence):
        if len(node.items) < shape.at_least:
            sheet.error(node.place, "bad-value", f"{what} is empty", f"write at least {shape.at_least}")
        return [read(shape.item, item, sheet, _item_of(what)) for item in node.items]
    if shape.alone:
        return [read(shape.item, node, sheet, what)]
    wrong_kind(node, sheet, what, "a list", "begin each item with '- ', or write [ … ]")
    return None


def _item_of(what: str) -> str:
    return what if what.startswith("an item") else f"an item of {what}"


def _names(shape: Names, node: Node, sheet: Sheet, what: str) -> dict[str, Any] | None:
    if not isinstance(node, Mapping):
        wrong_kind(node, sheet, what, "a mapping", f"{shape.like}: …")
        return None
    for key, place in node.keys.items():
        if not re.fullmatch(shape.pattern, key):
            sheet.error(place, "bad-name", f"{short(key)} is no name for {what}", f"write it like: {shape.like}")
    return {key: read(shape.item, value, sheet, f"'{key[:60]}'") for key, value in node.values.items()}


def _by_kind(shape: ByKind, node: Node, sheet: Sheet, what: str) -> Any:
    fitting: Shape | None = shape.scalar
    if isinstance(node, Mapping):
        fitting = shape.mapping
    elif isinstance(node, Sequence):
        fitting = shape.items
    if fitting is None:
        wrong_kind(node, sheet, what, shape.wanted, shape.like)
        return None
    return read(fitting, node, sheet, what)


def _by_word(shape: ByWord, node: Node, sheet: Sheet, what: str) -> Row | None:
    words = {*shape.tables, *shape.alone}
    if isinstance(node, Scalar) and node.value in shape.alone:
        return Row(node, {}, str(node.value))
    if not isinstance(node, Mapping):
        if isinstance(node, Scalar) and node.text in shape.later:
            sheet.error(
                node.place, "reserved-word", f"'{node.text}' is not available in this version", "remove it for now"
            )
            return None
        like = (
            write_instead(str(plain(node)), words, "begin with") if isinstance(node, Scalar) else "begin it with '- '"
        )
        wrong_kind(node, sheet, what, "a mapping", like)
        return None
    for word, table in shape.tables.items():
        if word in node.values:
            row = _table(table, node, sheet, f"'{word}'")
            return Row(node, row.values, word) if row else None
    _without_word(shape, node, sheet, what)
    return None


def _without_word(shape: ByWord, node: Mapping, sheet: Sheet, what: str) -> None:
    words = {*shape.tables, *shape.alone}
    for key in node.values:
        if key in shape.later:
            later_word(sheet, node.keys[key], key)
            return
    first = next(iter(node.values), "")
    place = node.keys.get(first, node.place)
    if first in shape.alone:
        sheet.error(place, "wrong-kind", f"'{first}' stands by itself", f"write instead: - {first}")
    else:
        sheet.error(
            place, "unknown-key", f"{what} cannot be {short(first)}", write_instead(first, words, "it is one of")
        )


def _by_value(shape: ByValue, node: Node, sheet: Sheet, what: str) -> Row | None:
    if not isinstance(node, Mapping):
        wrong_kind(node, sheet, what, "a mapping", f"{{{shape.key}: {next(iter(shape.tables))}, …}}")
        return None
    telling = node.values.get(shape.key)
    if telling is None:
        hint = f"add '{shape.key}: …', one of: {', '.join(shape.tables)}"
        sheet.error(node.place, "missing-key", f"{what} needs '{shape.key}'", hint)
        return None
    choice = Choice(tuple(shape.tables), rule=shape.rule, what=shape.key)
    word = read(choice, telling, sheet, what)
    return _table(shape.tables[word], node, sheet, what) if word else None


def _named(shape: Named, node: Node, sheet: Sheet, what: str) -> Any:
    return read(shape.get(), node, sheet, what)


def _anything(_: Anything, node: Node, __: Sheet, ___: str) -> Any:
    return plain(node)


READERS: dict[type[Any], Reader] = {
    Named: _named,
    Anything: _anything,
    Table: _table,
    ListOf: _list,
    Names: _names,
    ByKind: _by_kind,
    ByWord: _by_word,
    ByValue: _by_value,
}
