"""Secrets come from the environment or from files, and show themselves to nobody by accident."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from services.kit.errors import Misconfigured

_REFERENCE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


class Secret:
    """A value that only `reveal()` gives away: repr, str and formatting show asterisks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the header or the signature that needs it, never for a message."""
        return self._value

    def equals(self, other: str) -> bool:
        """Whether `other` is the value, in constant time."""
        return hmac.compare_digest(self._value.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.equals(other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


def is_reference(value: str) -> bool:
    """Whether `value` is written as a reference, `$NAME`."""
    return _REFERENCE.fullmatch(value) is not None


def resolve(reference: str, environ: Mapping[str, str]) -> str:
    """What `$NAME` stands for: the variable NAME, else the contents of the file that NAME_FILE names.

    One line break at the end of a file is not part of the value. Raises Misconfigured, naming the variable, if it is
    missing or empty, if the file cannot be read, or if the value holds a line break (no header may carry one).
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise Misconfigured(f"{_shown(reference)} is no reference: write $NAME and set NAME in the environment")
    name = found[1]
    value = environ.get(name) or _from_file(name, environ)
    if "\n" in value or "\r" in value:
        raise Misconfigured(f"{name} holds a line break: write the value on one line")
    return value


def _from_file(name: str, environ: Mapping[str, str]) -> str:
    place = environ.get(f"{name}_FILE")
    if not place:
        raise Misconfigured(f"{name} is not set: set {name}, or {name}_FILE to the path of a file that holds the value")
    try:
        value = Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{name}_FILE: {place} cannot be read as text ({type(error).__name__})") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise Misconfigured(f"{name}_FILE: {place} is empty: write the value into it")
    return value


def _shown(text: str) -> str:
    """A reference that was written wrongly may be the secret itself: only its first character is told."""
    return f"{text[:1]}…" if text else "an empty value"
