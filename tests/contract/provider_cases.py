"""What the family suite must know of each provider beyond its descriptor."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st
from multidict import MultiDict
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator

from services.contracts.settings import Account
from services.kit.http import HttpResponse
from services.notifier.providers import PROVIDERS
from services.notifier.providers.base import Call, CallbackRequest, Outgoing, Provider
from services.notifier.providers.settings import read

DATA = Path(__file__).parents[1] / "data" / "providers"
NOW = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)
SEND_KEY = bytes(range(16))
ATTEMPT = bytes(range(100, 116))

_sendgrid_key = ec.derive_private_key(7, ec.SECP256R1())
_resend_key = "whsec_" + base64.b64encode(b"resend-webhook-secret-of-32-byte").decode()

ENVIRON = {
    "API_KEY": "top-secret-api-key",
    "RESEND_HOOK": _resend_key,
    "SENDGRID_HOOK": base64.b64encode(
        _sendgrid_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode(),
    "PATH_TOKEN": "unguessable-path-token",
}
SECRETS = ("top-secret-api-key", _resend_key, "unguessable-path-token")


def resend_callback(body: bytes) -> CallbackRequest:
    signature = Webhook(_resend_key).sign("msg_1", NOW, body.decode("utf-8", "replace"))
    headers = {"svix-id": "msg_1", "svix-timestamp": str(int(NOW.timestamp())), "svix-signature": signature}
    return CallbackRequest("POST", None, headers, "", body, NOW)


def sendgrid_callback(body: bytes) -> CallbackRequest:
    timestamp = str(int(NOW.timestamp()))
    signature = _sendgrid_key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": timestamp,
    }
    return CallbackRequest("POST", None, headers, "", body, NOW)


def smsapi_callback(body: bytes) -> CallbackRequest:
    return CallbackRequest("GET", ENVIRON["PATH_TOKEN"], {}, body.decode("latin-1"), b"", NOW)


SMTP_MAIL = DATA / "smtp_mail.eml"
TWILIO_URL = "https://wici.example/callbacks/main"


def twilio_callback(body: bytes, query: str = f"wici={SEND_KEY.hex()}", key: str = "API_KEY") -> CallbackRequest:
    """Signed by the vendor's own code."""
    fields = MultiDict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    url = f"{TWILIO_URL}?{query}" if query else TWILIO_URL
    signature = RequestValidator(ENVIRON[key]).compute_signature(url, fields)
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return CallbackRequest("POST", None, headers, query, body, NOW, TWILIO_URL)


