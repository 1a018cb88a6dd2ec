"""A source put together from several files, which still knows where each of its characters came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from services.notifier.compose.errors import TemplateError

_UNSUPPLIED = "unknown variable"


class Piece(NamedTuple):
    """Text that begins at a line and column (from 1) of a file; all of it stands there if it was `made` from that."""

    text: str
    file: str
    line: int = 1
    column: int = 1
    made: bool = False

    def at(self, offset: int) -> tuple[str, int, int]:
        """File, line and column of a character of the text."""
        if self.made:
            return self.file, self.line, self.column
        before = self.text[:offset]
        lines = before.count("\n")
        column = offset - before.rfind("\n") if lines else self.column + offset
        return self.file, self.line + lines, column


class Assembly:
    """Pieces one after the other."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)
        self.text = "".join(piece.text for piece in pieces)

    def locate(self, line: int, column: int) -> tuple[str, int, int]:
        """Where a place (from 1) of the whole text was written."""
        lines = self.text.split("\n")
        offset = sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
        for piece in self.pieces:
            if offset < len(piece.text):
                return piece.at(max(0, offset))
            offset -= len(piece.text)
        last = self.pieces[-1]
        return last.at(len(last.text))

    @contextmanager
    def located(self, file: str) -> Iterator[None]:
        """Let a TemplateError about this text, called `file`, name the file, line and column that its author sees."""
        try:
            yield
        except TemplateError as error:
            if error.file != file:
                raise
            where, line, column = self.locate(error.line, error.column)
            hint = error.hint
            if where != file and error.message.startswith(_UNSUPPLIED):
                name = error.message.split("`")[1]
                hint = f"name it in {file}, above the place where this is used: {{% set {name} = … %}}"
            raise TemplateError(where, error.message, line=line, column=column, hint=hint) from None
