"""What comes back by mail: bounces (RFC 3464) and complaints (RFC 5965), as callbacks.

A report names the message by the headers that it returns (X-Wici-Send-Key, else our Message-ID), else by the address
that it was sent to, where `return_path` holds the key. What names no message of ours, or is no report, says nothing:
anybody can write to that address, and most who do are on holiday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, message_from_string
from email.message import Message
from hashlib import sha256

from services.contracts.receipt import ReceiptKind
from services.kit.errors import BadRecord
from services.notifier.providers.base import Callback, CallbackRequest
from services.notifier.providers.foreign import send_key_of, text_of

BAD_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
"""No such mailbox or domain, no address, moved away, a domain that takes no mail (RFC 3463 §3.2, RFC 7505)."""
ACTIONS: dict[str, ReceiptKind] = {"failed": "bounced", "delayed": "deferred", "delivered": "delivered"}
"""`relayed` and `expanded` say that nobody will know more (RFC 3464 §2.3.3)."""
_OUR_ID = re.compile(r"<([0-9a-f]{32})@")
_OUR_PATH = re.compile(r"(?<![0-9a-f])([0-9a-f]{32})(?![0-9a-f])[^@\s]*@")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ENVELOPE = ("x-original-to", "delivered-to", "to")


def reports(request: CallbackRequest) -> list[Callback]:
    """The statuses in one mail, as it was received. BadRecord for what has no headers at all."""
    mail = message_from_bytes(request.body)
    if not mail.keys():
        raise BadRecord("callback", "not a mail: hand it over with its headers, as RFC 5322 writes it")
    send_key = _send_key(mail)
    if send_key is None:
        return []
    # A relay that was not answered hands the same mail over again.
    whole = sha256(request.body).hexdigest()
    return [
        Callback(f"{whole}:{n}", kind, status, request.received, send_key, data=data)
        for n, (kind, status, data) in enumerate(_said(mail))
    ]


def _said(mail: Message) -> Iterator[tuple[ReceiptKind | None, str, dict[str, object]]]:
    for part in mail.walk():
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            # The first group is about the message, each of the others about one recipient.
            yield from (_delivery(group) for group in _groups(part)[1:])
        elif kind == "message/feedback-report":
            yield "complained", "complaint", {}


def _delivery(group: Message) -> tuple[ReceiptKind | None, str, dict[str, object]]:
    action = _header(group, "action").lower()
    found = _STATUS.search(_header(group, "status"))
    code = found[0] if found else ""
    kind = ACTIONS.get(action)
    if kind != "bounced":
        return kind, action or "report", {"code": code} if kind == "deferred" else {}
    # The diagnosis quotes the recipient: it is not kept.
    return kind, action, {"hard": code in BAD_ADDRESS, "code": code}


def _send_key(mail: Message) -> bytes | None:
    for head in _returned(mail):
        key = send_key_of(_header(head, "x-wici-send-key"))
        if key is None and (found := _OUR_ID.search(_header(head, "message-id"))):
            key = send_key_of(found[1])
        if key is not None:
            return key
    if any(part.get_content_type() in _REPORTS for part in mail.walk()):
        for name in _ENVELOPE:
            if found := _OUR_PATH.search(_header(mail, name)):
                return send_key_of(found[1])
    return None


_REPORTS = ("message/delivery-status", "message/global-delivery-status", "message/feedback-report")


def _returned(mail: Message) -> Iterator[Message]:
    """The headers of the mail that a report is about: a whole mail, or headers alone (RFC 6522 §3)."""
    for part in mail.walk():
        kind = part.get_content_type()
        if part is not mail and kind in ("message/rfc822", "message/global"):
            yield from _groups(part)[:1]
        elif kind in ("text/rfc822-headers", "message/global-headers"):
            raw = part.get_payload(decode=True)
            yield message_from_string(raw.decode("utf-8", "replace") if isinstance(raw, bytes) else "")


def _groups(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _header(head: Message, name: str) -> str:
    return text_of(str(head.get(name, "")), 1_000) or ""
