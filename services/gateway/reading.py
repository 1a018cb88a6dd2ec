"""Reading JSON from strangers: whole, bounded, and fit for a database."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from services.contracts.data import Id
from services.contracts.event import MAX_EVENT_BYTES
from services.gateway.problems import Fault

MAX_DEPTH = 64

# All that a decoder raises over bytes that are no JSON. Deep nesting is a RecursionError.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def why_unreadable(error: Exception) -> str:
    """A decoder's complaint as a sentence, without any of the data."""
    match error:
        case RecursionError():
            return "it is nested too deeply."
        case UnicodeDecodeError():
            return "it is not UTF-8."
        case _:
            return f"{error}."


def read(raw: bytes, what: str = "event") -> dict[str, Any]:
    """A JSON object, whole: all its strings are valid, none holds NUL, and it is not nested too deeply."""
    if len(raw) > MAX_EVENT_BYTES:
        raise Fault(
            f"The event has {len(raw)} bytes.",
            "At most 256 kB are accepted; leave out what no journey needs.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    try:
        value = msgspec.json.decode(raw)
    except UNREADABLE as error:
        raise _unreadable(f"The {what} cannot be read: {why_unreadable(error)}") from None
    if not isinstance(value, dict):
        raise _unreadable(f"The {what} is not a JSON object.")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _unreadable(f"The {what} is nested deeper than {MAX_DEPTH} levels.")
    if b"\\u0000" in raw and "\0" in _text(value):
        raise Fault(f"The {what} holds a NUL character.", "Leave out \\u0000: databases refuse it.")
    return value


def named(raw: bytes) -> str | None:
    """The id of an event that was refused, for the answer that lists it; None where it has no usable one."""
    try:
        return msgspec.json.decode(raw, type=_Named).id
    except UNREADABLE:
        return None


class _Named(msgspec.Struct):
    id: Id


def _unreadable(error: str) -> Fault:
    hint = 'Write a JSON object, such as {"specversion":"1.0","id":"…","source":"…","type":"…","data":{…}}.'
    return Fault(error, hint, HTTPStatus.BAD_REQUEST)


def _depth(value: object) -> int:
    depth = 0
    level = [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


def _text(value: object) -> str:
    """All strings of a value, joined."""
    match value:
        case str():
            return value
        case list():
            return "".join(map(_text, value))
        case dict():
            return "".join(key + _text(item) for key, item in value.items())
        case _:
            return ""
