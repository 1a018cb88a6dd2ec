"""From a verified webhook to checked events. Pure: the delivery in, events with their ids out, or a BadRecord."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from services.contracts import ids
from services.contracts.settings import Settings, Shop
from services.gateway.problems import Fault
from services.gateway.reading import UNREADABLE, why_unreadable
from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.base import Delivery, Statement, Storefront, Translate
from services.gateway.storefronts.places import placed
from services.gateway.validation import Checked, check
from services.kit.errors import BadRecord
from services.kit.secrets import Secret, resolve


class Connected(NamedTuple):
    """A storefront as wici.yaml connects it under the name `source`."""

    source: str
    storefront: Storefront
    secrets: tuple[Secret, ...]
    places: Mapping[str, str]
    shop: Shop


class Event(NamedTuple):
    """One event: its id (16 bytes), its JSON, and what was found in it."""

    id: bytes
    raw: bytes
    checked: Checked


def connect(settings: Settings, environ: Mapping[str, str]) -> dict[str, Connected]:
    """The storefronts that have an adapter, by source. Misconfigured if a secret has no value."""
    found = {}
    for name, source in settings.sources.items():
        known = unlocked(settings, name)
        if known is not None:
            secrets = tuple(Secret(resolve(reference, environ)) for reference in source.secrets)
            found[name] = known._replace(secrets=secrets)
    return found


def unlocked(settings: Settings, name: str) -> Connected | None:
    """A source's storefront without its secrets, for what was verified before; None without an adapter."""
    source = settings.sources.get(name)
    if source is None or source.storefront not in STOREFRONTS:
        return None
    return Connected(name, STOREFRONTS[source.storefront], (), source.map, settings.shop)


def events(connected: Connected, delivery: Delivery) -> list[Event]:
    """All that a verified delivery says; none for a topic without meaning here. BadRecord if any of it is no event."""
    translate = connected.storefront.topics.get(connected.storefront.topic(delivery))
    if translate is None:
        return []
    return [_event(connected.source, each, delivery.body) for each in _statements(connected, translate, delivery.body)]


def _statements(connected: Connected, translate: Translate, body: bytes) -> list[Statement]:
    payload = _payload(body)
    said = translate(payload, connected.shop)
    return [each._replace(data=placed(each.data, payload, connected.places)) for each in said]


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = msgspec.json.decode(body)
    except UNREADABLE as error:
        raise BadRecord("webhook_unreadable", f"The body cannot be read: {why_unreadable(error)}") from None
    if not isinstance(payload, dict):
        raise BadRecord("webhook_unreadable", "The body is not a JSON object.")
    return payload


def _event(source: str, statement: Statement, body: bytes) -> Event:
    identity = _identity(source, statement, body)
    members = {
        "specversion": "1.0",
        "id": ids.text(identity),
        "source": source,
        "type": statement.type,
        "subject": statement.data.get("customer", {}).get("id"),
        "time": statement.time,
        "data": statement.data,
    }
    try:
        raw = msgspec.json.encode({name: value for name, value in members.items() if value is not None})
        return Event(identity, raw, check(raw, "server", {}))
    except Fault as fault:
        raise BadRecord("webhook_untranslatable", f"{statement.type}: {fault.error}") from None
    except UNREADABLE as error:  # a name of half a surrogate pair cannot be written
        raise BadRecord("webhook_unreadable", f"The body holds no valid text: {type(error).__name__}.") from None


def _identity(source: str, statement: Statement, body: bytes) -> bytes:
    if statement.once:
        return ids.transition(source, statement.type, statement.resource)
    revision = statement.revision.isoformat() if statement.revision else sha256(body).hexdigest()
    return ids.update(source, statement.type, statement.resource, revision)
