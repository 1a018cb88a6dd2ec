"""Splits on trial: a part of the customers tells which way all the others go."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts import ids
from services.contracts.journey import Rule, Share, Split, Step, Trial, Wait
from services.contracts.reasons import Reason
from services.trigger_engine.journeys import trials
from services.trigger_engine.journeys.trying import Standing
from tests.support.engine import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    SUBSCRIBED,
    TEMPLATES,
    Run,
    goal,
    happened,
    journey,
    say,
    template,
    workspace,
)

TEXTS = {**TEMPLATES, "one": {"pl": template("one")}, "two": {"pl": template("two")}}


def split(*, part: float = 50.0, by: Any = "clicked", **after: Any) -> Split:
    """Two ways, each a mail."""
    ways = (Share("a", 50.0, (say("one", id="one"),)), Share("b", 50.0, (say("two", id="two"),)))
    return Split("s", ways, Trial(part, by, **(after or {"after": 4 * 3_600.0})))


def opened(*steps: Step, **fields: Any) -> Run:
    return Run(workspace(journey("news", "page.viewed", *steps, again_after=0, **fields), templates=TEXTS))


def who(number: int) -> dict[str, Any]:
    return {"id": f"c-{number}", "email": f"c{number}@example.com", "consents": SUBSCRIBED}


def come(run: Run, *numbers: int) -> Run:
    return run.take(*(happened("page.viewed", run.now, customer=who(n)) for n in numbers))


def click(run: Run, step: str, most: int) -> Run:
    """So many of those who got that step's mail click."""
    for message in [m for m in run.queue if m.step == step][:most]:
        found = run._people.find(message.profile_id)
        assert found is not None
        run.hear(found, "clicked", message, step=message.step)
    return run


def standing(run: Run) -> Standing:
    (only,) = run.trials.values()
    return only


def ways(run: Run) -> dict[str, int]:
    """How many got which mail."""
    return {name: run.said.count(name) for name in ("one", "two")}


def test_a_part_is_tried_evenly_and_the_rest_goes_the_winners_way() -> None:
    run = come(opened(split()), *range(200))
    first = ways(run)
    assert (20 < first["one"] < 85, 20 < first["two"] < 85) == (True, True)
    assert first == {"one": standing(run).tried["a"], "two": standing(run).tried["b"]}
    held = 200 - sum(first.values())
    assert [reason for _, reason in run.reasons] == [Reason.HELD_BACK] * held
    assert {timer.due for timer in run.timers.values()} == {AT + 4 * HOUR}
    click(click(run, "one", 3), "two", 9)
    assert ways(run.wait(4 * HOUR - MINUTE)) == first
    assert ways(run.wait(MINUTE)) == {"one": first["one"], "two": first["two"] + held}
    assert (standing(run).winner, run.timers) == ("b", {})


def test_whoever_comes_after_the_decision_goes_the_winners_way_also_when_tried_before() -> None:
    run = click(come(opened(split()), *range(60)), "two", 1).wait(5 * HOUR)
    before = ways(run)
    come(run.wait(DAY), *range(80))
    assert ways(run) == {"one": before["one"], "two": before["two"] + 80}


def test_who_comes_again_before_the_decision_goes_the_same_way() -> None:
    run = come(opened(split(part=90.0)), *range(20))
    first = ways(run)
    come(run, *(number for number in range(20)))
    assert all(ways(run)[name] in (number, number * 2) for name, number in first.items())


def test_so_many_customers_decide_at_once_and_wake_whoever_waits() -> None:
    run = come(opened(split(customers=20)), *range(20))
    assert standing(run).winner is None
    click(run, "one", 1)
    number = 20
    while standing(run).winner is None:
        assert sum(standing(run).tried.values()) <= 20
        come(run, number)
        number += 1
    assert sum(standing(run).tried.values()) == 20
    run.wait(MINUTE)
    assert (standing(run).winner, run.timers) == ("a", {})
    assert sum(ways(run).values()) == number


def test_too_few_customers_decide_after_a_week() -> None:
    run = come(opened(split(customers=1_000)), *range(60))
    assert click(run, "two", 1).wait(7 * DAY - MINUTE).timers
    assert (run.wait(MINUTE).timers, standing(run).winner) == ({}, "b")


