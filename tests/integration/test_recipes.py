"""The Polish recipes played through engine and notifier: who hears what, when, over which channel, and who does not.

Both languages are tried by the tests beside their journeys (recipes/*/journeys/*.test.yaml), without a database.
What everybody hears at a time of the shop's, newsletter and campaigns, is left out. Its templates and conditions are
tried in tests/unit/workspace/test_recipes.py, the schedules in tests/integration/test_engine_schedule.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.support.stage import Stage, staged

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BOTH = ("email", "sms")


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with staged(database_url) as made:
        yield made


async def test_who_signs_up_gets_three_letters_until_the_first_order(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna("email"))
    await stage.passes(10 * DAY)
    assert await stage.said() == [
        "24 Tue 13:00 email welcome", "27 Fri 10:00 email welcome-story", "30 Mon 10:00 email welcome-question",
    ]  # fmt: skip
    assert "Cześć, Aniu!" in await stage.text("welcome")


async def test_a_buyer_hears_no_more_of_the_welcome(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna("email"))
    await stage.passes(DAY)
    await stage.orders(stage.anna())
    await stage.passes(10 * DAY)
    assert not [said for said in await stage.said() if said.endswith(("welcome-story", "welcome-question"))]


async def test_who_has_still_to_confirm_is_asked_and_welcomed_once_that_is_done(stage: Stage) -> None:
    pending = {"email": {"state": "pending", "at": "2026-11-24T10:00:00Z"}}
    await stage.does("customer.signed_up", stage.anna() | {"consents": pending})
    await stage.passes(DAY)
    assert await stage.said() == ["24 Tue 13:00 email confirm-signup"]
    await stage.theatre.presses("confirm", "confirm-signup")
    assert (await stage.said())[1:] == ["25 Wed 13:00 email welcome"]


async def test_who_never_confirms_hears_nothing_more(stage: Stage) -> None:
    pending = {"email": {"state": "pending", "at": "2026-11-24T10:00:00Z"}}
    await stage.does("customer.signed_up", stage.anna() | {"consents": pending})
    await stage.passes(30 * DAY)
    assert await stage.said() == ["24 Tue 13:00 email confirm-signup"]


async def test_a_customer_who_subscribes_later_is_asked_to_confirm(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna())
    pending = {"email": {"state": "pending", "at": stage.theatre.now.isoformat()}}
    await stage.does("consent.changed", stage.anna() | {"consents": pending})
    assert await stage.said() == ["24 Tue 13:00 email confirm-signup"]


async def test_who_agrees_to_nothing_hears_no_advertisement(stage: Stage) -> None:
    anna = stage.anna(birthday="1990-11-26")
    await stage.does("customer.signed_up", anna)
    await stage.does("cart.updated", anna, cart=stage.cart())
    await stage.passes(20 * DAY)
    assert await stage.said() == []


async def test_the_click_that_answers_becomes_a_tag(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna("email"))
    await stage.passes(8 * DAY)
    await stage.theatre.becomes(
        "clicked", "welcome-question", url="https://zielnik.example/x?likes=spices&utm_source=w"
    )
    assert await stage.theatre.tags("anna") == ["likes-spices"]


async def test_a_cart_is_recalled_after_45_minutes_and_the_next_morning(stage: Stage) -> None:
    await stage.does("cart.updated", stage.anna(*BOTH), cart=stage.cart("150.00"))
    await stage.passes(timedelta(minutes=30))
    await stage.does("cart.updated", stage.anna(), cart=stage.cart("180.00"))
    await stage.passes(3 * DAY)
    assert await stage.said() == ["24 Tue 14:15 email cart-reminder", "25 Wed 10:00 email cart-last-call"]
    assert "180" in await stage.text("cart-reminder")


@pytest.mark.parametrize("kind", ["order.placed", "cart.emptied", "checkout.started", "order.late"])
async def test_a_cart_that_is_bought_emptied_or_in_trouble_is_not_recalled_again(stage: Stage, kind: str) -> None:
    await stage.does("cart.updated", stage.anna("email"), cart=stage.cart())
    await stage.passes(HOUR)
    if kind == "cart.emptied":
        await stage.does("cart.updated", stage.anna(), cart=stage.cart("0.00"))
    elif kind == "checkout.started":
        await stage.does(kind, stage.anna(), cart=stage.cart())
        await stage.orders(stage.anna())
    else:
        await stage.does(kind, stage.anna(), order=stage.order())
    await stage.passes(3 * DAY)
    assert [said for said in await stage.said() if "cart-" in said] == ["24 Tue 13:45 email cart-reminder"]


async def test_a_small_cart_is_left_in_peace(stage: Stage) -> None:
    await stage.does("cart.updated", stage.anna("email"), cart=stage.cart("39.00"))
    await stage.passes(3 * DAY)
    assert await stage.said() == []


async def test_a_cart_just_short_of_free_delivery_is_told_so(stage: Stage) -> None:
    await stage.does("cart.updated", stage.anna("email"), cart=stage.cart(missing_to_free_delivery="12.50"))
    await stage.passes(3 * DAY)
    assert (await stage.said())[1:] == ["25 Wed 10:00 email cart-free-delivery"]
    assert "12,50 zł" in (await stage.text("cart-free-delivery")).replace("\N{NBSP}", " ")


async def test_a_vip_is_offered_help_by_sms_in_place_of_a_last_call(stage: Stage) -> None:
    await stage.orders(stage.anna(*BOTH), total="3200.00")
    await stage.passes(3 * DAY)
    before = len(await stage.said())
    await stage.does("cart.updated", stage.anna(), cart=stage.cart(missing_to_free_delivery="5.00"))
    await stage.passes(2 * DAY)
    assert (await stage.said())[before:] == ["27 Fri 13:45 email cart-reminder", "28 Sat 10:00 sms cart-help"]
    assert "odłożyliśmy go na bok" in await stage.text("cart-reminder")


async def test_an_evening_cart_of_somebody_with_a_phone_alone_waits_for_the_morning(stage: Stage) -> None:
    await stage.until(stage.theatre.local("2026-11-24 21:00"))
    await stage.does("cart.updated", stage.anna("sms"), cart=stage.cart())
    await stage.passes(12 * HOUR)
    assert await stage.said() == ["25 Wed 09:00 sms cart-reminder"]


async def test_an_abandoned_checkout_is_recalled_once_and_not_as_a_cart_besides(stage: Stage) -> None:
    await stage.does("cart.updated", stage.anna("email"), cart=stage.cart())
    await stage.passes(timedelta(minutes=5))
    await stage.does("checkout.started", stage.anna(), cart=stage.cart())
    await stage.passes(3 * DAY)
    assert await stage.said() == ["24 Tue 13:35 email checkout-reminder", "25 Wed 10:00 email checkout-question"]


async def test_who_changes_the_cart_from_within_the_checkout_is_not_reminded_of_both(stage: Stage) -> None:
    await stage.does("checkout.started", stage.anna("email"), cart=stage.cart())
    await stage.passes(timedelta(minutes=5))
    await stage.does("cart.updated", stage.anna(), cart=stage.cart("270.00"))
    await stage.passes(3 * HOUR)
    assert await stage.said() == ["24 Tue 13:30 email checkout-reminder"]


async def test_a_checkout_that_ends_in_an_order_is_not_recalled(stage: Stage) -> None:
    await stage.does("checkout.started", stage.anna("email"), cart=stage.cart())
    await stage.passes(timedelta(minutes=10))
    await stage.orders(stage.anna())
    await stage.passes(3 * DAY)
    assert not [said for said in await stage.said() if "checkout" in said]


async def test_a_first_order_is_thanked_for_without_consent_and_explained_after_delivery(stage: Stage) -> None:
    await stage.orders(stage.anna())
    await stage.passes(3 * DAY)
    await stage.does("order.delivered", stage.anna(), order=stage.order())
    await stage.passes(3 * DAY)
    await stage.orders(stage.anna(), "o2")
    assert sorted(await stage.said()) == [
        "24 Tue 13:00 email first-order", "24 Tue 13:00 sms first-order", "28 Sat 10:00 email first-order-tips",
    ]  # fmt: skip


async def test_a_returned_first_order_is_not_explained(stage: Stage) -> None:
    await stage.orders(stage.anna())
    await stage.does("order.delivered", stage.anna(), order=stage.order())
    await stage.does("return.requested", stage.anna(), order=stage.order())
    await stage.passes(5 * DAY)
    assert not [said for said in await stage.said() if "tips" in said]


async def test_the_highest_threshold_that_an_order_crosses_is_rewarded_once(stage: Stage) -> None:
    for identity in ("o1", "o2"):
        await stage.orders(stage.anna("email"), identity, "640.00")
        await stage.does("order.paid", stage.anna(), order=stage.order(identity, "640.00"))
    await stage.passes(DAY)
    assert [said for said in await stage.said() if "reward" in said] == ["24 Tue 13:00 email spend-reward"]
    assert "500" in await stage.text("spend-reward")


async def test_the_second_order_is_thanked_for_an_hour_later_unless_it_is_cancelled(stage: Stage) -> None:
    await stage.orders(stage.anna("email"), "o1")
    await stage.orders(stage.anna(), "o2")
    await stage.passes(2 * HOUR)
    assert (await stage.said())[-1] == "24 Tue 14:00 email order-milestone"
    for number in range(3, 6):
        await stage.orders(stage.anna(), f"o{number}")
    await stage.does("order.cancelled", stage.anna(), order=stage.order("o5"))
    await stage.passes(2 * HOUR)
    assert (await stage.said())[-1].endswith("order-cancelled")


async def test_who_lapses_is_missed_then_asked_and_then_left_alone_until_the_next_order(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.passes(180 * DAY)
    assert (await stage.said())[-2:] == ["25 Thu 10:00 email win-back", "15 Thu 10:00 email win-back-last-call"]
    assert await stage.theatre.tags("anna") == ["dormant"]
    await stage.orders(stage.anna(), "o2")
    assert await stage.theatre.tags("anna") == []


async def test_who_clicks_to_go_on_is_not_dormant(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.passes(142 * DAY)
    await stage.theatre.becomes("clicked", "win-back-last-call", url="https://zielnik.example")
    await stage.passes(30 * DAY)
    assert await stage.theatre.tags("anna") == []


async def test_an_order_ends_the_win_back(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.passes(122 * DAY)
    await stage.orders(stage.anna(), "o2")
    await stage.passes(50 * DAY)
    assert [said.split()[-1] for said in await stage.said() if "win-back" in said] == ["win-back"]


async def test_a_new_vip_is_welcomed_the_next_morning_but_one_and_once(stage: Stage) -> None:
    await stage.orders(stage.anna("email"), total="3200.00")
    await stage.passes(DAY)
    await stage.orders(stage.anna(), "o2", "3200.00")
    await stage.passes(5 * DAY)
    assert [said for said in await stage.said() if "vip-welcome" in said] == ["26 Thu 10:00 email vip-welcome"]
    assert "naszą stałą klientką" in await stage.text("vip-welcome")


async def test_birthdays_are_wished_at_nine_by_the_channel_that_is_allowed(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna("sms", birthday="1990-11-26"))
    await stage.passes(3 * DAY)
    assert (await stage.said())[-1] == "26 Thu 09:00 sms birthday"
    assert "Aniu, wszystkiego najlepszego!" in await stage.text("birthday", "sms")


async def test_each_year_since_the_first_order_is_thanked_for(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.passes(300 * DAY)
    await stage.orders(stage.anna(), "o2")
    await stage.passes(66 * DAY)
    assert (await stage.said())[-1] == "24 Wed 09:00 email anniversary"
    assert "Minął rok" in await stage.text("anniversary")


async def test_a_late_parcel_brings_an_apology_and_no_advertisement_until_it_is_delivered(stage: Stage) -> None:
    anna = stage.anna("email", birthday="1990-11-26")
    await stage.orders(anna)
    await stage.does("order.late", anna, order=stage.order())
    await stage.does("cart.updated", anna, cart=stage.cart())
    await stage.passes(3 * DAY)
    assert sorted((await stage.said())[2:]) == ["24 Tue 13:00 email order-late", "24 Tue 13:00 sms order-late"]
    await stage.does("order.delivered", anna, order=stage.order())
    await stage.passes(2 * DAY)
    await stage.does("cart.updated", anna, cart=stage.cart())
    await stage.passes(HOUR)
    assert (await stage.said())[-1] == "29 Sun 13:45 email cart-reminder"


async def test_a_cancelled_order_is_confirmed_and_advertising_rests_for_three_days(stage: Stage) -> None:
    anna = stage.anna("email")
    await stage.orders(anna)
    await stage.does("order.cancelled", anna, order=stage.order())
    await stage.does("cart.updated", anna, cart=stage.cart())
    await stage.passes(2 * DAY)
    assert (await stage.said())[2:] == ["24 Tue 13:00 email order-cancelled"]


async def test_an_unpaid_order_is_reminded_of_twice_and_before_its_deadline(stage: Stage) -> None:
    deadline = stage.theatre.local("2026-11-26 22:00").isoformat()
    pay = {"payment_method": "transfer", "payment_url": "https://pay.example/o1", "pay_before": deadline}
    await stage.orders(stage.anna(), **pay)
    await stage.passes(5 * DAY)
    assert (await stage.said())[2:] == ["24 Tue 15:00 email unpaid-order", "26 Thu 10:00 email unpaid-last-call"]
    assert "https://pay.example/o1" in await stage.text("unpaid-last-call")
    assert "26 listopada, 22:00" in await stage.text("unpaid-last-call")


async def test_a_payment_ends_the_reminders_and_cash_on_delivery_has_none(stage: Stage) -> None:
    await stage.orders(stage.anna(), payment_method="transfer")
    await stage.passes(3 * HOUR)
    await stage.does("order.paid", stage.anna(), order=stage.order(payment_method="transfer"))
    await stage.orders(stage.anna(), "o2")
    await stage.passes(5 * DAY)
    assert (await stage.said())[2:] == ["24 Tue 15:00 email unpaid-order"]


async def test_a_bounced_address_is_asked_for_by_sms(stage: Stage) -> None:
    await stage.orders(stage.anna())
    await stage.theatre.becomes("bounced", "first-order", hard=True)
    await stage.passes(DAY)
    assert (await stage.said())[2:] == ["25 Wed 10:00 sms address-bounced"]
