"""MJML to HTML, once, when a template is published. Tags of Jinja travel through as words.

MRML (the compiler) lets unknown components and attributes pass in silence and gives few positions, so what it would
swallow is refused here first, with line and column. Format: documentation.mjml.io.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from html.parser import HTMLParser

from mjml import mjml2html

from services.notifier.compose.errors import LanguageError, TemplateError
from services.notifier.compose.placeholders import Protected, protect

COMPONENTS = frozenset({
    "mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-preview",
    "mj-style", "mj-title", "mj-accordion", "mj-accordion-element", "mj-accordion-title", "mj-accordion-text",
    "mj-button", "mj-carousel", "mj-carousel-image", "mj-column", "mj-divider", "mj-group", "mj-hero", "mj-image",
    "mj-navbar", "mj-navbar-link", "mj-raw", "mj-section", "mj-social", "mj-social-element", "mj-spacer", "mj-table",
    "mj-text", "mj-wrapper",
})  # fmt: skip
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
MAX_LEVELS = 60
MAX_ELEMENTS = 3_000  # the compiler recurses: some 20,000 levels would end the process
_ELEMENT = re.compile(r"<[^/!\s]")
_UNQUOTED = re.compile(r"=\s*[^\s\"'>]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_STRAY = re.compile(r"<(?![a-zA-Z/!])")
_POSITION = re.compile(r"position (\d+)")


class Outline(HTMLParser):
    """Walks MJML once: refuses what cannot be compiled, remembers where head and body begin."""

    def __init__(self, file: str, first_line: int) -> None:
        super().__init__(convert_charrefs=False)
        self.file = file
        self.first_line = first_line
        self.open: list[tuple[str, int, int]] = []
        self.seen: dict[str, tuple[int, int]] = {}
        self.root_attributes: dict[str, str | None] = {}

    def problem(self, message: str, hint: str = "", at: tuple[int, int] | None = None) -> TemplateError:
        """An error at a position of the parser (line from 1, column from 0), here by default."""
        line, column = at or self.getpos()
        return TemplateError(self.file, message, line=line + self.first_line - 1, column=column + 1, hint=hint)

    def set_cdata_mode(self, elem: str, *, escapable: bool = False) -> None:
        """MJML reads <style> and <script> like any element, so this does too."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element and open it."""
        self._start(tag, dict(attrs))
        if tag not in VOID:
            self.open.append((tag, *self.getpos()))
            if len(self.open) > MAX_LEVELS:
                raise self.problem(f"more than {MAX_LEVELS} elements inside each other")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element without content."""
        self._start(tag, dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            if any(name == tag for name, *_ in self.open):
                name, line, column = self.open[-1]
                raise self.problem(f"<{name}> is not closed", f"write </{name}> before </{tag}>", (line, column))
            raise self.problem(f"</{tag}> closes nothing", f"remove it, or write <{tag}> before it")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        """Refuse a < that begins no element."""
        if stray := _STRAY.search(data):
            line, column = self.getpos()
            before = data[: stray.start()]
            column = column + stray.start() if "\n" not in before else stray.start() - before.rfind("\n") - 1
            raise self.problem("a lone <", "write &lt;", (line + before.count("\n"), column))

    def handle_pi(self, data: str) -> None:  # noqa: ARG002
        """Refuse <? … ?>."""
        raise self.problem("<? … ?> is not part of MJML", "remove it")

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002
        """Refuse <!DOCTYPE>."""
        raise self.problem("<!DOCTYPE> is not part of MJML", "remove it; it is added to the HTML")

    def unknown_decl(self, data: str) -> None:  # noqa: ARG002
        """Refuse <![CDATA[."""
        raise self.problem("<![CDATA[ is not part of MJML", "write &lt; and &amp; instead")

    def _start(self, tag: str, attributes: dict[str, str | None]) -> None:
        if not self.seen and tag != "mjml":
            raise self.problem(f"a template begins with <mjml>, not <{tag}>", "<mjml><mj-body>…</mj-body></mjml>")
        if not self.seen:
            self.root_attributes = attributes
        self.seen.setdefault(tag, self.getpos())
        if tag == "mj-include":
            raise self.problem("<mj-include> is not supported", "write the part into this file")
        if tag.startswith("mj") and tag not in COMPONENTS:
            close = get_close_matches(tag, COMPONENTS, 1)
            raise self.problem(f"unknown component <{tag}>", f"did you mean <{close[0]}>?" if close else "")
        if tag == "mj-style" and attributes.get("inline"):
            raise self.problem('inline="inline" is not supported', "set the attributes of the components")
        if _UNQUOTED.search(_QUOTED.sub('""', self.get_starttag_text() or "")):
            raise self.problem(f"an attribute of <{tag}> has no quotes", 'write name="value"')


def outline(file: str, source: str, first_line: int) -> Outline:
    """Check the shape of an MJML source. Raises TemplateError with the position."""
    if len(_ELEMENT.findall(source)) > MAX_ELEMENTS:
        raise TemplateError(
            file, f"more than {MAX_ELEMENTS} elements", line=first_line, hint="show fewer things in one mail"
        )
    found = Outline(file, first_line)
    found.feed(source)
    found.close()
    if found.open:
        name, line, column = found.open[-1]
        raise found.problem(f"<{name}> is not closed", f"write </{name}>", (line, column))
    if "mj-body" not in found.seen:
        raise TemplateError(file, "no <mj-body>", line=first_line, hint="write <mjml><mj-body>…</mj-body></mjml>")
    return found


def compile_mjml(file: str, source: str, first_line: int, locale: str, preheader: Protected | None) -> str:
    """The HTML of an MJML source, still with its Jinja tags. Raises TemplateError.

    No web font is loaded unless the template names one: a mail that is opened tells nobody.
    """
    body = _protected(file, source, first_line)
    found = outline(file, body.text, first_line)
    if preheader is not None and "mj-preview" in found.seen:
        raise found.problem("a preheader and <mj-preview>", "write one of them", found.seen["mj-preview"])
    try:
        html: str = mjml2html(_with_head(body.text, found, locale, preheader), fonts={})
    except ValueError as error:
        position = _POSITION.search(str(error))
        line = first_line + (body.text.count("\n", 0, int(position[1])) if position else 0)
        raise TemplateError(file, f"not MJML: {error}", line=line) from None
    if (tag := body.lost(html)) is not None:
        raise TemplateError(
            file,
            f"{tag.source} would be lost in the HTML",
            line=tag.line + first_line - 1,
            column=tag.column,
            hint="MJML computes with widths and paddings: write a number there, or move the tag into a text",
        )
    html = body.restore(html)
    return preheader.restore(html) if preheader else html


def _protected(file: str, source: str, first_line: int) -> Protected:
    try:
        return protect(source)
    except LanguageError as error:
        raise TemplateError(file, error.message, line=error.line + first_line - 1, hint=error.hint) from None


def _with_head(source: str, found: Outline, locale: str, preheader: Protected | None) -> str:
    """The source with its language and preheader written in."""
    if preheader is not None:
        preview = f"<mj-preview>{preheader.text}</mj-preview>"
        if "mj-head" in found.seen:
            start = _offset(source, found.seen["mj-head"])
            end = source.index(">", start) + 1
            closing = "</mj-head>" if source[start:end].endswith("/>") else ""
            source = f"{source[:start]}<mj-head>{preview}{closing}{source[end:]}"
        else:
            start = _offset(source, found.seen["mj-body"])
            source = f"{source[:start]}<mj-head>{preview}</mj-head>{source[start:]}"
    if "lang" not in found.root_attributes:
        start = _offset(source, found.seen["mjml"]) + len("<mjml")
        source = f'{source[:start]} lang="{locale}"{source[start:]}'
    return source


def _offset(source: str, at: tuple[int, int]) -> int:
    line, column = at
    return sum(len(text) for text in source.split("\n")[: line - 1]) + line - 1 + column
