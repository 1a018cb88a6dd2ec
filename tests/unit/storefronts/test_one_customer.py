"""What the platforms say about one purchase, heard by the engine: one customer, and no reminder to a buyer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from services.trigger_engine.intake import decode
from tests.contract.storefront_cases import payload
from tests.support.engine import LogRecord, Run, journey, say, workspace

from .heard import events

AT = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)
REMIND = journey("cart", "cart.abandoned", say())
VISIT = (("carts/update", "shopify_cart"), ("checkouts/update", "shopify_checkout"), ("orders/create", "shopify_order"))


def heard(*told: tuple[str, str], platform: str = "shopify") -> Run:
    """The engine after these deliveries, in this order, and a day more."""
    run = Run(workspace(REMIND), now=AT)
    for topic, name in told:
        for event in events(platform, topic, payload(name)):
            record = LogRecord(event.raw, timestamp=int(AT.timestamp() * 1000))
            run.take(decode(record, (), (), AT))
    return run.wait(timedelta(days=1))


@pytest.mark.parametrize("order", list(permutations(VISIT)), ids=lambda order: "-".join(topic for topic, _ in order))
def test_cart_checkout_and_order_are_one_customer_without_a_reminder(order: tuple[tuple[str, str], ...]) -> None:
    run = heard(*order)
    assert run.profile.orders == 1
    assert run.said == []


def test_checkout_that_is_left_gets_its_reminder() -> None:
    """The customer ticked the box for e-mail, and so may be written to."""
    run = heard(*VISIT[:2])
    assert [kind for kind, _ in run.derived] == ["cart.abandoned"]
    assert run.said == ["hello"]


def test_states_of_a_woocommerce_order_count_it_once_and_its_refund_takes_it_off() -> None:
    names = ("order", "order_paid", "order_completed", "order_refunded")
    told = [("order.updated", f"woocommerce_{name}") for name in names]
    paid, refunded = (heard(*some, platform="woocommerce").profile for some in (told[:3], told))
    assert (paid.orders, paid.spent, len(paid.paid)) == (1, {"PLN": 2_499_000}, 1)
    assert (refunded.orders, refunded.spent, refunded.paid) == (1, {}, {})
