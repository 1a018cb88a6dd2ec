"""SMSAPI (smsapi.pl, .com, …): SMS, one a call. Its `idx` with `check_idx` serves as idempotency key.

Errors come with HTTP 200: the body's `error` says what happened. Callbacks come by GET, unsigned: the path's token is
the proof, and only the answer `OK` ends them. Sources: smsapi.pl/docs (chapters 9, 18, 19) and the vendor's clients.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from services.contracts.receipt import ReceiptKind
from services.kit.errors import BadRecord
from services.kit.http import HttpRequest, HttpResponse
from services.kit.secrets import Secret
from services.notifier.providers.answers import decoded, failed, rejected
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
    Unauthorized,
)
from services.notifier.providers.foreign import send_key_of, text_of, time_of
from services.notifier.providers.settings import AccountSettings
from services.notifier.providers.stop_words import is_stop

USED_BEFORE = 53
NO_NUMBER = 13
"""No correct phone number among those given, which is one."""
ACCOUNT = frozenset({14, 70, 74, 94, 98, 99, 101, 102, 103, 105, 110, 1000, 1001})
"""Sender name, notify address, links, restrictions, key, points, IP filter, rights: an operator's matter."""
HOST = frozenset({8, 200, 201, 666, 999})
"""SMSAPI's own faults: like a 5xx, nobody knows what became of the message."""


class SmsapiSettings(AccountSettings, frozen=True, kw_only=True):
    """`token` is the OAuth token, `from` a registered sender name, `callback_token` the end of the callback's path."""

    token: Secret
    sender: str | None = msgspec.field(name="from", default=None)
    callback_tokens: tuple[Secret, ...] = msgspec.field(name="callback_token", default=())
    base_url: str = "https://api.smsapi.pl"


class _Item(msgspec.Struct, gc=False):
    id: str | int | None = None
    error: int | None = None


class _Answer(msgspec.Struct, gc=False):
    items: list[_Item] = msgspec.field(name="list", default_factory=list)
    error: int | None = None
    message: str = ""


def request(call: Call, settings: SmsapiSettings) -> HttpRequest:
    """One SMS; `idx`, the attempt's id, is refused if it was used before, and comes back with every status."""
    (member,) = call.members
    form = {
        "to": member.recipient.removeprefix("+"),
        "message": member.sms or "",
        "format": "json",
        "encoding": "utf-8",
        "details": "1",
        "idx": call.attempt_id.hex(),
        "check_idx": "1",
    }
    sender = member.sender or settings.sender
    if sender:
        form["from"] = sender
    headers = {
        "Authorization": f"Bearer {settings.token.reveal()}",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "wici",
    }
    return HttpRequest("POST", settings.base_url + "/sms.do", headers, urlencode(form).encode())


def interpret(call: Call, response: HttpResponse) -> Result:
    """What SMSAPI's answer means: its `error` first, the status only where there is none."""
    answer = decoded(response.body, _Answer)
    error = None if answer is None else answer.error
    if error is not None and response.status < 300:
        return _refused(call, error, answer.message if answer else "")
    if not 200 <= response.status < 300:
        return failed(call, response, str(error or ""), answer.message if answer else "")
    if answer is None or len(answer.items) != len(call.members):
        return Unanswered("an answer without the id of what was sent")
    (item,) = answer.items
    if item.error is not None:
        return _refused(call, item.error, "")
    return Answered((Accepted(text_of(item.id)),))


def _refused(call: Call, error: int, message: str) -> Result:
    if error == USED_BEFORE:
        return Answered((Accepted(None),) * len(call.members))
    if error in HOST:
        return Unanswered(f"error {error}")
    if error in ACCOUNT:
        return Unauthorized(str(error), message[:300])
    return rejected(call, str(error), message, "bounced" if error == NO_NUMBER else None)


def verify(settings: SmsapiSettings, request: CallbackRequest) -> None:
    """No signature: whoever knows the path's token is SMSAPI."""
    given = request.path_token or ""
    valid = False
    for token in settings.callback_tokens:
        valid |= token.equals(given)
    if not valid:
        raise CallbackRefused("the path ends with none of the account's tokens: set callback_token, and the address")


KINDS: dict[str, ReceiptKind] = {
    "402": "bounced",  # EXPIRED
    "403": "accepted",  # SENT: handed to the carrier
    "404": "delivered",
    "405": "bounced",  # UNDELIVERED
    "406": "bounced",  # FAILED
    "407": "bounced",  # REJECTED
    "409": "accepted",  # QUEUE
    "410": "accepted",
    "411": "deferred",  # RENEWAL
    "412": "refused",  # STOP: taken back by the account's owner
}
"""401 NOT_FOUND and 408 UNKNOWN say nothing of the delivery."""


def translate(request: CallbackRequest) -> list[Callback]:
    """Up to five statuses as parallel lists, separated by commas; or one SMS that a customer sent."""
    text = request.query if request.method == "GET" else request.body.decode("utf-8", "replace")
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise BadRecord("callback", "not a status of SMSAPI's: more than 100 fields") from None
    if "sms_text" in fields:
        return [_inbound(fields, request)]
    if not fields.get("MsgId") or not (fields.get("status") or fields.get("status_name")):
        raise BadRecord("callback", "not a status of SMSAPI's: MsgId and status are missing")
    lists = {name: value.split(",") for name, value in fields.items()}
    return [_status(_nth(lists, n), request) for n in range(len(lists["MsgId"]))]


def _nth(lists: dict[str, list[str]], n: int) -> dict[str, str]:
    """The n-th status. A list of one holds for all."""
    return {k: v[n] if n < len(v) else v[0] if len(v) == 1 else "" for k, v in lists.items()}


def _status(one: dict[str, str], request: CallbackRequest) -> Callback:
    status = one.get("status", "")
    done = one.get("donedate", "")
    kind = KINDS.get(status)
    name = text_of(one.get("status_name")) or text_of(status) or ""
    # Nothing says which failures are the number's for good, so none of them suppresses it.
    hard: dict[str, Any] = {"hard": False} if kind == "bounced" else {}
    return Callback(
        dedupe=f"{text_of(one['MsgId'])}:{text_of(status)}:{text_of(done)}",
        kind=kind,
        status=name,
        at=time_of(done, request.received),
        attempt_id=send_key_of(one.get("idx")),
        provider_id=text_of(one["MsgId"]),
        recipient=_number(one.get("to", "")),
        data={"code": name, **hard} if kind in ("bounced", "refused") else {},
    )


def _inbound(fields: dict[str, str], request: CallbackRequest) -> Callback:
    said = fields["sms_text"]
    stop = is_stop(said)
    return Callback(
        dedupe=f"inbound:{text_of(fields.get('MsgId'))}:{text_of(fields.get('sms_date'))}:{text_of(fields.get('sms_from'))}",
        kind="unsubscribed" if stop else None,
        status="inbound",
        at=time_of(fields.get("sms_date"), request.received),
        recipient=_number(fields.get("sms_from", "")),
        data={"text": text_of(said)},
    )


def _number(text: str) -> str | None:
    digits = text.strip().removeprefix("+")
    return f"+{digits}" if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None


PROVIDER = Provider(
    name="smsapi",
    channels=("sms",),
    settings=SmsapiSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=translate,
    idempotency=timedelta(hours=24),
    acknowledgement=b"OK",
)
