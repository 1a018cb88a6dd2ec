"""Events that follow from facts: the first order, a step of spending, an abandoned cart; each once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.contracts.reasons import Reason
from services.contracts.settings import Threshold
from services.trigger_engine.journeys.derived import cart_abandoned
from services.trigger_engine.profiles.arrival import Arrival
from tests.support.engine import AT, DAY, DERIVE, HOUR, MINUTE, REMINDER, Run, anna, happened, journey, workspace

FIRST = journey("welcome", "order.first_placed")
REWARD = journey("reward", "spend.threshold_crossed", again_after=0)


def placed(number: int, total: str = "100.00", *, kind: str = "order.placed", **order: Any) -> Arrival:
    told = {"id": f"o{number}", "total": total, "currency": "PLN", **order}
    return happened(kind, AT + number * MINUTE, customer=anna(), order=told)


def cart(total: str | None = "150.00", at: datetime = AT, **fields: Any) -> Arrival:
    return happened("cart.updated", at, customer=anna(), cart={"id": "k1", "total": total, **fields})


def kinds(run: Run) -> list[str]:
    return [kind for kind, _ in run.derived]


def test_the_first_order_is_first_once() -> None:
    run = Run(workspace(FIRST)).take(placed(1), placed(2), placed(0))
    assert kinds(run) == ["order.first_placed"]
    assert run.said == ["hello"]


def test_a_first_order_that_the_shop_has_stated_is_not_derived_again() -> None:
    stated = happened("order.first_placed", customer=anna(), placed="o1")
    run = Run(workspace(FIRST)).take(stated, placed(1))
    assert (kinds(run), run.said) == ([], ["hello"])


def test_a_first_order_that_was_derived_is_not_taken_from_the_shop_again() -> None:
    stated = happened("order.first_placed", customer=anna(), placed="o1")
    run = Run(workspace(FIRST)).take(placed(1), stated)
    assert run.said == ["hello"]
    assert ("", Reason.DUPLICATE) in run.reasons


def test_nothing_is_derived_that_nobody_listens_to() -> None:
    run = Run(workspace(journey("thanks", "order.placed"))).take(
        placed(1), placed(1, "9000", kind="order.paid"), cart()
    )
    assert (kinds(run), run.timers) == ([], {})


def test_only_the_highest_step_newly_reached_is_crossed_and_only_once() -> None:
    run = Run(workspace(REWARD))
    run.take(*(placed(i, total, kind="order.paid") for i, total in enumerate(["400", "1700", "1", "3000", "9000"])))
    assert kinds(run) == ["spend.threshold_crossed"] * 2
    steps = [m.context["event"] for m in run.queue]
    assert len(steps) == 2
    crossed = {f"spend.threshold_crossed:PLN:{step}0000:lifetime" for step in (2000, 5000)}
    assert set(run.profile.stated) == crossed


def test_spending_in_another_currency_crosses_nothing() -> None:
    run = Run(workspace(REWARD)).take(placed(1, "9000", kind="order.paid", currency="EUR"))
    assert kinds(run) == []


def test_placed_orders_count_where_the_shop_says_so() -> None:
    placed_counts = msgspec.structs.replace(DERIVE, spend_threshold=Threshold(counts="placed", steps=(Decimal(50),)))
    run = Run(workspace(REWARD, derive=placed_counts)).take(placed(1))
    assert kinds(run) == ["spend.threshold_crossed"]


def test_a_step_that_the_shop_has_stated_rewards_once() -> None:
    threshold = {"step": "500", "currency": "PLN", "period": "lifetime"}
    stated = happened("spend.threshold_crossed", customer=anna(), threshold=threshold)
    assert Run(workspace(REWARD)).take(stated, placed(1, "600", kind="order.paid")).said == ["hello"]
    assert Run(workspace(REWARD)).take(placed(1, "600", kind="order.paid"), stated).said == ["hello"]


def test_a_cart_is_abandoned_when_untouched_for_so_long() -> None:
    run = Run(workspace(REMINDER)).take(cart())
    assert run.wait(44 * MINUTE).said == []
    assert run.wait(MINUTE).said == ["hello"]
    assert run.derived == [("cart.abandoned", AT + 45 * MINUTE)]
    assert run.wait(30 * DAY).said == ["hello"]


def test_every_change_of_the_cart_begins_the_wait_anew() -> None:
    run = Run(workspace(REMINDER)).take(cart())
    run.now += 30 * MINUTE
    run.take(cart(at=run.now, total="151"))
    assert run.wait(44 * MINUTE).said == []
    assert run.wait(MINUTE).said == ["hello"]


def test_a_cart_abandoned_twice_reminds_twice() -> None:
    run = Run(workspace(REMINDER)).take(cart()).wait(HOUR)
    assert run.take(cart(at=run.now, total="151")).wait(HOUR).said == ["hello", "hello"]


@pytest.mark.parametrize("empty", [{"total": "0.00"}, {"total": None}, {"total": "0", "items": []}])
def test_an_emptied_cart_reminds_of_nothing(empty: dict[str, Any]) -> None:
    run = Run(workspace(REMINDER)).take(cart(), cart(at=AT + MINUTE, **empty))
    assert run.wait(DAY).said == []


def test_a_cart_of_unpriced_items_is_not_empty() -> None:
    assert Run(workspace(REMINDER)).take(cart(None, items=[{"sku": "x"}])).wait(DAY).said == ["hello"]


@pytest.mark.parametrize("order", [{"cart_id": "k1"}, {}], ids=["of the cart", "of something"])
@pytest.mark.parametrize("minutes", [0, 1, 40])
def test_an_order_closes_the_cart_whichever_of_them_is_read_first(order: dict[str, Any], minutes: int) -> None:
    bought = happened("order.placed", AT + minutes * MINUTE, customer=anna(), order={"id": "o1", **order})
    assert Run(workspace(REMINDER)).take(cart(), bought).wait(DAY).said == []
    assert Run(workspace(REMINDER)).take(bought, cart()).wait(DAY).said == []


def test_a_cart_filled_after_an_order_reminds() -> None:
    bought = happened("order.placed", AT - HOUR, customer=anna(), placed="o1")
    assert Run(workspace(REMINDER)).take(bought, cart()).wait(HOUR).said == ["hello"]


def test_an_order_names_its_cart_before_the_cart_is_seen_for_ever() -> None:
    """Its tombstone holds even where the cart's own clock runs ahead of the order's."""
    bought = happened("order.placed", customer=anna(), order={"id": "o1", "cart_id": "k1"})
    assert Run(workspace(REMINDER)).take(bought, cart(at=AT + MINUTE)).wait(DAY).said == []


@pytest.mark.parametrize("first", ["shop", "wici"])
def test_of_an_abandonment_stated_by_both_the_first_one_counts(first: str) -> None:
    run = Run(workspace(REMINDER)).take(cart(updated_at=AT))
    stated = happened("cart.abandoned", AT + 40 * MINUTE, customer=anna(),
                      cart={"id": "k1", "total": "150.00", "updated_at": AT})  # fmt: skip
    if first == "shop":
        run.take(stated).wait(DAY)
    else:
        run.wait(HOUR).take(stated)
    assert run.said == ["hello"]


def test_an_abandonment_stated_without_the_carts_time_is_that_of_its_last_event() -> None:
    run = Run(workspace(REMINDER)).take(cart())
    stated = happened("cart.abandoned", AT + 40 * MINUTE, customer=anna(), cart={"id": "k1", "total": "150.00"})
    assert run.take(stated).wait(DAY).said == ["hello"]


def test_the_cart_timer_that_was_set_anew_does_nothing_when_the_old_one_fires() -> None:
    run = Run(workspace(REMINDER)).take(cart())
    (old,) = run.timers.values()
    run.now += MINUTE
    run.take(cart(at=run.now))
    run.timers[old.id] = old
    run.fire(old.id)
    assert run.derived == []


def test_abandonments_remembered_stay_few() -> None:
    run = Run(workspace(REMINDER))
    for day in range(40):
        run.take(cart(at=run.now, total=str(day + 1))).wait(DAY)
    assert len(run.said) == 40
    assert sum(key.startswith(cart_abandoned.TYPE) for key in run.profile.stated) == cart_abandoned.MOST_STATED


def test_what_is_derived_has_the_profiles_own_id_for_ever() -> None:
    one, other = (Run(workspace(FIRST)).take(happened("order.placed", customer=anna(), id="1", placed="o1"))
                  for _ in range(2))  # fmt: skip
    assert set(one.messages) == set(other.messages)
