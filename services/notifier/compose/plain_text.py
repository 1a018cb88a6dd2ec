"""The text part of a mail whose author wrote none: the words and links of its MJML, with the Jinja tags in place."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from services.notifier.compose.placeholders import Protected

_CONTENT = frozenset({
    "mj-text", "mj-button", "mj-table", "mj-raw", "mj-navbar-link", "mj-social-element", "mj-accordion-title",
    "mj-accordion-text",
})  # fmt: skip
_BREAKS = frozenset({
    "p", "div", "tr", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "table", "blockquote",
})  # fmt: skip
_LINKS = frozenset({"a", "mj-button", "mj-navbar-link", "mj-social-element", "mj-image"})
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_PARAGRAPH = "\n\n"


class _Words(HTMLParser):
    def __init__(self, source: Protected) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.parts: list[str] = []
        self.inside: list[str] = []
        self.links: list[tuple[str, str, int]] = []
        self.in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_head = self.in_head or tag == "mj-head"
        attributes = dict(attrs)
        if tag in _CONTENT:
            self.inside.append(tag)
            self.parts.append(_PARAGRAPH if tag != "mj-raw" else "\n")
        if tag == "br" or (tag in _BREAKS and tag not in {"li", "tr"}):
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("- ")
        if tag in {"td", "th"}:
            self.parts.append(" ")
        if tag in _LINKS and (href := attributes.get("href")):
            self.links.append((tag, href, len(self.parts)))
        if tag == "mj-image":
            self._image(attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag != "mj-image" and (tag in _CONTENT or tag in _LINKS):
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self.in_head = self.in_head and tag != "mj-head"
        if self.links and self.links[-1][0] == tag:
            _, href, start = self.links.pop()
            words = "".join(self.parts[start:]).strip()
            self.parts[start:] = [words if words == href else f"{words}: {href}" if words else href]
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()
            self.parts.append(_PARAGRAPH if tag != "mj-raw" else "\n")
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.in_head:
            return
        if self.inside and self.inside[-1] != "mj-raw":
            self.parts.append(_SPACE.sub(" ", data))
        else:  # between components only the tags that repeat or choose them matter
            self.parts.extend(
                f"\n{match[0]}\n" if self.source.tags[int(match[1])].is_statement else match[0]
                for match in self.source.word.finditer(data)
            )

    def _image(self, attributes: dict[str, str | None]) -> None:
        if self.links and self.links[-1][0] == "mj-image":
            _, href, _ = self.links.pop()
            alt = attributes.get("alt")
            self.parts.append(f"{_PARAGRAPH}{alt}: {href}{_PARAGRAPH}" if alt else f"{_PARAGRAPH}{href}{_PARAGRAPH}")


def plain_text(source: Protected) -> str:
    """A Jinja source of plain text from a protected MJML source. Tags in attributes other than links are left out."""
    words = _Words(source)
    words.feed(source.text)
    words.close()
    lines = [_SPACE.sub(" ", line).strip() for line in "".join(words.parts).split("\n")]
    text = re.sub(r"\n{3,}", _PARAGRAPH, "\n".join(lines)).strip()
    return source.restore(text) + "\n"