@dataclass(frozen=True)
class Case:
    """One provider under test. `statuses` is the body of a good callback, `strange` one with an unknown status."""

    name: str
    options: dict[str, Any]
    path: str
    good: HttpResponse
    invalid: HttpResponse
    callback: Callable[[bytes], CallbackRequest] | None = None
    statuses: bytes = b""
    strange: bytes = b""
    header: str | None = None
    member: dict[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> Provider[Any]:
        return PROVIDERS[self.name]

    def settings(self, **options: Any) -> Any:
        account = Account("main", self.name, self.provider.channels[0], self.options | options)
        return read(self.provider.settings, account, ENVIRON)

    def outgoing(self, send_key: bytes = SEND_KEY, **changes: Any) -> Outgoing:
        return Outgoing(send_key, **(self.member | changes))

    def call(self, *members: Outgoing, repeat: bool = False) -> Call:
        return Call(ATTEMPT, members or (self.outgoing(),), repeat)


_MAIL: dict[str, Any] = {
    "recipient": "anna@example.com",
    "sender": "Sklep Próbny <sklep@sklep.example>",
    "reply_to": "pomoc@sklep.example",
    "subject": "Dziękujemy, Łucjo!",
    "html": "<p>Zażółć gęślą jaźń</p>",
    "text": "Zażółć gęślą jaźń",
    "headers": {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "List-Unsubscribe": "<https://l.example/u/t>"},
    "tags": {"journey": "thanks", "class": "transactional"},
}
_SMS: dict[str, Any] = {"recipient": "+48500600700", "sms": "Zażółć & 100% = koniec"}


def _sendgrid_error() -> bytes:
    return json.dumps({"errors": [{"message": "The subject is required.", "field": "subject", "help": None}]}).encode()


CASES = (
    Case(
        "resend",
        {"api_key": "$API_KEY", "callback_key": "$RESEND_HOOK"},
        "/emails",
        HttpResponse(200, {}, b'{"id":"56761188-7520-42d8-8898-ff6fc54ce618"}'),
        HttpResponse(422, {}, b'{"statusCode":422,"name":"missing_required_field","message":"Missing `subject`"}'),
        resend_callback,
        (DATA / "resend_bounced.json").read_bytes(),
        b'{"type":"email.teleported","created_at":"2026-11-22T10:00:00Z","data":{"email_id":"1"}}',
        "Idempotency-Key",
        _MAIL,
    ),
    Case(
        "sendgrid",
        {"api_key": "$API_KEY", "callback_key": "$SENDGRID_HOOK"},
        "/v3/mail/send",
        HttpResponse(202, {"x-message-id": "m1"}, b""),
        HttpResponse(400, {}, _sendgrid_error()),
        sendgrid_callback,
        (DATA / "sendgrid_events.json").read_bytes() + b"\r\n",
        b'[{"event":"teleported","sg_event_id":"e","timestamp":1795341600}]',
        None,
        _MAIL,
    ),
    Case(
        "smsapi",
        {"token": "$API_KEY", "from": "Sklep", "callback_token": "$PATH_TOKEN"},
        "/sms.do",
        HttpResponse(200, {}, b'{"count":1,"list":[{"id":"5F1B","points":0.1,"status":"QUEUE","error":null}]}'),
        HttpResponse(200, {}, b'{"error":13,"message":"No correct phone numbers","invalid_numbers":[]}'),
        smsapi_callback,
        (DATA / "smsapi_statuses.txt").read_bytes(),
        b"MsgId=1&status=499&status_name=TELEPORTED&idx=x",
        None,
        _SMS,
    ),
    Case(
        "twilio",
        {
            "token": "$API_KEY",
            "account_sid": "AC0db966d80e9f1662da09c61287f8bba1",
            "from": "Sklep",
            "callback_key": "$API_KEY",
            "callback_url": TWILIO_URL,
        },
        "/2010-04-01/Accounts/AC0db966d80e9f1662da09c61287f8bba1/Messages.json",
        HttpResponse(201, {}, b'{"sid":"SM4262411b90e5464b98a4f66a49c57a97","status":"queued","error_code":null}'),
        HttpResponse(400, {}, b'{"code":21211,"message":"The \'To\' number is not valid","status":400}'),
        twilio_callback,
        (DATA / "twilio_undelivered.txt").read_bytes(),
        b"MessageSid=SM1&MessageStatus=teleported&To=%2B48500600700",
        None,
        _SMS,
    ),
    Case(
        "smtp",
        {"host": "smtp.example.com", "username": "sklep", "password": "$API_KEY"},
        "",
        HttpResponse(200, {}, b'{"step":"data","code":250,"text":"2.0.0 Ok: queued as 4F1B3C2A1D"}'),
        HttpResponse(200, {}, b'{"step":"rcpt","code":550,"text":"5.1.1 <anna@example.com>: no such user"}'),
        member=_MAIL | {"composed_at": NOW},
    ),
    Case(
        "mailbox",
        {},
        "",
        HttpResponse(200, {}, msgspec.json.encode([SEND_KEY.hex()])),
        HttpResponse(422, {}, b""),
        member=_MAIL,
    ),
)
RESEND = CASES[0]
OVER_HTTP = tuple(case for case in CASES if case.path)

every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
over_http = pytest.mark.parametrize("case", OVER_HTTP, ids=lambda case: case.name)
calling_back = pytest.mark.parametrize("case", [c for c in CASES if c.callback], ids=lambda case: case.name)


def callback(case: Case, body: bytes) -> CallbackRequest:
    assert case.callback is not None
    return case.callback(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
