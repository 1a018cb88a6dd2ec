"""The recipes played through engine and notifier: who hears what, when and over which channel, and who does not.

What everybody hears at a time of the shop's, newsletter and campaigns, is left out: it would stand between all that is
said to Anna. Its templates and conditions are tried in tests/unit/workspace/test_recipes.py, the schedules in
tests/integration/test_engine_schedule.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.cli.workspace.load import load
from services.contracts.schedule import Dated
from services.contracts.workspace import Workspace
from tests.support.theatre import Theatre, theatre

RECIPES = Path(__file__).parents[2] / "recipes"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BOTH = ("email", "sms")
MONEY = {"pl": "PLN", "en": "GBP"}


@cache
def recipe(language: str) -> Workspace:
    """The recipes of a language, but those that come to everybody at a time of the shop's."""
    found = load(RECIPES / language).workspace
    assert found is not None
    own = [one for one in found.journeys if one.enter.schedule is None or isinstance(one.enter.schedule.when, Dated)]
    return msgspec.structs.replace(found, journeys=type(found.journeys)(own))


@pytest.fixture(params=["pl", "en"])
async def stage(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Stage]:
    async with theatre(database_url, recipe(request.param), "2026-11-24 13:00") as made:  # a Tuesday
        yield Stage(made, request.param)


class Stage:
    """One customer of the shop, Anna, and what she and the shop do."""

    def __init__(self, made: Theatre, language: str) -> None:
        self.theatre, self.language = made, language
        self.until, self.passes, self.said = made.until, made.passes, made.said

    def anna(self, *agrees: str, **more: Any) -> dict[str, Any]:
        states = {channel: {"state": "subscribed", "at": "2026-11-01T10:00:00Z"} for channel in agrees}
        known = {"id": "anna", "email": "anna@example.com", "phone": "+48600100201", "first_name": "ANNA",
                 "locale": self.language}  # fmt: skip
        return known | ({"consents": states} if states else {}) | more

    async def does(self, kind: str, who: dict[str, Any], **data: Any) -> None:
        await self.theatre.happens(kind, customer=who, **data)

    async def orders(self, who: dict[str, Any], identity: str = "o1", total: str = "90.00", **more: Any) -> None:
        await self.does("order.placed", who, order=self.order(identity, total, **more))

    def order(self, identity: str = "o1", total: str = "90.00", **more: Any) -> dict[str, Any]:
        item = {"product_id": "p1", "name": "Melisa", "quantity": 1, "price": total}
        return {"id": identity, "number": identity, "total": total, "currency": MONEY[self.language],
                "payment_method": "cash_on_delivery", "items": [item], **more}  # fmt: skip

    def product(self, price: str = "24.50", **more: Any) -> dict[str, Any]:
        return {"id": "p1", "name": "Melisa", "price": price, "currency": MONEY[self.language], "stock": 9, **more}

    def cart(self, total: str = "180.00", **more: Any) -> dict[str, Any]:
        items = [{"product_id": "p1", "name": "Melisa", "quantity": 2, "price": "90.00"}] if total != "0.00" else []
        return {"id": "k1", "total": total, "currency": MONEY[self.language], "items": items, **more}

    async def text(self, template: str, channel: str = "email") -> str:
        return next(h.text for h in await self.theatre.heard() if (h.template, h.channel) == (template, channel))

    def either(self, polish: str, english: str) -> str:
        return polish if self.language == "pl" else english


async def test_who_signs_up_gets_three_letters_until_the_first_order(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna("email"))
    await stage.passes(10 * DAY)
    assert await stage.said() == [
        "24 Tue 13:00 email welcome", "27 Fri 10:00 email welcome-story", "30 Mon 10:00 email welcome-question",
    ]  # fmt: skip
    assert stage.either("Cześć, Aniu!", "Hi Anna,") in await stage.text("welcome")


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
    assert stage.either("12,50 zł", "£12.50") in (await stage.text("cart-free-delivery")).replace("\N{NBSP}", " ")


async def test_a_vip_is_offered_help_by_sms_in_place_of_a_last_call(stage: Stage) -> None:
    await stage.orders(stage.anna(*BOTH), total="3200.00")
    await stage.passes(3 * DAY)
    before = len(await stage.said())
    await stage.does("cart.updated", stage.anna(), cart=stage.cart(missing_to_free_delivery="5.00"))
    await stage.passes(2 * DAY)
    assert (await stage.said())[before:] == ["27 Fri 13:45 email cart-reminder", "28 Sat 10:00 sms cart-help"]
    assert stage.either("odłożyliśmy go na bok", "put it aside") in await stage.text("cart-reminder")


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
    times = {"pl": 1, "en": 2}[stage.language]  # 1,280 is beyond the third step in pounds
    assert [said for said in await stage.said() if "reward" in said] == ["24 Tue 13:00 email spend-reward"] * times
    assert stage.either("500", "400") in await stage.text("spend-reward")


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
    if stage.language == "pl":
        assert "naszą stałą klientką" in await stage.text("vip-welcome")


async def test_birthdays_are_wished_at_nine_by_the_channel_that_is_allowed(stage: Stage) -> None:
    await stage.does("customer.signed_up", stage.anna("sms", birthday="1990-11-26"))
    await stage.passes(3 * DAY)
    assert (await stage.said())[-1] == "26 Thu 09:00 sms birthday"
    assert stage.either("Aniu, wszystkiego najlepszego!", "Happy birthday, Anna!") in await stage.text(
        "birthday", "sms"
    )


async def test_each_year_since_the_first_order_is_thanked_for(stage: Stage) -> None:
    await stage.orders(stage.anna("email"))
    await stage.passes(366 * DAY)
    assert (await stage.said())[-1] == "24 Wed 09:00 email anniversary"
    assert stage.either("Minął rok", "A year since") in await stage.text("anniversary")


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
    assert stage.either("26 listopada, 22:00", "26 November, 22:00") in await stage.text("unpaid-last-call")


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


async def test_who_keeps_coming_back_to_a_product_is_written_to_the_next_morning_and_once(stage: Stage) -> None:
    for _ in range(2):
        for _ in range(3):
            await stage.does("product.viewed", stage.anna("email"), product=stage.product())
        await stage.passes(2 * DAY)
    assert await stage.said() == ["25 Wed 10:00 email browse-recovery"]
    assert stage.either("Ostatnio oglądane:", "You looked at these:") in await stage.text("browse-recovery")


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
    assert call.recipient == stage.either("pomoc@zielnik.example", "help@herbarium.example")
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
    refund = {"amount": "90.00", "currency": MONEY[stage.language]}
    await stage.does("order.refunded", anna, order=stage.order(), refund=refund)
    assert await stage.said() == [
        "24 Tue 13:00 email return-requested", "28 Sat 13:00 email return-received", "29 Sun 13:00 email refund",
    ]  # fmt: skip
    assert stage.either("90,00 zł", "£90.00") in (await stage.text("refund")).replace("\N{NBSP}", " ")


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
