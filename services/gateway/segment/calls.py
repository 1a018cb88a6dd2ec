"""The body of one call: a single message, or a batch with what its messages share."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from services.gateway.reading import UNREADABLE, read, why_unreadable
from services.gateway.segment.messages import KINDS
from services.gateway.storefronts.base import Payload
from services.kit.problems import HttpProblem

# Clients for pages call by the first letter (github.com/segmentio/analytics-next, fetch-dispatcher).
ADDRESSES = {**{kind: kind for kind in KINDS}, **{kind[0]: kind for kind in KINDS}, "batch": "batch", "b": "batch"}
_SHARED = ("context", "sentAt", "integrations")
_OBJECT = 'Write a JSON object, such as {"userId":"c-1","event":"Order Completed","properties":{…}}.'


class Call(NamedTuple):
    """Messages as they came, what a batch says for all of them, and the key in the body, where there is one."""

    kind: str
    messages: list[bytes]
    shared: dict[str, Any]
    key: str | None

    @property
    def is_batch(self) -> bool:
        """Whether a client put the messages together: it would throw all of them away for one that is wrong."""
        return self.kind == "batch"

    def message(self, raw: bytes) -> Payload:
        """One message, whole, with what it shares with the others. Raises Fault."""
        found = read(raw, "message")
        for name, value in self.shared.items():
            own = found.get(name)
            found[name] = value | own if isinstance(own, dict) and isinstance(value, dict) else own or value
        if not self.is_batch:
            found["type"] = self.kind
        found.pop("writeKey", None)
        return found


def opened(kind: str, body: bytes) -> Call:
    """Take a body apart. HttpProblem 400 where it is no JSON object, or a batch without messages."""
    try:
        head = msgspec.json.decode(body, type=_Body)
        if kind != "batch":
            return Call(kind, [body], {}, head.writeKey)
        shared = {name: value for name in _SHARED if (value := getattr(head, name)) is not None}
        messages = [bytes(message) for message in head.batch]
    except UNREADABLE as error:
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST, f"The body cannot be read: {why_unreadable(error)} {_OBJECT}"
        ) from None
    if not messages:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, 'The batch is empty. Write {"batch": [{"type": "track", …}, …]}.')
    return Call(kind, messages, shared, head.writeKey)


class _Body(msgspec.Struct):
    batch: list[msgspec.Raw] = []
    writeKey: str | None = None  # noqa: N815 -- Segment's name
    context: dict[str, Any] | None = None
    sentAt: str | None = None  # noqa: N815 -- Segment's name
    integrations: dict[str, Any] | None = None
