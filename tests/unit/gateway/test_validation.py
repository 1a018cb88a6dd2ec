"""Which events are taken, and what the others are told."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from services.contracts.event import ACCEPTED_TYPES, BROWSER_TYPES, ENGINE_TYPES, MAX_EVENT_BYTES, RECEIPT_TYPES
from services.contracts.stamp import Scope
from services.gateway.problems import Fault
from services.gateway.validation import Checked, check

from .events import CUSTOMER, ORDER, cart_updated, order_placed, raw


def refused(event: object, scope: Scope = "server") -> Fault:
    """The fault of an event, as an object or as bytes."""
    with pytest.raises(Fault) as fault:
        check(event if isinstance(event, bytes) else raw(event), scope, {})
    assert fault.value.error.endswith(".")
    assert fault.value.hint
    return fault.value


def taken(event: dict[str, Any], scope: Scope = "server") -> Checked:
    return check(raw(event), scope, {})


def test_order_of_a_known_customer_is_taken_as_it_came() -> None:
    assert taken(order_placed()) == Checked(
        id="e-1",
        source="backend",
        subject="c-1",
        email="anna@example.com",
        anonymous_id=None,
        traceparent=None,
        has_time=True,
        changes={},
    )


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_missing_attribute_is_named(name: str) -> None:
    assert refused(order_placed(**{name: None})).error == f"`{name}` is missing."


@pytest.mark.parametrize("value", ["", "x" * 257, "a\nb", "a\x7f", 7, ["c-1"], {}, True])
@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
def test_attribute_that_is_no_short_printable_text_is_refused(name: str, value: object) -> None:
    assert f"`{name}`" in refused(order_placed(**{name: value})).error


@pytest.mark.parametrize("value", ["1.1", 1.0, "0.3", ""])
def test_other_version_of_the_specification_is_refused(value: object) -> None:
    assert refused(order_placed(specversion=value)).hint == 'Write "specversion": "1.0".'


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2026-11-22T10:00:00", "2026-11-22", 1763805600, "0001-01-01T00:00:00+14:00", "9999-01-01T00:00:00Z"],
)
def test_time_without_a_zone_or_sense_is_refused(value: object) -> None:
    assert refused(order_placed(time=value)).error.startswith("`time`")


def test_event_without_time_says_so() -> None:
    assert taken(order_placed(time=None)).has_time is False


def test_null_attribute_is_an_absent_one_and_is_not_written() -> None:
    event = order_placed() | {"time": None, "dataschema": None}
    checked = check(raw(event), "server", {})
    assert (checked.has_time, checked.changes) == (False, {"time": None, "dataschema": None})


@pytest.mark.parametrize(("name", "value"), [("Shop", "x"), ("my_shop", "x"), ("nested", {"a": 1}), ("part", 1.5)])
def test_extension_outside_the_specification_is_refused(name: str, value: object) -> None:
    refused(order_placed(**{name: value}))


@pytest.mark.parametrize("value", [-1, 9, "1", True])
def test_hops_are_a_count_up_to_eight(value: object) -> None:
    assert refused(order_placed(wicihops=value)).error.startswith("`wicihops`")


def test_extensions_of_a_shop_are_kept() -> None:
    assert taken(order_placed(tenant="pl", wicihops=8, shard=3)).changes == {}


@pytest.mark.parametrize("event_type", sorted(ACCEPTED_TYPES))
def test_every_type_of_the_contract_is_taken_from_a_server(event_type: str) -> None:
    data = {
        "customer": CUSTOMER,
        "order": ORDER,
        "cart": {"id": "k"},
        "product": {"id": "p"},
        "threshold": {"step": "500", "currency": "PLN", "period": "lifetime"},
    }
    taken(order_placed(type=event_type, data=data))


@pytest.mark.parametrize("event_type", sorted(ENGINE_TYPES | RECEIPT_TYPES | {"message.invented"}))
def test_what_only_wici_may_state_is_refused_with_its_own_words(event_type: str) -> None:
    fault = refused(order_placed(type=event_type))
    assert fault.status == 422
    assert "only wici states" in fault.error or "derived by wici" in fault.error


def test_unknown_type_is_told_the_nearest_one() -> None:
    fault = refused(order_placed(type="order.plced"))
    assert "Did you mean `order.placed`?" in fault.hint
    assert "events/order.plced.schema.json" in fault.hint


def test_own_type_is_checked_by_its_schema() -> None:
    own = {"ring.sized": lambda data: None if data.get("size") else "size is missing."}
    check(raw(order_placed(type="ring.sized", data={"size": 12})), "server", own)
    with pytest.raises(Fault, match=r"size is missing\.") as fault:
        check(raw(order_placed(type="ring.sized", data={})), "server", own)
    assert "events/ring.sized.schema.json" in fault.value.hint


def test_own_schema_cannot_open_a_type_that_only_wici_states() -> None:
    with pytest.raises(Fault, match="only wici states"):
        check(raw(order_placed(type="message.opened")), "server", {"message.opened": lambda _: None})


@pytest.mark.parametrize(
    ("data", "place", "hint"),
    [
        ({"order": {"id": 1001}}, "data.order.id", '"1001"'),
        ({"order": ORDER | {"total": "249,90"}}, "data.order.total", '"249.90"'),
        ({"order": ORDER | {"total": "NaN"}}, "data.order.total", '"249.90"'),
        ({"order": ORDER | {"currency": "zł"}}, "data.order.currency", '"PLN"'),
        ({"order": ORDER | {"placed_at": "2026-11-22"}}, "data.order.placed_at", "RFC 3339"),
        ({"order": ORDER | {"items": [{"quantity": -1}]}}, "data.order.items[0].quantity", ""),
        ({"customer": CUSTOMER}, "`order`", ""),
        ({"order": ORDER, "customer": {"id": ""}}, "data.customer.id", ""),
        ({"order": ORDER, "customer": {"consents": {"email": {"state": "yes"}}}}, "state", ""),
        ({"order": ORDER, "customer": {"consents": {"email": "subscribed"}}}, "consents", '"state": "subscribed"'),
        ({"order": ORDER, "customer": {"consents": {"fax": {"state": "subscribed"}}}}, "fax", ""),
        ("text", "array", ""),
    ],
)
def test_wrong_data_is_told_where_and_what_to_write(data: object, place: str, hint: str) -> None:
    fault = refused(order_placed(subject=None, data=data))
    assert place.replace("array", "`object`") in fault.error
    assert hint in fault.hint


@pytest.mark.parametrize("money", ["249.90", "0", "-5.00", 249.9, 100, None])
def test_money_is_a_decimal_string_or_a_number(money: object) -> None:
    taken(order_placed(data={"order": ORDER | {"total": money}}))


def test_fields_that_nobody_knows_are_allowed() -> None:
    taken(order_placed(data={"order": ORDER | {"gift": {"wrapped": True}}, "store": "Kraków"}))


def test_subject_that_is_not_the_customer_is_refused() -> None:
    assert "`data.customer.id`" in refused(order_placed(subject="c-2")).error


def test_customer_id_without_a_subject_becomes_the_subject() -> None:
    checked = taken(order_placed(subject=None))
    assert (checked.subject, checked.changes) == ("c-1", {"subject": "c-1"})


def test_customer_id_that_cannot_be_a_subject_is_refused() -> None:
    fault = refused(order_placed(subject=None, data={"customer": {"id": "c\n1"}, "order": ORDER}))
    assert "`data.customer.id`" in fault.error


def test_data_in_base64_is_read_and_written_as_json() -> None:
    encoded = base64.b64encode(raw({"order": ORDER})).decode()
    checked = taken(order_placed(data=None, data_base64=encoded))
    assert json.loads(bytes(checked.changes["data"])) == {"order": ORDER}
    assert checked.changes["data_base64"] is None


@pytest.mark.parametrize("value", ["%%%", 7, "e30", base64.b64encode(b"\xff").decode()])
def test_data_that_is_no_base64_of_json_is_refused(value: object) -> None:
    refused(order_placed(data=None, data_base64=value))


def test_data_twice_is_refused() -> None:
    assert "Both" in refused(order_placed(data_base64="e30=")).error


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"x"',
        b'{"id":"\xff"}',
        b'{"id":"\\ud800"}',
        b'{"id":"a\x00b"}',
        b'{"id":1e999}',
        b'{"a":' * 40_000,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b'{"a":{"b":"\xed\xa0\x80"}}',
    ],
)
def test_what_is_no_sound_json_object_is_400(body: bytes) -> None:
    assert refused(body).status == 400


def test_many_shallow_objects_are_not_taken_for_depth() -> None:
    taken(order_placed(data={"order": ORDER | {"items": [{"sku": str(n)} for n in range(500)]}}))


@pytest.mark.parametrize(
    "data", [{"order": ORDER, "note": "a\0b"}, {"order": ORDER, "a\0b": 1}, {"order": ORDER, "x": [["\0"]]}]
)
def test_nul_is_refused_wherever_it_stands(data: dict[str, Any]) -> None:
    assert "NUL" in refused(order_placed(data=data)).error


def test_backslash_before_u0000_is_plain_text() -> None:
    taken(order_placed(data={"order": ORDER, "note": r"\u0000"}))


def test_event_over_256_kb_is_413_and_one_of_256_kb_is_taken() -> None:
    event = order_placed(data={"order": ORDER, "note": ""})
    room = MAX_EVENT_BYTES - len(raw(event))
    event["data"]["note"] = "x" * room
    taken(event)
    event["data"]["note"] += "x"
    assert refused(event).status == 413


@pytest.mark.parametrize("event_type", sorted(BROWSER_TYPES))
def test_page_may_say_what_a_visitor_looks_at(event_type: str) -> None:
    data = {"customer": {"anonymous_id": "a-1", "email": "a@example.com"}, "cart": {"id": "k"}, "product": {"id": "p"}}
    checked = taken(cart_updated(type=event_type, data=data), "browser")
    assert (checked.subject, checked.anonymous_id, checked.email) == (None, "a-1", "a@example.com")


@pytest.mark.parametrize("event_type", sorted(ACCEPTED_TYPES - BROWSER_TYPES))
def test_page_may_not_say_what_only_a_server_knows(event_type: str) -> None:
    data = cart_updated()["data"] | {
        "order": ORDER,
        "product": {"id": "p"},
        "threshold": {"step": 1, "currency": "PLN", "period": "2026"},
    }
    assert "browser key" in refused(cart_updated(type=event_type, data=data), "browser").error


def test_page_may_not_say_who_a_visitor_is() -> None:
    assert "`subject`" in refused(cart_updated(subject="c-1"), "browser").error
    assert "`data.customer.id`" in refused(cart_updated({"id": "c-1"}), "browser").error


@pytest.mark.parametrize("name", ["consents", "tags", "first_name", "phone", "vip"])
def test_page_may_not_say_facts_of_a_customer(name: str) -> None:
    value: Any = {"consents": {}, "tags": []}.get(name, "x")
    assert f"`data.customer.{name}`" in refused(cart_updated({"anonymous_id": "a", name: value}), "browser").error
