"""The mailbox: a provider for development. What is "sent" becomes rows that `/mailbox` shows; nothing leaves.

Its requests are values like any other's, so that attempts, digests and repeats are the real ones; its transport writes
rows instead of bytes to a wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from services.kit.errors import BadRecord, Problem
from services.kit.http import HttpRequest, HttpResponse, NoAnswer
from services.notifier.providers.answers import decoded, failed
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    Callback,
    CallbackRefused,
    CallbackRequest,
    Provider,
    Result,
    Unanswered,
)
from services.notifier.providers.settings import AccountSettings


class MailboxSettings(AccountSettings, frozen=True, kw_only=True):
    """No option is needed; `from` is the SMS sender name where the workspace has none."""

    sender: str | None = msgspec.field(name="from", default=None)
    base_url: str = "http://mailbox"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One message in the mailbox. `send_key` and `attempt_id` are 32 hex digits."""

    attempt_id: str
    send_key: str
    recipient: str
    sender: str | None = None
    reply_to: str | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] = {}
    sms: str | None = None
    tags: dict[str, str] = {}


class MailboxStore(Protocol):
    """Where rows are kept."""

    async def put(self, rows: Sequence[Row]) -> None:
        """Keep `rows`, all or none of them; rows of a send key that is there already change nothing."""
        ...


class Mailbox:
    """The transport of this provider: it puts a request's rows into `store` and answers with their ids."""

    def __init__(self, store: MailboxStore) -> None:
        self._store = store

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Keep the rows in the request's body. NoAnswer if the store fails: it may have kept them."""
        rows = msgspec.json.decode(request.body, type=list[Row])
        try:
            await self._store.put(rows)
        except (Problem, OSError) as error:
            raise NoAnswer(type(error).__name__) from error
        return HttpResponse(200, {}, msgspec.json.encode([row.send_key for row in rows]))


_encode = msgspec.json.Encoder().encode


def request(call: Call, settings: MailboxSettings) -> HttpRequest:
    """The rows, as JSON."""
    attempt_id = call.attempt_id.hex()
    rows = [
        Row(
            attempt_id=attempt_id,
            send_key=one.send_key.hex(),
            recipient=one.recipient,
            sender=one.sender or (settings.sender if one.sms is not None else None),
            reply_to=one.reply_to,
            subject=one.subject,
            html=one.html,
            text=one.text,
            headers=dict(sorted(one.headers.items())),
            sms=one.sms,
            tags=dict(sorted(one.tags.items())),
        )
        for one in call.members
    ]
    return HttpRequest("POST", settings.base_url, {"Content-Type": "application/json"}, _encode(rows))


def interpret(call: Call, response: HttpResponse) -> Result:
    """Each member under its send key."""
    if response.status != 200:
        return failed(call, response, "", "")
    given = decoded(response.body, list[str])
    if given is None or len(given) != len(call.members):
        return Unanswered("an answer without the ids of what was kept")
    return Answered(tuple(Accepted(one) for one in given))


def verify(_settings: MailboxSettings, _request: CallbackRequest) -> None:
    """The mailbox never calls back: whoever does is somebody else."""
    raise CallbackRefused("the mailbox has no callbacks")


def translate(_request: CallbackRequest) -> list[Callback]:
    """There is nothing to translate."""
    raise BadRecord("callback", "the mailbox has no callbacks")


PROVIDER = Provider(
    name="mailbox",
    channels=("email", "sms"),
    settings=MailboxSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=translate,
    batch="per_message",
    max_batch=100,
    idempotency=timedelta(days=30),
)
