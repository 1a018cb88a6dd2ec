"""How `wici.yaml` connects a storefront, and what it is told when it does so wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.workspace.shapes.providers import STOREFRONTS_WITHOUT_ADAPTER
from services.contracts.settings import Source
from services.gateway.storefronts import STOREFRONTS
from tests.unit.workspace.folder import SETTINGS, loaded


def with_source(source: str) -> dict[str, str | bytes]:
    """A workspace with one more source."""
    return {"wici.yaml": SETTINGS.replace("sources:\n", f"sources:\n  sklep: {{{source}}}\n")}


def said(home: Path, source: str) -> list[str]:
    """The messages about a source."""
    return [finding.message for finding in loaded(home, with_source(source)).findings]


@pytest.mark.parametrize("name", STOREFRONTS)
def test_connected_storefront_is_taken_without_a_warning(tmp_path: Path, name: str) -> None:
    source = f"storefront: {name}, secrets: [$NEW, $OLD], map: {{locale: meta_data.lang}}"
    found = loaded(tmp_path, with_source(source))
    assert found.findings == []
    assert found.workspace is not None
    assert found.workspace.settings.sources["sklep"] == Source(
        name, secrets=("$NEW", "$OLD"), map={"locale": "meta_data.lang"}
    )


def test_no_storefront_is_both_connected_and_not() -> None:
    assert not set(STOREFRONTS) & set(STOREFRONTS_WITHOUT_ADAPTER)


@pytest.mark.parametrize("name", STOREFRONTS)
def test_storefront_without_a_secret_is_an_error(tmp_path: Path, name: str) -> None:
    """Nothing could be verified, so that nothing would be taken."""
    (message,) = said(tmp_path, f"storefront: {name}")
    assert "secrets" in message


@pytest.mark.parametrize("word", ["consent.email", "consents.fax", "order.sum", "lang", "customer"])
def test_map_of_a_word_that_nobody_knows_is_an_error(tmp_path: Path, word: str) -> None:
    (message,) = said(tmp_path, f"storefront: woocommerce, secrets: [$S], map: {{{word}: meta_data.x}}")
    assert word in message


@pytest.mark.parametrize(
    "word", ["consents.sms", "birthday", "customer.phone", "order.cart_id", "product.lowest_price_30d"]
)
def test_map_of_a_word_of_ours_is_taken(tmp_path: Path, word: str) -> None:
    assert said(tmp_path, f"storefront: shopify, secrets: [$S], map: {{{word}: note_attributes.x}}") == []


TOPIC = "storefront: kafka, topic: shop.orders"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (TOPIC, "either 'event' or 'type'"),
        (f"{TOPIC}, event: order.placed, type: kind", "either 'event' or 'type'"),
        (f"{TOPIC}, event: order.placed, types: {{A: order.paid}}", "'types' needs 'type'"),
        (f"{TOPIC}, event: order.plced", "order.plced"),
        (f"{TOPIC}, event: message.opened", "message.opened"),
        (f"{TOPIC}, type: kind, types: {{A: ring.polished}}", "ring.polished"),
        ("storefront: kafka, event: order.placed", "'topic'"),
        (f"{TOPIC}, event: order.placed, items: {{product_id: a}}", "'at'"),
        (f"{TOPIC}, event: order.placed, id: a..b", "a..b"),
        (f"{TOPIC}, event: order.placed, map: {{order.sum: a}}", "order.sum"),
        (f"{TOPIC}, event: order.placed, bootstrap: kafka", "kafka"),
    ],
)
def test_topic_that_is_mapped_wrongly_is_an_error(tmp_path: Path, source: str, says: str) -> None:
    (message,) = said(tmp_path, source)
    assert says in message


def test_topic_may_hold_a_type_of_the_shops_own(tmp_path: Path) -> None:
    files = with_source(
        f"{TOPIC}, type: kind, types: {{A: ring.sized}}, items: {{at: lines, sku: s}}, map: {{email: m}}"
    )
    found = loaded(tmp_path, files | {"events/ring.sized.schema.json": '{"type": "object"}'})
    assert found.findings == []
    assert found.workspace is not None
    source = found.workspace.settings.sources["sklep"]
    assert (source.map, source.options["types"]) == ({"email": "m"}, {"A": "ring.sized"})
    assert source.options["items"] == {"at": "lines", "sku": "s"}


def test_map_stands_in_a_source_of_segments_clients_too(tmp_path: Path) -> None:
    assert said(tmp_path, "storefront: http, keys: [$K], map: {consents.email: traits.newsletter}") == []
