"""Signed links that a customer may follow without a login, and that say nothing about them.

A token is the kind of link, the message's send key and a signature of 128 bits over both, keyed BLAKE2s (RFC 7693), in
base64url: a mail has several, and this costs a third of an HMAC. A click's token holds the target too, under the same
signature: nobody can make it lead elsewhere. In an SMS every character is paid for: its token's signature has 56 bits,
and it unsubscribes whoever the message went to, nothing more. The newest key signs; every configured key verifies, so
that links in old mails outlive a rotation.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2s, sha256
from typing import Literal

from services.kit.errors import BadRecord, Misconfigured

LinkKind = Literal["unsubscribe", "preferences", "confirm", "open", "click"]
Form = Literal["unsubscribe", "unsubscribe_sms", "preferences", "confirm", "open", "click"]

_CODES: dict[Form, bytes] = {
    "unsubscribe": b"u", "unsubscribe_sms": b"s", "preferences": b"p", "confirm": b"d", "open": b"o",
    "click": b"c",
}  # fmt: skip
_KINDS: dict[bytes, LinkKind] = {
    b"u": "unsubscribe", b"s": "unsubscribe", b"p": "preferences", b"d": "confirm", b"o": "open",
    b"c": "click",
}  # fmt: skip
_KEY_BYTES = 16
_MAC_BYTES = 16
_SHORT_MAC_BYTES = 7
_PURPOSE = b"wici link 1\0"
TOKEN_LENGTH = 44  # characters: 1 + 16 + 16 bytes in base64
SHORT_TOKEN_LENGTH = 32
LONGEST_TARGET = 1_500
"""Bytes of a link that is tracked; a longer one stays as it is written."""
_LONGEST = (1 + _KEY_BYTES + _MAC_BYTES + LONGEST_TARGET) * 4 // 3 + 4


def make_token(form: Form, send_key: bytes, keys: Sequence[str], target: bytes = b"") -> str:
    """The token of one link in one message. `send_key` is 16 bytes; the first of `keys` signs; a click has a target."""
    if not keys or not keys[0]:
        raise Misconfigured("WICI_SECRET_KEY is empty; set it to a random text of at least 32 characters")
    if len(send_key) != _KEY_BYTES:
        raise ValueError(f"a send key has {_KEY_BYTES} bytes, not {len(send_key)}")
    said = _CODES[form] + send_key
    return urlsafe_b64encode(said + _mac(keys[0], said, target) + target).rstrip(b"=").decode()


def read_token(token: str, keys: Sequence[str]) -> tuple[LinkKind, bytes]:
    """Kind and send key of a token that one of `keys` signed. Raises BadRecord `bad_token` for any other text."""
    kind, send_key, _ = _read(token, keys)
    return kind, send_key


def read_click(token: str, keys: Sequence[str]) -> tuple[bytes, str]:
    """Send key and target of a click's token. Raises BadRecord as read_token does."""
    kind, send_key, target = _read(token, keys)
    if kind != "click":
        raise BadRecord("bad_token", "the link is not one of ours; use the newest mail's link")
    return send_key, target.decode()


def _read(token: str, keys: Sequence[str]) -> tuple[LinkKind, bytes, bytes]:
    raw = _decoded(token)
    code, said = raw[:1], raw[: 1 + _KEY_BYTES]
    end = 1 + _KEY_BYTES + _mac_bytes(code)
    mac, target = raw[1 + _KEY_BYTES : end], raw[end:]
    valid = [hmac.compare_digest(mac, _mac(key, said, target)) for key in keys if key]
    kind = _KINDS.get(code)
    if not any(valid) or kind is None or (kind == "click") is not bool(target):
        raise BadRecord("bad_token", "the link is not one of ours; use the newest mail's link")
    return kind, said[1:], target


def unsubscribe_url(public_url: str, token: str) -> str:
    """Where a POST unsubscribes (RFC 8058) and a GET shows a page."""
    return f"{public_url.rstrip('/')}/u/{token}"


def preferences_url(public_url: str, token: str) -> str:
    """The preference centre of the customer whom the message went to."""
    return f"{public_url.rstrip('/')}/preferences/{token}"


def confirm_url(public_url: str, token: str) -> str:
    """Where a customer confirms a signup (double opt-in)."""
    return f"{public_url.rstrip('/')}/confirm/{token}"


def _mac(key: str, said: bytes, target: bytes) -> bytes:
    return blake2s(said + target, digest_size=_mac_bytes(said[:1]), key=_signing(key)).digest()


@lru_cache(maxsize=64)
def _signing(key: str) -> bytes:
    """The key of links: as long as BLAKE2s takes one, and of no use for whatever else `key` signs."""
    return sha256(_PURPOSE + key.encode()).digest()


def _mac_bytes(code: bytes) -> int:
    return _SHORT_MAC_BYTES if code == _CODES["unsubscribe_sms"] else _MAC_BYTES


def _decoded(token: str) -> bytes:
    """The bytes of a well-formed token; exactly one text stands for them, so none can be varied."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4)) if len(token) <= _LONGEST else b""
    except (NotBase64, ValueError):
        raw = b""
    whole = len(raw) >= 1 + _KEY_BYTES + _mac_bytes(raw[:1])
    if not whole or urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise BadRecord("bad_token", "the link is not whole; open it again from the mail")
    return raw
