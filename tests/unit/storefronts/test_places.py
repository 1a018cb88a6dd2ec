"""Facts that a shop keeps in a place of its own."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.storefronts.places import find

from .heard import heard

OWN = {"consents.email": "meta_data.zgoda_newsletter", "locale": "meta_data.lang"}


def customer(places: dict[str, str], **changes: Any) -> Any:
    (event,) = heard("woocommerce", "order.created", "woocommerce_order", places, **changes)
    return event["data"]["customer"]


def test_consent_and_language_are_taken_from_the_shops_own_place() -> None:
    told = customer(OWN)
    assert told["consents"] == {"email": {"state": "subscribed", "source": "shop"}}
    assert told["locale"] == "pl-PL"


def test_place_that_is_not_there_changes_nothing() -> None:
    assert customer(OWN, meta_data=[]) == customer({})


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("1", "subscribed"), ("Tak", "subscribed"), ("on", "subscribed"), (True, "subscribed"), (1, "subscribed"),
        ("pending", "pending"), ("unsubscribed", "unsubscribed"),
        ("0", None), ("nie", None), (False, None), ("", None), (None, None), (["1"], None), ({"a": 1}, None),
    ],
)  # fmt: skip
def test_box_left_alone_says_nothing(value: Any, state: str | None) -> None:
    told = customer(OWN, meta_data=[{"key": "zgoda_newsletter", "value": value}])
    assert told.get("consents", {}).get("email", {}).get("state") == state


def test_notes_of_shopify_are_a_place_too() -> None:
    """A tick on this order replaces what the platform says of the channel, and leaves the other channel alone."""
    places = {"consents.sms": "note_attributes.zgoda_newsletter", "order.channel": "source_name", "cart.id": "id"}
    (event,) = heard("shopify", "orders/create", "shopify_order", places)
    assert event["data"]["customer"]["consents"]["sms"] == {"state": "subscribed", "source": "shop"}
    assert event["data"]["customer"]["consents"]["email"]["source"] == "shopify"
    assert event["data"]["order"]["channel"] == "web"
    assert "cart" not in event["data"]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("a.b", "1"), ("a.c", None), ("a", None), ("a.b.c", None), ("list.x.y", "dotted"), ("list.z", "named"),
        ("list", None), ("list.none", None), ("", None), ("text.more", None), ("number", "1.5"), ("yes", "true"),
    ],
)  # fmt: skip
def test_place_is_a_path_of_names(place: str, found: str | None) -> None:
    payload = {
        "a": {"b": 1},
        "list": [{"key": "x.y", "value": "dotted"}, {"name": "z", "value": "named"}, 7],
        "text": "t",
        "number": 1.5,
        "yes": True,
    }
    assert find(payload, place) == found
