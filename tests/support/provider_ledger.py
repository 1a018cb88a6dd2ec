"""What the played providers have taken, and how Resend, SendGrid, SMSAPI and Twilio answer, as their documents say."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

Fault = Literal[
    "throttled",  # 429 with Retry-After: 2
    "unauthorized",  # 401
    "invalid",  # the vendor's validation error
    "server_error",  # 500, nothing taken
    "server_error_taken",  # 500, and yet taken
    "silent",  # taken, no answer ever
    "reset_taken",  # taken, connection reset
    "reset_lost",  # connection reset after the request was read, nothing taken
    "garbage",  # taken, and a page of HTML for an answer
    "concurrent",  # 409 of an idempotency key in use
]

Answer = tuple[int, bytes, bytes]
"""Status, more header lines, body."""


class Taken(msgspec.Struct, omit_defaults=True, gc=False):
    """One message that a provider took. `at` is Unix seconds; `key` the idempotency key or SMSAPI's idx."""

    via: str
    to: str
    at: float = 0.0
    subject: str | None = None
    send_key: str | None = None
    key: str | None = None
    body: str | None = None
    raw: Any = None


class Counts(msgspec.Struct):
    """`duplicates` counts messages beyond the first of a send key (of an idx, for SMS)."""

    total: int
    requests: int
    duplicates: int
    mismatches: int
    by_recipient: dict[str, int]


class _Tag(msgspec.Struct, gc=False):
    name: str
    value: str


class _Email(msgspec.Struct, gc=False):
    to: list[str]
    subject: str
    from_: str = msgspec.field(name="from")
    tags: list[_Tag] = []


class _To(msgspec.Struct, gc=False):
    email: str


class _Personalization(msgspec.Struct, gc=False):
    to: list[_To]
    custom_args: dict[str, str] = {}


class _Mail(msgspec.Struct, gc=False):
    personalizations: list[_Personalization]
    subject: str
    content: list[dict[str, str]]
    from_: _To = msgspec.field(name="from")


_one = msgspec.json.Decoder(_Email)
_many = msgspec.json.Decoder(list[_Email])
_mail = msgspec.json.Decoder(_Mail)


class Ledger:
    """Everything taken, by all vendors. With `keep` off, bodies are forgotten at once: for floods."""

    def __init__(self, *, keep: bool) -> None:
        self.keep = keep
        self.messages: list[Taken] = []
        self.requests = 0
        self.mismatches = 0
        self.in_flight: set[str] = set()
        self._answers: dict[str, tuple[int, bytes]] = {}

    def counts(self) -> Counts:
        """A summary of what was taken."""
        taken = list(self.messages)
        seen = Counter(m.send_key or m.key for m in taken)
        return Counts(
            total=len(taken),
            requests=self.requests,
            duplicates=sum(n - 1 for key, n in seen.items() if key),
            mismatches=self.mismatches,
            by_recipient=dict(Counter(m.to for m in taken)),
        )

    def resend(self, headers: dict[str, str], body: bytes) -> Answer:
        """`/emails` and `/emails/batch`, with idempotency by key and body."""
        key = headers.get("idempotency-key", "")
        if key in self._answers:
            first, answer = self._answers[key]
            if first == hash(body):
                return 200, b"", answer
            self.mismatches += 1
            return _resend_error(409, "invalid_idempotent_request")
        try:
            emails = _many.decode(body) if body.startswith(b"[") else [_one.decode(body)]
        except msgspec.DecodeError as error:
            return _resend_error(422, "validation_error", str(error))
        if len(emails) > 100 or any("@" not in one.to[0] for one in emails):
            return _resend_error(422, "validation_error", "Invalid `to` field. The email address needs to follow …")
        raws = msgspec.json.decode(body) if self.keep else None
        given = []
        for n, one in enumerate(emails):
            given.append({"id": str(uuid.uuid4())})
            raw = (raws[n] if isinstance(raws, list) else raws) if raws else None
            tags = {tag.name: tag.value for tag in one.tags}
            taken = Taken("resend", one.to[0], subject=one.subject, send_key=tags.get("wici"), key=key or None)
            self._take(taken, raw, "html", "text")
        answer = msgspec.json.encode({"data": given} if body.startswith(b"[") else given[0])
        if key:
            self._answers[key] = (hash(body), answer)
        return 200, b"ratelimit-limit: 10\r\nratelimit-remaining: 9\r\nratelimit-reset: 1\r\n", answer

    def sendgrid(self, _headers: dict[str, str], body: bytes) -> Answer:
        """`/v3/mail/send`: no idempotency, every call is another message."""
        try:
            mail = _mail.decode(body)
        except msgspec.DecodeError as error:
            return 400, b"", msgspec.json.encode({"errors": [{"message": str(error), "field": "body", "help": None}]})
        raw = msgspec.json.decode(body) if self.keep else None
        for one in mail.personalizations:
            taken = Taken("sendgrid", one.to[0].email, subject=mail.subject, send_key=one.custom_args.get("wici"))
            self._take(taken, raw, "content")
        return 202, b"X-Message-Id: %s\r\n" % uuid.uuid4().hex.encode(), b""

    def smsapi(self, _headers: dict[str, str], body: bytes) -> Answer:
        """`/sms.do`: errors come with 200, and `idx` is refused a second time where `check_idx` asks for it."""
        form = dict(parse_qsl(body.decode()))
        idx = form.get("idx", "")
        if form.get("check_idx") == "1" and idx in self._answers:
            return _sms_error(53, "Idx is not unique")
        if not form.get("to", "").isdigit() or not form.get("message"):
            return _sms_error(13, "No correct phone numbers")
        self._answers[idx] = (0, b"")
        self._take(Taken("smsapi", form["to"], key=idx or None), form, "message")
        item = {"id": uuid.uuid4().hex[:24].upper(), "points": 0.1, "number": form["to"], "status": "QUEUE"}
        return 200, b"", msgspec.json.encode({"count": 1, "list": [item | {"error": None, "idx": idx, "parts": 1}]})

    def twilio(self, _headers: dict[str, str], body: bytes) -> Answer:
        """`Messages.json`: no idempotency; the send key is known by the address that statuses are to go to."""
        form = dict(parse_qsl(body.decode()))
        if not form.get("To", "").startswith("+") or not form.get("Body"):
            return _twilio_error(400, 21211, "The 'To' number is not valid")
        query = dict(parse_qsl(urlsplit(form.get("StatusCallback", "")).query))
        self._take(Taken("twilio", form["To"], send_key=query.get("wici")), form, "Body")
        item = {"sid": "SM" + uuid.uuid4().hex, "status": "queued", "num_segments": "1", "error_code": None}
        return 201, b"", msgspec.json.encode(item)

    def _take(self, taken: Taken, raw: Any, *parts: str) -> None:
        taken.at = time.time()
        if self.keep:
            taken.raw, taken.body = raw, " ".join(_text(raw.get(part)) for part in parts)
        self.messages.append(taken)


