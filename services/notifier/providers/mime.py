"""A mail as bytes, RFC 5322 and 2045, joined by hand: the standard library takes ten times as long for the same.

Everything derives from the message: the boundary from its send key, the date from when it was composed.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from contextlib import suppress
from email.header import Header
from email.utils import format_datetime, parseaddr

from services.notifier.compose.headers import one_line
from services.notifier.providers.base import Outgoing

_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_LINE = 76
_LONGEST_WORD = 900
_OURS = frozenset({"from", "to", "reply-to", "subject", "date", "mime-version", "message-id"})


def mail(member: Outgoing) -> bytes:
    """`member` as a mail with CRLF line ends, of ASCII but where an address itself has other letters (RFC 6532)."""
    return b"\r\n".join((_head(member), _body(member)))


def message_id(member: Outgoing) -> str:
    """The mail's Message-ID: what its headers say, else the send key at the sender's domain."""
    given = {name.lower(): value for name, value in member.headers.items()}.get("message-id")
    domain = address(member.sender or "").rpartition("@")[2] or "wici.invalid"
    return one_line(given) if given else f"<{member.send_key.hex()}@{domain}>"


def address(mailbox: str) -> str:
    """The address of `Name <address>` as an envelope takes it: the domain in its ASCII form (RFC 5891)."""
    local, at, domain = one_line(parseaddr(one_line(mailbox))[1]).rpartition("@")
    with suppress(UnicodeError):  # no domain at all: the relay will say so
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    return local + at + domain


def _head(member: Outgoing) -> bytes:
    lines = [_mailbox("From", member.sender or ""), _folded("To", address(member.recipient))]
    if member.reply_to:
        lines.append(_mailbox("Reply-To", member.reply_to))
    lines.append(_folded("Subject", _text("Subject", one_line(member.subject or ""))))
    if member.composed_at is not None:
        lines.append(f"Date: {format_datetime(member.composed_at)}\r\n")
    lines.append(_folded("Message-ID", message_id(member)))
    more = sorted((name, one_line(value)) for name, value in member.headers.items() if name.lower() not in _OURS)
    lines += [_folded(name, value if value.isascii() else _encoded(name, value)) for name, value in more]
    lines.append("MIME-Version: 1.0\r\n")
    return "".join(lines).encode().removesuffix(b"\r\n")


def _body(member: Outgoing) -> bytes:
    parts = [_part(kind, text) for kind, text in (("plain", member.text), ("html", member.html)) if text is not None]
    if len(parts) == 1:
        return parts[0]
    boundary = f"=_{member.send_key.hex()}".encode()
    opened = b"".join(b"--" + boundary + b"\r\n" + part for part in parts)
    head = b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n\r\n'
    return head + opened + b"--" + boundary + b"--\r\n"


def _part(kind: str, text: str) -> bytes:
    """Base64 in lines of 76: whatever the text holds, no relay has a reason to touch it."""
    raw = text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
    lines = [b2a_base64(raw[at : at + 57], newline=False) for at in range(0, len(raw), 57)]
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + b"\r\n".join([*lines, b""])


def _mailbox(name: str, mailbox: str) -> str:
    phrase = one_line(parseaddr(one_line(mailbox))[0])
    if not phrase:
        return _folded(name, address(mailbox))
    if not phrase.isascii() or "=?" in phrase:
        phrase = _encoded(name, phrase)
    elif not _PHRASE.fullmatch(phrase):
        phrase = '"' + phrase.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _folded(name, f"{phrase} <{address(mailbox)}>")


def _text(name: str, value: str) -> str:
    """A text, encoded (RFC 2047) where it is not ASCII, would be read as encoded, or has a word too long for a line."""
    plain = value.isascii() and "=?" not in value and max(map(len, value.split(" "))) < _LONGEST_WORD
    return value if plain else _encoded(name, value)


def _encoded(name: str, text: str) -> str:
    """Encoded words, apart by one blank, each short enough for a line."""
    header = Header(text, "utf-8", maxlinelen=_LINE, header_name=name).encode(linesep="\n")
    return " ".join(header.split())


def _folded(name: str, value: str) -> str:
    """`Name: value` in lines of at most 78 characters, where it has blanks to break at."""
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > _LINE + 2 and line.strip() not in ("", f"{name}:"):
            lines.append(line)
            line = ""
        line += " " + word
    return "\r\n".join([*lines, line]) + "\r\n"
