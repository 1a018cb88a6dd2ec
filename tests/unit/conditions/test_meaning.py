from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.trigger_engine.journeys.conditions import (
    BOOL,
    NUMBER,
    STRING,
    TIMESTAMP,
    compile_condition,
)
from tests.unit.conditions.shop import ENV, NOW, SCOPE, value


@pytest.mark.parametrize(
    "text",
    [
        "event.cart.total >= 100",
        '"VIP" in profile.tags',
        "received.cart.id == event.cart.id",
        "spent(365 days) >= 3000",
        'event.items.exists(i, i.category == "shoes")',
        'coupons.given("cart-10", 90 days) == 0',
        "profile.orders_count == 0",
        "now - event.order.placed_at > 36 hours",
        'now - event.order.placed_at > duration("36h")',
        "event.order.total > 200 and not profile.employee or false",
        '"B2B" not in profile.tags',
    ],
)
def test_the_conditions_of_the_handbook_hold_for_its_customer(text: str) -> None:
    assert value(text, BOOL) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("7 / 2", 3.5),
        ("-7 % 3", -1),
        ("-2 * -3", 6),
        ("!true || true", True),
        ("!(true || true)", False),
        ("true || false && false", True),
        ("not 1 == 2", True),
        ("false ? 1 : true ? 2 : 3", 2),
        ("1 in [1, 2] && !(3 in [1, 2])", True),
        ('"a" + "b" == "ab"', True),
        ("1 day == 24 hours && 90 seconds == 1.5 minutes", True),
        ("2 * 1 day", timedelta(days=2)),
        ("1e3 + .5", 1000.5),
        (r'"\u0041\n\"\\" == "A" + "\n\"\\"', True),
    ],
)
def test_operators_bind_as_in_cel(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Kozaki".startsWith("Koz") && "Kozaki".endsWith("aki") && "Kozaki".contains("zak")', True),
        ("profile.email.lower()", "anna@wp.pl"),
        ('profile.first_name.lower() + "|" + profile.first_name.lowerAscii()', "łucja|Łucja"),
        ('profile.first_name.upper() + "|" + profile.first_name.upperAscii()', "ŁUCJA|ŁUCJA"),
        ("size(profile.tags) + profile.tags.size() + profile.tags.count()", 6),
        ("profile.first_name.size()", 5),
        ("event.items.all(i, i.quantity > 0)", True),
        ("event.items.filter(i, i.price > 100).map(i, i.name)", ["Kozaki"]),
        ("event.items.count(i, i.price < 100)", 1),
        ("event.items.map(i, i.price * i.quantity).sum()", 398 + 49.9),
        ("event.items.exists(i, event.items.exists(j, j.price < i.price))", True),
        ("event.items[0].price + event.prices[1]", 219.0),
        ("event.prices.sum()", 30.5),
        ("20 in event.prices", True),
        ('timestamp("2026-11-21T11:00:00+01:00") in event.visits', True),
        ('event["cart"]["total"]', 150.0),
        ('"cart" in event', True),
        ("now + 1 day", NOW + timedelta(days=1)),
        ("timestamp(profile.extra.joined) < now", True),
        ('event.order.discount_codes == ["LATO"]', True),
    ],
)
def test_functions_and_macros_give_their_documented_values(text: str, expected: Any) -> None:
    assert value(text) == expected


def test_money_on_the_wire_is_a_number_in_conditions() -> None:
    assert value("event.order.total") == 249.9
    assert value("event.order.total == 249.90") is True
    assert value("spent(365 days)") == 3000


def test_an_unknown_field_is_read_as_what_it_is_compared_with() -> None:
    assert value("profile.extra.paid >= 100") is True
    assert value("now - profile.extra.joined > 20 days") is True
    assert value("profile.extra.note.of[0] == 'a'") is True
    assert value("profile.extra.paid == '120.00'") is True


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_an_order_comparison_with_null_is_false_on_either_side(sign: str) -> None:
    assert value(f"event.order.discount {sign} 5") is False
    assert value(f"5 {sign} event.order.discount") is False
    assert value(f"event.order.discount {sign} event.order.discount") is False


def test_null_equals_only_null() -> None:
    assert value("event.order.discount == null") is True
    assert value("event.order.discount != 5") is True
    assert value("cart == null && cart.total == null") is True


def test_null_counts_as_false_in_logic_and_flows_through_arithmetic() -> None:
    assert value("profile.employee || false") is False
    assert value("!profile.employee") is True
    assert value("profile.employee ? 1 : 2") == 2
    assert value("event.order.discount + 1") is None
    assert value('profile.anything.startsWith("a")') is False
    assert value("profile.anything.lower()") is None


