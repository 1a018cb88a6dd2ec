"""In which ways a name or a text may be written where it is looked for. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable

SHORT = 6
"""A shorter name, such as the customer id 17, counts only where it stands alone, in quotation marks."""


def cases(word: str) -> list[str]:
    """A word as given, small, capitalised and in capitals, where these differ once ASCII letters were made small."""
    return sorted({_small(one) for one in (word, word.lower(), word.title(), word.upper())})


def loose(words: Iterable[str]) -> list[str]:
    """What to look for inside a text whose ASCII letters were made small: plain, and as JSON (PHP's too) escapes it."""
    found: set[str] = set()
    for word in words:
        for one in cases(word):
            escaped = _small(json.dumps(one)[1:-1])
            found |= {
                spelt if len(word) >= SHORT else f'"{spelt}"' for spelt in (one, escaped, escaped.replace("/", "\\/"))
            }
    return sorted(found)


def in_bytea(word: str) -> str:
    """A word as PostgreSQL's `escape` format shows its UTF-8 bytes."""
    return "".join(chr(b) if b < 0x80 and b != 0x5C else f"\\{b:03o}" if b >= 0x80 else "\\\\" for b in word.encode())


def any_of(words: Iterable[str]) -> str | None:
    """PostgreSQL's regular expression for any of these words: ten times as quick, for hundreds, as one by one."""
    return "|".join(re.sub(r"(\W)", r"\\\1", word) for word in words) or None


def in_base64(words: Iterable[str]) -> list[str]:
    """What of a word's base64 does not depend on its neighbours, at each of the three places it may begin."""
    pieces = set()
    for word in {case for one in words if len(one) >= SHORT for case in (one, one.lower())}:
        for before in range(3):
            coded = base64.b64encode(b"\0" * before + word.encode()).decode().rstrip("=")
            pieces.add(coded[(0, 2, 3)[before] : -1])
    return sorted(pieces)


def _small(text: str) -> str:
    """What PostgreSQL's lower() does in every locale, and Python's bytes.lower(): ASCII alone."""
    return text.encode().lower().decode()
