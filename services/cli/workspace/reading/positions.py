"""YAML text → a tree that knows line and column of every key and value.

The language is YAML 1.2's core schema without anchors, aliases, tags and several documents
(https://yaml.org/spec/1.2.2/#103-core-schema): `on` and `NO` stay text, `12:30` is no number, only `true` and `false`
are booleans. A key that stands twice is refused, as the specification wants and PyYAML does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from services.cli.workspace.findings import Place, short
from services.cli.workspace.reading.yaml_problems import BadYaml, not_yaml

# libyaml is ten times as fast; the pure-Python parser says the same where the wheel has no libyaml.
PARSER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, boolean or null. `text` is as written; `style` is YAML's: plain, quoted or block.

    `made` tells that parameters were filled in, so that the text stands nowhere as it is.
    """

    value: str | int | float | bool | None
    text: str
    place: Place
    style: str = ""
    made: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys in their order; `keys` has each key's own place. `filled` are the steps that a `use` stands for."""

    values: dict[str, Node]
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)
    filled: Node | None = None


Node = Scalar | Sequence | Mapping
Kind = TypeVar("Kind", Scalar, Sequence, Mapping)


def read_yaml(text: str) -> Node | None:
    """The tree of `text`; None for a text that says nothing. Raises `BadYaml` at the first thing that is wrong."""
    try:
        return _document(yaml.parse(text, Loader=PARSER))
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise not_yaml(error, text) from None


def parts(node: Mapping) -> Iterator[tuple[str, Node]]:
    """What a mapping holds, by key; for the use of a group its steps."""
    if node.filled is not None:
        yield "use", node.filled
    else:
        yield from node.values.items()


def under(node: Node, word: str, kind: type[Kind]) -> Iterator[Kind]:
    """Each value of this kind that stands under the key `word`, at any depth."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from under(item, word, kind)
    elif isinstance(node, Mapping):
        for key, value in parts(node):
            if key == word and isinstance(value, kind):
                yield value
            else:
                yield from under(value, word, kind)


def plain(node: Node | None) -> Any:
    """The tree as JSON values, without places."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.values.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value if node else None


def _document(events: Iterator[yaml.Event]) -> Node | None:
    tree: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent | yaml.StreamStartEvent | yaml.DocumentEndEvent):
            continue
        if isinstance(event, yaml.StreamEndEvent):
            break
        if tree is not None:
            raise BadYaml("yaml-feature", "a file is one document", _place(event), "remove everything from '---' on")
        tree = _node(event, events, 0)
    return None if isinstance(tree, Scalar) and tree.text == "" and not tree.style else tree


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
    _refuse_features(event)
    if depth > DEEPEST:
        raise BadYaml("too-deep", f"more than {DEEPEST} levels", _place(event), "nest less deeply")
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(event, events, depth)
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(event, events, depth)
    return _scalar(event)


def _sequence(start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Sequence:
    items = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        items.append(_node(event, events, depth + 1))
    return Sequence(tuple(items), _place(start))


def _mapping(start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Mapping:
    values: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        key, place = _key(event), _place(event)
        if key in values:
            hint = f"it stands in line {keys[key].line} already: keep one of the two"
            raise BadYaml("duplicate-key", f"the key {short(key)} stands twice", place, hint)
        values[key], keys[key] = _node(next(events), events, depth + 1), place
    return Mapping(values, _place(start), keys)


def _key(event: yaml.Event) -> str:
    _refuse_features(event)
    if not isinstance(event, yaml.ScalarEvent):
        raise BadYaml("bad-yaml", "a key is a word", _place(event), "put quotes around a value that begins with { or [")
    return str(event.value)


def _scalar(event: yaml.Event) -> Scalar:
    if not isinstance(event, yaml.ScalarEvent):
        raise BadYaml("bad-yaml", "not YAML: a value is missing", _place(event), "write the value")
    text, style = str(event.value), event.style or ""
    is_plain = event.implicit[0]
    return Scalar(resolve(text) if is_plain else text, text, _place(event), "" if is_plain else style)


def _refuse_features(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise BadYaml("yaml-feature", "anchors and aliases (& and *) are not allowed", _place(event),
                      "write the value out, or put quotes around a text that begins with & or *")  # fmt: skip
    if getattr(event, "tag", None):
        raise BadYaml("yaml-feature", "tags (!) are not allowed", _place(event),
                      "remove the tag, or put quotes around a text that begins with !")  # fmt: skip


INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
DECIMAL = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")
WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip


def resolve(text: str) -> str | int | float | bool | None:
    """A plain scalar by YAML 1.2's core schema, without octal, hexadecimal, infinity and NaN, which stay text."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
