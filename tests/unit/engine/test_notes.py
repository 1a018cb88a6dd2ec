"""What a decision leaves word of, so that it can be explained."""

from __future__ import annotations

from msgspec.structs import replace

from services.contracts.journey import Arm, Branch, Rule, Wait
from services.contracts.reasons import Reason
from services.trigger_engine.journeys import react
from services.trigger_engine.journeys.conditions import compile_condition
from services.trigger_engine.journeys.conditions.brief import LONGEST_TEXT, brief
from services.trigger_engine.journeys.reaction import Note, Reaction, Walked
from services.trigger_engine.journeys.scopes import condition_scope
from services.trigger_engine.journeys.turn import Turn
from tests.support.engine import AT, HOUR, Run, anna, goal, happened, journey, say, workspace


def noted(run: Run, *arrivals: object) -> Reaction:
    """What the last of these events leaves behind; the ones before it are taken in."""
    *before, last = arrivals
    run.take(*before)  # type: ignore[arg-type]
    turn = Turn(run.definitions, run.now, Reaction())
    react.on_event(run.profile, last, turn)  # type: ignore[arg-type]
    return turn.into


def seen(customer: str = "c-1") -> object:
    return happened("page.viewed", customer=anna(id=customer))


def test_a_condition_that_does_not_hold_is_noted_with_what_it_saw_of_the_customer() -> None:
    """What it saw of the event stands in the event."""
    rich = journey("rich", "page.viewed", condition="profile.orders_count >= 3 && event.page != null")
    into = noted(Run(workspace(rich)), seen(), seen())
    assert into.trace == [Note("rich", Reason.CONDITION_FALSE, "enter", {"profile.orders_count": 0})]


def test_an_exit_and_a_goal_whose_conditions_do_not_hold_are_noted_as_such() -> None:
    listens = journey(
        "a", "page.viewed", Wait("w", 1, "hours"),
        exits=(Rule("order.placed", "received.order.total > 500"),),
        goals=goal("order.placed", condition="profile.orders_count > 5"),
    )  # fmt: skip
    into = noted(Run(workspace(listens)), seen(), happened("order.placed", placed="o1", customer=anna()))
    assert into.trace == [
        Note("a", Reason.CONDITION_FALSE, "exit", None),
        Note("a", Reason.CONDITION_FALSE, "goal", {"profile.orders_count": 1}),
    ]


def test_an_entry_notes_the_way_it_took_and_until_when_it_waits() -> None:
    arms = (Arm((), "profile.orders_count > 5"), Arm((Wait("w", 1, "hours"),), "profile.locale != null"), Arm(()))
    run = Run(workspace(journey("a", "page.viewed", Branch("which", arms))))
    run.take(happened("page.viewed", customer=anna(locale="pl")))
    (walked,) = run.walked.values()
    assert walked == [
        Walked(AT, "which", None, {"arm": 2, "profile.orders_count": 0, "profile.locale": "pl"}),
        Walked(AT, "w", None, {"until": AT + HOUR}),
    ]


def test_no_arm_is_noted_too() -> None:
    run = Run(workspace(journey("a", "page.viewed", Branch("which", (Arm((), "event.page == null && false"),)))))
    run.take(seen())  # type: ignore[arg-type]
    (walked,) = run.walked.values()
    assert walked == [Walked(AT, "which", None, {"arm": None})]


def test_that_a_steps_own_if_holds_is_noted_with_what_it_saw() -> None:
    step = replace(Wait("w", 1, "hours"), condition="profile.orders_count == 0")
    run = Run(workspace(journey("a", "page.viewed", step))).take(seen())  # type: ignore[arg-type]
    (walked,) = run.walked.values()
    assert walked[0] == Walked(AT, "w", None, {"if": True, "profile.orders_count": 0})


def test_what_a_send_did_not_say_is_noted_with_its_step_and_moment() -> None:
    silent = journey("a", "page.viewed", Wait("w", 1, "hours"), say(id="hello", via=("sms",)))
    run = Run(workspace(silent)).take(seen())  # type: ignore[arg-type]
    run.wait(HOUR)
    (walked,) = run.walked.values()
    assert walked[-1] == Walked(AT + HOUR, "hello", Reason.NO_ADDRESS)


def test_a_derived_event_has_its_own_trace_and_leaves_that_of_its_cause_alone() -> None:
    first = journey("first", "order.first_placed", condition="false")
    big = journey("big", "order.placed", condition="false")
    run = Run(workspace(first, big)).take(seen())  # type: ignore[arg-type]
    into = noted(run, happened("order.placed", placed="o1", customer=anna()))
    assert [note.journey for note in into.trace] == ["big"]
    assert [[note.journey for note in one.trace] for one in into.derived] == [["first"]]
    assert list(into.reasons()) == [Reason.CONDITION_FALSE] * 2


def test_every_reason_is_counted_wherever_it_is_noted() -> None:
    into = Reaction()
    into.ended.append(Reason.COMPLETED)
    into.skip("a", Reason.TOO_OLD)
    into.note(b"1", Walked(AT, "s", Reason.NO_CONSENT))
    into.note(b"1", Walked(AT, "w", None, {"until": AT}))
    assert sorted(into.reasons()) == ["completed", "no_consent", "too_old"]


def test_a_condition_over_the_event_alone_notes_no_values() -> None:
    condition = compile_condition("event.order.total > 5 && now > entry.entered_at", condition_scope("order.placed"))
    assert condition.seen({"event": {"order": {"total": 1}}}) is None


def test_what_a_note_holds_is_short() -> None:
    assert brief("x" * 1_000) == "x" * LONGEST_TEXT + "…"
    assert brief(list(range(1_000))) == list(range(10))
    assert brief({"a": {"b": "y" * 100}}) == {"a": {"b": "y" * LONGEST_TEXT + "…"}}
