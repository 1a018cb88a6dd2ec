"""Words of a callback, which may be anything at all, as values of ours. Nothing here raises."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

_LATEST = 253_402_300_799  # the last second of the year 9999


def send_key_of(value: Any) -> bytes | None:
    """A send key or attempt id that travelled as 32 hex digits; None for anything else."""
    if not isinstance(value, str) or len(value) != 32:
        return None
    try:
        key = bytes.fromhex(value)
    except ValueError:
        return None
    return key if len(key) == 16 else None  # fromhex() skips blanks


def text_of(value: Any, longest: int = 300) -> str | None:
    """A text, cut at `longest` characters, that PostgreSQL can keep (no NUL, no lone surrogates); else None."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return str(value)
    if not isinstance(value, str):
        return None
    return value[:longest].replace("\x00", "").encode("utf-8", "replace").decode() or None


def address(value: Any) -> str | None:
    """The address in an RFC 5322 mailbox (`Anna <anna@example.com>`), or the text itself."""
    text = text_of(value, 500)
    return (parseaddr(text)[1] or text) if text is not None else None


def time_of(value: Any, otherwise: datetime) -> datetime:
    """A time in ISO 8601 or Unix seconds, in UTC; `otherwise` where there is none."""
    try:
        if isinstance(value, str) and not value.isascii():
            return otherwise
        if isinstance(value, str) and not value.isdigit():
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = int(value)
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds <= _LATEST else otherwise
    except (TypeError, ValueError, OverflowError):
        return otherwise
