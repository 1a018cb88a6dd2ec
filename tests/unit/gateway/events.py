"""Events to send, as a shop would write them."""

from __future__ import annotations

import json
from typing import Any

CUSTOMER: dict[str, Any] = {
    "id": "c-1",
    "email": "anna@example.com",
    "first_name": "Łucja",
    "consents": {"email": {"state": "subscribed", "at": "2026-11-20T10:00:00Z"}},
}

ORDER: dict[str, Any] = {
    "id": "1001",
    "total": "249.90",
    "currency": "PLN",
    "items": [{"product_id": "632", "name": "Buty", "quantity": 1, "price": 249.9}],
}


def order_placed(**changes: Any) -> dict[str, Any]:
    """An order of a known customer; `changes` replace attributes, and None takes one away."""
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "backend",
        "type": "order.placed",
        "subject": "c-1",
        "time": "2026-11-22T10:00:00Z",
        "data": {"customer": CUSTOMER, "order": ORDER},
    }
    return {name: value for name, value in (event | changes).items() if value is not None}


def cart_updated(customer: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A visitor's cart, as a page may send it."""
    data = {"customer": customer or {"anonymous_id": "a-1"}, "cart": {"id": "k-1", "total": "150.00"}}
    return order_placed(type="cart.updated", subject=None, data=data) | changes


def raw(event: object) -> bytes:
    """The event as JSON."""
    return json.dumps(event, ensure_ascii=False).encode()
