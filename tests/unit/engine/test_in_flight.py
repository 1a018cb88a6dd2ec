"""What a change does to those inside, at every kind of step where a customer may stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.journey import Clock, Journey, Rule, Start, Step, Wait, WaitFor, Webhook
from services.contracts.message import State
from services.contracts.policies import Cap, QuietHours
from services.contracts.reasons import Reason
from services.trigger_engine.profiles.state import Entry
from tests.support.engine import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    Run,
    anna,
    goal,
    happened,
    journey,
    say,
    template,
    until,
    workspace,
)

FIRST, HELD, NEXT = say(id="first"), say(id="held"), say(id="next")
NOTICE = say(id="first", klass="transactional")
QUIET = {"email": QuietHours(start=600, end=1200)}  # it is 11:00 where she lives
WAIT, CLICK = Wait("wait", 2, "days"), WaitFor("click", (Rule("order.paid"),), 86_400.0)
AT_TEN = Wait("ten", until=Clock(600))
VIEWED = happened("page.viewed", customer=anna())


def old(*steps: Step, **fields: Any) -> Journey:
    return journey("views", "page.viewed", *steps, **fields)


def new(*steps: Step, **fields: Any) -> Journey:
    return old(*steps, revision=2, **fields)


def inside(*steps: Step, **fields: Any) -> Run:
    """A customer who has come to the step where she waits."""
    policies = {name: fields.pop(name) for name in ("caps", "quiet_hours") if name in fields}
    return Run(workspace(old(*steps, **fields), **policies)).take(VIEWED)


def held_by_a_cap(*steps: Step, **fields: Any) -> Run:
    """The second message has no room for a week."""
    cap = Cap(at_most=1, per=7 * 86_400.0, then="wait")
    return inside(FIRST, *steps, caps=(cap,), **fields)


def entry(run: Run) -> Entry:
    (found,) = run.profile.entries
    return found


PARKED: dict[str, Callable[..., Run]] = {
    "wait": lambda **f: inside(FIRST, WAIT, NEXT, **f),
    "wait until": lambda **f: inside(FIRST, AT_TEN, NEXT, **f),
    "wait for": lambda **f: inside(FIRST, CLICK, NEXT, **f),
    "cap": lambda **f: held_by_a_cap(HELD, NEXT, **f),
    "quiet hours": lambda **f: inside(NOTICE, HELD, NEXT, quiet_hours=QUIET, **f),
}


HOLDING = ("cap", "quiet hours")


@pytest.mark.parametrize("parked", PARKED)
def test_pinned_they_go_on_as_if_nothing_had_changed(parked: str) -> None:
    plain, changed = PARKED[parked](), PARKED[parked]()
    changed.publish(new(say(id="other"))).take(happened("page.viewed", AT + MINUTE, customer=anna()))
    changed.wait(30 * DAY)
    plain.wait(30 * DAY)
    assert (changed.messages.keys(), changed.ended) == (plain.messages.keys(), plain.ended)
    assert [row.revision for row in changed.entries.values()] == [1]


@pytest.mark.parametrize("parked", PARKED)
@pytest.mark.parametrize("touched", ["event", "timer", "visit"])
def test_cancelled_they_leave_when_touched_and_what_is_unsent_is_taken_back(parked: str, touched: str) -> None:
    run = PARKED[parked](goals=goal("order.placed"))
    run.publish(new(say(id="other"), in_flight="cancel"))
    match touched:
        case "event":
            run.take(happened("customer.updated", AT + MINUTE, customer=anna()))
        case "timer":
            run.wait(30 * DAY)
        case _:
            run.visit()
    assert (run.ended, run.said, run.timers) == ([Reason.CANCELLED], [], {})
    assert set(run.revoked.values()) == {Reason.CANCELLED}
    (row,) = run.entries.values()
    assert (row.reason, row.ended_at is not None) == ("cancelled", True)


def test_what_the_cancelled_have_heard_before_still_counts_for_their_goal() -> None:
    run = inside(FIRST, WAIT, NEXT, goals=goal("order.placed"))
    run.states[run.queue[0].send_key] = State.CLAIMED
    run.publish(new(in_flight="cancel")).visit().take(happened("order.placed", AT + HOUR, customer=anna(), placed="o1"))
    assert ([reached.at for reached in run.goals.values()], run.said) == ([AT + HOUR], ["hello"])


def test_those_of_the_version_in_force_are_not_cancelled() -> None:
    run = inside(FIRST, WAIT, NEXT)
    run.publish(old(FIRST, WAIT, NEXT, in_flight="cancel")).visit()
    assert run.wait(3 * DAY).ended == [Reason.COMPLETED]


def test_of_those_who_have_ended_only_what_is_named_is_taken_back() -> None:
    run = inside(FIRST, exits=until("order.placed"))
    run.publish(new(in_flight="cancel")).visit()
    assert (run.said, run.ended) == (["hello"], [Reason.COMPLETED])
    run.visit(entry(run).id)
    assert (run.said, set(run.revoked.values())) == ([], {Reason.CANCELLED})


@pytest.mark.parametrize("parked", PARKED)
def test_drained_they_hear_no_new_step(parked: str) -> None:
    """What was queued goes out; a message that is only held up is of the step at which they stand, and goes out too."""
    run = PARKED[parked]()
    run.publish(new(say(id="other"), in_flight="drain")).visit()
    assert run.ended == []
    run.wait(30 * DAY)
    assert run.ended == [Reason.DRAINED]
    assert [message.step for message in run.queue] == (["first", "held"] if parked in HOLDING else ["first"])


def test_drained_they_leave_when_what_they_wait_for_comes() -> None:
    run = inside(replace(CLICK, then=(NEXT,)))
    run.publish(new(in_flight="drain")).take(happened("order.paid", AT + HOUR, customer=anna(), placed="o1"))
    assert (run.ended, run.said, run.timers) == ([Reason.DRAINED], [], {})


def test_drained_at_the_last_step_they_have_run_to_the_end() -> None:
    run = inside(FIRST, WAIT).publish(new(in_flight="drain")).wait(3 * DAY)
    assert run.ended == [Reason.COMPLETED]


def test_drained_they_still_leave_by_an_exit() -> None:
    run = inside(FIRST, WAIT, NEXT, exits=until("order.placed")).publish(new(in_flight="drain"))
    run.take(happened("order.placed", AT + HOUR, customer=anna(), placed="o1"))
    assert (run.ended, run.said) == ([Reason.EXITED], [])


@pytest.mark.parametrize("waiting", [WAIT, AT_TEN, CLICK])
def test_moved_from_wait_to_wait_they_keep_what_they_are_and_when_they_wake(waiting: Step) -> None:
    run = inside(FIRST, waiting, NEXT, key="event.type", holdout=0.001)
    before = replace(entry(run))
    longer = replace(waiting, id="longer", **({"within": 9e5} if isinstance(waiting, WaitFor) else {"amount": 9}))
    run.publish(new(FIRST, longer, say(id="better"), in_flight="migrate", moves={waiting.id: "longer"})).visit()
    moved = entry(run)
    assert (moved.step, moved.revision, moved.moved) == ("longer", 2, True)
    for kept in ("id", "key", "event", "entered_at", "since", "wake", "generation", "held"):
        assert getattr(moved, kept) == getattr(before, kept)
    run.wait(30 * DAY)
    assert ([message.step for message in run.queue], run.ended) == (["first", "better"], [Reason.COMPLETED])
    assert [row.revision for row in run.entries.values()] == [2]


def test_moved_to_another_kind_of_step_they_begin_it_now() -> None:
    run = inside(FIRST, WAIT, NEXT)
    run.publish(new(FIRST, CLICK, say(id="late"), in_flight="migrate", moves={"wait": "click"})).visit()
    assert run.said == ["hello"]  # a visit says nothing: a timer that is due now goes on
    run.wait(DAY - MINUTE)
    assert entry(run).wake == AT + DAY
    assert [m.step for m in run.wait(MINUTE).queue] == ["first", "late"]


def test_moved_to_a_message_they_get_it_once_the_news_before_it_is_read() -> None:
    def moved() -> Run:
        run = inside(FIRST, WAIT, NEXT, exits=until("order.placed"))
        gift = new(FIRST, say(id="gift"), in_flight="migrate", moves={"wait": "gift"}, exits=until("order.placed"))
        return run.publish(gift).visit()

    assert [m.step for m in moved().wait(MINUTE).queue] == ["first", "gift"]
    assert moved().take(happened("order.placed", customer=anna(), placed="o1")).wait(MINUTE).said == []


def test_moved_by_the_event_that_touches_them_the_new_version_hears_it() -> None:
    run = inside(FIRST, WAIT, NEXT)
    click = replace(CLICK, then=(say(id="paid"),))
    run.publish(new(FIRST, click, in_flight="migrate", moves={"wait": "click"}))
    run.take(happened("order.paid", customer=anna(), placed="o1"))
    assert [m.step for m in run.queue] == ["first", "paid"]


def test_a_step_that_keeps_its_id_and_its_kind_needs_no_mapping() -> None:
    run = inside(FIRST, WAIT, NEXT).publish(new(WAIT, say(id="better"), in_flight="migrate")).visit()
    assert [m.step for m in run.wait(3 * DAY).queue] == ["first", "better"]


@pytest.mark.parametrize("there", [CLICK, Wait("wait-2", 1, "hours")])
def test_those_at_steps_that_lead_nowhere_stay_in_their_version(there: Step) -> None:
    run = inside(FIRST, WAIT, NEXT)
    run.publish(new(replace(there, id="wait") if isinstance(there, WaitFor) else there, in_flight="migrate")).visit()
    assert (entry(run).revision, [m.step for m in run.wait(3 * DAY).queue]) == (1, ["first", "next"])


def test_moved_back_they_hear_nothing_twice_and_start_nothing_twice() -> None:
    other = journey("other", "customer.lapsed", say(id="theirs"), again_after=0)
    tell = Webhook("tell", "https://crm.example")
    begun = old(FIRST, tell, Start("start", "other"), WAIT, NEXT)
    run = Run(workspace(begun, other)).take(VIEWED)
    assert [m.step for m in run.queue] == ["first", "tell", "theirs"]
    again = new(Wait("before", 1, "hours"), FIRST, tell, Start("start", "other"), say(id="new"),
                in_flight="migrate", moves={"wait": "before"})  # fmt: skip
    run.publish(again, other).reload().wait(3 * DAY)
    assert [m.step for m in run.queue] == ["first", "tell", "theirs", "new"]
    assert [reason for _, reason in run.reasons] == [Reason.ALREADY_DONE] * 3


def test_what_was_heard_counts_where_the_same_is_waited_for() -> None:
    both = WaitFor("both", (Rule("order.paid"), Rule("survey.answered")), 86_400.0, every=True, then=(say(id="then"),))
    for rules, bits in ((both.rules, 1), (both.rules[:1], 0)):
        run = inside(replace(both, then=())).take(happened("order.paid", AT + MINUTE, customer=anna(), placed="o1"))
        run.publish(new(replace(both, id="new", rules=rules), in_flight="migrate", moves={"both": "new"})).visit()
        assert entry(run).heard == bits


def test_moved_from_a_send_that_policies_hold_they_begin_the_new_step() -> None:
    run = held_by_a_cap(HELD, NEXT)
    quick = say(id="quick", klass="transactional")
    run.publish(new(FIRST, quick, in_flight="migrate", moves={"held": "quick"})).visit().wait(MINUTE)
    assert ([m.step for m in run.queue], run.ended) == (["first", "quick"], [Reason.COMPLETED])


@pytest.mark.parametrize(("word", "ended"), [("cancel", Reason.CANCELLED), ("drain", Reason.DRAINED)])
def test_the_last_word_of_a_removed_journey_holds(word: str, ended: Reason) -> None:
    run = inside(FIRST, WAIT, NEXT).publish(removed={"views": word}).wait(3 * DAY)
    assert run.ended == [ended]


def test_those_inside_a_removed_journey_go_on_to_the_end() -> None:
    run = inside(FIRST, WAIT, NEXT).publish().wait(3 * DAY)
    assert (run.said, run.ended) == (["hello", "hello"], [Reason.COMPLETED])


def test_what_a_template_says_and_reads_is_that_of_today_for_those_inside_an_old_revision() -> None:
    run = inside(FIRST, WAIT, NEXT)
    told = {"hello": {"pl": template("hello", "profile.last_name", "event.page.url")}}
    run.workspace = replace(run.workspace, templates=told)
    run.publish(new(say(id="other"))).take(happened("customer.updated", customer=anna(last_name="Nowak")))
    assert run.wait(3 * DAY).queue[-1].context == {"profile": {"last_name": "Nowak"}}


def test_the_word_in_force_counts_and_not_the_one_before() -> None:
    run = inside(FIRST, WAIT, NEXT).publish(new(in_flight="cancel"))
    assert run.publish(old(say(), revision=3)).wait(3 * DAY).ended == [Reason.COMPLETED]


def test_a_cancelled_customer_may_enter_the_new_version_as_again_says() -> None:
    run = inside(FIRST, WAIT, NEXT, again_after=0)
    run.publish(new(say(id="better"), in_flight="cancel", again_after=0))
    run.take(happened("page.viewed", AT + MINUTE, customer=anna()))
    assert (run.ended, [m.step for m in run.queue]) == ([Reason.CANCELLED, Reason.COMPLETED], ["better"])
