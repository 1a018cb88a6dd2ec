"""What a journey learns of its customer, whom it draws by lot, and which other journeys it starts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.journey import Arm, Branch, Journey, Set, Share, Split, Start, Step, Tag, Wait
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.reaction import Goal
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, goal, happened, journey, say, workspace

HOURS = Wait("w", 2, "hours")


def enter(*steps: Step, customer: dict[str, Any] | None = None, **fields: Any) -> Run:
    run = Run(workspace(journey("orders", "order.placed", *steps, **fields)))
    return run.take(happened("order.placed", customer=customer or anna(), placed="o1"))


# tag, untag, set


def test_a_tag_is_there_for_the_next_step() -> None:
    tagged = Branch("b", (Arm((say(),), '"hot" in profile.tags'),))
    assert enter(Tag("t", "hot"), tagged).said == ["hello"]
    assert enter(Tag("t", "hot"), Tag("u", "hot", away=True), tagged).said == []


def test_tags_add_up_and_stand_once() -> None:
    run = enter(Tag("a", "hot"), Tag("b", "big"), Tag("c", "hot"), customer=anna(tags=["VIP"]))
    assert run.reload().profile.fact("tags") == ["VIP", "hot", "big"]
    run = enter(Tag("a", "VIP", away=True), Tag("b", "none", away=True), customer=anna(tags=["VIP", "new"]))
    assert run.profile.fact("tags") == ["new"]


def test_what_the_shop_says_later_replaces_what_a_step_has_learned_and_what_it_said_before_does_not() -> None:
    for at, tags in ((AT + MINUTE, ["new"]), (AT - MINUTE, ["hot"])):
        run = enter(Tag("a", "hot"))
        run.take(happened("customer.updated", at, customer=anna(tags=["new"])))
        assert run.profile.fact("tags") == tags


def test_a_step_is_not_overruled_by_a_shops_clock_that_is_ahead() -> None:
    run = Run(workspace(journey("orders", "order.placed", Tag("a", "hot"))))
    run.take(happened("order.placed", AT + HOUR, customer=anna(tags=["new"]), placed="o1"))
    assert run.profile.fact("tags") == ["new", "hot"]


def test_set_learns_what_expressions_give_before_any_of_them_changes() -> None:
    kept = "profile.big && profile.seen == now && profile.before == 'o1'"
    steps = (Set("a", {"favourite": "event.order.id", "big": "event.order.total >= 9"}),
             Set("b", {"favourite": "'changed'", "before": "profile.favourite", "seen": "now"}),
             Branch("br", (Arm((say(),), kept),)))  # fmt: skip
    run = enter(*steps)
    assert run.said == ["hello"]
    names = ("favourite", "before", "big", "seen")
    assert [run.reload().profile.fact(name) for name in names] == ["changed", "o1", True, AT.isoformat()]


def test_what_gives_nothing_or_too_much_is_not_learned() -> None:
    long = "'" + "x" * 501 + "'"
    run = enter(Set("a", {"known": "'once'"}), Set("b", {"known": "event.order.number", "long": long}))
    assert (run.profile.fact("known"), run.profile.fact("long")) == ("once", None)
    assert run.reasons.count(("orders", Reason.NO_FACT)) == 2


# split


def split(*shares: tuple[str, float]) -> Journey:
    """A journey that tags its customer by lot."""
    ways = tuple(Share(name, share, (Tag(f"tag-{name}", name),)) for name, share in shares)
    return journey("orders", "order.placed", Split("s", ways), again_after=0)


def drawn(run: Run, number: int, at: Any = AT) -> str:
    """The way that a customer goes."""
    run.take(happened("order.placed", at, customer={"id": f"c-{number}"}, placed=f"o{number}"))
    profile = next(p for p in run.profiles.values() if any(i.value == f"c-{number}" for i in p.identifiers))
    tags: list[str] = profile.fact("tags")
    return tags[-1]


def test_a_split_divides_customers_by_its_shares() -> None:
    run = Run(workspace(split(("a", 20), ("b", 80), ("c", 0))))
    ways = Counter(drawn(run, number) for number in range(1_000))
    assert 150 < ways["a"] < 250
    assert ways["a"] + ways["b"] == 1_000


def test_two_splits_divide_the_same_customers_differently() -> None:
    both = (
        Split("s", (Share("a", 50, (Tag("1", "a"),)), Share("b", 50))),
        Split("t", (Share("a", 50, (Tag("2", "x"),)), Share("b", 50))),
    )
    run = Run(workspace(journey("orders", "order.placed", *both)))
    for number in range(400):
        run.take(happened("order.placed", customer={"id": f"c-{number}"}, placed=f"o{number}"))
    found = Counter(tuple(profile.fact("tags") or ()) for profile in run.profiles.values())
    assert all(60 < found[way] < 140 for way in ((), ("a",), ("x",), ("a", "x")))


def test_who_has_drawn_stays_though_the_shares_change() -> None:
    run = Run(workspace(split(("a", 50), ("b", 50))))
    before = [drawn(run, number) for number in range(40)]
    assert set(before) == {"a", "b"}
    run.definitions = define(workspace(split(("a", 0), ("b", 100))))
    assert [drawn(run.reload(), number, AT + DAY) for number in range(40)] == before
    assert {drawn(run, number) for number in range(100, 140)} == {"b"}
    run.definitions = define(workspace(split(("c", 100))))
    assert {drawn(run, number, AT + 2 * DAY) for number in range(40)} == {"c"}


def test_who_becomes_one_with_another_goes_the_way_that_was_drawn_first() -> None:
    for number in range(20):
        run = Run(workspace(split(("a", 50), ("b", 50))))
        cookie = {"anonymous_id": f"a{number}"}
        run.take(happened("order.placed", customer=cookie, placed="1"))
        first = run.profile.fact("tags")
        run.now += MINUTE
        run.take(happened("order.placed", customer={"id": f"c-{number}"}, placed="2"))
        run.take(happened("customer.updated", customer={"id": f"c-{number}", **cookie}))
        assert [fact.value for fact in run.profile.arms.values()] == first


# start


def test_start_enters_another_journey_with_the_same_event_once() -> None:
    first = journey("first", "order.placed", Start("s", "second"), say(id="mine"))
    second = journey("second", "customer.lapsed", HOURS, say(), key="event.order.id")
    run = Run(workspace(first, second)).take(happened("order.placed", customer=anna(), placed="o1"))
    assert [(e.journey, e.key, e.event) for e in run.profile.entries] == [("second", "o1", {"order": {"id": "o1"}})]
    assert [m.context["event"] for m in run.wait(2 * HOUR).queue] == [{"order": {"id": "o1"}}] * 2


def test_an_entry_keeps_for_later_what_the_journeys_read_that_it_may_start() -> None:
    first = journey("first", "order.placed", HOURS, Start("s", "second"))
    second = journey("second", "order.placed", HOURS, Start("s", "third"), condition="false")
    third = journey("third", "order.placed", Set("x", {"paid_by": "event.order.payment_method"}), condition="false")
    run = Run(workspace(first, second, third))
    run.take(happened("order.placed", customer=anna(), order={"id": "1", "payment_method": "card", "total": "5"}))
    assert run.profile.entries[0].event == {"order": {"payment_method": "card"}}
    assert run.wait(4 * HOUR).profile.fact("paid_by") == "card"


def test_a_started_journey_asks_its_key_again_live_and_holdout_and_not_its_if() -> None:
    starting = journey("a", "order.placed", Start("s", "b"), again_after=0, key="event.order.id")
    cases: tuple[tuple[dict[str, Any], Reason | None], ...] = (
        ({"condition": "false"}, None),
        ({"live_until": AT}, Reason.NOT_LIVE),
        ({"holdout": 99.999999}, Reason.HOLDOUT),
    )
    for fields, reason in cases:
        run = Run(workspace(starting, journey("b", "order.placed", HOURS, say(), **{"condition": "false", **fields})))
        for order in ("1", "2"):
            run.take(happened("order.placed", customer=anna(), placed=order))
        said = [] if reason else ["hello"]
        assert run.wait(2 * HOUR).said == said
        told = [r for name, r in run.reasons if name == "b" and r is not Reason.CONDITION_FALSE]
        again = Reason.NOT_AGAIN if reason is Reason.HOLDOUT else Reason.ALREADY_INSIDE
        assert told == ([Reason.NOT_LIVE] * 2 if reason is Reason.NOT_LIVE else [again])


def test_a_late_entry_that_was_started_is_not_asked_the_condition_of_another_event() -> None:
    second = journey("b", "cart.abandoned", HOURS, say(), condition="event.cart.total > 5")
    run = Run(workspace(journey("a", "order.placed", Start("s", "b")), second))
    run.take(happened("order.placed", customer=anna(), placed="o1"))
    run.now += 3 * DAY
    run.fire(next(iter(run.timers)))
    assert run.said == ["hello"]


def test_a_journey_that_is_gone_is_not_started() -> None:
    assert ("b", Reason.NO_JOURNEY) in enter(Start("s", "b")).reasons


def test_journeys_that_start_one_another_come_to_an_end() -> None:
    one = journey("a", "order.placed", Start("s", "b"), say(), again_after=0)
    other = journey("b", "order.paid", Start("s", "a"), say(), again_after=0)
    run = Run(workspace(one, other)).take(happened("order.placed", customer=anna(), placed="o1"))
    assert [message.journey for message in run.queue] == list("ababababa")
    assert run.reasons == [("b", Reason.STARTED_TOO_DEEP)]


def test_a_chain_of_starts_is_cut_after_eight() -> None:
    chain = [
        journey(f"j{n}", "order.placed" if n == 0 else "order.paid", Tag("t", f"{n}"), Start("s", f"j{n + 1}"))
        for n in range(12)
    ]
    run = Run(workspace(*chain)).take(happened("order.placed", customer=anna(), placed="o1"))
    assert run.profile.fact("tags") == [f"{n}" for n in range(9)]
    assert run.reasons == [("j9", Reason.STARTED_TOO_DEEP)]


# holdout, live, priority


def test_who_is_held_out_hears_nothing_and_his_goal_is_counted() -> None:
    run = enter(say(), goals=goal("order.paid", within=86_400.0), holdout=99.999999)
    (row,) = run.entries.values()
    assert (run.said, run.ended, row.reason, row.held_out, row.ended_at) == ([], [Reason.HOLDOUT], "holdout", True, AT)
    run.reload().take(happened("order.paid", AT + MINUTE, customer=anna(), placed="o1"))
    assert run.goals == {row.id: Goal(AT + MINUTE, ids.bought("o1"), 1_000_000, "PLN")}
    assert run.profile.entries == []


def test_who_is_told_is_counted_beside_them() -> None:
    (row,) = enter(say(), holdout=1e-9).entries.values()
    assert (row.held_out, row.reason) == (False, "completed")
    (row,) = enter(say()).entries.values()
    assert row.held_out is None


def held(number: int, run: Run) -> bool:
    before = len(run.entries)
    run.take(happened("order.placed", run.now, customer={"id": f"c-{number}"}, placed=f"o{number}-{run.now}"))
    row = list(run.entries.values())[before]
    return row.held_out is True


def test_a_holdout_keeps_its_share_silent_and_always_the_same_customers() -> None:
    run = Run(workspace(journey("orders", "order.placed", say(), again_after=0, holdout=10.0)))
    first = [held(number, run) for number in range(500)]
    assert 30 < sum(first) < 75
    run.definitions = define(workspace(journey("orders", "order.placed", say(), again_after=0, holdout=50.0)))
    run.now += DAY
    assert [held(number, run) for number in range(500)] == first


@pytest.mark.parametrize(("klass", "silent"), [("marketing", True), ("service", True), ("transactional", False)])
def test_the_global_holdout_holds_for_all_journeys_but_transactional_ones(klass: Any, silent: bool) -> None:
    shop = workspace(*(journey(name, "order.placed", say(), klass=klass) for name in ("a", "b")), holdout=50.0)
    run = Run(shop)
    for number in range(40):
        run.take(
            happened(
                "order.placed", customer=anna(id=f"c-{number}", email=f"c{number}@example.com"), placed=f"o{number}"
            )
        )
    ends = Counter(row.profile_id for row in run.entries.values() if row.reason == "global_holdout")
    assert set(ends.values()) == ({2} if silent else set())
    assert (5 < len(ends) < 35) is silent


@pytest.mark.parametrize(("minutes", "enters"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_journey_is_entered_by_what_happens_while_it_is_live(minutes: int, enters: bool) -> None:
    run = Run(workspace(journey("views", "page.viewed", HOURS, live_from=AT, live_until=AT + HOUR)))
    run.now += 2 * HOUR
    run.take(happened("page.viewed", AT + timedelta(minutes=minutes), customer=anna()))
    assert bool(run.entries) is enters
    assert run.reasons == ([] if enters else [("views", Reason.NOT_LIVE)])


def test_of_several_journeys_the_higher_priority_is_first() -> None:
    order = (("c", 50), ("b", 10), ("a", 50), ("d", 90))
    run = Run(workspace(*(journey(name, "page.viewed", priority=rank) for name, rank in order)))
    run.take(happened("page.viewed", customer=anna()))
    assert [message.journey for message in run.queue] == ["d", "a", "c", "b"]
