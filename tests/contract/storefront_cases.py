"""One case a storefront: how it signs, and a delivery of each kind that the family's rules need."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "storefronts"
NEW, OLD, ENVIRON = "$NEW_SECRET", "$OLD_SECRET", {"NEW_SECRET": "new-secret", "OLD_SECRET": "old-secret"}


def payload(name: str) -> bytes:
    """A body as it is kept in tests/data/storefronts."""
    return (DATA / f"{name}.json").read_bytes()


def signature(body: bytes, secret: str) -> str:
    """Base64 of HMAC-SHA256."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


@dataclass(frozen=True)
class Case:
    """What differs between storefronts. `fact` is a topic and its body, `deliveries` the vendor's ids."""

    name: str
    signature_header: str
    topic_header: str
    fact: tuple[str, bytes]
    unknown_topic: str
    deliveries: tuple[dict[str, str], dict[str, str]]
    extra: dict[str, str] = field(default_factory=dict)

    def headers(self, topic: str, body: bytes, secret: str = "new-secret", delivery: int = 0) -> dict[str, str]:
        """As the storefront would send `body`."""
        signed = {self.topic_header: topic, self.signature_header: signature(body, secret)}
        return {"content-type": "application/json", **signed, **self.deliveries[delivery], **self.extra}


def _ids(name: str) -> tuple[dict[str, str], dict[str, str]]:
    return {name: "b54557e4"}, {name: "0e5a9d2c"}


CASES = (
    Case(
        "shopify",
        "X-Shopify-Hmac-Sha256",
        "X-Shopify-Topic",
        ("orders/create", payload("shopify_order")),
        "orders/edited",
        _ids("X-Shopify-Webhook-Id"),
        {"X-Shopify-Shop-Domain": "sklep.myshopify.com"},
    ),
    Case(
        "woocommerce",
        "X-WC-Webhook-Signature",
        "X-WC-Webhook-Topic",
        ("order.created", payload("woocommerce_order")),
        "action.woocommerce_add_to_cart",
        _ids("X-WC-Webhook-Delivery-ID"),
    ),
)
