"""Signatures of webhooks against vectors that the vendors publish; each says where it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.base import Delivery
from services.kit.secrets import Secret
from tests.contract.storefront_cases import DATA

VECTORS: list[dict[str, Any]] = json.loads((DATA / "signatures.json").read_bytes())
HEADERS = {
    "shopify": ("x-shopify-hmac-sha256", "shopify-hmac-sha256"),
    "woocommerce": ("x-wc-webhook-signature",),
}


def judged(vector: dict[str, Any], header: str, *secrets: str) -> bool:
    delivery = Delivery({header: vector["signature"]}, vector["body"].encode())
    return STOREFRONTS[vector["scheme"]].verify(delivery, [Secret(one) for one in secrets])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['scheme']}: {one['name']}")
def test_a_published_signature_is_good_under_its_own_secret_alone(vector: dict[str, Any]) -> None:
    for header in HEADERS[vector["scheme"]]:
        assert judged(vector, header, "another", vector["secret"]) is vector["valid"]
        assert not judged(vector, header, "another")


def test_every_storefront_has_a_good_and_a_bad_vector() -> None:
    assert {(one["scheme"], one["valid"]) for one in VECTORS} == {
        (name, is_good) for name in STOREFRONTS for is_good in (True, False)
    }
