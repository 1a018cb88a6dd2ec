"""The messages that Segment publishes, where they are beside the repository: translated, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .served import Served

PAYLOADS = Path(__file__).parents[3].parent / "shared/contracts/payloads"
KEY = {"authorization": "Bearer server-key"}

# File and what it gives: an event's type, or why there is none.
EXPECTED = {
    "segment__ecom_cart_viewed": "cart.updated",
    "segment__ecom_checkout_started": "checkout.started",
    "segment__ecom_checkout_step_viewed": "no_meaning",
    "segment__ecom_order_cancelled": "order.cancelled",
    "segment__ecom_order_refunded": "order.refunded",
    "segment__ecom_product_added_to_wishlist": "no_meaning",
    "segment__ecom_product_clicked": "no_meaning",
    "segment__ecom_product_list_filtered": "no_meaning",
    "segment__ecom_product_list_viewed": "category.viewed",
    "segment__ecom_product_removed": "no_meaning",
    "segment__ecom_product_reviewed": "review.submitted",
    "segment__ecom_product_shared": "no_meaning",
    "segment__ecom_products_searched": "no_meaning",
    "segment__ecom_promotion_clicked": "no_meaning",
    "segment__ecom_promotion_viewed": "no_meaning",
    "segment__ecom_wishlist_product_added_to_cart": "cart.updated",
    "segment__http_group": "no_meaning",
    "segment__http_identify": "customer.updated",
    "segment__http_identify_2": "customer.updated",
    "segment__http_page": "page.viewed",
}


def published(name: str) -> Any:
    if not PAYLOADS.exists():
        pytest.skip("the vendors' published payloads are not beside this checkout; test_segment.py has our own")
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
async def test_published_message_is_translated_or_skipped_by_name(name: str, expected: str) -> None:
    """The examples of events name nobody; their documentation says to add whom they are about."""
    message = {"userId": "c-1"} | published(name)
    kind = message.get("type") or name.split("_")[3]
    served = Served()
    answer = await served.ask(json.dumps(message).encode(), KEY, path=f"/v1/{kind}")
    assert answer.status == 200, answer.body
    events = [json.loads(record.value or b"")["type"] for record in served.bus.records]
    assert [*events, *(each["reason"] for each in answer.json.get("skipped", []))] == [expected]


def test_no_published_message_is_left_out() -> None:
    published("segment__http_page")
    assert {file.stem for file in PAYLOADS.glob("segment__*.json")} == set(EXPECTED)
