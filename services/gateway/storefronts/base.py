"""What a storefront is: how its webhooks prove where they come from, and what they say in our words.

A storefront is one file of pure functions (docs/adding-a-storefront.md): bytes and headers in, no clock and no wire.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from services.contracts.settings import Shop
from services.kit.secrets import Secret

Payload = dict[str, Any]


class Delivery(NamedTuple):
    """One webhook as it came: header names in small letters, and the raw body."""

    headers: Mapping[str, str]
    body: bytes


class Statement(NamedTuple):
    """One event that a webhook amounts to.

    `resource` is what it is about, such as an order's id. `once` says that this can happen to the resource only once;
    otherwise `revision`, when the resource changed, tells its states apart (None: the body does).
    """

    type: str
    resource: str
    time: datetime | None
    data: dict[str, Any]
    once: bool
    revision: datetime | None = None


def transition(event_type: str, resource: str, time: datetime | None, data: dict[str, Any]) -> Statement:
    """What happens once to `resource`. Without `time`, arrival counts."""
    return Statement(event_type, resource, time, data, once=True)


def update(event_type: str, resource: str, revision: datetime | None, data: dict[str, Any]) -> Statement:
    """A state of `resource` since `revision`, which is its time as well."""
    return Statement(event_type, resource, revision, data, once=False, revision=revision)


# A webhook's decoded body, and the shop it is about, to what it says. Raises BadRecord where it cannot be understood.
Translate = Callable[[Payload, Shop], list[Statement]]


# What `wici doctor source` sends, signed as the platform would: verified, answered, and of no effect.
TEST_BODY = b'{"wici_test":true}'


def _never(_: Delivery) -> bool:
    return False


class Storefront(NamedTuple):
    """All that the gateway needs to know of a platform.

    `sign` makes the headers with which the platform would send a body, to test that both sides know one secret.
    `verify` says whether one of the secrets signed the delivery, `topic` what it is about ("" if it does not say), and
    `topics` what each of the topics means; a topic that is not there is of no use and taken without an event. `is_ping`
    recognizes an unsigned test of the address. `ignored` are topics from which nothing follows, each with the reason,
    and `unseen` is what no webhook of the platform says.
    """

    name: str
    sign: Callable[[bytes, Secret], Mapping[str, str]]
    verify: Callable[[Delivery, Sequence[Secret]], bool]
    topic: Callable[[Delivery], str]
    topics: Mapping[str, Translate]
    is_ping: Callable[[Delivery], bool] = _never
    ignored: Mapping[str, str] = MappingProxyType({})
    unseen: tuple[str, ...] = ()


def hmac_sha256_text(key: str, body: bytes) -> str:
    """The HMAC-SHA256 of `body` under the text of a key, in base64."""
    return base64.b64encode(hmac.digest(key.encode("utf-8", "surrogatepass"), body, "sha256")).decode()


def hmac_sha256(keys: Sequence[str], body: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is the HMAC-SHA256 of `body` under one of `keys`. In constant time."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    valid = False
    for key in keys:
        valid |= hmac.compare_digest(given, hmac.digest(key.encode("utf-8", "surrogatepass"), body, "sha256"))
    return valid
