"""The storefronts whose webhooks can be taken, by the name that `storefront:` in wici.yaml gives."""

from __future__ import annotations

from services.gateway.storefronts import shopify, woocommerce
from services.gateway.storefronts.base import Storefront

STOREFRONTS: dict[str, Storefront] = {each.name: each for each in (shopify.STOREFRONT, woocommerce.STOREFRONT)}
