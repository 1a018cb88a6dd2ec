"""A journey that is paused: nothing goes on in it, and nothing piles up; resumed, it goes on as late as it is."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.journey import Alert, Rule, Tag, Wait, WaitFor, Webhook
from services.contracts.policies import Brake
from services.contracts.reasons import Reason
from services.contracts.settings import Team
from tests.support.engine import AT, DAY, HOUR, MINUTE, Run, anna, happened, journey, say, until, workspace

WAIT, NEXT = Wait("wait", 1, "hours"), say(id="next")
PAUSED: frozenset[str] = frozenset({"journey:views"})
VIEWED = happened("page.viewed", customer=anna())


def inside(*steps: Any, **fields: Any) -> Run:
    return Run(workspace(journey("views", "page.viewed", *(steps or (WAIT, NEXT)), **fields))).take(VIEWED)


def pause(run: Run, *, scopes: frozenset[str] = PAUSED) -> Run:
    run.paused = scopes
    return run


def resume(run: Run) -> Run:
    run.paused = frozenset()
    return run


@pytest.mark.parametrize("scope", ["journey:views", "all"])
def test_a_timer_that_comes_due_in_a_pause_says_nothing_until_it_is_lifted(scope: str) -> None:
    run = pause(inside(), scopes=frozenset({scope})).wait(90 * MINUTE)
    assert (run.said, run.ended, run.reasons) == ([], [], [("views", Reason.PAUSED)])
    assert resume(run).wait(MINUTE).said == ["hello"]


def test_another_journeys_pause_holds_nothing() -> None:
    assert pause(inside(), scopes=frozenset({"journey:other"})).wait(HOUR).said == ["hello"]


@pytest.mark.parametrize(
    ("late", "hours", "ended"),
    [
        ("drop", 2, Reason.COMPLETED),
        ("drop", 4, Reason.LATE),
        ("recheck", 2, Reason.COMPLETED),
        ("recheck", 4, Reason.CONDITION_FALSE),
        ("send", 4, Reason.COMPLETED),
    ],
)
def test_resumed_it_is_as_late_as_the_pause_has_made_it(late: str, hours: int, ended: Reason) -> None:
    """Due after an hour; more than two hours later is late."""
    run = pause(inside(late=late, condition="profile.orders_count == 0"))
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), placed="o1"))
    resume(run.wait(hours * HOUR)).wait(MINUTE)
    assert (run.ended, run.said) == ([ended], ["hello"] if ended is Reason.COMPLETED else [])


def test_resumed_before_it_is_due_nothing_has_happened() -> None:
    run = resume(pause(inside()).wait(30 * MINUTE)).wait(HOUR)
    assert (run.said, run.reasons) == (["hello"], [])


def test_whoever_enters_in_a_pause_stands_at_the_first_step() -> None:
    run = pause(Run(workspace(journey("views", "page.viewed", NEXT)))).take(VIEWED)
    assert (run.said, run.ended) == ([], [])
    assert resume(run.reload()).wait(MINUTE).said == ["hello"]


def test_the_clock_of_a_wait_does_not_stand_still_in_a_pause() -> None:
    run = resume(pause(Run(workspace(journey("views", "page.viewed", WAIT, NEXT)))).take(VIEWED).wait(30 * MINUTE))
    assert run.wait(30 * MINUTE).said == ["hello"]


def test_what_is_waited_for_and_comes_in_a_pause_leads_on_after_it() -> None:
    run = pause(inside(WaitFor("paid", (Rule("order.paid"),), 86_400.0, then=(NEXT,))))
    run.take(happened("order.paid", AT + MINUTE, customer=anna(), placed="o1"))
    assert run.said == []
    assert [m.step for m in resume(run).wait(2 * DAY).queue] == ["next"]


def test_an_exit_ends_the_held_too() -> None:
    run = pause(inside(exits=until("order.placed"))).wait(90 * MINUTE)
    run.take(happened("order.placed", run.now, customer=anna(), placed="o1"))
    assert (resume(run).wait(DAY).said, run.ended, run.timers) == ([], [Reason.EXITED], {})


def test_paused_again_before_it_went_on_it_is_held_again() -> None:
    run = pause(inside()).wait(90 * MINUTE)
    resume(run)
    pause(run).wait(MINUTE)
    run.fire(next(iter(run.timers)))
    assert (run.said, len(run.timers)) == ([], 1)
    assert resume(run).wait(MINUTE).said == ["hello"]


def test_the_held_are_cancelled_by_a_change_and_moved_by_one() -> None:
    run = pause(inside()).wait(90 * MINUTE)
    better = journey(
        "views", "page.viewed", say(id="better"), revision=2, in_flight="migrate", moves={"wait": "better"}
    )
    run.publish(better).visit().wait(MINUTE)
    assert run.said == []
    assert [m.step for m in resume(run).wait(MINUTE).queue] == ["better"]


BRAKED: frozenset[str] = frozenset({"brake:views"})


def test_what_the_brake_has_paused_holds_what_it_counts_and_lets_the_rest_go_on() -> None:
    exempt = (WAIT, Tag("t", "hot"), say(id="paid", klass="transactional"), Alert("a", "support", "hello"), NEXT)
    made = workspace(journey("views", "page.viewed", *exempt), teams={"support": Team("help@shop.example")})
    run = pause(Run(made).take(VIEWED), scopes=BRAKED).wait(90 * MINUTE)
    assert [(one.step, one.channel) for one in run.queue] == [("paid", "email"), ("a", "alert_email")]
    assert (run.ended, run.reasons) == ([], [("views", Reason.PAUSED)])
    resume(run).wait(MINUTE)
    assert [one.step for one in run.queue] == ["paid", "a", "next"]


@pytest.mark.parametrize(
    ("step", "brake", "held"),
    [
        (say(klass="transactional"), Brake(5), False),
        (say(klass="transactional"), Brake(5, classes=("transactional",)), True),
        (say(klass="service"), Brake(5), True),
        (say(), None, True),
        (Webhook("w", "$CRM_URL"), Brake(5), True),
        (Webhook("w", "$CRM_URL"), Brake(5, classes=("marketing",)), False),
    ],
)
def test_the_brakes_pause_holds_the_classes_that_it_counts(step: Any, brake: Brake | None, held: bool) -> None:
    run = pause(Run(workspace(journey("views", "page.viewed", step), brake=brake)), scopes=BRAKED).take(VIEWED)
    assert (run.queue == []) is held
    assert resume(run).wait(MINUTE).queue
