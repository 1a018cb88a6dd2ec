"""Whether an event enters a journey, and why not."""

from __future__ import annotations

import pytest

from services.contracts.journey import Rule, Tag, Wait
from services.contracts.reasons import Reason
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, goal, happened, journey, say, until, workspace

LONG = Wait("wait", 30, "days")


def views(run: Run) -> list[tuple[str, Reason]]:
    return [found for found in run.reasons if found[0] == "views"]


def test_a_condition_that_does_not_hold_enters_nothing() -> None:
    run = Run(workspace(journey("views", "order.placed", condition="event.order.total >= 100")))
    run.take(happened("order.placed", customer=anna(), order={"id": "1", "total": "99.99"}))
    assert (run.said, views(run)) == ([], [("views", Reason.CONDITION_FALSE)])
    assert run.take(happened("order.placed", customer=anna(), order={"id": "2", "total": "100.00"})).said == ["hello"]


def test_a_condition_on_something_unsaid_does_not_hold() -> None:
    run = Run(workspace(journey("views", "order.placed", condition="event.order.total < 100")))
    assert run.take(happened("order.placed", customer=anna(), order={"id": "1"})).said == []


def test_a_condition_sees_the_facts_after_the_event() -> None:
    run = Run(workspace(journey("views", "order.placed", condition="profile.orders_count == 2", again_after=0)))
    run.take(happened("order.placed", customer=anna(), placed="1"))
    assert run.take(happened("order.placed", customer=anna(), placed="2")).said == ["hello"]


def test_one_customer_is_inside_once() -> None:
    run = Run(workspace(journey("views", "page.viewed", LONG, again_after=0)))
    run.take(happened("page.viewed", customer=anna()), happened("page.viewed", customer=anna()))
    assert len(run.entries) == 1
    assert views(run) == [("views", Reason.ALREADY_INSIDE)]


def test_a_key_makes_one_entry_of_each() -> None:
    run = Run(workspace(journey("views", "order.placed", LONG, key="event.order.id")))
    for number in ("1", "2", "2"):
        run.take(happened("order.placed", customer=anna(), placed=number))
    assert sorted(row.key for row in run.entries.values()) == ["1", "2"]


def test_a_key_too_long_to_store_is_hashed() -> None:
    run = Run(workspace(journey("views", "order.placed", LONG, key="event.order.id")))
    for letter in "ab":
        run.take(happened("order.placed", customer=anna(), placed=letter * 200))
    keys = {row.key for row in run.entries.values()}
    assert len(keys) == 2
    assert all(len(key) == 32 for key in keys)


@pytest.mark.parametrize(
    ("again_after", "after_hours", "enters"),
    [(None, 900, False), (0, 0, True), (7 * 86_400, 167, False), (7 * 86_400, 168, True)],
)
def test_again_says_when_a_journey_may_be_entered_another_time(
    again_after: float | None, after_hours: int, enters: bool
) -> None:
    run = Run(workspace(journey("views", "page.viewed", again_after=again_after)))
    run.take(happened("page.viewed", customer=anna()))
    run.now = AT + after_hours * HOUR
    run.take(happened("page.viewed", run.now, customer=anna()))
    assert len(run.queue) == 1 + enters
    assert views(run) == ([] if enters else [("views", Reason.NOT_AGAIN)])


def test_an_event_older_than_max_age_changes_facts_and_enters_nothing() -> None:
    run = Run(workspace(journey("views", "order.placed")), now=AT + DAY + MINUTE)
    run.take(happened("order.placed", customer=anna(), placed="1"))
    assert (run.said, views(run), run.profile.orders) == ([], [("views", Reason.TOO_OLD)], 1)
    longer = Run(workspace(journey("views", "order.placed", max_age=2 * 86_400.0)), now=AT + DAY + MINUTE)
    assert longer.take(happened("order.placed", customer=anna(), placed="1")).said == ["hello"]


OVERTAKING = journey("views", "page.viewed", LONG, exits=(Rule("order.placed", "received.order.total > 50"),))


@pytest.mark.parametrize(
    ("minutes", "total", "enters"),
    [(1, "100.00", False), (0, "100.00", False), (-1, "100.00", True), (1, "5.00", True)],
)
def test_a_journey_is_not_entered_if_a_later_exit_is_on_record(minutes: int, total: str, enters: bool) -> None:
    run = Run(workspace(OVERTAKING))
    order = {"id": "1", "total": total}
    run.take(happened("order.placed", AT + minutes * MINUTE, customer=anna(), order=order))
    run.take(happened("page.viewed", customer=anna()))
    assert bool(run.entries) is enters
    assert views(run) == ([] if enters else [("views", Reason.OVERTAKEN)])


