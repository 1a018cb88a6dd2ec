"""SendGrid: e-mail, one message a call, without idempotency: a call that stays unanswered is settled by callback.

Sources: twilio/sendgrid-oai `tsg_mail_v3`, the Event Webhook reference, sendgrid-python `eventwebhook`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from services.contracts.receipt import ReceiptKind
from services.kit import signatures
from services.kit.errors import BadRecord
from services.kit.http import HttpRequest, HttpResponse
from services.kit.secrets import Secret
from services.notifier.providers.answers import decoded, failed, rate_hints, rejected
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    Callback,
    CallbackRefused,
    CallbackRequest,
    Outgoing,
    Provider,
    Result,
)
from services.notifier.providers.foreign import address, send_key_of, text_of, time_of
from services.notifier.providers.settings import AccountSettings

SEND_KEY = "wici"
REDELIVERED = timedelta(hours=25)
"""SendGrid repeats a callback for 24 hours, and nothing says that a repeat is signed anew; ids make replay harmless."""

# What follows X-Message-Id, which may hold dots itself, in an event's sg_message_id.
_SERVER = re.compile(r"\.(?:filter|recvd)")
_RECIPIENT = re.compile(r"personalizations\.\d+\.to\.\d+\.email")
NO_ADDRESS = "Does not contain a valid address."
"""What SendGrid says of a field that holds no address; it has no code for it (sendgrid.com, v3 mail errors)."""
_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_NOT_OURS_TO_SET = frozenset(
    {
        *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("to", "from", "subject", "reply-to", "cc", "bcc"),
    }
)


class SendGridSettings(AccountSettings, frozen=True, kw_only=True):
    """`api_key`; `callback_key` is the Event Webhook's verification key, base64, one or several."""

    api_key: Secret
    callback_keys: tuple[Secret, ...] = msgspec.field(name="callback_key", default=())
    base_url: str = "https://api.sendgrid.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in self.callback_keys:
            _public_key(key.reveal())


