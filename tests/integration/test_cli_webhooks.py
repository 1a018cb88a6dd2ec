"""Webhooks that were kept as dead letters, by the command line over a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.connect import bus, topic_specs
from services.contracts import ids, stamp, topics
from services.gateway import webhooks
from services.gateway.storefronts.base import Delivery
from services.kit.clock import SystemClock
from services.kit.errors import BadRecord
from tests.contract.storefront_cases import payload
from tests.support.shop import AT, Shop, all_records, opened

SECRET = "a-secret-of-at-least-32-characters"
HEADERS = {"x-shopify-topic": "orders/create", "content-type": "application/json"}


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    found = opened(tmp_path / "shop", database_url)
    found.change("wici.yaml", "sources:\n", "sources:\n  sklep: {storefront: shopify, secrets: [$SKLEP_SECRET]}\n")
    found.environ["SKLEP_SECRET"] = "shopify-secret"
    found.told("apply", "--yes")
    return found


async def keep(shop: Shop, body: bytes, source: str = "sklep") -> None:
    """A delivery that an older version could not translate."""
    problem = BadRecord("webhook_untranslatable", "`total_price` is not a number.")
    letter = webhooks.letter(Delivery(HEADERS, body), source, problem, AT, shop.settings.topic(topics.DEAD_LETTERS))
    async with bus(shop.settings, SystemClock()) as connected:
        await connected.create_topics(topic_specs(shop.settings))
        await (await connected.producer()).publish([letter])


def written(shop: Shop) -> list[Any]:
    return list(asyncio.run(all_records(shop.settings, topics.EVENTS)))


def test_replayed_webhook_becomes_the_event_that_it_would_have_been(shop: Shop) -> None:
    asyncio.run(keep(shop, payload("shopify_order")))
    (letter,) = shop.told("dead-letters", "list")
    shown = shop.told("dead-letters", "show", letter["name"])
    assert (shown["topic"], shown["headers"]["x-shopify-topic"]) == ("webhooks/sklep", "orders/create")
    done = shop.wici("dead-letters", "replay", letter["name"], environ={"WICI_SECRET_KEY": SECRET})
    assert done.exit_code == 0, done.output
    (record,) = written(shop)
    said = stamp.read(dict(record.headers)[stamp.HEADER], record.value, [SECRET])
    assert said == stamp.Stamp(ids.transition("sklep", "order.placed", "450789469"), "sklep", "server")
    assert json.loads(record.value)["type"] == "order.placed"
    assert shop.told("dead-letters", "list") == []


@pytest.mark.parametrize(
    ("body", "source", "secret", "says"),
    [
        (b"{", "sklep", SECRET, "still cannot be translated"),
        (payload("shopify_order"), "gone", SECRET, "does not connect"),
        (payload("shopify_order"), "sklep", "", "WICI_SECRET_KEY"),
    ],
)
def test_webhook_that_cannot_be_replayed_stays_a_dead_letter(
    shop: Shop, tmp_path: Path, body: bytes, source: str, secret: str, says: str
) -> None:
    asyncio.run(keep(shop, body, source))
    environ = {"WICI_DATA": str(tmp_path / "data"), **({"WICI_SECRET_KEY": secret} if secret else {})}
    refused = shop.wici("dead-letters", "replay", "all", environ=environ)
    assert (refused.exit_code, says in " ".join(refused.output.split())) == (1, True), refused.output
    assert written(shop) == []
    assert len(shop.told("dead-letters", "list")) == 1
