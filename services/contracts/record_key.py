"""The key of a record on `wici.events`: what puts a customer's events into one partition, whoever writes them."""

from __future__ import annotations

import hmac

from services.contracts import ids


def record_key(subject: str | None, email: str | None, anonymous_id: str | None, identity: bytes, secret: str) -> bytes:
    """Customer id, else e-mail, else visitor, else the event itself (`identity`).

    Keys stay in the log and in tools, so an address is never one: HMAC-SHA256, hex, under `secret`, the newest of
    WICI_SECRET_KEY, of the address without the spaces around it and in small letters.
    """
    if subject:
        return subject.encode()
    address = (email or "").strip().lower()
    if address:
        return hmac.digest(secret.encode(), address.encode(), "sha256").hex().encode()
    return (anonymous_id or ids.text(identity)).encode()
