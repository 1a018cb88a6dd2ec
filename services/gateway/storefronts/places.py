"""`map:` of wici.yaml: facts that a shop keeps in a place of its own, such as `consents.email: meta_data.zgoda`.

The left side is a word of ours, of the customer if nothing else is said; the right side is where the platform keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from services.contracts.data import Cart, Customer, Item, Order, Product
from services.gateway.storefronts.base import Payload
from services.gateway.storefronts.payload import locale

_YES = frozenset({"1", "yes", "y", "true", "on", "tak", "t", "subscribed", "checked"})
_SAID = {**dict.fromkeys(_YES, "subscribed"), "pending": "pending", "unsubscribed": "unsubscribed"}
_CONSENT = "consents."
_OBJECTS: dict[str, type[msgspec.Struct]] = {"customer": Customer, "order": Order, "cart": Cart, "product": Product}
_NUMBERS = frozenset({"stock"})  # numbers in JSON; money is text
_STRUCTURED = frozenset({"consents", "items", "tags", "discount_codes"})


def _names(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.name not in _STRUCTURED]


_CUSTOMER = [*_names(Customer), *(f"{_CONSENT}{channel}" for channel in ("email", "sms", "push"))]

ITEM_WORDS = tuple(_names(Item))

# What may stand on the left.
WORDS = (*_CUSTOMER, *(f"{each}.{name}" for each, kind in _OBJECTS.items() for name in _names(kind)))


def placed(said: dict[str, Any], payload: Payload, places: Mapping[str, str]) -> dict[str, Any]:
    """An event's data with the facts that `payload` keeps where `places` says. They win over the platform's own."""
    data = dict(said)
    for word, place in places.items():
        value = find(payload, place)
        target = owner(word)
        if value is not None and isinstance(data.get(target), dict):
            data[target] = _told(data[target], word.removeprefix(f"{target}."), value)
    return data


def owner(word: str) -> str:
    """The object that a word on the left belongs to: the customer if it names none."""
    whole = word.partition(".")[0]
    return whole if whole in _OBJECTS else "customer"


def find(payload: Any, place: str) -> str | None:
    """The text at a path of names. In a list of `{key or name, value}`, the rest of the path is the key."""
    value = payload
    rest = place
    while rest and isinstance(value, dict):
        name, _, rest = rest.partition(".")
        value = value.get(name)
    if rest:
        value = _in_pairs(value, rest) if isinstance(value, list) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() or None if isinstance(value, str | int | float) else None


def _in_pairs(pairs: list[Any], key: str) -> Any:
    for pair in pairs:
        if isinstance(pair, dict) and key in (pair.get("key"), pair.get("name")):
            return pair.get("value")
    return None


def _told(known: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    if name in _NUMBERS:
        try:
            return known | {name: float(value)}
        except ValueError:
            return known | {name: value}  # whoever checks the event says what is wrong with it
    if not name.startswith(_CONSENT):
        return known | {name: locale(value) if name == "locale" else value}
    state = _SAID.get(value.lower())
    if state is None:  # a box left alone says nothing
        return known
    consent = {"state": state, "source": "shop"}
    return known | {"consents": known.get("consents", {}) | {name.removeprefix(_CONSENT): consent}}
