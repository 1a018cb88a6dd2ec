"""The words of a template's files as their author wrote them, with places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.sheet import Sheet

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^()\n]*\)|https?://[^\s\"'<>)]+|<[^<>\n]*>")


class Found(NamedTuple):
    """What a pattern matched, and where."""

    text: str
    sheet: Sheet
    at: Place


def in_prose(files: Mapping[str, Sheet], pattern: re.Pattern[str]) -> Iterator[Found]:
    """Matches in the words that customers read: outside of tags, addresses and markup."""
    for sheet in files.values():
        yield from _found(sheet, _TARGET.sub(_blank, _TAG.sub(_blank, sheet.text)), pattern)


def anywhere(files: Mapping[str, Sheet], pattern: re.Pattern[str]) -> Iterator[Found]:
    """Matches anywhere in the files."""
    for sheet in files.values():
        yield from _found(sheet, sheet.text, pattern)


def body_at(sheet: Sheet) -> Place:
    """Where a file's text begins, behind the front matter."""
    if not sheet.line(1).startswith("---"):
        return Place(1, 1)
    end = next((n for n in range(2, sheet.length + 1) if sheet.line(n).startswith("---")), 0)
    return Place(min(end + 1, sheet.length), 1)


def _found(sheet: Sheet, text: str, pattern: re.Pattern[str]) -> Iterator[Found]:
    for match in pattern.finditer(text):
        start = match.start()
        before = text.rfind("\n", 0, start)
        yield Found(match[0], sheet, Place(text.count("\n", 0, start) + 1, start - before))


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])
