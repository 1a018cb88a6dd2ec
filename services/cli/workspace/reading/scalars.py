"""Checks a single value against its shape: texts, words, numbers, durations, references."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from services.cli.workspace.findings import Place, short, write_instead
from services.cli.workspace.reading.positions import Mapping, Node, Scalar, Sequence
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.vocabulary import Choice, Condition, Duration, Flag, Number, Secret, Shape, Text
from services.kit.secrets import is_reference
from services.trigger_engine.journeys.conditions import DurationError, parse_duration


def read_scalar(shape: Shape, node: Node, sheet: Sheet, what: str) -> Any:
    """The value of a scalar shape, or None where it is wrong (the sheet then has a finding)."""
    if isinstance(node, Scalar) and node.value is not None:
        return READERS[type(shape)](shape, node, sheet, what)
    wanted, like = WANTED[type(shape)]
    if isinstance(shape, Choice):
        like = f"write one of: {', '.join(shape.words[:12])}"
    wrong_kind(node, sheet, what, wanted, getattr(shape, "like", like))
    return None


def _number(shape: Number, node: Scalar, sheet: Sheet, what: str) -> int | float | None:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        wrong_kind(node, sheet, what, "a number", "100")
        return None
    if shape.whole and not isinstance(value, int):
        sheet.error(node.place, "bad-value", f"{what} must be a whole number", f"write instead: {round(value)}")
        return None
    if shape.least is not None and value < shape.least:
        sheet.error(
            node.place, "bad-value", f"{what} is {node.text}; the least is {shape.least:g}", "write a larger number"
        )
        return None
    return value


def _choice(shape: Choice, node: Scalar, sheet: Sheet, what: str) -> str | None:
    if node.text in shape.words:
        return node.text
    if node.text in shape.later:
        later_word(sheet, node.place, node.text)
        return None
    hint = write_instead(node.text, shape.words)
    sheet.error(node.place, shape.rule, f"{short(node.text)} is no {shape.what} for {what}", hint)
    return None


def _flag(_: Flag, node: Scalar, sheet: Sheet, what: str) -> bool | None:
    if isinstance(node.value, bool):
        return node.value
    wrong_kind(node, sheet, what, "true or false", "true")
    return None


def _condition(_: Condition, node: Scalar, __: Sheet, ___: str) -> str:
    return node.text


def _duration(_: Duration, node: Scalar, sheet: Sheet, __: str) -> float | None:
    try:
        return parse_duration(node.text).total_seconds()
    except DurationError as error:
        sheet.error(node.place, "bad-duration", error.message, error.hint)
        return None


def _secret(_: Secret, node: Scalar, sheet: Sheet, what: str) -> str | None:
    if is_reference(node.text):
        return node.text
    # The text may be the secret itself, so neither it nor its line is shown.
    if node.text.startswith("$"):
        hint = "a name has letters, digits and _: $BACKEND_KEY"
        sheet.error(node.place, "bad-reference", f"{what} is no reference to the environment", hint, quote=False)
    else:
        hint = "write $NAME here, and set NAME in the environment"
        sheet.error(node.place, "secret-in-file", f"{what} holds the secret itself", hint, quote=False)
    return None


def _text(shape: Text, node: Scalar, sheet: Sheet, what: str) -> str | None:
    if not node.text.strip():
        wrong_kind(node, sheet, what, "a text", shape.like)
        return None
    if shape.pattern and not re.fullmatch(shape.pattern, node.text):
        sheet.error(node.place, shape.rule, f"{short(node.text)} does not fit {what}", f"write it like: {shape.like}")
        return None
    return node.text


READERS: dict[type[Any], Callable[[Any, Scalar, Sheet, str], Any]] = {
    Text: _text,
    Choice: _choice,
    Number: _number,
    Flag: _flag,
    Duration: _duration,
    Secret: _secret,
    Condition: _condition,
}
WANTED: dict[type[Any], tuple[str, str]] = {
    Text: ("a text", ""),
    Choice: ("one word", ""),
    Number: ("a number", "100"),
    Flag: ("true or false", "true"),
    Duration: ("a duration", ""),
    Secret: ("a reference to the environment", "$NAME"),
    Condition: ("a condition", "event.order.total >= 100"),
}


def later_word(sheet: Sheet, at: Place, key: str) -> None:
    """A word that belongs to the language, and not to this version."""
    sheet.error(at, "reserved-word", f"'{key}' is not available in this version", "remove it for now")


def wrong_kind(node: Node, sheet: Sheet, what: str, wanted: str, like: str) -> None:
    """A value of another kind than its key wants. `like` is an example, or advice."""
    hint = like if not like or like.startswith(("begin", "write", "it is")) else f"write instead: {like}"
    sheet.error(node.place, "wrong-kind", f"{what} must be {wanted}, not {kind(node)}", hint)


def kind(node: Node) -> str:
    """What a node is, in the words of messages."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node.value, bool):
        return "true or false"
    if node.value is None:
        return "nothing"
    return "a text" if isinstance(node.value, str) else "a number"
