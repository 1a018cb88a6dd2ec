"""Words by which a customer leaves by SMS: the whole answer, whatever its case and accents."""

from __future__ import annotations

import unicodedata

STOP_WORDS = frozenset(
    {
        *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        *("NIE", "REZYGNUJE", "WYPISZ", "WYPIS", "KONIEC"),
    }
)


def is_stop(text: str) -> bool:
    """Whether the whole of `text` says stop."""
    folded = unicodedata.normalize("NFKD", text).upper()
    return "".join(c for c in folded if c.isalnum()) in STOP_WORDS
