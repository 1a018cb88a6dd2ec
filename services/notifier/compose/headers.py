"""The headers that a mail carries besides From, To and Subject, by what class of message it is.

RFC 2369 and 8058 (List-Unsubscribe, one click), RFC 2919 (List-Id), RFC 3834 (Auto-Submitted), RFC 5322 §3.6.4
(Message-ID), Gmail's Feedback-ID. All derive from the message, so that a repeat carries the same bytes.
"""

from __future__ import annotations

import re
from email.header import Header
from email.utils import getaddresses
from functools import lru_cache

from services.contracts.message import Message, MessageClass

_NOT_A_LABEL = re.compile(r"[^a-z0-9]+")
_GAP = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
LISTED: frozenset[MessageClass] = frozenset({"marketing", "opinion"})


def one_line(text: str) -> str:
    """`text` with each run of blanks, line ends and control characters as one space: safe in a header."""
    return _GAP.sub(" ", text).strip(" ")


@lru_cache(maxsize=1024)
def address_of(mailbox: str) -> str | None:
    """The address in `Name <address>`, None if it is not exactly one with a domain."""
    found = getaddresses([mailbox])
    address = found[0][1] if len(found) == 1 else ""
    local, at, domain = address.rpartition("@")
    return address if at and local and domain and " " not in address else None


@lru_cache(maxsize=1024)
def label(text: str) -> str:
    """A word for a domain label or a Feedback-ID field: a-z, 0-9 and hyphens, at most 63."""
    return _NOT_A_LABEL.sub("-", text.lower()).strip("-")[:63] or "none"


@lru_cache(maxsize=1024)
def list_id(name: str, stream: str, domain: str) -> str:
    """`Shop name <stream.shop.example>`; the name encoded (RFC 2047) where it is not ASCII."""
    plain = one_line(name).replace("<", "").replace(">", "")
    phrase = f'"{plain.replace(chr(92), "").replace(chr(34), "")}"' if plain.isascii() else _encoded(plain)
    return f"{phrase} <{label(stream)}.{domain}>"


def _encoded(text: str) -> str:
    return Header(text, "utf-8", maxlinelen=990).encode(linesep="").replace("\n", "")


def mail_headers(
    message: Message, *, sender_domain: str, shop_name: str, unsubscribe: str, token: str, mailbox: str | None = None
) -> dict[str, str]:
    """The headers of one mail, in a fixed order.

    `unsubscribe` is the https URL of the token, `mailbox` an address such as unsub@shop.example that also takes
    unsubscriptions (as unsub+TOKEN@shop.example). Marketing and opinion messages are lists; the others are marked as
    made by a machine, so that nobody's holiday answers them.
    """
    headers = {
        "Message-ID": f"<{message.send_key.hex()}@{sender_domain}>",
        "Feedback-ID": ":".join(
            (label(message.journey), label(message.topic or "none"), message.klass, label(sender_domain))
        ),
        "X-Wici-Send-Key": message.send_key.hex(),
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }
    if message.klass not in LISTED:
        return headers | {"Auto-Submitted": "auto-generated"}
    ways = [f"<{unsubscribe}>"]
    if mailbox:
        local, _, domain = mailbox.rpartition("@")
        ways.append(f"<mailto:{local}+{token}@{domain}>")
    return headers | {
        "List-Unsubscribe": ", ".join(ways),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": list_id(shop_name, message.topic or message.klass, sender_domain),
    }
