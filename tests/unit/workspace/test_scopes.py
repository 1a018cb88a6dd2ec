"""The words that conditions and templates may use, by the event that enters a journey."""

from __future__ import annotations

import msgspec
import pytest

from services.contracts.event import KNOWN_TYPES, RECEIPT_TYPES
from services.contracts.settings import Shop
from services.trigger_engine.journeys.conditions import (
    ANY,
    BOOL,
    MONEY,
    NUMBER,
    STRING,
    TIMESTAMP,
    ConditionError,
    ListOf,
    Record,
    compile_condition,
)
from services.trigger_engine.journeys.scopes import condition_scope, event_data, from_json_schema, template_scope
from services.trigger_engine.journeys.words import EVENT_DATA, SHOP


def test_every_event_type_has_its_words() -> None:
    assert set(EVENT_DATA) | RECEIPT_TYPES == KNOWN_TYPES


def test_every_field_of_the_shop_is_a_word() -> None:
    assert set(SHOP.fields) == {field.name for field in msgspec.structs.fields(Shop)}


@pytest.mark.parametrize(
    ("event", "condition"),
    [
        ("order.placed", 'event.order.total >= 100 && event.order.items.exists(i, i.category == "tea")'),
        ("order.placed", 'event.customer.consents.email.state == "subscribed"'),
        ("order.first_placed", 'event.order.placed_at < now && profile.consent.sms == "subscribed"'),
        ("cart.abandoned", "event.cart.total >= cart.total && now - entry.entered_at > duration('36h')"),
        ("spend.threshold_crossed", 'event.threshold.step >= 500 && event.threshold.currency == "PLN"'),
        ("product.viewed", "event.product.price < event.product.lowest_price_30d"),
        ("customer.signed_up", '"VIP" in profile.tags && profile.orders_count == 0 && shop.return_days == 30'),
        ("page.viewed", 'event.page.title == "Tea"'),
    ],
)
def test_the_documented_words_of_an_event_can_be_used(event: str, condition: str) -> None:
    assert compile_condition(condition, condition_scope(event)).type == BOOL


@pytest.mark.parametrize(
    ("event", "condition"),
    [
        ("customer.signed_up", "event.order.total > 1"),
        ("order.placed", "event.order.totl > 1"),
        ("order.placed", "profile.first_nam == 'Anna'"),
        ("order.placed", "received.order.total > 1"),
        ("order.placed", "links.unsubscribe == ''"),
        ("order.placed", "event.order.total == 'much'"),
    ],
)
def test_a_word_that_the_event_does_not_have_is_refused(event: str, condition: str) -> None:
    with pytest.raises(ConditionError):
        compile_condition(condition, condition_scope(event))


def test_an_exit_sees_the_event_that_entered_and_the_one_received() -> None:
    scope = condition_scope("cart.abandoned", "order.placed")
    assert compile_condition("received.order.cart_id == event.cart.id", scope).type == BOOL


def test_a_goal_may_look_at_what_became_of_a_message() -> None:
    scope = condition_scope("order.placed", "message.clicked")
    assert compile_condition('received.message.template == "hello"', scope).type == BOOL


def test_a_template_has_links_beside_the_words_of_conditions() -> None:
    assert set(template_scope("order.placed")) - set(condition_scope("order.placed")) == {"links", "message"}


def test_an_unknown_event_has_a_customer_and_anything_else() -> None:
    assert event_data("shop.visited").open


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, STRING),
        ({"type": "string", "format": "date-time"}, TIMESTAMP),
        ({"type": ["integer", "null"]}, NUMBER),
        ({"type": ["integer", "string"]}, ANY),
        ({"type": "boolean"}, BOOL),
        ({"type": "array", "items": {"type": "number"}}, ListOf(NUMBER)),
        ({"type": "array"}, ListOf(ANY)),
        ({"$ref": "#/$defs/x"}, ANY),
        ({"type": {"not": "a kind"}}, ANY),
        (True, ANY),
        ({"properties": {"a": {"type": "number"}}}, Record({"a": NUMBER}, open=True)),
        ({"type": "object", "properties": [], "additionalProperties": False}, Record({})),
    ],
)
def test_a_json_schema_becomes_the_type_that_it_describes(schema: object, kind: object) -> None:
    assert from_json_schema(schema) == kind


def test_a_schema_of_the_shops_own_keeps_the_customer() -> None:
    data = event_data("shop.visited", {"shop.visited": {"type": "object", "additionalProperties": False}})
    assert set(data.fields) == {"customer"}
    assert not data.open


def test_a_schema_may_add_words_to_an_event_of_wici() -> None:
    own = {"order.placed": {"type": "object", "properties": {"gift": {"type": "boolean"}}}}
    assert compile_condition("event.gift && event.order.total > 5", condition_scope("order.placed", None, own))


def test_a_schema_without_an_end_is_cut_off() -> None:
    schema: dict[str, object] = {"type": "object"}
    schema["properties"] = {"again": schema}
    assert isinstance(from_json_schema(schema), Record)


def test_money_is_a_number() -> None:
    assert event_data("order.placed").fields["order"].fields["total"] == MONEY  # type: ignore[attr-defined]
