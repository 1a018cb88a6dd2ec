"""A scope and an environment as the trigger engine has them, small enough to read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import FunctionType
from typing import Any

from services.trigger_engine.journeys.conditions import (
    ANY,
    BOOL,
    DURATION,
    MONEY,
    NUMBER,
    STRING,
    TIMESTAMP,
    Function,
    ListOf,
    Record,
    Type,
    compile_condition,
)

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

ITEM = Record({"name": STRING, "category": STRING, "quantity": NUMBER, "price": MONEY})
CART = Record({"id": STRING, "total": MONEY, "items": ListOf(ITEM), "updated_at": TIMESTAMP})
ORDER = Record(
    {"id": STRING, "total": MONEY, "discount": MONEY, "placed_at": TIMESTAMP, "discount_codes": ListOf(STRING)}
)
SCOPE: dict[str, Type] = {
    "event": Record(
        {
            "cart": CART,
            "order": ORDER,
            "items": ListOf(ITEM),
            "sale": Record({"starts_at": TIMESTAMP}),
            "prices": ListOf(MONEY),
            "visits": ListOf(TIMESTAMP),
            "catalog": Record({"category": STRING}),
        }
    ),
    "received": Record({"cart": CART}),
    "cart": CART,
    "profile": Record(
        {
            "first_name": STRING,
            "email": STRING,
            "tags": ListOf(STRING),
            "orders_count": NUMBER,
            "employee": BOOL,
            "extra": Record({"size": NUMBER}, open=True),
            "anything": ANY,
        }
    ),
    "now": TIMESTAMP,
    "spent": Function((DURATION,), MONEY),
    "coupons": Record({"given": Function((STRING, DURATION), NUMBER)}),
}
ENV: dict[str, Any] = {
    "event": {
        "cart": {"id": "k1", "total": "150.00", "items": []},
        "order": {"id": "1001", "total": "249.90", "placed_at": "2026-11-20T10:00:00Z", "discount_codes": ["LATO"]},
        "items": [
            {"name": "Kozaki", "category": "shoes", "quantity": 2, "price": "199.00"},
            {"name": "Czapka", "category": "hats", "quantity": 1, "price": "49.90"},
        ],
        "sale": {"starts_at": "2026-11-27T00:00:00+01:00"},
        "prices": ["10.50", "20.00"],
        "visits": ["2026-11-21T10:00:00Z"],
    },
    "received": {"cart": {"id": "k1"}},
    "cart": None,
    "profile": {
        "first_name": "Łucja",
        "email": "Anna@WP.pl",
        "tags": ["VIP", "newsletter"],
        "orders_count": 0,
        "extra": {"size": 38, "joined": "2026-11-01T00:00:00Z", "paid": "120.00", "note": {"of": ["a"]}},
    },
    "now": NOW,
    "calls": {
        ("spent", (timedelta(days=365),)): "3000.00",
        ("coupons.given", ("cart-10", timedelta(days=90))): 0,
    },
}


def value(text: str, expect: Type | tuple[Type, ...] = ANY, **changed: Any) -> Any:
    """Return what an expression gives in the shop's environment, by both of its codes."""
    condition = compile_condition(text, SCOPE, expect=expect)
    env = {**ENV, **changed}
    result = condition.evaluate(env)
    careful = carefully(condition.evaluate)(env)
    assert (result, type(result)) == (careful, type(careful))
    return result


def carefully(evaluate: Any) -> Any:
    """The code to which that of a condition turns where data has not its shape."""
    compiled = [one for one in evaluate.__globals__.values() if isinstance(one, FunctionType)]
    return next(one for one in compiled if one.__code__.co_filename == "<condition>")
