"""The lines between `---` at the top of a template file: subject, preheader, from, kind."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import NamedTuple

import yaml

from services.notifier.compose.errors import TemplateError

_FENCE = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_QUOTE = 'put the value in quotes: subject: "Dziękujemy, {{ profile.first_name }}!"'
MAX_LENGTH = 10_000


class Value(NamedTuple):
    """A value as it was written, and the line of its file (from 1) where it stands."""

    text: str
    line: int


class Document(NamedTuple):
    """A template file: its front matter and its body, which begins at `first_line` of the file."""

    values: dict[str, Value]
    body: str
    first_line: int


def split(file: str, text: str, allowed: Collection[str]) -> Document:
    """Front matter and body of a file. Raises TemplateError for unreadable YAML and for keys not in `allowed`."""
    text = text.removeprefix("\ufeff")
    match = _FENCE.match(text)
    if match is None:
        if text.startswith("---"):
            raise TemplateError(file, "the front matter has no end", hint="close it with a line ---")
        return Document({}, text, 1)
    return Document(_values(file, match[1], allowed), text[match.end() :], text.count("\n", 0, match.end()) + 1)


def _values(file: str, source: str, allowed: Collection[str]) -> dict[str, Value]:
    if len(source) > MAX_LENGTH:
        raise TemplateError(file, f"the front matter is longer than {MAX_LENGTH} characters")
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 2
        raise TemplateError(file, "the front matter is not YAML", line=line, hint=_QUOTE) from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise TemplateError(file, "the front matter is not a list of `key: value`", line=2, hint=_QUOTE)
    values: dict[str, Value] = {}
    for key, value in node.value:
        _add(file, key, value, values, allowed)
    return values


def _add(file: str, key: yaml.Node, value: yaml.Node, values: dict[str, Value], allowed: Collection[str]) -> None:
    line, column = key.start_mark.line + 2, key.start_mark.column + 1
    name = str(key.value)
    if name not in allowed:
        close = get_close_matches(name, allowed, 1)
        known = "known: " + ", ".join(sorted(allowed)) if allowed else "this file takes no front matter"
        hint = f"did you mean `{close[0]}`?" if close else known
        raise TemplateError(file, f"unknown key `{name}`", line=line, column=column, hint=hint)
    if name in values:
        raise TemplateError(file, f"`{name}` is written twice", line=line, column=column)
    if not isinstance(value, yaml.ScalarNode):
        raise TemplateError(file, f"`{name}` is not text", line=line, column=column, hint=_QUOTE)
    values[name] = Value(value.value, value.start_mark.line + 2)
