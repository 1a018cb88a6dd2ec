"""In which ways a name or a text may be written where it is looked for. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

SHORT = 6
"""A shorter name, such as the customer id 17, counts only where it stands alone, in quotation marks."""


def cases(word: str) -> list[str]:
    """A word as given, small, capitalised and in capitals, where these differ once ASCII letters were made small."""
    return sorted({small(one) for one in (word, word.lower(), word.title(), word.upper())})


def loose(words: Iterable[str]) -> list[str]:
    """What to look for inside a text whose ASCII letters were made small: plain, and as JSON (PHP's too) escapes it."""
    found: set[str] = set()
    for word in words:
        for one in cases(word):
            escaped = small(json.dumps(one)[1:-1])
            found |= {
                spelt if len(word) >= SHORT else f'"{spelt}"' for spelt in (one, escaped, escaped.replace("/", "\\/"))
            }
    return sorted(found)


def readable(value: str | bytes) -> str:
    """Text as it is, and of bytes what is UTF-8 in them: a byte that is none cannot hide the word behind it."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def in_base64(words: Iterable[str]) -> list[str]:
    """What of a word's base64 does not depend on its neighbours, at each of the three places it may begin."""
    pieces = set()
    for word in {case for one in words if len(one) >= SHORT for case in (one, one.lower())}:
        for before in range(3):
            coded = base64.b64encode(b"\0" * before + word.encode()).decode().rstrip("=")
            pieces.add(coded[(0, 2, 3)[before] : -1])
    return sorted(pieces)


def small(text: str) -> str:
    """A text with its ASCII letters made small, and no others, as `cases` has them."""
    return text.encode().lower().decode()
