"""Resend: e-mail, singly or up to 100 different ones a call, remembered by idempotency key for 24 hours.

Sources: resend/resend-openapi, resend.com/docs (errors, idempotency keys, webhooks).
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.receipt import ReceiptKind
from services.kit import signatures
from services.kit.errors import BadRecord
from services.kit.http import HttpRequest, HttpResponse
from services.kit.secrets import Secret
from services.kit.signatures import Signed
from services.notifier.providers.answers import decoded, failed, rate_hints, rejected
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    Callback,
    CallbackRefused,
    CallbackRequest,
    Concurrent,
    Mismatch,
    Outgoing,
    Provider,
    Result,
    Unanswered,
)
from services.notifier.providers.foreign import address, send_key_of, text_of, time_of
from services.notifier.providers.settings import AccountSettings

SEND_KEY = "wici"
NO_ADDRESS = "Invalid `to` field. The email address needs to follow"
"""What Resend says of a recipient that is no address; it has no name of its own for it (resend.com/docs, errors)."""
_UNTAGGABLE = re.compile(r"[^A-Za-z0-9_-]")


class ResendSettings(AccountSettings, frozen=True, kw_only=True):
    """`api_key`; `callback_key` is the webhook's signing secret, `whsec_…`."""

    api_key: Secret
    callback_keys: tuple[Secret, ...] = msgspec.field(name="callback_key", default=())
    base_url: str = "https://api.resend.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in self.callback_keys:
            signatures.standard_key(key)


class _Tag(msgspec.Struct, gc=False):
    name: str
    value: str


class _Email(msgspec.Struct, omit_defaults=True, gc=False):
    to: list[str]
    subject: str
    from_: str = msgspec.field(name="from", default="")
    html: str | None = None
    text: str | None = None
    reply_to: str | None = None
    headers: dict[str, str] | None = None
    tags: list[_Tag] = []


class _Id(msgspec.Struct, gc=False):
    id: str


class _Ids(msgspec.Struct, gc=False):
    data: list[_Id]


class _Error(msgspec.Struct, gc=False):
    name: str = ""
    message: str = ""


_encode = msgspec.json.Encoder().encode


def request(call: Call, settings: ResendSettings) -> HttpRequest:
    """One message to `/emails`, several to `/emails/batch`."""
    emails = [_email(member) for member in call.members]
    headers = {
        "Authorization": f"Bearer {settings.api_key.reveal()}",
        "Content-Type": "application/json",
        "Idempotency-Key": ids.text(call.attempt_id),
        "User-Agent": "wici",
    }
    if len(emails) == 1:
        return HttpRequest("POST", settings.base_url + "/emails", headers, _encode(emails[0]))
    return HttpRequest("POST", settings.base_url + "/emails/batch", headers, _encode(emails))


def _email(member: Outgoing) -> _Email:
    tags = [_Tag(SEND_KEY, member.send_key.hex())]
    if member.tags:
        tags += [_Tag(_tag(name), _tag(value)) for name, value in sorted(member.tags.items()) if value]
    return _Email(
        to=[member.recipient],
        subject=member.subject or "",
        from_=member.sender or "",
        html=member.html,
        text=member.text,
        reply_to=member.reply_to,
        headers=dict(sorted(member.headers.items())) or None,
        tags=tags,
    )


@lru_cache(maxsize=4096)
def _tag(text: str) -> str:
    """Resend's tags know ASCII letters, digits, `_` and `-` only, 256 of them."""
    return _UNTAGGABLE.sub("_", text)[:256]


def interpret(call: Call, response: HttpResponse) -> Result:
    """What Resend's answer means for each member."""
    if 200 <= response.status < 300:
        return _taken(call, response)
    error = decoded(response.body, _Error) or _Error()
    if response.status == 409:
        if error.name == "concurrent_idempotent_requests":
            return Concurrent()
        if error.name == "invalid_idempotent_request":
            return Mismatch()
    if response.status == 422 and error.name == "validation_error" and error.message.startswith(NO_ADDRESS):
        return rejected(call, error.name, error.message, "bounced")
    return failed(call, response, error.name, error.message)


def _taken(call: Call, response: HttpResponse) -> Result:
    if len(call.members) == 1:
        one = decoded(response.body, _Id)
        given = None if one is None else [one]
    else:
        many = decoded(response.body, _Ids)
        given = None if many is None else many.data
    if given is None or len(given) != len(call.members):
        return Unanswered("an answer without the ids of what was sent")
    return Answered(tuple(Accepted(item.id) for item in given), rate_hints(response.headers))


def verify(settings: ResendSettings, request: CallbackRequest) -> None:
    """Svix's signature, which is Standard Webhooks under headers of its own."""
    get = request.headers.get
    signed = Signed(get("svix-id", ""), get("svix-timestamp", ""), get("svix-signature", ""), request.body)
    if not signatures.standard(settings.callback_keys, signed, request.received):
        raise CallbackRefused("svix-signature fits none of the account's callback keys: set callback_key")


class _Event(msgspec.Struct, gc=False):
    type: str
    created_at: Any = None
    data: dict[str, Any] = {}


KINDS: dict[str, ReceiptKind] = {
    "email.sent": "accepted",
    "email.delivered": "delivered",
    "email.delivery_delayed": "deferred",
    "email.bounced": "bounced",
    "email.suppressed": "bounced",
    "email.complained": "complained",
    "email.opened": "opened",
    "email.clicked": "clicked",
    "email.failed": "refused",
}


def translate(request: CallbackRequest) -> list[Callback]:
    """One event a callback; `svix-id` is the same however often it is delivered."""
    event = decoded(request.body, _Event)
    dedupe = request.headers.get("svix-id")
    if event is None or not dedupe:
        raise BadRecord("callback", "not an event of Resend's: a JSON object with `type`, under a `svix-id`")
    data = event.data
    to = data.get("to")
    return [
        Callback(
            dedupe=dedupe,
            kind=KINDS.get(event.type),
            status=event.type,
            at=time_of(event.created_at, request.received),
            send_key=send_key_of(_tags(data.get("tags")).get(SEND_KEY)),
            provider_id=text_of(data.get("email_id")),
            recipient=address(to[0] if isinstance(to, list) and to else to),
            data=_detail(event.type, data),
        )
    ]


def _detail(status: str, data: dict[str, Any]) -> dict[str, Any]:
    match status:
        case "email.bounced":
            bounce = _object(data.get("bounce"))
            # Without a type it is what the event's definition says: a permanent rejection.
            return {"hard": bounce.get("type", "Permanent") == "Permanent", "reason": text_of(bounce.get("message"))}
        case "email.suppressed":
            return {"hard": True, "dropped": True}
        case "email.clicked":
            return {"url": text_of(_object(data.get("click")).get("link"), 2_000)}
        case "email.failed":
            return {"code": text_of(_object(data.get("failed")).get("reason"))}
        case _:
            return {}


def _tags(tags: Any) -> dict[str, Any]:
    """Tags come back as an object or as a list of name and value, depending on the webhook's version."""
    if isinstance(tags, list):
        return {str(tag.get("name")): tag.get("value") for tag in tags if isinstance(tag, dict)}
    return _object(tags)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


PROVIDER = Provider(
    name="resend",
    channels=("email",),
    settings=ResendSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=translate,
    batch="per_message",
    max_batch=100,
    idempotency=timedelta(hours=24),
    limits="Resend takes 2 calls a second of a team unless it is asked for more.",
)
