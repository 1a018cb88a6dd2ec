"""What HTTP itself says of a call: the same for every provider, whatever its error bodies look like.

429                    throttled: nothing was sent
401 402 403 404 405, 3xx   the account or its address: nothing was sent
408, 5xx               unanswered: nobody knows
other 4xx              rejected: this message, or a batch of them, as it stands
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from services.kit.http import HttpResponse
from services.notifier.providers.base import (
    Answered,
    Call,
    Fault,
    RateHints,
    Rejected,
    RejectedBatch,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
)

T = TypeVar("T")

_ACCOUNT = frozenset({401, 402, 403, 404, 405})
_EPOCH = 1_000_000_000  # a reset above this is a time of day in Unix seconds, below it a number of seconds


def failed(call: Call, response: HttpResponse, code: str, message: str) -> Result:
    """The meaning of a status that is not a success; `code` and `message` are the provider's words, if it gave any."""
    status = response.status
    code = code or str(status)
    if status == 429:
        return Throttled(retry_after(response.headers), code)
    if status in _ACCOUNT or 300 <= status < 400:
        return Unauthorized(code, message or f"the address answered {status}: see key, rights and base_url")
    if 400 <= status < 500 and status != 408:
        return rejected(call, code, message)
    return Unanswered(f"HTTP {status}")


def rejected(call: Call, code: str, message: str, fault: Fault | None = None) -> Result:
    """A validation error: final for a single message; of a batch, nobody knows yet whose."""
    if len(call.members) > 1:
        return RejectedBatch(code, message[:300])
    return Answered((Rejected(code, message[:300], fault),))


def decoded(body: bytes, kind: type[T]) -> T | None:
    """`body` as JSON of `kind`, or None where it is anything else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `Retry-After` (RFC 9110 §10.2.3, seconds or a date), else the rate limit's reset."""
    value = headers.get("retry-after")
    if value is not None:
        seconds = _number(value)
        return seconds if seconds is not None else _until(value, headers)
    hints = rate_hints(headers)
    return hints.reset if hints else None


def rate_hints(headers: Mapping[str, str]) -> RateHints | None:
    """`ratelimit-*` (Resend) or `x-ratelimit-*` (SendGrid); None where neither is there."""
    prefix = "ratelimit-" if "ratelimit-remaining" in headers else "x-ratelimit-"
    if prefix + "remaining" not in headers and prefix + "reset" not in headers:
        return None
    limit, remaining, reset = (_number(headers.get(prefix + name, "")) for name in ("limit", "remaining", "reset"))
    if reset is not None and reset > _EPOCH:
        # The answer's own Date stands for now: both are told by the provider's clock.
        answered = _date(headers.get("date", ""))
        reset = None if answered is None else max(0.0, reset - answered.timestamp())
    return RateHints(
        limit=None if limit is None else int(limit),
        remaining=None if remaining is None else int(remaining),
        reset=reset,
    )


def _number(text: str) -> float | None:
    text = text.strip()
    # float() also takes "nan", "inf", "1e9" and digits of other scripts.
    if len(text) > 15 or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return None
    return float(text)


def _until(date: str, headers: Mapping[str, str]) -> float | None:
    then, answered = _date(date), _date(headers.get("date", ""))
    return None if then is None or answered is None else max(0.0, (then - answered).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
