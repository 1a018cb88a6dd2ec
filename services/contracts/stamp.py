"""The header `wici-id`: wici's own word for an event's identity, source and the trust that its key carries.

Storefronts' delivery ids lie outside their signatures, so identity is computed from the resource, once, at the gateway.
The stamp binds it to the record's bytes: another producer on the topic can neither forge nor move one.

    <id, 32 hex>.<source name>.<scope>.<MAC, 32 hex>      MAC = BLAKE2b-128 (RFC 7693), keyed with WICI_SECRET_KEY
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Literal, NamedTuple

HEADER = "wici-id"
Scope = Literal["server", "browser"]
Voucher = Literal["server", "browser", "wici"]
_VOUCHERS: dict[str, Voucher] = {"browser": "browser", "wici": "wici"}


class Stamp(NamedTuple):
    """Who vouches for an event: its id (16 bytes), the source in wici.yaml, and what kind of key brought it.

    `wici` is no key's: the engine made the event, of a type that nobody else may send.
    """

    id: bytes
    source: str
    scope: Voucher


def make(stamp: Stamp, value: bytes, keys: Sequence[str]) -> bytes:
    """The header's value for a record whose value is `value`, under the newest key."""
    head = f"{stamp.id.hex()}.{stamp.source}.{stamp.scope}"
    return f"{head}.{_mac(head, value, keys[0])}".encode()


def read(header: bytes, value: bytes, keys: Sequence[str]) -> Stamp | None:
    """The stamp, or None when it is not ours: malformed, or made under none of `keys` for these bytes."""
    head, _, mac = header.decode("utf-8", "replace").rpartition(".")
    if not any(compare_digest(mac.encode(), _mac(head, value, key).encode()) for key in keys):
        return None
    identity, _, rest = head.partition(".")
    source, _, scope = rest.rpartition(".")
    return Stamp(bytes.fromhex(identity), source, _VOUCHERS.get(scope, "server"))


def _mac(head: str, value: bytes, key: str) -> str:
    mac = blake2b(head.encode(), key=key.encode()[:64], person=b"wici-id", digest_size=16)
    mac.update(b"\0")
    mac.update(value)
    return mac.hexdigest()
