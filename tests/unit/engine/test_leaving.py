"""Exits and goals, lateness, and what is taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.journey import Goal, Rule, Wait
from services.contracts.reasons import Reason
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, goal, happened, journey, say, until, workspace

DAYS = Wait("wait", 2, "days")


def inside(**fields: Any) -> Run:
    """A customer who has been told once and waits to be told again."""
    run = Run(workspace(journey("views", "page.viewed", say(), DAYS, say(id="second"), **fields)))
    return run.take(happened("page.viewed", customer=anna()))


def order(minutes: int = 1, total: str = "100.00", **fields: Any) -> Any:
    return happened(
        "order.placed", AT + minutes * MINUTE, customer=anna(), order={"id": "o1", "total": total}, **fields
    )


def test_an_exit_ends_the_entry_and_takes_back_what_is_unsent() -> None:
    run = inside(exits=until("order.placed")).take(order())
    assert (run.said, run.ended, run.timers) == ([], [Reason.EXITED], {})
    assert set(run.revoked.values()) == {Reason.EXITED}
    (row,) = run.entries.values()
    assert (row.reason, row.ended_at, row.step) == ("exited", AT, "wait")


def test_an_exit_whose_condition_does_not_hold_ends_nothing() -> None:
    run = inside(exits=(Rule("order.placed", "received.order.total > 100"),)).take(order())
    assert run.wait(3 * DAY).said == ["hello", "hello"]


def test_an_exit_may_compare_with_the_event_that_entered() -> None:
    carts = journey("carts", "cart.updated", DAYS, say(), key="event.cart.id",
                    exits=(Rule("order.placed", "received.order.cart_id == event.cart.id"),))  # fmt: skip
    run = Run(workspace(carts))
    for cart in ("k1", "k2"):
        run.take(happened("cart.updated", customer=anna(), cart={"id": cart}))
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), order={"id": "1", "cart_id": "k1"}))
    assert [message.context["event"]["cart"]["id"] for message in run.wait(3 * DAY).queue] == ["k2"]


def test_what_happened_before_the_entry_began_does_not_end_it() -> None:
    run = inside(exits=until("order.placed")).take(order(-1))
    assert run.wait(3 * DAY).said == ["hello", "hello"]


def test_an_event_does_not_exit_the_entry_that_it_opens() -> None:
    assert inside(exits=until("page.viewed")).said == ["hello"]


def test_an_entry_that_has_ended_may_still_be_exited_for_a_while() -> None:
    """Its last message may be unsent, paused or waiting for its turn."""
    run = Run(workspace(journey("views", "page.viewed", exits=until("order.placed"))))
    run.take(happened("page.viewed", customer=anna()))
    assert (run.ended, run.said) == ([Reason.COMPLETED], ["hello"])
    run.reload().take(order())
    assert (run.ended, run.said, run.profile.entries) == ([Reason.COMPLETED], [], [])


def test_after_that_while_it_is_over() -> None:
    run = Run(workspace(journey("views", "page.viewed", exits=until("order.placed"), goals=goal("order.placed"))))
    run.take(happened("page.viewed", customer=anna()))
    run.now = AT + timedelta(days=7, minutes=1)
    run.take(happened("order.placed", run.now, customer=anna(), placed="o1"))
    assert (run.ended, run.said) == ([Reason.COMPLETED], ["hello"])


def test_ended_entries_kept_for_exits_stay_few() -> None:
    run = Run(workspace(journey("orders", "order.placed", key="event.order.id", exits=until("order.cancelled"))))
    for number in range(30):
        run.take(happened("order.placed", customer=anna(), placed=str(number)))
    assert len(run.profile.entries) == 20


def test_a_goal_ends_the_entry_and_is_counted() -> None:
    run = inside(goals=goal("order.placed")).take(order())
    assert (run.said, run.ended) == ([], [Reason.GOAL_REACHED])


def test_a_goal_that_stays_is_counted_once_and_ends_nothing() -> None:
    run = inside(goals=goal("order.placed", stay=True)).take(order(), order(2))
    assert run.reasons.count(("views", Reason.GOAL_REACHED)) == 1
    assert run.wait(3 * DAY).said == ["hello", "hello"]


def test_a_goal_that_stays_leaves_the_row_of_an_ended_entry_as_it_ended() -> None:
    run = Run(workspace(journey("views", "page.viewed", goals=goal("order.placed", stay=True))))
    run.take(happened("page.viewed", customer=anna())).take(order())
    (row,) = run.entries.values()
    assert (row.reason, row.ended_at) == ("completed", AT)


@pytest.mark.parametrize(("hours", "counts"), [(24, True), (25, False)])
def test_a_goal_counts_within_its_time(hours: int, counts: bool) -> None:
    run = inside(goals=goal("order.placed", within=86_400.0)).take(order(hours * 60))
    assert (run.ended == [Reason.GOAL_REACHED]) is counts
    assert (("views", Reason.TOO_LATE) in run.reasons) is not counts


def test_a_goal_may_be_a_click_in_ones_own_message() -> None:
    run = inside(goals=(Goal("message.clicked", "received.message.url.contains('sale')"),))
    first = run.queue[0]
    run.hear(run.profile, "clicked", first, url="https://shop.example/sale", entry="00" * 16)
    assert run.ended == []
    run.hear(run.profile, "clicked", first, url="https://shop.example/terms")
    assert run.ended == []
    assert run.hear(run.profile, "clicked", first, url="https://shop.example/sale").ended == [Reason.GOAL_REACHED]


def test_leaving_by_the_link_in_a_message_withdraws_the_channel_and_takes_back_its_marketing() -> None:
    service = journey("service", "page.viewed", klass="service")
    run = Run(workspace(journey("views", "page.viewed"), service)).take(happened("page.viewed", customer=anna()))
    run.hear(run.profile, "unsubscribed", run.queue[1])
    assert run.profile.consents["email"].state == "unsubscribed"
    assert [message.journey for message in run.queue] == ["service"]
    assert set(run.revoked.values()) == {Reason.WITHDRAWN}


def test_a_withdrawal_takes_back_its_channels_marketing_and_nothing_else() -> None:
    both = {channel: {"state": "subscribed"} for channel in ("email", "sms")}
    step = say(via=("email", "sms"), every=True)
    run = Run(workspace(journey("a", "page.viewed", step), journey("b", "page.viewed", step, klass="transactional")))
    run.take(happened("page.viewed", customer=anna(consents=both, phone="+48600100200")))
    run.take(happened("consent.changed", AT + MINUTE,
                      customer={"id": "c-1", "consents": {"email": {"state": "unsubscribed"}}}))  # fmt: skip
    assert sorted((m.journey, m.channel) for m in run.queue) == [("a", "sms"), ("b", "email"), ("b", "sms")]


def test_a_withdrawal_of_a_topic_takes_back_that_topic() -> None:
    run = Run(workspace(journey("a", "page.viewed", topic="news"), journey("b", "page.viewed", topic="tips")))
    run.take(happened("page.viewed", customer=anna()))
    news = {"email": {"state": "unsubscribed", "topics": ["news"]}}
    run.take(happened("consent.changed", AT + MINUTE, customer={"id": "c-1", "consents": news}))
    assert [message.journey for message in run.queue] == ["b"]


def late(by: timedelta, **fields: Any) -> Run:
    """An entry whose timer fires so much later than it was due."""
    condition = "profile.orders_count == 0"
    run = Run(workspace(journey("views", "page.viewed", DAYS, say(), condition=condition, **fields)))
    run.take(happened("page.viewed", customer=anna()))
    run.now += 2 * DAY + by
    return run


@pytest.mark.parametrize(
    ("policy", "orders", "hours", "said", "ended"),
    [
        ("recheck", 0, 3, ["hello"], Reason.COMPLETED),
        ("recheck", 1, 3, [], Reason.CONDITION_FALSE),
        ("recheck", 1, 1, ["hello"], Reason.COMPLETED),
        ("drop", 0, 3, [], Reason.LATE),
        ("drop", 0, 2, ["hello"], Reason.COMPLETED),
        ("send", 1, 300, ["hello"], Reason.COMPLETED),
    ],
)
def test_a_late_wait_does_what_its_journey_says(
    policy: str, orders: int, hours: int, said: list[str], ended: Reason
) -> None:
    run = late(hours * HOUR, late=policy)
    for number in range(orders):
        run.take(happened("order.placed", run.now, customer=anna(), placed=str(number)))
    run.fire(next(iter(run.timers)))
    assert (run.said, run.ended, run.timers) == (said, [ended], {})


def test_an_entry_dropped_for_lateness_may_still_be_exited() -> None:
    steps = (say(), DAYS, say(id="second"))
    run = Run(workspace(journey("views", "page.viewed", *steps, exits=until("order.placed"), late="drop")))
    run.take(happened("page.viewed", customer=anna()))
    run.now += 3 * DAY
    run.fire(next(iter(run.timers)))
    assert run.said == ["hello"]
    assert run.take(happened("order.placed", run.now, customer=anna(), placed="1")).said == []


def test_a_timer_of_an_entry_that_was_left_does_nothing() -> None:
    run = inside(exits=until("order.placed"))
    (timer,) = run.timers.values()
    run.take(order())
    run.timers[timer.id] = timer
    run.fire(timer.id)
    assert (run.said, run.ended) == ([], [Reason.EXITED])


def test_a_timer_counts_only_for_the_wait_that_set_it() -> None:
    run = Run(workspace(journey("views", "page.viewed", DAYS, Wait("more", 2, "days"), say())))
    run.take(happened("page.viewed", customer=anna()))
    (first,) = run.timers.values()
    run.wait(2 * DAY)
    (second,) = run.timers.values()
    assert second.generation == first.generation + 1
    run.timers[first.id] = first
    run.fire(first.id)
    assert run.said == []


def test_a_document_whose_steps_form_a_loop_fails_instead_of_going_on_for_ever() -> None:
    run = Run(workspace(journey("views", "page.viewed")))
    compiled = run.definitions.revisions["views", 1]
    node = compiled.nodes["send:hello"]
    compiled.nodes["send:hello"] = type(node)(node.step, "send:hello", ())
    with pytest.raises(RuntimeError, match="views revision 1 does not end"):
        run.take(happened("page.viewed", customer=anna(consents={})))
