"""Events that follow from orders: milestones, unpaid ones, thresholds of a period, lapsing."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from services.contracts.journey import Wait
from services.contracts.reasons import Reason
from services.contracts.settings import Lapsed, Threshold, Unpaid
from services.trigger_engine.journeys.derived import order_unpaid
from services.trigger_engine.profiles.arrival import Arrival
from tests.support.engine import AT, DAY, DERIVE, HOUR, MINUTE, Run, anna, happened, journey, say, workspace

MILESTONE = journey("milestone", "order.milestone", again_after=0)
UNPAID = journey("unpaid", "order.unpaid", key="event.order.id", again_after=0)
REWARD = journey("reward", "spend.threshold_crossed", Wait("w", 1, "hours"), say(), again_after=0)
LAPSED = journey("lapsed", "customer.lapsed", again_after=0)


def order(kind: str, number: int, at: datetime | None = None, total: str = "100.00", **more: Any) -> Arrival:
    when = AT + number * MINUTE if at is None else at
    refund = {"refund": more.pop("refund")} if "refund" in more else {}
    told = {"id": f"o{number}", "total": total, "currency": "PLN", **more}
    return happened(f"order.{kind}", when, id=f"{kind}-{number}", customer=anna(), order=told, **refund)


def kinds(run: Run) -> list[str]:
    return [kind for kind, _ in run.derived]


def derive(**changed: Any) -> Any:
    return msgspec.structs.replace(DERIVE, **changed)


def test_the_second_fifth_and_tenth_order_are_milestones() -> None:
    run = Run(workspace(MILESTONE)).take(*(order("placed", number) for number in range(12)))
    assert run.derived == [("order.milestone", AT + (n - 1) * MINUTE) for n in (2, 5, 10)]


def test_a_milestone_reached_again_after_a_cancellation_is_not_told_again() -> None:
    run = Run(workspace(MILESTONE)).take(order("placed", 1), order("placed", 2), order("cancelled", 2, AT + HOUR))
    assert kinds(run.take(order("placed", 3))) == ["order.milestone"]


def test_an_order_cancelled_before_it_is_read_makes_no_milestone() -> None:
    run = Run(workspace(MILESTONE)).take(order("placed", 1), order("cancelled", 2, AT + HOUR), order("placed", 2))
    assert kinds(run) == []


def test_an_order_is_unpaid_after_two_hours() -> None:
    run = Run(workspace(UNPAID)).take(order("placed", 0))
    assert run.wait(2 * HOUR - MINUTE).said == []
    (message,) = run.wait(MINUTE).queue
    assert message.context["event"]["order"] == {"id": "o0"}
    assert run.derived == [("order.unpaid", AT + 2 * HOUR)]
    assert kinds(run.reload().wait(DAY)) == ["order.unpaid"]


@pytest.mark.parametrize("end", ["paid", "cancelled"])
def test_an_order_paid_or_cancelled_in_time_is_never_unpaid_whichever_is_read_first(end: str) -> None:
    told = (order("placed", 0), order(end, 0, AT + HOUR))
    for events in permutations(told):
        assert kinds(Run(workspace(UNPAID)).take(*events).wait(DAY)) == []


def test_an_order_that_is_paid_on_delivery_or_costs_nothing_is_never_unpaid() -> None:
    run = Run(workspace(UNPAID)).take(
        order("placed", 0, payment_method="cash_on_delivery"), order("placed", 1, total="0.00")
    )
    assert kinds(run.wait(DAY)) == []


def test_of_several_open_orders_each_is_unpaid_in_its_own_time() -> None:
    run = Run(workspace(UNPAID)).take(order("placed", 2), order("placed", 0), order("placed", 1))
    run.take(order("paid", 1, AT + 3 * MINUTE))
    run.wait(DAY)
    assert run.derived == [("order.unpaid", AT + 2 * HOUR), ("order.unpaid", AT + 2 * HOUR + 2 * MINUTE)]


def test_an_order_told_of_twice_is_unpaid_by_the_later_word_in_every_order() -> None:
    told = [happened("order.placed", AT + n * MINUTE, customer=anna(), placed="o1") for n in range(3)]
    for events in permutations(told):
        assert Run(workspace(UNPAID)).take(*events).wait(DAY).derived == [("order.unpaid", AT + 2 * HOUR + 2 * MINUTE)]


def test_open_orders_remembered_stay_few() -> None:
    run = Run(workspace(UNPAID)).take(*(order("placed", number) for number in range(25)))
    assert len(run.profile.unpaid) == order_unpaid.MOST_OPEN
    assert len(kinds(run.wait(DAY))) == order_unpaid.MOST_OPEN


def test_an_open_order_is_still_unpaid_after_a_merge_and_paid_after_one() -> None:
    shopper = {"anonymous_id": "a1"}
    for paid in (False, True):
        run = Run(workspace(UNPAID))
        run.take(happened("order.placed", customer=shopper, order={"id": "o1", "total": "9", "currency": "PLN"}))
        if paid:
            run.take(happened("order.paid", customer=anna(), order={"id": "o1", "total": "9", "currency": "PLN"}))
        run.take(happened("customer.updated", customer=anna(anonymous_id="a1")))
        assert kinds(run.reload().wait(DAY)) == ([] if paid else ["order.unpaid"])


def test_other_payment_methods_are_excepted_where_the_shop_says_so() -> None:
    rule = derive(order_unpaid=Unpaid(3_600.0, ("transfer",)))
    run = Run(workspace(UNPAID, derive=rule)).take(order("placed", 0, payment_method="transfer"), order("placed", 1))
    assert run.wait(DAY).derived == [("order.unpaid", AT + HOUR + MINUTE)]


def test_a_refund_takes_back_what_a_crossing_has_begun_and_crossing_again_rewards_nobody() -> None:
    run = Run(workspace(REWARD)).take(order("paid", 1, total="600"))
    assert len(run.profile.entries) == 1
    run.take(order("refunded", 1, AT + HOUR, total="600", refund={"id": "r1", "amount": "200"}))
    assert (run.profile.entries, run.ended) == ([], [Reason.UNDONE])
    run.take(order("paid", 2, total="600"))
    assert kinds(run.wait(DAY)) == ["spend.threshold_crossed"]
    assert run.said == []


def test_a_message_of_a_crossing_that_was_not_sent_yet_is_taken_back() -> None:
    run = Run(workspace(journey("reward", "spend.threshold_crossed", again_after=0))).take(
        order("paid", 1, total="600")
    )
    assert run.said == ["hello"]
    run.take(order("placed", 1), order("cancelled", 1, AT + HOUR))
    assert run.said == []
    assert set(run.revoked.values()) == {Reason.UNDONE}


def test_a_refund_that_leaves_the_step_reached_takes_nothing_back() -> None:
    run = Run(workspace(REWARD)).take(order("paid", 1, total="600"))
    run.take(order("refunded", 1, AT + HOUR, total="600", refund={"id": "r1", "amount": "50"}))
    assert run.wait(DAY).said == ["hello"]


def test_a_crossing_is_taken_back_from_the_customer_who_was_another_profile_then() -> None:
    run = Run(workspace(REWARD))
    run.take(
        happened("order.paid", customer={"anonymous_id": "a1"}, order={"id": "o1", "total": "600", "currency": "PLN"})
    )
    run.take(happened("customer.updated", AT - DAY, customer=anna()))
    run.take(happened("customer.updated", customer=anna(anonymous_id="a1")))
    run.take(happened("order.cancelled", customer=anna(), order={"id": "o1"}))
    assert (run.profile.entries, run.wait(DAY).said) == ([], [])


def test_the_same_orders_in_any_order_cross_nothing_that_a_refund_has_paid_back() -> None:
    told = (order("placed", 1), order("paid", 1, AT + MINUTE, total="600"),
            order("refunded", 1, AT + HOUR, total="600"), order("paid", 2, AT + 2 * HOUR, total="100"))  # fmt: skip
    for events in permutations(told):
        assert Run(workspace(REWARD), now=AT + 2 * HOUR).take(*events).wait(DAY).said == []


@pytest.mark.parametrize(("per", "later", "crossings"), [("month", 10, 2), ("year", 10, 1), ("year", 60, 2),
                                                          ("lifetime", 60, 1)])  # fmt: skip
def test_a_period_begins_anew_by_the_shops_calendar(per: Any, later: int, crossings: int) -> None:
    rule = derive(spend_threshold=Threshold(per=per))
    run = Run(workspace(REWARD, derive=rule)).take(order("paid", 1, total="600"))
    run.now = AT + later * DAY
    run.take(order("paid", 2, run.now, total="600"))
    assert kinds(run) == ["spend.threshold_crossed"] * crossings


def test_new_years_eve_in_warsaw_belongs_to_the_new_year_an_hour_early() -> None:
    rule = derive(spend_threshold=Threshold(per="year"))
    late = datetime(2026, 12, 31, 23, 30, tzinfo=AT.tzinfo)
    run = Run(workspace(REWARD, derive=rule), now=late).take(order("paid", 1, late, total="600"))
    assert "spend.threshold_crossed:PLN:5000000:2027" in run.profile.stated


@pytest.mark.parametrize(("counts", "without", "crosses"), [
    ("paid", ("shipping",), False), ("paid", (), True), ("placed", ("shipping",), False), ("placed", (), True),
])  # fmt: skip
def test_shipping_counts_unless_it_is_left_out(counts: Any, without: tuple[str, ...], crosses: bool) -> None:
    rule = derive(spend_threshold=Threshold(counts=counts, without=without))
    run = Run(workspace(REWARD, derive=rule)).take(order(counts, 1, total="510", shipping="20"))
    assert kinds(run) == ["spend.threshold_crossed"] * crosses


def test_who_has_ordered_once_has_lapsed_after_the_default() -> None:
    run = Run(workspace(LAPSED)).take(order("placed", 0)).wait(200 * DAY)
    assert run.derived == [("customer.lapsed", AT + 120 * DAY)]


@pytest.mark.parametrize(("gap", "lapses"), [(10, 60), (40, 80)])
def test_who_orders_often_has_lapsed_after_two_usual_gaps_but_not_too_soon(gap: int, lapses: int) -> None:
    run = Run(workspace(LAPSED))
    run.take(*(order("placed", n, AT + timedelta(days=n * gap)) for n in (2, 0, 1)))
    assert run.wait(400 * DAY).derived == [("customer.lapsed", AT + timedelta(days=2 * gap + lapses))]


def test_an_order_begins_the_lapse_anew_and_it_is_told_once_for_each_silence() -> None:
    run = Run(workspace(LAPSED, derive=derive(customer_lapsed=Lapsed(2.0, 86_400.0, 864_000.0))))
    run.take(order("placed", 0)).wait(9 * DAY)
    run.take(order("placed", 1, run.now)).wait(17 * DAY)
    assert run.derived == []
    run.wait(100 * DAY).take(order("placed", 2, run.now)).wait(365 * DAY)
    assert len(run.derived) == 2


def test_a_lapse_that_is_found_in_old_orders_enters_nothing() -> None:
    run = Run(workspace(LAPSED)).take(order("placed", 0, AT - 300 * DAY)).wait(HOUR)
    assert (kinds(run), run.said) == (["customer.lapsed"], [])
    assert ("lapsed", Reason.TOO_OLD) in run.reasons


def test_a_lapse_found_in_orders_told_late_is_told_once_although_another_was_due_after_it() -> None:
    """A history is brought in: the first order lapsed after the default; with the two told later, it was before."""
    run = Run(workspace(LAPSED)).take(order("placed", 0, AT - 300 * DAY)).wait(HOUR)
    run.take(order("placed", 1, AT - 290 * DAY), order("placed", 2, AT - 280 * DAY)).wait(HOUR)
    assert run.derived == [("customer.lapsed", AT - 180 * DAY), ("customer.lapsed", AT - 220 * DAY)]
