"""Data to look at a template with: what a journey's event brings, filled with a shop's everyday words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.trigger_engine.journeys.conditions.types import BOOL, MONEY, NUMBER, TIMESTAMP, ListOf, Record, Type

_DAY, _AT = "2026-11-22", "2026-11-22T10:00:00Z"
_IMAGE = "https://placehold.co/240x240.png"
_BY_KIND: dict[Type, Any] = {NUMBER: 1, MONEY: "10.00", BOOL: True, TIMESTAMP: _AT}
_WORDS: dict[str, dict[str, Any]] = {
    "pl": {
        "first_name": "Anna", "last_name": "Nowak", "email": "anna@example.com", "phone": "+48600100200",
        "currency": "PLN", "country": "PL", "locale": "pl", "category": "Herbaty",
        "items": ("Herbata z melisą", "Kubek w polne kwiaty"), "name": "Herbata z melisą",
    },
    "en": {
        "first_name": "Emma", "last_name": "Brown", "email": "emma@example.com", "phone": "+447700900123",
        "currency": "GBP", "country": "GB", "locale": "en", "category": "Teas",
        "items": ("Lemon balm tea", "Wild flower mug"), "name": "Lemon balm tea",
    },
}  # fmt: skip
_SAME: dict[str, Any] = {
    "id": "1001", "number": "1001", "sku": "T-24", "product_id": "24", "total": "88.00", "subtotal": "88.00",
    "price": "24.50", "regular_price": "32.00", "lowest_price_30d": "29.90", "discount": "0.00", "shipping": "12.00",
    "missing_to_free_delivery": "23.00", "quantity": 2, "stock": 12, "step": 500, "milestone": 5, "orders_count": 3,
    "day": _DAY, "total_spent": "540.00", "average_order": "180.00", "time_zone": "Europe/Warsaw",
    "birthday": "1990-05-12", "tags": ["VIP"], "discount_codes": ["KOD-10"], "image_url": _IMAGE,
    "address_form": "first_name",
}  # fmt: skip


def sample(scope: Mapping[str, Type], language: str, shop_url: str) -> dict[str, Any]:
    """A value for every name in `scope` that messages carry (event, profile, …, alert), in `pl` or else `en`."""
    words = {**_SAME, **_WORDS.get(language, _WORDS["en"])}
    names = {name: kind for name, kind in scope.items() if name in {"event", "profile", "cart", "entry", "alert"}}
    return {name: _value(name, kind, words, shop_url.rstrip("/")) for name, kind in names.items()}


def _value(name: str, kind: Type, words: Mapping[str, Any], url: str) -> Any:
    if isinstance(kind, Record):
        return {field: _value(field, inner, words, url) for field, inner in kind.fields.items()}
    if name == "items" and isinstance(kind, ListOf):
        first = _value("item", kind.item, words, url)
        return [
            first | {"name": words["items"][0]},
            first | {"name": words["items"][1], "price": "39.00", "quantity": 1},
        ]
    if name in words:
        return words[name]
    if isinstance(kind, ListOf):
        return [_value(name, kind.item, words, url)]
    if name.endswith("url"):
        return f"{url}/example"
    return _BY_KIND.get(kind, _text(name))


def _text(name: str) -> str:
    """A word for a text; the shop's own events write their days and moments as such."""
    if name.endswith("_at"):
        return _AT
    return _DAY if name.endswith(("_on", "_day")) else name.replace("_", " ")
