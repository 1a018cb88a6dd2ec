"""The repository's Markdown, taken apart: pages, fenced and indented blocks, code spans, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:\A|\n\n)((?: {4}.*\n)(?:(?: {4}.*)?\n)*)")
_FOUR = re.compile(r"^ {4}", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A block of code: where it stands, its language (empty if it is only indented or says none), its text."""

    place: str
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    """A page as it is named in the repository."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The blocks of a page, or those of one language."""
    text = page.read_text(encoding="utf-8")
    found = [_block(page, text, m.start(), m[1], m[2]) for m in _FENCE.finditer(text)]
    rest = _FENCE.sub(lambda m: "\n" * m[0].count("\n"), text)
    found += [_block(page, rest, m.start(1), "", _FOUR.sub("", m[1]).rstrip() + "\n") for m in _INDENTED.finditer(rest)]
    return [block for block in found if language in (None, block.language)]


def block(page: str, language: str, holding: str) -> str:
    """The one block of a page in this language that holds a text."""
    (found,) = [b.text for b in blocks(ROOT / page, language) if holding in b.text]
    return found


def spans(page: Path) -> Iterator[str]:
    """What stands between single backticks outside of blocks."""
    for found in _SPAN.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        yield found[1]


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links."""
    for found in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        yield found[1]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make: small letters, hyphens for spaces, nothing else."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", found[1].lower()).replace(" ", "-") for found in _HEADING.finditer(text)}


def _block(page: Path, text: str, start: int, language: str, body: str) -> Block:
    return Block(f"{name(page)}:{text.count(chr(10), 0, start) + 1}", language, body)
