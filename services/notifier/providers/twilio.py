"""Twilio: SMS, one a call, without idempotency: what stays unanswered is settled by callback.

Twilio carries no field of ours, so the send key travels in the query of `StatusCallback`, which is part of what its
callbacks sign. Sources: twilio.com/docs (Message resource, webhooks security, error dictionary), twilio-python's
`RequestValidator`.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import msgspec

from services.contracts.receipt import ReceiptKind
from services.kit.errors import BadRecord
from services.kit.http import HttpRequest, HttpResponse
from services.kit.secrets import Secret
from services.notifier.providers.answers import decoded, failed, rejected, retry_after
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    Callback,
    CallbackRefused,
    CallbackRequest,
    Fault,
    Provider,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
)
from services.notifier.providers.foreign import send_key_of, text_of
from services.notifier.providers.settings import AccountSettings
from services.notifier.providers.stop_words import is_stop

SEND_KEY = "wici"
FORM = "application/x-www-form-urlencoded"
MESSAGE = frozenset({21211, 21214, 21217, 21408, 21610, 21612, 21614, 21617, 21635})
"""The number (none, none for SMS, in a region that is closed, opted out) or the text: this message as it stands."""
ACCOUNT = frozenset({20003, 20005, 21212, 21603, 21606, 21609, 21659, 21660, 21701, 21703, 30002, 30034})
"""Key, suspension, sender, messaging service, an address for callbacks that Twilio cannot reach: an operator's."""
BUSY = frozenset({14107, 20429, 21611, 30001})
"""Too fast, or the sender's queue is full."""
HARD = frozenset({"21211", "21214", "21217", "21614", "30005", "30006"})
"""No such number, or a landline. Twilio advises against logic on other codes: they bounce softly."""
OPTED_OUT = "21610"


class TwilioSettings(AccountSettings, frozen=True, kw_only=True):
    """`account_sid` is `AC…` and `token` its auth token; with an API key, `api_key` is `SK…` and `token` its secret.

    `callback_key` is the auth token, which signs callbacks. `from` is a number, a sender name or a messaging service
    (`MG…`). `callback_url` is where statuses go, if not to `/callbacks/{account}` under the public address.
    """

    account_sid: str
    token: Secret
    api_key: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)
    callback_keys: tuple[Secret, ...] = msgspec.field(name="callback_key", default=())
    callback_url: str | None = None
    base_url: str = "https://api.twilio.com"


class _Message(msgspec.Struct, gc=False):
    sid: str


class _Error(msgspec.Struct, gc=False):
    code: int | None = None
    message: str = ""


def request(call: Call, settings: TwilioSettings) -> HttpRequest:
    """One SMS, as a form."""
    (member,) = call.members
    form = {"To": member.recipient, "Body": member.sms or ""}
    sender = member.sender or settings.sender
    if sender:
        form["MessagingServiceSid" if sender.startswith("MG") and len(sender) == 34 else "From"] = sender
    if settings.callback_url:
        form["StatusCallback"] = f"{settings.callback_url}?{SEND_KEY}={member.send_key.hex()}"
    login = f"{settings.api_key or settings.account_sid}:{settings.token.reveal()}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
        "Content-Type": FORM,
        "User-Agent": "wici",
    }
    url = f"{settings.base_url}/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
    return HttpRequest("POST", url, headers, urlencode(form).encode())


def interpret(call: Call, response: HttpResponse) -> Result:
    """What Twilio's answer means: of a refusal its own code first, then the status."""
    if 200 <= response.status < 300:
        message = decoded(response.body, _Message)
        given = text_of(message.sid) if message else None
        return Answered((Accepted(given),)) if given else Unanswered("an answer without the id of what was sent")
    error = decoded(response.body, _Error) or _Error()
    code = "" if error.code is None else str(error.code)
    if 400 <= response.status < 500:
        if error.code in BUSY:
            return Throttled(retry_after(response.headers), code)
        if error.code in ACCOUNT:
            return Unauthorized(code, error.message[:300])
        if error.code in MESSAGE:
            return rejected(call, code, error.message, _fault(code))
    return failed(call, response, code, error.message)


def _fault(code: str) -> Fault | None:
    if code == OPTED_OUT:
        return "unsubscribed"
    return "bounced" if code in HARD else None


