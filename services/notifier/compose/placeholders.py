"""Jinja tags as opaque words, so that a compiler of markup neither reads nor breaks them."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

from jinja2 import TemplateSyntaxError

from services.notifier.compose.errors import LanguageError
from services.notifier.compose.sandbox import HTML

_RAW = re.compile(r"\{%[-+]?\s*raw\b")


class Tag(NamedTuple):
    """One Jinja tag as written, and where (both from 1, within its source)."""

    source: str
    line: int
    column: int

    @property
    def is_statement(self) -> bool:
        """A `{% … %}`, which prints nothing itself."""
        return self.source.startswith("{%") and not _RAW.match(self.source)


class Protected(NamedTuple):
    """A source whose tags are words. Comments of Jinja are gone, their line ends stay."""

    text: str
    tags: tuple[Tag, ...]
    word: re.Pattern[str]

    def restore(self, text: str) -> str:
        """`text` with each word replaced by its tag."""
        return self.word.sub(lambda match: self.tags[int(match[1])].source, text)

    def lost(self, text: str) -> Tag | None:
        """The first tag that no longer occurs in `text`."""
        found = {int(match[1]) for match in self.word.finditer(text)}
        return next((tag for i, tag in enumerate(self.tags) if i not in found), None)


def protect(source: str) -> Protected:
    """Replace every Jinja tag of `source` by a word that occurs nowhere else. Raises LanguageError."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    prefix = "J" + sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:12] + "N"
    parts: list[str] = []
    tags: list[Tag] = []
    cursor = 0
    for start, end in spans(source):
        parts.append(source[cursor:start])
        cursor = end
        written = source[start:end]
        if written.startswith("{#"):
            parts.append("\n" * written.count("\n"))
            continue
        parts.append(f"{prefix}{len(tags)}E")
        tags.append(Tag(written.rstrip(), source.count("\n", 0, start) + 1, start - source.rfind("\n", 0, start)))
        parts.append(written[len(written.rstrip()) :])
    parts.append(source[cursor:])
    return Protected("".join(parts), tuple(tags), re.compile(prefix + r"(\d+)E"))


def spans(source: str) -> list[tuple[int, int]]:
    """Start and end of every tag, by Jinja's own lexer. Raises LanguageError."""
    spans: list[tuple[int, int]] = []
    cursor, start = 0, -1
    try:
        for _, token, value in HTML.lexer.tokeniter(source, None):
            at = source.index(value, cursor)
            cursor = at + len(value)
            if token in {"variable_begin", "block_begin", "comment_begin", "raw_begin"}:
                start = at
            elif token in {"variable_end", "block_end", "comment_end", "raw_end"}:
                spans.append((start, cursor))
                start = -1
    except TemplateSyntaxError as error:
        raise LanguageError(error.message or "not a template", error.lineno) from None
    if start >= 0:
        line = source.count("\n", 0, start) + 1
        raise LanguageError("a tag is not closed", line, "write %} or }} at its end")
    return spans
