"""What templates share: layouts, partials and the brand, from templates/_layouts/ and, behind it, our own.

Everything is put in when a template is published. A partial includes no other, so there is no recursion, and what comes
out has the same limits as a template that was written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import NamedTuple

import yaml

from services.notifier.compose.assembly import Piece
from services.notifier.compose.errors import LanguageError, TemplateError
from services.notifier.compose.own_layouts import BRAND, FILES
from services.notifier.compose.placeholders import spans

FOLDER = "_layouts"
BRAND_FILE = "brand.yaml"
MAX_FILE = 200_000  # characters, also of what is put together
MAX_VALUE = 500
MAX_VALUES = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_INCLUDE = re.compile(r"\{%[-+]?\s*include\s+([\"'])([^\"']*)\1\s*[-+]?%\}")
_CONTENT = re.compile(r"\{\{[-+]?\s*content\s*[-+]?\}\}")
_PRINTED = re.compile(r"\{\{[-+]?\s*brand\.(\w+)\s*[-+]?\}\}")
_BRAND = re.compile(r"(?<![\w.])brand\.(\w+)")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")
_UNSAFE = re.compile(r'["\\{}<>\x00-\x1f]')


class Source(NamedTuple):
    """A template file, or a part of one: its name, its text and the line where the text begins."""

    file: str
    text: str
    line: int = 1


class Shared:
    """The shared files by name: `default.mjml`, `products.mjml`, `products.txt`, `brand.yaml`."""

    def __init__(self, files: Mapping[str, str] | None = None) -> None:
        self.files = dict(files or {})

    def source(self, name: str) -> Source | None:
        """A shared file; the workspace's own goes before ours."""
        if name in self.files:
            return Source(f"{FOLDER}/{name}", _lines(self.files[name]))
        return Source(f"{FOLDER}/{name} (built in)", FILES[name]) if name in FILES else None

    @cached_property
    def brand(self) -> dict[str, str]:
        """The brand's values by name, ours where the workspace says nothing. Raises TemplateError."""
        own = self.files.get(BRAND_FILE)
        return BRAND | (_brand(f"{FOLDER}/{BRAND_FILE}", own) if own is not None else {})

    def names(self, ending: str) -> list[str]:
        """The shared files of a kind, without ending."""
        return sorted({name.removesuffix(ending) for name in {*self.files, *FILES} if name.endswith(ending)})

    def include_of(self, tag: str) -> str | None:
        """The partial that a tag includes, None for any other tag."""
        found = _INCLUDE.fullmatch(tag)
        return found[2] if found else None

    def partial(self, name: str, ending: str, at: Piece) -> list[Piece]:
        """The pieces of a partial that is included `at` a tag. Raises TemplateError."""
        source = self.source(name + ending) if _NAME.fullmatch(name) else None
        if source is None:
            raise _unknown("partial", name[:64], self.names(ending), at.file, at.line, at.column)
        return self.expand(source, ending, inside=True)

    def layout(self, name: str, content: list[Piece], at: Piece) -> list[Piece]:
        """The pieces of a layout around `content`. `at` is where it was asked for. Raises TemplateError."""
        source = self.source(name + ".mjml") if _NAME.fullmatch(name) else None
        if source is None:
            raise _unknown("layout", name[:64], self.names(".mjml"), at.file, at.line, at.column)
        found = self.expand(source, ".mjml", content=content)
        places = sum(1 for start, end in _spans(source) if _CONTENT.fullmatch(source.text[start:end]))
        if places != 1:
            hint = "write {{ content }} once, inside an <mj-column>"
            raise TemplateError(source.file, f"a layout with {places} places for its content", hint=hint)
        return found

    def expand(
        self, source: Source, ending: str, *, content: list[Piece] | None = None, inside: bool = False
    ) -> list[Piece]:
        """A source with its partials, brand and content put in. `ending` is .mjml or .txt, `inside` a partial."""
        pieces: list[Piece] = []
        cursor = size = 0
        whole = Piece(source.text, source.file, source.line)
        for start, end in [*_spans(source), (len(source.text), len(source.text))]:
            tag = source.text[start:end]
            put = list(self._put(tag, Piece(tag, *whole.at(start), made=True), ending, content, inside))
            if put or not tag:
                pieces += [Piece(source.text[cursor:start], *whole.at(cursor)), *put]
                size += start - cursor + sum(len(piece.text) for piece in put)
                cursor = end
            if size > MAX_FILE:
                raise TemplateError(*whole.at(start)[:1], f"longer than {MAX_FILE} characters with what it includes")
        return pieces

    def _put(self, tag: str, here: Piece, ending: str, content: list[Piece] | None, inside: bool) -> Iterator[Piece]:
        """What stands in the place of a tag; nothing where it stays."""
        name = self.include_of(tag)
        if name is not None:
            if inside:
                hint = "write its text into this file"
                raise TemplateError(
                    here.file, "a partial includes no other", line=here.line, column=here.column, hint=hint
                )
            yield from self.partial(name, ending, here)
        elif content is not None and _CONTENT.fullmatch(tag):
            yield from content
        elif "brand." in tag:
            printed = _PRINTED.fullmatch(tag) if ending == ".mjml" else None
            value = self._value(printed, here).replace("&", "&amp;") if printed else self.branded(tag, here)
            yield here._replace(text=value)

    def branded(self, tag: str, at: Piece) -> str:
        """A tag with the brand's values in quotes. Raises TemplateError for one that there is not."""
        return _BRAND.sub(lambda match: f'"{self._value(match, at)}"', tag)

    def _value(self, match: re.Match[str], at: Piece) -> str:
        if match[1] not in self.brand:
            raise _unknown("brand value", match[1], sorted(self.brand), at.file, at.line, at.column)
        return self.brand[match[1]]


