"""Markdown (CommonMark, tables, strikethrough) as the content of a layout: MJML for the page, words for the text.

Tags of Jinja travel through as words. A paragraph that is only an image is an <mj-image>, one that is only a button
is an <mj-button>, a line that is only tags stands between components, and a partial is put where it is included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from services.notifier.compose.assembly import Piece
from services.notifier.compose.errors import LanguageError, TemplateError
from services.notifier.compose.markdown_text import as_text
from services.notifier.compose.placeholders import Protected, protect
from services.notifier.compose.plain_text import plain_text
from services.notifier.compose.shared import Shared, Source

MAX_BLOCKS = 1_000
BUTTON = "{button}"
_PARSER = MarkdownIt("commonmark", {"maxNesting": 20}).enable(["table", "strikethrough"])
_STYLES = {
    "h1": "margin:0;font-size:1.5em;line-height:1.3", "h2": "margin:0;font-size:1.25em;line-height:1.35",
    "h3": "margin:0;font-size:1.1em;line-height:1.4", "h4": "margin:0;font-size:1em", "h5": "margin:0;font-size:1em",
    "h6": "margin:0;font-size:1em", "p": "margin:0 0 8px", "ul": "margin:0;padding-left:24px",
    "ol": "margin:0;padding-left:24px", "li": "margin:0 0 4px", "pre": "margin:0;white-space:pre-wrap",
    "blockquote": "margin:0;padding:4px 0 4px 16px;border-left:3px solid #dddfda",
    "th": "padding:6px 12px 6px 0;text-align:left", "td": "padding:6px 12px 6px 0;vertical-align:top",
}  # fmt: skip


class Content(NamedTuple):
    """What a Markdown file says, as pieces of MJML and of text; `checked` is its source with the partials left out."""

    mjml: list[Piece]
    text: list[Piece]
    checked: str


class Block(NamedTuple):
    """One block of the outermost level: its tokens, and the line of its file where it begins."""

    tokens: list[Token]
    line: int

    @property
    def inline(self) -> list[Token]:
        """The words of a paragraph, without blanks around them; empty for any other block."""
        if self.tokens[0].type != "paragraph_open":
            return []
        kept = (token for token in self.tokens[1].children or [] if token.type != "softbreak")
        return [token for token in kept if token.type == "image" or token.nesting or token.content.strip()]


def convert(source: Source, shared: Shared) -> Content:
    """A Markdown body as content of a layout. Raises TemplateError with the place."""
    body = _protected(source, shared)
    text, lines = _apart(body, source.line)
    blocks = _blocks(source.file, text, lines)
    mjml, words = list[Piece](), list[Piece]()
    position = 0
    while position < len(blocks):
        taken = blocks[position : position + 3] if _is_listed(blocks[position : position + 3], body) else None
        if taken:
            mjml.append(_made(source, body, taken[0].line, _list_over(taken, body)))
        else:
            mjml += _block(source, blocks[position], body, shared)
        for block in taken or [blocks[position]]:
            words += _words(source, block, body, shared)
        if taken or not _tag_sources(blocks[position], body):
            words.append(Piece("\n", source.file, blocks[position].line, made=True))
        position += len(taken or [0])
    return Content(mjml, words, _without_includes(body, shared))


def _protected(source: Source, shared: Shared) -> Protected:
    try:
        body = protect(source.text)
    except LanguageError as error:
        line = source.line + error.line - 1
        raise TemplateError(source.file, error.message, line=line, hint=error.hint) from None
    tags = []
    for tag in body.tags:
        at = Piece("", source.file, source.line + tag.line - 1, tag.column)
        branded = "brand." in tag.source and shared.include_of(tag.source) is None
        tags.append(tag._replace(source=shared.branded(tag.source, at)) if branded else tag)
    return body._replace(tags=tuple(tags))


def _without_includes(body: Protected, shared: Shared) -> str:
    tags = [t._replace(source="" if shared.include_of(t.source) is not None else t.source) for t in body.tags]
    return body._replace(tags=tuple(tags)).restore(body.text)


def _apart(body: Protected, first_line: int) -> tuple[str, list[int]]:
    """The text with lines that are only statements set apart, and the line of the file for each of its lines."""
    alone = re.compile(rf"(?:{body.word.pattern}[ \t]*)+")
    kept: list[str] = []
    lines: list[int] = []
    for number, line in enumerate(body.text.split("\n"), first_line):
        found = alone.fullmatch(line)
        tags = [body.tags[int(match[1])] for match in body.word.finditer(line)] if found else []
        apart = bool(tags) and all(tag.is_statement for tag in tags)
        kept += ["", line, ""] if apart else [line]
        lines += [number] * (3 if apart else 1)
    return "\n".join(kept), lines


def _blocks(file: str, text: str, lines: list[int]) -> list[Block]:
    blocks: list[Block] = []
    for token in _PARSER.parse(text):
        if token.level == 0 and token.nesting >= 0:
            blocks.append(Block([], lines[token.map[0]] if token.map else lines[0]))
        blocks[-1].tokens.append(token)
        for each in (token, *(token.children or [])):
            _allow(file, each, blocks[-1].line)
    if len(blocks) > MAX_BLOCKS:
        raise TemplateError(file, f"more than {MAX_BLOCKS} paragraphs", line=lines[0], hint="show fewer things")
    return blocks


def _allow(file: str, token: Token, line: int) -> None:
    if token.type in {"html_block", "html_inline"}:
        raise TemplateError(file, "HTML in Markdown", line=line, hint="write it as a partial in templates/_layouts/")
    if token.tag in _STYLES and token.nesting == 1:
        given = str(token.attrs.get("style", ""))
        token.attrSet("style", ";".join(part for part in (_STYLES[token.tag], given) if part))


def _made(source: Source, body: Protected, line: int, text: str) -> Piece:
    return Piece(body.restore(text) + "\n", source.file, line, made=True)


def _block(source: Source, block: Block, body: Protected, shared: Shared) -> Iterator[Piece]:
    """The MJML of one block."""
    for part in _parts(source, block, body, shared):
        if isinstance(part, str):
            yield _made(source, body, block.line, part)
        else:
            yield from shared.partial(part.name, ".mjml", part.at)


class _Include(NamedTuple):
    name: str
    at: Piece


def _parts(source: Source, block: Block, body: Protected, shared: Shared) -> Iterator[str | _Include]:
    kind = block.tokens[0].type
    inline = block.inline
    if inline and all(token.type == "text" and _only_tags(token.content, body) for token in inline):
        yield from _tags(source, "".join(token.content for token in inline), body, shared)
    elif buttons := _buttons(source, block, inline):
        for href, label in buttons:
            yield f'<mj-button href="{href}">{label}</mj-button>'
    elif image := _image(inline):
        yield image
    elif kind == "hr":
        yield "<mj-divider />"
    elif kind == "table_open":
        yield f"<mj-table>{_html(block.tokens[1:-1])}</mj-table>"
    else:
        if kind == "paragraph_open":
            block.tokens[0].attrs.pop("style", None)
            html = _html(block.tokens[1:-1])
        else:
            html = _html(block.tokens)
        yield f"<mj-text>{html}</mj-text>"
    for tag in _includes_within(block, body, shared, inline):
        hint = "write it on a line of its own"
        raise TemplateError(source.file, "an include within a paragraph", line=block.line, column=tag, hint=hint)


def _includes_within(block: Block, body: Protected, shared: Shared, inline: list[Token]) -> list[int]:
    if inline and all(token.type == "text" and _only_tags(token.content, body) for token in inline):
        return []
    written = "".join(token.content for token in block.tokens)
    found = (body.tags[int(match[1])] for match in body.word.finditer(written))
    return [tag.column for tag in found if shared.include_of(tag.source) is not None]


def _only_tags(text: str, body: Protected) -> bool:
    tags = [body.tags[int(match[1])] for match in body.word.finditer(text)]
    return bool(tags) and not body.word.sub("", text).strip() and all(tag.is_statement for tag in tags)


def _tags(source: Source, text: str, body: Protected, shared: Shared) -> Iterator[str | _Include]:
    for match in body.word.finditer(text):
        tag = body.tags[int(match[1])]
        name = shared.include_of(tag.source)
        if name is None:
            yield f"<mj-raw>{match[0]}</mj-raw>"
        else:
            yield _Include(name, Piece(tag.source, source.file, source.line + tag.line - 1, tag.column, made=True))


def _buttons(source: Source, block: Block, inline: list[Token]) -> list[tuple[str, str]]:
    """Address and label (HTML) of each button of a paragraph that is only buttons."""
    if not any(BUTTON in token.content for token in inline if token.type == "text"):
        return []
    buttons: list[tuple[str, str]] = []
    rest = list(inline)
    while rest:
        end = next((i for i, token in enumerate(rest) if token.type == "link_close"), -1)
        marked = (
            end > 0 and rest[0].type == "link_open" and len(rest) > end + 1 and rest[end + 1].content.strip() == BUTTON
        )
        if not marked:
            hint = "write [Back to the cart](https://…){button} in a paragraph of its own"
            raise TemplateError(source.file, "a button among other words", line=block.line, hint=hint)
        buttons.append((_escaped(rest[0].attrs["href"]), _html([Token("inline", "", 0, children=rest[1:end])])))
        rest = rest[end + 2 :]
    return buttons


def _image(inline: list[Token]) -> str:
    """A paragraph that is one image, or one image with a link around it, as MJML; else empty."""
    link = ""
    if len(inline) == 3 and inline[0].type == "link_open" and inline[2].type == "link_close":
        link = f' href="{_escaped(inline[0].attrs["href"])}"'
        inline = inline[1:2]
    if len(inline) != 1 or inline[0].type != "image":
        return ""
    image = inline[0]
    return f'<mj-image src="{_escaped(image.attrs["src"])}" alt="{_escaped(image.content)}"{link} />'


def _is_listed(blocks: list[Block], body: Protected) -> bool:
    """Whether three blocks are a loop around one list: then it is one list of all its rounds."""
    if len(blocks) != 3 or blocks[1].tokens[0].type not in {"bullet_list_open", "ordered_list_open"}:
        return False
    opening, closing = (_tag_sources(block, body) for block in (blocks[0], blocks[2]))
    return _starts(opening, "for") and _starts(closing, "endfor")


def _starts(tags: list[str], word: str) -> bool:
    return len(tags) == 1 and re.match(rf"\{{%[-+]?\s*{word}\b", tags[0]) is not None


def _tag_sources(block: Block, body: Protected) -> list[str]:
    text = "".join(token.content for token in block.inline)
    return [body.tags[int(m[1])].source for m in body.word.finditer(text)] if _only_tags(text, body) else []


def _list_over(blocks: list[Block], body: Protected) -> str:
    words = ["".join(m[0] for m in body.word.finditer(blocks[i].tokens[1].content)) for i in (0, 2)]
    items = blocks[1].tokens
    return f"<mj-text>{_html(items[:1])}{words[0]}{_html(items[1:-1])}{words[1]}{_html(items[-1:])}</mj-text>"


def _html(tokens: list[Token]) -> str:
    return str(_PARSER.renderer.render(tokens, _PARSER.options, {})).strip()


def _escaped(value: str | float) -> str:
    return str(value).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _words(source: Source, block: Block, body: Protected, shared: Shared) -> Iterator[Piece]:
    """The text of one block: the partials' own .txt where there is one, else the words of their MJML."""
    parts = list(_parts(source, block, body, shared)) if _tag_sources(block, body) else []
    for part in parts:
        if isinstance(part, _Include):
            yield from _partial_text(part, shared)
        else:
            yield _made(source, body, block.line, body.word.search(part)[0])  # type: ignore[index]
    if not parts:
        yield _made(source, body, block.line, as_text(block.tokens, BUTTON))


def _partial_text(part: _Include, shared: Shared) -> Iterator[Piece]:
    if shared.source(part.name + ".txt"):
        yield from shared.partial(part.name, ".txt", part.at)
    else:
        mjml = "".join(piece.text for piece in shared.partial(part.name, ".mjml", part.at))
        yield part.at._replace(text=plain_text(protect(mjml)))
    yield part.at._replace(text="\n")
