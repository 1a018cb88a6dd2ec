"""Payloads and signature vectors that the vendors publish, where they are beside the repository.

Every one is translated or refused with a named reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.gateway.storefronts import STOREFRONTS
from services.kit.errors import BadRecord

from .heard import events
from .test_signatures import VECTORS

SHARED = Path(__file__).parents[3].parent / "shared/contracts"
SCHEMES = ("shopify-hmac-sha256-base64", "woocommerce-hmac-sha256-base64")

# File, topic, what it gives; the vendors' examples are answers of their REST API, so that the envelope is taken off.
EXPECTED: list[tuple[str, str, tuple[str, ...]]] = [
    ("shopify__admin_2026-04_abandoned_checkout", "checkouts/update", ("checkout.started", "cart.updated")),
    ("shopify__admin_2026-04_checkout", "checkouts/create", ("checkout.started", "cart.updated")),
    ("shopify__admin_2026-04_order", "orders/create", ("order.placed",)),
    ("shopify__admin_2026-04_order", "orders/paid", ("order.paid",)),
    ("shopify__admin_2026-04_order", "orders/cancelled", ("order.cancelled",)),
    ("shopify__admin_2026-04_order", "orders/fulfilled", ("order.fulfilled",)),
    ("shopify__admin_2026-04_refund", "refunds/create", ("order.refunded",)),
    ("shopify__admin_2026-04_webhook", "app/uninstalled", ()),
    ("shopify__rest_carts", "carts/update", ("cart.updated",)),
    ("shopify__rest_checkouts", "checkouts/update", ("checkout.started", "cart.updated")),
    ("shopify__rest_customer", "customers/create", ("customer.signed_up",)),
    ("shopify__rest_customer", "customers/update", ("customer.updated",)),
    ("shopify__rest_inventory_level", "inventory_levels/update", ()),
    ("shopify__rest_order", "orders/create", ("order.placed",)),
    ("shopify__rest_variant", "variants/in_stock", ("webhook_untranslatable",)),
    ("woocommerce__rest_customer", "customer.updated", ("customer.updated",)),
    ("woocommerce__rest_order", "order.created", ("order.placed", "order.paid")),
]


def test_no_published_vector_of_a_signature_is_left_out() -> None:
    """tests/unit/storefronts/test_signatures.py judges them."""
    vectors = _read(SHARED / "vectors.json")["vectors"]
    published = {_essence(one, "signature_b64") for one in vectors if one["scheme"] in SCHEMES}
    assert published
    assert published <= {_essence(one, "signature") for one in VECTORS}


@pytest.mark.parametrize(("name", "topic", "expected"), EXPECTED)
def test_published_payload_is_translated_or_refused_by_name(name: str, topic: str, expected: tuple[str, ...]) -> None:
    for resource in _resources(_read(SHARED / "payloads" / f"{name}.json"), enveloped=name.startswith("shopify")):
        assert _outcome(name.partition("__")[0], topic, resource) == expected


def test_no_published_payload_is_left_out() -> None:
    _read(SHARED / "vectors.json")
    found = {file.stem for each in STOREFRONTS for file in (SHARED / "payloads").glob(f"{each}__*.json")}
    assert found == {name for name, _, _ in EXPECTED}


def _essence(vector: dict[str, Any], signature: str) -> tuple[str, ...]:
    return (vector["secret"], vector["body"], vector[signature])


def _outcome(platform: str, topic: str, resource: Any) -> tuple[str, ...]:
    try:
        found = events(platform, topic, json.dumps(resource).encode())
    except BadRecord as refused:
        return (refused.reason,)
    return tuple(json.loads(event.raw)["type"] for event in found)


def _resources(document: Any, *, enveloped: bool) -> list[Any]:
    if not enveloped:
        return [document]
    (inner,) = (value for value in document.values() if isinstance(value, dict | list))
    return inner if isinstance(inner, list) else [inner]


def _read(file: Path) -> Any:
    if not SHARED.exists():
        pytest.skip("the vendors' published payloads are not beside this checkout; tests/data/storefronts has our own")
    return json.loads(file.read_bytes())