@pytest.mark.parametrize(("stay", "enters"), [(False, False), (True, True)])
def test_a_goal_on_record_keeps_out_unless_it_stays(stay: bool, enters: bool) -> None:
    run = Run(workspace(journey("views", "page.viewed", LONG, goals=goal("order.placed", stay=stay))))
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), placed="1"))
    assert bool(run.take(happened("page.viewed", customer=anna())).entries) is enters


def test_an_event_is_not_overtaken_by_its_own_type_at_its_own_moment() -> None:
    run = Run(workspace(journey("views", "page.viewed", LONG, exits=until("page.viewed"))))
    assert run.take(happened("page.viewed", customer=anna())).entries


def test_an_exit_on_record_of_a_guest_counts_for_whom_he_becomes() -> None:
    run = Run(workspace(journey("views", "customer.updated", LONG, exits=until("order.placed"))))
    run.take(happened("order.placed", AT + MINUTE, customer={"email": "guest@example.com"}, placed="1"))
    run.take(happened("customer.updated", customer=anna(email="guest@example.com")))
    assert run.entries == {}


def test_an_entry_keeps_only_what_its_later_life_reads() -> None:
    run = Run(workspace(journey("views", "order.placed", LONG, say())))
    run.take(
        happened("order.placed", customer=anna(), order={"id": "1", "total": "9.00", "items": [{"sku": "x"}] * 50})
    )
    assert run.profile.entries[0].event == {"order": {"id": "1"}}


def test_journeys_are_considered_in_the_order_of_their_names() -> None:
    run = Run(workspace(*(journey(name, "page.viewed") for name in ("b", "a", "c"))))
    run.take(happened("page.viewed", customer=anna()))
    assert [message.journey for message in run.queue] == ["a", "b", "c"]


def test_what_an_entry_has_learned_counts_for_the_next_journey_of_the_same_event() -> None:
    hot = '"hot" in profile.tags'
    run = Run(
        workspace(
            journey("a", "page.viewed", condition=hot),
            journey("b", "page.viewed", Tag("t", "hot")),
            journey("c", "page.viewed", condition=hot),
        )
    )
    run.take(happened("page.viewed", customer=anna()))
    assert ([message.journey for message in run.queue], run.reasons) == (["c"], [("a", Reason.CONDITION_FALSE)])


@pytest.mark.parametrize("first", ["size(profile) > 0", "profile.locale == 'pl'"])
def test_a_condition_over_the_whole_customer_stands_beside_one_over_a_single_fact(first: str) -> None:
    run = Run(
        workspace(
            journey("a", "page.viewed", condition=f"!({first})"),
            journey("b", "page.viewed", condition="profile.first_name == 'Anna' && size(profile) > 3"),
            journey("c", "page.viewed", condition="profile.orders_count == 1"),
        )
    )
    run.take(happened("page.viewed", customer=anna(locale="pl")))
    assert [message.journey for message in run.queue] == ["b"]


@pytest.mark.parametrize(("url", "enters"), [("x", False), ("y", True)])
def test_an_exit_on_record_is_asked_what_the_entering_condition_does_not_read(url: str, enters: bool) -> None:
    asked = "profile.first_name == 'Anna' && event.page.url == 'x' && received.order.total > 50"
    run = Run(workspace(journey("views", "page.viewed", LONG, exits=(Rule("order.placed", asked),))))
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), placed="1"))
    assert bool(run.take(happened("page.viewed", customer=anna(), page={"url": url})).entries) is enters


def test_keys_remembered_stay_few() -> None:
    run = Run(workspace(journey("views", "order.placed", key="event.order.id")))
    for number in range(205):
        run.take(happened("order.placed", AT + number * MINUTE, customer=anna(), placed=str(number)))
    assert len(run.profile.entered["views"]) == 200


def test_what_became_of_a_message_enters_another_journey_and_never_its_own() -> None:
    both = [journey(name, "message.opened", again_after=86_400.0) for name in ("curious", "views")]
    run = Run(workspace(journey("hello", "page.viewed"), *both))
    (message,) = run.take(happened("page.viewed", customer=anna())).queue
    run.hear(run.profile, "opened", message)
    assert sorted(message.journey for message in run.queue) == ["curious", "hello", "views"]
    own = next(message for message in run.queue if message.journey == "views")
    assert views(run) == []
    run.hear(run.profile, "opened", own)
    assert views(run) == [("views", Reason.OWN_MESSAGE)]
