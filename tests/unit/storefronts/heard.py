"""What a delivery says, by the gateway's own translation: from bytes and a topic to events."""

from __future__ import annotations

import json
from typing import Any

from services.contracts.settings import Shop
from services.gateway import translation
from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.base import Delivery
from services.gateway.translation import Connected
from tests.contract.storefront_cases import CASES, payload

SHOP = Shop(name="Sklep", url="https://shop.example/", locale="pl", currency="PLN", time_zone="Europe/Warsaw")
TOPIC_HEADER = {case.name: case.topic_header.lower() for case in CASES}


def connected(platform: str, places: dict[str, str] | None = None) -> Connected:
    return Connected("sklep", STOREFRONTS[platform], (), places or {}, SHOP)


def events(platform: str, topic: str, body: bytes, places: dict[str, str] | None = None) -> list[translation.Event]:
    """The checked events of a body under a topic."""
    return translation.events(connected(platform, places), Delivery({TOPIC_HEADER[platform]: topic}, body))


def heard(platform: str, topic: str, name: str, places: dict[str, str] | None = None, **changes: Any) -> list[Any]:
    """The events that a kept payload gives, as JSON; `changes` replace members of it."""
    return [json.loads(event.raw) for event in events(platform, topic, changed(name, **changes), places)]


def changed(name: str, **changes: Any) -> bytes:
    """A kept payload with other members."""
    return json.dumps(json.loads(payload(name)) | changes).encode()


def identity(platform: str, topic: str, body: bytes) -> list[bytes]:
    """The ids of the events."""
    return [event.id for event in events(platform, topic, body)]