def _spans(source: Source) -> list[tuple[int, int]]:
    try:
        return spans(source.text)
    except LanguageError as error:
        line = source.line + error.line - 1
        raise TemplateError(source.file, error.message, line=line, hint=error.hint) from None


def _unknown(what: str, name: str, known: list[str], file: str, line: int, column: int) -> TemplateError:
    close = get_close_matches(name, known, 1)
    hint = f"did you mean `{close[0]}`?" if close else "known: " + ", ".join(known[:20])
    return TemplateError(file, f"there is no {what} `{name}`", line=line, column=column, hint=hint)


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _brand(file: str, text: str) -> dict[str, str]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise TemplateError(file, "not YAML", line=mark.line + 1 if mark else 1, hint='color: "#1f6f54"') from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode) or len(node.value) > MAX_VALUES:
        raise TemplateError(file, f"not a list of at most {MAX_VALUES} `name: value`", hint='color: "#1f6f54"')
    return dict(_value(file, key, value) for key, value in node.value)


def _value(file: str, key: yaml.Node, value: yaml.Node) -> tuple[str, str]:
    line, column = key.start_mark.line + 1, key.start_mark.column + 1
    if not isinstance(key, yaml.ScalarNode) or not _KEY.fullmatch(key.value):
        raise TemplateError(file, "a name is a lower-case word", line=line, column=column, hint="accent_color")
    if not isinstance(value, yaml.ScalarNode):
        raise TemplateError(file, f"`{key.value}` is not one value", line=line, column=column)
    if value.tag.endswith(":null"):
        hint = 'a colour stands in quotes: "#1f6f54"'
        raise TemplateError(file, f"`{key.value}` has no value", line=line, column=column, hint=hint)
    if len(value.value) > MAX_VALUE or _UNSAFE.search(value.value):
        hint = f'at most {MAX_VALUE} characters, without " \\ {{ }} < > and line ends'
        raise TemplateError(file, f"`{key.value}` cannot stand in markup", line=line, column=column, hint=hint)
    return key.value, value.value
