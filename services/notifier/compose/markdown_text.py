"""Markdown as the text part of a mail: its words, with links, lists and quotes as people write them in plain text."""

from __future__ import annotations

from markdown_it.token import Token

_WIDEST_RULE = "* * *"


def as_text(tokens: list[Token], button: str) -> str:
    """The text of one block, without a line end after it. `button` is the mark of a button, which is left out."""
    writer = _Writer(button)
    for token in tokens:
        writer.take(token)
    lines = [line.rstrip() for line in writer.lines]
    while lines and not lines[-1].strip("> "):
        lines.pop()
    return "\n".join(lines).strip("\n")


class _Writer:
    def __init__(self, button: str) -> None:
        self.lines: list[str] = []
        self.button = button
        self.lists: list[int | None] = []  # the next number, or None for points
        self.mark = ""
        self.quotes = 0
        self.cells: list[str] = []

    def take(self, token: Token) -> None:  # noqa: C901 -- one line for each kind
        """Write one token of a block."""
        match token.type:
            case "inline" if self.cells and self.cells[-1] == "":
                self.cells[-1] = " ".join(self._inline(token.children or []).split("\n")) or " "
            case "inline":
                self._write(self._inline(token.children or []))
            case "fence" | "code_block":
                self._write(token.content.rstrip("\n"))
            case "hr":
                self._write(_WIDEST_RULE)
            case "bullet_list_open":
                self.lists.append(None)
            case "ordered_list_open":
                self.lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self._item()
            case "blockquote_open" | "blockquote_close":
                self.quotes += token.nesting
            case "th_open" | "td_open":
                self.cells.append("")
            case "tr_close":
                self._write(" | ".join(cell.strip() for cell in self.cells))
                self.cells = []
            case _:
                pass

    def _item(self) -> None:
        number = self.lists[-1]
        self.mark = "- " if number is None else f"{number}. "
        if number is not None:
            self.lists[-1] = number + 1

    def _write(self, text: str) -> None:
        indent = "  " * (len(self.lists) - 1) + ("" if self.mark or not self.lists else "  ")
        for line in text.split("\n"):
            self.lines.append("> " * self.quotes + indent + self.mark + line)
            indent += " " * len(self.mark)
            self.mark = ""
        if not self.lists and self.quotes and self.lines:
            self.lines.append("> " * self.quotes)

    def _inline(self, tokens: list[Token]) -> str:
        parts: list[str] = []
        starts: list[tuple[str, int]] = []
        for token in tokens:
            match token.type:
                case "text" | "code_inline":
                    parts.append(token.content)
                case "softbreak" | "hardbreak":
                    parts.append("\n")
                case "image":
                    parts.append(token.content)
                case "link_open":
                    starts.append((str(token.attrs["href"]), len(parts)))
                case "link_close":
                    href, start = starts.pop()
                    words = "".join(parts[start:]).strip()
                    parts[start:] = [href if words in {"", href} else f"{words}: {href}"]
                case _:
                    pass
        return "".join(parts).replace(self.button, "").strip()
