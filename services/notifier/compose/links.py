"""Signed links that a customer may follow without a login, and that say nothing about them.

A token is the kind of link, the message's send key and an HMAC-SHA256 over both, cut to 128 bits (RFC 2104 §5), in
base64url. The newest key signs; every configured key verifies, so that links in old mails outlive a rotation.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import Literal

from services.kit.errors import BadRecord, Misconfigured

LinkKind = Literal["unsubscribe", "preferences"]

_CODES: dict[LinkKind, bytes] = {"unsubscribe": b"u", "preferences": b"p"}
_KINDS: dict[bytes, LinkKind] = {code: kind for kind, code in _CODES.items()}
_KEY_BYTES = 16
_MAC_BYTES = 16
_PURPOSE = b"wici link 1\0"
TOKEN_LENGTH = 44  # characters: 1 + 16 + 16 bytes in base64


def make_token(kind: LinkKind, send_key: bytes, keys: Sequence[str]) -> str:
    """The token of one link in one message. `send_key` is 16 bytes; the first of `keys` signs."""
    if not keys or not keys[0]:
        raise Misconfigured("WICI_SECRET_KEY is empty; set it to a random text of at least 32 characters")
    if len(send_key) != _KEY_BYTES:
        raise ValueError(f"a send key has {_KEY_BYTES} bytes, not {len(send_key)}")
    said = _CODES[kind] + send_key
    return urlsafe_b64encode(said + _mac(keys[0], said)).decode()


def read_token(token: str, keys: Sequence[str]) -> tuple[LinkKind, bytes]:
    """Kind and send key of a token that one of `keys` signed. Raises BadRecord `bad_token` for any other text."""
    raw = _decoded(token)
    said, mac = raw[: 1 + _KEY_BYTES], raw[1 + _KEY_BYTES :]
    valid = [hmac.compare_digest(mac, _mac(key, said)) for key in keys if key]
    kind = _KINDS.get(said[:1])
    if not any(valid) or kind is None:
        raise BadRecord("bad_token", "the link is not one of ours; use the newest mail's link")
    return kind, said[1:]


def unsubscribe_url(public_url: str, token: str) -> str:
    """Where a POST unsubscribes (RFC 8058) and a GET shows a page."""
    return f"{public_url.rstrip('/')}/u/{token}"


def preferences_url(public_url: str, token: str) -> str:
    """The preference centre of the customer whom the message went to."""
    return f"{public_url.rstrip('/')}/preferences/{token}"


def _mac(key: str, said: bytes) -> bytes:
    return hmac.digest(key.encode(), _PURPOSE + said, "sha256")[:_MAC_BYTES]


def _decoded(token: str) -> bytes:
    """The 33 bytes of a well-formed token; exactly one text stands for them, so none can be varied."""
    try:
        raw = urlsafe_b64decode(token) if len(token) == TOKEN_LENGTH else b""
    except (NotBase64, ValueError):
        raw = b""
    if len(raw) != 1 + _KEY_BYTES + _MAC_BYTES or urlsafe_b64encode(raw).decode() != token:
        raise BadRecord("bad_token", "the link is not whole; open it again from the mail")
    return raw
