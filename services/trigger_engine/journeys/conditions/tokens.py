"""Text to tokens. Names are ASCII, none starts with two underscores, and `45 minutes` is one token."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from services.trigger_engine.journeys.conditions import durations
from services.trigger_engine.journeys.conditions.errors import ConditionError, Span

Kind = Literal["number", "string", "duration", "name", "operator", "end"]
Value = float | str | timedelta | None

WORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})

_LARGEST = 2**63
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_UNIT = re.compile(r"\s*([A-Za-z]+)", re.ASCII)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_INSTEAD = {
    "=": "write '==' to compare",
    "&": "write '&&' or 'and'",
    "|": "write '||' or 'or'",
    '"': "close the text with the same quote",
    "'": "close the text with the same quote",
    "{": "write a list as [1, 2]",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression. `text` is how it is written, `value` what a literal stands for."""

    kind: Kind
    text: str
    span: Span
    value: Value = None


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of an expression and one `end`; ConditionError at the first that is none."""
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _unreadable(text, place)
        place = found.end()
        if found.lastgroup != "space":
            token = _token(found)
            place = token.span.end
            yield token
    yield Token("end", "", Span(len(text), len(text)))


def _token(found: re.Match[str]) -> Token:
    written, span = found.group(), Span(*found.span())
    if found.lastgroup == "number":
        return _number(found.string, written, span)
    if found.lastgroup == "string":
        return Token("string", written, span, _unescape(written, span))
    if found.lastgroup == "operator":
        return Token("operator", written, span)
    if written.startswith("__"):
        raise span.error(f"a name cannot start with two underscores: '{written[:60]}'")
    return Token("name", written, span)


def _number(text: str, written: str, span: Span) -> Token:
    value = int(written) if written.isdigit() else float(written)
    if not abs(value) < _LARGEST:
        raise span.error("this number is too large", "write a number below 9 quintillion")
    unit = _UNIT.match(text, span.end)
    if unit is None or unit[1] in WORDS:
        return Token("number", written, span, value)
    whole = Span(span.start, unit.end())
    try:
        length = durations.length(value, durations.unit_named(unit[1]))
    except durations.DurationError as error:
        raise whole.error(error.message, error.hint) from None
    return Token("duration", text[whole.start : whole.end], whole, length)


def _unescape(written: str, span: Span) -> str:
    def replace(escape: re.Match[str]) -> str:
        code = escape[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise span.error(f"unknown escape '\\{code}'", r"write \\ for a backslash")
        return _ESCAPES[code]

    return _ESCAPE.sub(replace, written[1:-1])


def _unreadable(text: str, place: int) -> ConditionError:
    sign, span = text[place], Span(place, place + 1)
    if sign in "\"'":
        return Span(place, len(text)).error("this text has no end", _INSTEAD[sign])
    if unicodedata.category(sign) in {"Pi", "Pf", "Ps"} and not sign.isascii():
        return span.error(f"unexpected {sign}", 'write text in straight quotes: "…"')
    if sign.isspace():
        return span.error("this white space is no plain space", "write an ordinary space")
    return span.error(f"unexpected {sign!r}", _INSTEAD.get(sign, ""))
