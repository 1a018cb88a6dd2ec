"""CloudEvents 1.0 over HTTP: a request becomes a list of events in structured-mode JSON.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md §3. The content type says
the mode; plain `application/json` is binary with `ce-` headers, else a batch if it is an array, else structured.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.datastructures import Headers

from services.gateway.reading import UNREADABLE, why_unreadable
from services.kit.problems import HttpProblem

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

Mode = Literal["structured", "batch", "json"]

_MODES: dict[str, Mode] = {
    STRUCTURED: "structured",
    "application/cloudevents": "structured",
    BATCH: "batch",
    "application/cloudevents-batch": "batch",
}
_JSON = re.compile(r"application/(?!cloudevents)([a-z0-9.-]+\+)?json")
_EXPECTED = f"Write Content-Type: {STRUCTURED} (one event), {BATCH} (an array), or application/json."


def split(headers: Headers, body: bytes) -> list[bytes]:
    """The events of one request, each a JSON text that is still to be checked.

    HttpProblem 415 for a content type that is none of ours, 400 for a body that is not JSON, or a bad `ce-` header.
    """
    content_type = headers.get("content-type", "")
    mode = _mode(content_type)
    if mode == "json":
        if any(name in headers for name in ("ce-specversion", "ce-id", "ce-type", "ce-source")):
            return [_binary(headers, content_type, body)]
        mode = "batch" if body.lstrip(b" \t\r\n").startswith(b"[") else "structured"
    return [body] if mode == "structured" else _batch(body)


@lru_cache(maxsize=64)
def _mode(content_type: str) -> Mode:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    mode: Mode | None = _MODES.get(media) or ("json" if _JSON.fullmatch(media) else None)
    if mode is None:
        named = (
            f"Content-Type {content_type[:100]!r} is not known here." if content_type else "Content-Type is missing."
        )
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{named} {_EXPECTED}")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"charset {charset[:40]!r}: JSON is sent in UTF-8.")
    return mode


def _batch(body: bytes) -> list[bytes]:
    try:
        events = msgspec.json.decode(body, type=list[msgspec.Raw])
    except UNREADABLE as error:
        raise _not_json(error, "Write a JSON array of CloudEvents, such as [{…}, {…}].") from None
    if not events:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, "The batch is empty. Write at least one event: [{…}].")
    return [bytes(event) for event in events]


def _binary(headers: Headers, content_type: str, body: bytes) -> bytes:
    """Attributes from `ce-` headers, data from the body, put together in structured mode."""
    event: dict[str, object] = {}
    for header, text in headers.items():
        if header.startswith("ce-"):
            event[header[3:]] = _attribute(header, text)
    if str(event.get("wicihops", "")).isdecimal():
        event["wicihops"] = int(str(event["wicihops"])[:9])  # the one integer attribute we know; headers have no types
    media = content_type.partition(";")[0].strip().lower()
    if media != "application/json":
        event["datacontenttype"] = media
    if body:
        event["data"] = msgspec.Raw(_json(body))
    return msgspec.json.encode(event)


def _json(body: bytes) -> bytes:
    """The body, once it is known to be one JSON value: what follows it must not become part of the event."""
    try:
        msgspec.json.decode(body)
    except UNREADABLE as error:
        raise _not_json(error, "With ce- headers, the body is the event's data.") from None
    return body


def _attribute(header: str, text: str) -> str:
    """A header's value, percent-decoded once (HTTP binding §3.1.3.2)."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        detail = f"Header {header[:60]}: percent-encode what is outside ASCII as UTF-8, such as %C4%85 for ą."
        raise HttpProblem(HTTPStatus.BAD_REQUEST, detail) from None


def _not_json(error: Exception, hint: str) -> HttpProblem:
    """400 for a body that cannot be read as JSON at all."""
    return HttpProblem(HTTPStatus.BAD_REQUEST, f"The body cannot be read: {why_unreadable(error)} {hint}")