@pytest.mark.parametrize(
    ("tried", "won", "winner", "why"),
    [
        ({"a": 480, "b": 470}, {"a": 58, "b": 42}, "a", "12.1 % of 480 over 8.9 % of 470"),
        ({"a": 480, "b": 470}, {"a": 42, "b": 58}, "b", "12.3 % of 470 over 8.8 % of 480"),
        # Equal shares, however many they are of: the first.
        ({"a": 10, "b": 20}, {"a": 1, "b": 2}, "a", "10.0 % of 10 over 10.0 % of 20"),
        ({"a": 10, "b": 20}, {}, "a", "nothing told, so the first: 0.0 % of 10 over 0.0 % of 20"),
        ({}, {}, "a", "nothing told, so the first: 0.0 % of 0 over 0.0 % of 0"),
        ({"b": 1}, {"b": 1}, "b", "100.0 % of 1 over 0.0 % of 0"),
        # Shares that a floating number would make equal.
        ({"a": 3 * 10**16, "b": 3 * 10**16}, {"a": 10**16, "b": 10**16 + 1}, "b",
         f"33.3 % of {3 * 10**16} over 33.3 % of {3 * 10**16}"),
    ],
)  # fmt: skip
def test_the_higher_share_wins_and_of_equal_ones_the_first(
    tried: dict[str, int], won: dict[str, int], winner: str, why: str
) -> None:
    found = trials.verdict(split(), Standing(AT, tried, won))
    assert (found.winner, found.why) == (winner, why)


def test_a_customer_tells_once_and_only_by_a_mail_of_the_way() -> None:
    run = come(opened(say(id="before"), split(part=100.0), say(id="after")), *range(30))
    for step in ("before", "after"):
        click(run, step, 30)
    assert standing(run).won == {}
    click(click(run, "one", 4), "one", 4)
    assert standing(run).won == {"a": 4}


def test_a_goal_tells_also_after_the_last_step_and_though_it_ends_the_entry() -> None:
    run = come(opened(split(part=100.0, by="goal"), goals=goal("order.placed")), *range(30))
    buyers = [m.profile_id for m in run.queue if m.step == "two"][:3]
    names = {p.id: p.fact("customer") or n.value for p in run.profiles.values() for n in p.identifiers
             if n.kind == "customer"}  # fmt: skip
    for one in buyers:
        run.take(happened("order.placed", AT + HOUR, customer={"id": names[one]}, placed=f"o-{names[one]}"))
    assert standing(run).won == {"b": 3}


def test_a_rule_tells_if_its_condition_holds_for_what_happened_since() -> None:
    by = Rule("order.placed", "received.order.total > 50")
    run = come(opened(split(part=100.0, by=by), Wait("w", 1, "days")), 1, 2, 3)
    for number, total, at in ((1, "100.00", AT + HOUR), (2, "10.00", AT + HOUR), (3, "100.00", AT - HOUR)):
        order = {"id": f"o{number}", "total": total, "currency": "PLN"}
        run.take(happened("order.placed", at, customer={"id": f"c-{number}"}, order=order))
    assert sum(standing(run).won.values()) == 1


def test_what_comes_after_the_decision_tells_nothing_any_more() -> None:
    run = come(opened(split(part=60.0)), *range(40)).wait(5 * HOUR)
    before = dict(standing(run).won)
    assert (standing(click(run, "two", 9)).winner, standing(run).won) == ("a", before)


def test_an_exit_lets_go_of_whoever_is_held_back() -> None:
    run = come(opened(split(part=0.001), exits=(Rule("order.placed"),)), 1)
    assert run.timers
    assert run.take(happened("order.placed", AT + HOUR, customer=who(1), placed="o1")).wait(DAY).said == []


def test_each_revision_and_each_time_of_a_schedule_is_a_trial_of_its_own() -> None:
    made = {ids.trial("news", revision, "s", when) for revision in (1, 2) for when in ("", "2026-12-01T10:00")}
    assert len(made) == 4
    old, new = (journey("news", "page.viewed", split(part=100.0), revision=n, again_after=0) for n in (1, 2))
    run = Run(workspace(old, templates=TEXTS))
    come(run, 1)
    run.workspace = workspace(new, templates=TEXTS)
    run.__post_init__()
    come(run, 2)
    assert len(run.trials) == 2


def test_why_it_went_there_is_on_record() -> None:
    run = click(come(opened(split()), *range(40)), "two", 5).wait(DAY)
    told = [one.seen for mine in run.walked.values() for one in mine if one.reason is None]
    assert {"arm": "a", "tried": True} in told
    why = standing(run).why
    assert {"arm": "b", "winner": why} in told
    assert "over 0.0 % of" in why


def test_a_workspace_without_a_trial_has_nothing_to_look_at() -> None:
    assert Run(workspace(journey("news", "page.viewed", say()))).definitions.tested == frozenset()
    assert opened(split()).definitions.tested == {"message.clicked"}
    assert opened(split(by="goal"), goals=goal("order.placed")).definitions.tested == {""}