def _text(part: Any) -> str:
    """SendGrid's content is a list of parts."""
    return " ".join(one["value"] for one in part) if isinstance(part, list) else part or ""


TWILIO = "/2010-04-01/Accounts/AC0db966d80e9f1662da09c61287f8bba1/Messages.json"
Player = Callable[[Ledger, dict[str, str], bytes], Answer]

PLAYERS: dict[str, Player] = {
    "/emails": Ledger.resend,
    "/emails/batch": Ledger.resend,
    "/v3/mail/send": Ledger.sendgrid,
    "/sms.do": Ledger.smsapi,
    TWILIO: Ledger.twilio,
}


def fault_answer(fault: Fault, path: str) -> Answer | None:
    """What a fault answers in place of the vendor; None where it is no answer, or comes after the taking."""
    match fault:
        case "throttled":
            return 429, b"Retry-After: 2\r\n", b'{"name":"rate_limit_exceeded","message":"Too many requests"}'
        case "unauthorized":
            return _REFUSALS.get((path, fault)) or _resend_error(401, "restricted_api_key")
        case "invalid":
            return _REFUSALS.get((path, fault)) or _resend_error(422, "validation_error")
        case "server_error":
            return _resend_error(500, "internal_server_error")
        case "concurrent":
            return _resend_error(409, "concurrent_idempotent_requests")
        case _:
            return None


def _resend_error(status: int, name: str, message: str = "") -> Answer:
    return status, b"", msgspec.json.encode({"statusCode": status, "name": name, "message": message})


def _twilio_error(status: int, code: int, message: str) -> Answer:
    return status, b"", msgspec.json.encode({"code": code, "message": message, "more_info": "", "status": status})


def _sms_error(code: int, message: str) -> Answer:
    return 200, b"", msgspec.json.encode({"error": code, "message": message})


_REFUSALS: dict[tuple[str, Fault], Answer] = {
    ("/sms.do", "unauthorized"): _sms_error(101, "Authorization failed"),
    ("/sms.do", "invalid"): _sms_error(13, "No correct phone numbers"),
    (TWILIO, "unauthorized"): _twilio_error(401, 20003, "Authenticate"),
    (TWILIO, "invalid"): _twilio_error(400, 21211, "The 'To' number is not valid"),
}
