"""The recipes about products, about what follows an order, and about days, played as those of test_recipes.py are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.support.stage import CURRENCY, Stage, staged

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with staged(database_url) as made:
        yield made


async def test_who_keeps_coming_back_to_a_product_is_written_to_the_next_morning_and_once(stage: Stage) -> None:
    for _ in range(2):
        for _ in range(3):
            await stage.does("product.viewed", stage.anna("email"), product=stage.product())
        await stage.passes(2 * DAY)
    assert await stage.said() == ["25 Wed 10:00 email browse-recovery"]
    assert "Ostatnio oglądane:" in await stage.text("browse-recovery")


async def test_a_cart_ends_what_is_said_of_looks(stage: Stage) -> None:
    for _ in range(3):
        await stage.does("product.viewed", stage.anna("email"), product=stage.product())
    await stage.passes(5 * HOUR)
    await stage.does("cart.updated", stage.anna(), cart=stage.cart("39.00"))
    await stage.passes(2 * DAY)
    assert await stage.said() == []


async def test_who_asked_hears_first_that_a_product_is_back_and_who_looked_hears_it_later(stage: Stage) -> None:
    ewa = {"id": "ewa", "email": "ewa@example.com", "consents": stage.anna("email")["consents"]}
    await stage.does("product.viewed", ewa, product=stage.product(stock=0))
    await stage.does("product.viewed", stage.anna(), product=stage.product(stock=0))  # agrees to no advertisement
    await stage.does("product.asked_for", stage.anna(), product=stage.product(stock=0))
    await stage.passes(HOUR)
    await stage.theatre.happens("product.back_in_stock", product=stage.product())
    await stage.passes(DAY)
    assert [(one.at, one.template, one.recipient) for one in await stage.theatre.heard()] == [
        ("24 Tue 14:00", "back-in-stock", "anna@example.com"),
        ("24 Tue 18:00", "back-in-stock-seen", "ewa@example.com"),
    ]  # fmt: skip


async def test_a_lower_price_is_told_with_the_lowest_of_thirty_days_or_not_at_all(stage: Stage) -> None:
    await stage.theatre.happens("product.updated", product=stage.product("29.90"))
    await stage.does("cart.updated", stage.anna("email"), cart=stage.cart("39.00", items=[{"product_id": "p1"}]))
    await stage.passes(DAY)
    await stage.theatre.happens("product.updated", product=stage.product("27.00"))
    assert await stage.said() == []
    await stage.theatre.happens("product.updated", product=stage.product("24.50", lowest_price_30d="29.90"))
    assert await stage.said() == ["25 Wed 13:00 email price-drop"]
    assert "-18%" in await stage.text("price-drop")


async def test_a_team_is_asked_to_call_a_new_vip_at_once(stage: Stage) -> None:
    await stage.orders(stage.anna(), total="3200.00")
    call = next(one for one in await stage.theatre.heard() if one.template == "vip-call")
    assert call.at == "24 Tue 13:00"
    assert call.recipient == "pomoc@zielnik.example"
    assert "+48600100201" in call.text


async def test_a_second_order_brings_tips_then_a_question_then_an_invitation(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.orders(stage.anna(), "o2")
    await stage.passes(DAY)
    before = len(await stage.said())
    await stage.does("order.delivered", stage.anna(), order=stage.order("o2"))
    await stage.passes(20 * DAY)
    assert (await stage.said())[before:] == [
        "26 Thu 10:00 email care-tips", "05 Sat 17:00 email review-request", "10 Thu 10:00 email community",
    ]  # fmt: skip


async def test_nobody_is_asked_how_it_tastes_who_sends_it_back(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.does("order.delivered", stage.anna(), order=stage.order())
    await stage.passes(2 * DAY)
    await stage.does("return.requested", stage.anna(), order=stage.order())
    await stage.passes(20 * DAY)
    assert not [said for said in await stage.said() if said.endswith("review-request")]


async def test_a_return_is_told_of_step_by_step_and_advertising_rests(stage: Stage) -> None:
    anna = stage.anna("email")
    await stage.does("return.requested", anna, order=stage.order())
    await stage.does("cart.updated", anna, cart=stage.cart())
    await stage.passes(4 * DAY)
    await stage.does("return.received", anna, order=stage.order())
    await stage.passes(DAY)
    refund = {"amount": "90.00", "currency": CURRENCY}
    await stage.does("order.refunded", anna, order=stage.order(), refund=refund)
    assert await stage.said() == [
        "24 Tue 13:00 email return-requested", "28 Sat 13:00 email return-received", "29 Sun 13:00 email refund",
    ]  # fmt: skip
    assert "90,00 zł" in (await stage.text("refund")).replace("\N{NBSP}", " ")


async def test_a_complaint_is_confirmed_a_team_is_told_and_advertising_rests_a_week_beyond_it(stage: Stage) -> None:
    anna = stage.anna("email")
    await stage.does("complaint.opened", anna, order=stage.order())
    assert sorted(said.split()[-1] for said in await stage.said()) == ["complaint", "complaint-opened"]
    await stage.passes(5 * DAY)
    await stage.does("complaint.resolved", anna, order=stage.order())
    await stage.passes(6 * DAY)
    await stage.does("cart.updated", anna, cart=stage.cart())
    await stage.passes(2 * DAY)
    assert len(await stage.said()) == 2


async def test_who_ends_a_subscription_is_reminded_two_weeks_before_and_who_cancels_it_is_not(stage: Stage) -> None:
    ewa = {"id": "ewa", "email": "ewa@example.com"}
    for who in (stage.anna(), ewa):
        await stage.does("subscription.renewed", who, subscription={"id": "s1", "ends_on": "2026-12-24"})
    await stage.does("subscription.cancelled", ewa, subscription={"id": "s1"})
    await stage.passes(400 * DAY)
    assert await stage.said() == ["10 Thu 09:00 email subscription-ending"]
    assert "24 grudnia 2026" in await stage.text("subscription-ending")


async def test_a_name_day_is_wished_where_the_shop_keeps_a_calendar_of_them(stage: Stage) -> None:
    barbara = stage.anna("email") | {"first_name": "BARBARA"}
    await stage.does("customer.signed_up", barbara)
    await stage.passes(11 * DAY)
    wished = [said for said in await stage.said() if "name-day" in said]
    assert wished == ["04 Fri 09:00 email name-day"]
