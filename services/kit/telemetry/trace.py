"""Trace context by W3C Recommendation (https://www.w3.org/TR/trace-context/): read, made, passed on.

One HTTP request, its record in Kafka (header `traceparent`) and the provider's call share a trace id.
"""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

HEADER = "traceparent"
_FORMAT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


class Trace(NamedTuple):
    """A place in a trace. Ids are lower-case hex (32 and 16 digits); `sampled` is flag 01."""

    trace_id: str
    span_id: str
    sampled: bool = False


def parse(header: str | None) -> Trace | None:
    """The context that `header` carries, or None when there is none or it is malformed (§3.2.2: then start anew)."""
    found = _FORMAT.fullmatch(header.strip()) if header else None
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Trace(trace_id, span_id, bool(int(flags, 16) & 1))


def start() -> Trace:
    """A new trace with random ids, not sampled: nobody upstream asked for it."""
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def child(parent: Trace | None) -> Trace:
    """The next place of the same trace, or a new trace."""
    return parent._replace(span_id=secrets.token_hex(8)) if parent else start()


def text(trace: Trace) -> str:
    """The header's value, version 00."""
    return f"00-{trace.trace_id}-{trace.span_id}-{'01' if trace.sampled else '00'}"
