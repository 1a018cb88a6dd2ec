"""The one error of the expression language, and the suggestions in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from services.kit.errors import Misconfigured


class ConditionError(Misconfigured):
    """An expression that cannot be used as it is written.

    `column` counts from 1 in the expression, `length` is the number of characters meant, `hint` says what to write
    instead (it may be empty). The text reads ``1:25 unknown field 'catgory', did you mean 'category'?``.
    """

    def __init__(self, message: str, *, column: int, length: int, hint: str = "") -> None:
        super().__init__(f"1:{column} {message}" + (f", {hint}" if hint else ""))
        self.message = message
        self.column = column
        self.length = length
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Span:
    """Where a piece of an expression stands: offsets from 0, `end` not included."""

    start: int
    end: int

    def error(self, message: str, hint: str = "") -> ConditionError:
        """Return the error about this piece."""
        return ConditionError(message, column=self.start + 1, length=max(1, self.end - self.start), hint=hint)

    def to(self, other: Span) -> Span:
        """Return the span from here to the end of another."""
        return Span(self.start, other.end)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or else lists up to eight of them."""
    words = sorted(known)
    near = difflib.get_close_matches(name, words, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known here: {', '.join(words[:8])}{', …' if words[8:] else ''}" if words else ""