def test_a_missing_list_is_an_empty_one() -> None:
    missing: dict[str, Any] = {}
    assert value("size(event.items)", event=missing) == 0
    assert value("event.items.exists(i, true)", event=missing) is False
    assert value("event.items.all(i, false)", event=missing) is True
    assert value("event.items.map(i, i.price)", event=missing) == []
    assert value('"VIP" in profile.tags', profile={}) is False


def test_has_asks_whether_a_value_is_there() -> None:
    assert value("has(event.order.total)") is True
    assert value("has(event.order.discount)") is False
    assert value("has(event.order.total)", event={"order": {"total": None}}) is False
    assert value("has(cart.total)") is False


@pytest.mark.parametrize("text", ["1 / 0", "1 % 0", "1 day / 0", "now + 99999999999 * 100 days", "event.items[7].name"])
def test_what_cannot_be_calculated_is_null(text: str) -> None:
    assert value(text) is None


def test_numbers_and_texts_that_grow_out_of_bounds_are_null() -> None:
    assert value("4611686018427387904 * 2") is None
    assert value("profile.orders_count * 10", profile={"orders_count": 1e308}) is None
    assert value("profile.first_name + profile.first_name", profile={"first_name": "a" * 6000}) is None


def test_a_macro_looks_at_a_thousand_items() -> None:
    many = [{"quantity": 1}] * 1000 + [{"quantity": 2}]
    assert value("event.items.exists(i, i.quantity == 2)", event={"items": many}) is False
    assert value("event.items.map(i, i.quantity).size()", event={"items": many}) == 1000


def test_a_root_that_is_not_given_is_null() -> None:
    condition = compile_condition("received.cart.id == event.cart.id", SCOPE)
    assert condition.evaluate({"event": ENV["event"]}) is False
    assert compile_condition("spent(365 days) >= 0", SCOPE).evaluate({}) is False


def test_the_profile_may_be_any_mapping() -> None:
    class Profile(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            return {"tags": ["VIP"]}[name]

        def __iter__(self) -> Iterator[str]:
            return iter(["tags"])

        def __len__(self) -> int:
            return 1

    assert value('"VIP" in profile.tags && profile.orders_count == null', profile=Profile()) is True


def test_the_paths_read_are_known_without_evaluating() -> None:
    condition = compile_condition(
        "event.cart.total >= 100 && event.items.exists(i, i.price > event.order.total)"
        ' && has(profile.extra["a"].b) && cart != null',
        SCOPE,
    )
    assert condition.reads == {
        ("event", "cart", "total"),
        ("event", "items"),
        ("event", "order", "total"),
        ("profile", "extra", "a", "b"),
        ("cart",),
    }


def test_the_windowed_calls_are_known_without_evaluating() -> None:
    condition = compile_condition('spent(1 week) > 5 && coupons.given("x", 90 days) == 0 && spent(7 days) > 1', SCOPE)
    assert condition.calls == {("spent", (timedelta(days=7),)), ("coupons.given", ("x", timedelta(days=90)))}
    assert condition.reads == frozenset()


def test_one_compiler_serves_keys_and_moments() -> None:
    assert value("event.cart.id", (STRING, NUMBER)) == "k1"
    assert value("event.cart.total", (STRING, NUMBER)) == 150
    assert value("event.sale.starts_at", TIMESTAMP) == datetime(2026, 11, 26, 23, tzinfo=UTC)
    assert value("event.sale.starts_at - 1 hour", TIMESTAMP) == datetime(2026, 11, 26, 22, tzinfo=UTC)


def test_an_unknown_result_is_kept_only_if_it_is_of_a_kind_expected() -> None:
    assert value("profile.extra.size", (STRING, NUMBER)) == 38
    assert value("profile.extra.note", (STRING, NUMBER)) is None
    assert value("profile.extra.joined", TIMESTAMP) == datetime(2026, 11, 1, tzinfo=UTC)
    assert value("profile.extra.paid", NUMBER) == 120
    assert value("profile.extra.note", STRING) is None
    assert value("profile.extra.note", BOOL) is False


def test_a_time_without_an_offset_is_utc() -> None:
    assert value("event.order.placed_at == now", event={"order": {"placed_at": "2026-11-22T10:00:00"}}) is True


def test_a_condition_tells_its_text_and_type() -> None:
    condition = compile_condition("event.cart.total", SCOPE, expect=NUMBER)
    assert (condition.text, condition.type) == ("event.cart.total", NUMBER)