class _Address(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    email: str
    name: str = ""


class _Personalization(msgspec.Struct, gc=False):
    to: list[_Address]
    custom_args: dict[str, str]


class _Content(msgspec.Struct, gc=False):
    type: str
    value: str


class _Mail(msgspec.Struct, omit_defaults=True, gc=False):
    personalizations: list[_Personalization]
    subject: str
    content: list[_Content]
    from_: _Address = msgspec.field(name="from")
    reply_to: _Address | None = None
    headers: dict[str, str] | None = None


class _ErrorItem(msgspec.Struct, gc=False):
    message: str | None = None
    field: str | None = None


class _Errors(msgspec.Struct, gc=False):
    errors: list[_ErrorItem] = []


_encode = msgspec.json.Encoder().encode


def request(call: Call, settings: SendGridSettings) -> HttpRequest:
    """One message, whose send key comes back with every event as the custom argument `wici`."""
    (member,) = call.members
    headers = {
        "Authorization": f"Bearer {settings.api_key.reveal()}",
        "Content-Type": "application/json",
        "User-Agent": "wici",
    }
    return HttpRequest("POST", settings.base_url + "/v3/mail/send", headers, _encode(_mail(member)))


def _mail(member: Outgoing) -> _Mail:
    arguments = dict(sorted(member.tags.items())) if member.tags else {}
    arguments[SEND_KEY] = member.send_key.hex()
    parts = (("text/plain", member.text), ("text/html", member.html))  # in this order, or it is refused
    headers = {k: v for k, v in sorted(member.headers.items()) if k.lower() not in _NOT_OURS_TO_SET}
    return _Mail(
        personalizations=[_Personalization([_Address(member.recipient)], arguments)],
        subject=member.subject or "",
        content=[_Content(kind, value) for kind, value in parts if value],
        from_=_mailbox(member.sender or ""),
        reply_to=_mailbox(member.reply_to) if member.reply_to else None,
        headers=headers or None,
    )


@lru_cache(maxsize=1024)
def _mailbox(text: str) -> _Address:
    name, email = parseaddr(text)
    return _Address(email or text, name)


def interpret(call: Call, response: HttpResponse) -> Result:
    """What SendGrid's answer means: 202 takes the message, an error names the field at fault."""
    if 200 <= response.status < 300:
        taken = Accepted(text_of(response.headers.get("x-message-id")))
        return Answered((taken,) * len(call.members), rate_hints(response.headers))
    found = decoded(response.body, _Errors)
    error = found.errors[0] if found is not None and found.errors else _ErrorItem()
    if response.status == 400 and _RECIPIENT.fullmatch(error.field or "") and error.message == NO_ADDRESS:
        return rejected(call, error.field or "", error.message, "bounced")
    return failed(call, response, error.field or "", error.message or "")


def verify(settings: SendGridSettings, request: CallbackRequest) -> None:
    """ECDSA P-256 over timestamp and raw body (its last CRLF too)."""
    timestamp = request.headers.get(_TIMESTAMP, "")
    signed = timestamp.encode("utf-8", "replace") + request.body
    try:
        signature = base64.b64decode(request.headers.get(_SIGNATURE, ""), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    fresh = signatures.fresh(timestamp, request.received, REDELIVERED)
    if not fresh or not any(_made(key, signature, signed) for key in settings.callback_keys):
        raise CallbackRefused("the event webhook's signature fits none of the account's keys: set callback_key")


def _made(key: Secret, signature: bytes, signed: bytes) -> bool:
    try:
        _public_key(key.reveal()).verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except Exception:  # noqa: BLE001 -- whatever is wrong with it, it is no key
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        # ValueError, because the settings' reader turns it into a message with the option's account.
        raise ValueError(  # noqa: TRY004
            "callback_key: write the verification key as the Event Webhook's settings show it (base64)"
        )
    return key


KINDS: dict[str, ReceiptKind] = {
    "processed": "accepted",
    "delivered": "delivered",
    "deferred": "deferred",
    "bounce": "bounced",
    "dropped": "refused",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
SUPPRESSED: dict[str, ReceiptKind] = {
    "Bounced Address": "bounced",
    "Invalid": "bounced",
    "Spam Reporting Address": "complained",
    "Unsubscribed Address": "unsubscribed",
}
"""Why SendGrid dropped a message without trying: its own suppression becomes ours, of the same kind."""


def translate(request: CallbackRequest) -> list[Callback]:
    """A JSON array of events, each under its own `sg_event_id`."""
    events = decoded(request.body, list[dict[str, Any]])
    if events is None:
        raise BadRecord("callback", "not events of SendGrid's: a JSON array of objects")
    return [_callback(event, request) for event in events]


def _callback(event: dict[str, Any], request: CallbackRequest) -> Callback:
    status = text_of(event.get("event")) or ""
    kind = KINDS.get(status)
    if status == "dropped":
        kind = SUPPRESSED.get(text_of(event.get("reason")) or "", "refused")
    message_id = text_of(event.get("sg_message_id"))
    return Callback(
        dedupe=text_of(event.get("sg_event_id")) or _made_up_id(event),
        kind=kind,
        status=status,
        at=time_of(event.get("timestamp"), request.received),
        send_key=send_key_of(event.get(SEND_KEY)),
        provider_id=_SERVER.split(message_id)[0] if message_id else None,
        recipient=address(event.get("email")),
        data=_detail(status, event),
    )


def _made_up_id(event: dict[str, Any]) -> str:
    """Some dropped events bear no id: the event itself is it, delivered again or not."""
    return hashlib.sha256(msgspec.json.encode(event, order="deterministic")).hexdigest()


def _detail(status: str, event: dict[str, Any]) -> dict[str, Any]:
    read = _DETAILS.get(status)
    return read(event) if read else {}


def _bounce(event: dict[str, Any]) -> dict[str, Any]:
    code = text_of(event.get("status")) or ""
    # 4.x.x is for now, 5.7.x is about the sender's standing: neither says that the address is bad.
    hard = event.get("type", "bounce") == "bounce" and not code.startswith(("4.", "5.7."))
    return {"hard": hard, "code": code, "reason": text_of(event.get("reason"))}


def _dropped(event: dict[str, Any]) -> dict[str, Any]:
    reason = text_of(event.get("reason")) or ""
    return {"dropped": True, "code": reason} | ({"hard": True} if SUPPRESSED.get(reason) == "bounced" else {})


_DETAILS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "bounce": _bounce,
    "dropped": _dropped,
    "open": lambda event: {"machine": event.get("sg_machine_open") is True},
    "click": lambda event: {"url": text_of(event.get("url"), 2_000)},
    "group_unsubscribe": lambda event: {"group": text_of(event.get("asm_group_id"))},
    "deferred": lambda event: {"reason": text_of(event.get("response"))},
}


PROVIDER = Provider(
    name="sendgrid",
    channels=("email",),
    settings=SendGridSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=translate,
)