def verify(settings: TwilioSettings, request: CallbackRequest) -> None:
    """`X-Twilio-Signature`: HMAC-SHA1 over the public address and, of a form, every field in order of its name.

    Whether Twilio saw the address with its port or without is not known: both are tried. A body that is no form is
    signed by its SHA-256, which stands in the query.
    """
    given = request.headers.get("x-twilio-signature", "").encode("utf-8", "surrogatepass")
    whole = f"{request.public_url}?{request.query}" if request.query else request.public_url
    fields = _signed_fields(request)
    valid = False
    for key in settings.callback_keys:
        for url in _with_and_without_port(whole):
            signature = hmac.digest(key.reveal().encode(), (url + fields).encode("utf-8", "surrogatepass"), sha1)
            valid |= hmac.compare_digest(base64.b64encode(signature), given)
    if not valid:
        raise CallbackRefused(
            "x-twilio-signature fits neither the account's callback keys nor the public address: "
            "set callback_key to the auth token, and WICI_PUBLIC_URL to the address that Twilio calls"
        )


def _signed_fields(request: CallbackRequest) -> str:
    if request.method == "GET":
        return ""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() == FORM:
        try:
            fields = _fields(request.body.decode("utf-8", "replace"))
        except BadRecord as problem:
            raise CallbackRefused(str(problem)) from None
        return "".join(name + value for name, value in sorted(set(fields)))
    try:
        digests = parse_qs(request.query, max_num_fields=100).get("bodySHA256", [])
    except ValueError:
        digests = []
    if digests != [sha256(request.body).hexdigest()]:
        raise CallbackRefused("the body is neither a form nor what bodySHA256 in the query says")
    return ""


def _with_and_without_port(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return {url}
    host = parts.netloc.rpartition("@")[2]
    bare = host.removesuffix(f":{parts.port}") if parts.port is not None else host
    rest = url.partition(parts.netloc)[2] if parts.netloc else ""
    return {url, f"{parts.scheme}://{bare}{rest}", f"{parts.scheme}://{bare}:{port}{rest}"}


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise BadRecord("callback", "not a callback of Twilio's: more than 100 fields") from None


KINDS: dict[str, ReceiptKind] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "accepted",  # handed to the carrier
    "delivered": "delivered",
    "read": "opened",
    "undelivered": "bounced",
    "failed": "refused",  # Twilio did not try; but see _failure
    "canceled": "refused",  # taken back by the account's owner
}
"""partially_delivered says neither that it arrived nor that it did not."""


def translate(request: CallbackRequest) -> list[Callback]:
    """One status, or one SMS that a customer sent. Statuses come in any order and bear no time of their own."""
    text = request.query if request.method == "GET" else request.body.decode("utf-8", "replace")
    fields = dict(_fields(text))
    message_id = text_of(fields.get("MessageSid") or fields.get("SmsSid"))
    status = text_of(fields.get("MessageStatus") or fields.get("SmsStatus"))
    if message_id and "Body" in fields:
        return [_inbound(message_id, fields, request)]
    if not message_id or not status:
        raise BadRecord("callback", "not a callback of Twilio's: MessageSid and MessageStatus are missing")
    kind, data = _meaning(status, text_of(fields.get("ErrorCode")))
    query = dict(_fields(request.query))
    return [
        Callback(
            dedupe=f"{message_id}:{status}",
            kind=kind,
            status=status,
            at=request.received,
            send_key=send_key_of(query.get(SEND_KEY)),
            provider_id=message_id,
            recipient=text_of(fields.get("To")),
            data=data,
        )
    ]


def _meaning(status: str, code: str | None) -> tuple[ReceiptKind | None, dict[str, Any]]:
    if status not in ("undelivered", "failed"):
        return KINDS.get(status), {}
    if code == OPTED_OUT:
        return "unsubscribed", {"code": code, "dropped": True}
    if status == "undelivered" or code in HARD:
        return "bounced", {"code": code, "hard": code in HARD}
    return "refused", {"code": code}


def _inbound(message_id: str, fields: dict[str, str], request: CallbackRequest) -> Callback:
    stop = fields.get("OptOutType", "").upper() == "STOP" or is_stop(fields["Body"])
    return Callback(
        dedupe=f"inbound:{message_id}",
        kind="unsubscribed" if stop else None,
        status="inbound",
        at=request.received,
        recipient=text_of(fields.get("From")),
        data={"text": text_of(fields["Body"])},
    )


PROVIDER = Provider(
    name="twilio",
    channels=("sms",),
    settings=TwilioSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=translate,
    limits="Twilio sends 1 SMS a second from a long number, and queues the rest.",
)
