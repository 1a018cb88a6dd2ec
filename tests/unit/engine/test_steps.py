"""Each kind of step decides; none acts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from services.contracts.journey import (
    Arm,
    Branch,
    Rule,
    Send,
    Set,
    Share,
    Split,
    Start,
    Step,
    Stop,
    Tag,
    Wait,
    WaitFor,
    Webhook,
)
from services.contracts.policies import QuietHours
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.steps import STEPS
from tests.support.engine import AT, DAY, HOUR, TEMPLATES, Run, anna, happened, journey, say, template, workspace

PHONE = {"phone": "+48600100200"}
BOTH = {channel: {"state": "subscribed"} for channel in ("email", "sms")}


def enter(*steps: Step, customer: dict[str, Any] | None = None, templates: Any = None, **fields: Any) -> Run:
    """One customer has entered a journey of these steps."""
    run = Run(workspace(journey("views", "page.viewed", *steps, **fields), templates=templates))
    return run.take(happened("page.viewed", customer=customer or anna()))


def test_the_registry_has_every_kind_of_step_and_no_other() -> None:
    assert set(STEPS) == set(get_args(Step))


# wait

WARSAW_TO_SUMMER = datetime(2026, 3, 28, 9, tzinfo=UTC)  # 10:00; clocks go forward on 29 March at 2:00
WARSAW_TO_WINTER = datetime(2026, 10, 24, 8, tzinfo=UTC)  # 10:00; clocks go back on 25 October at 3:00


@pytest.mark.parametrize(
    ("began", "wait", "due"),
    [
        (WARSAW_TO_SUMMER, Wait("w", 1, "days"), datetime(2026, 3, 29, 8, tzinfo=UTC)),
        (WARSAW_TO_SUMMER, Wait("w", 24, "hours"), datetime(2026, 3, 29, 9, tzinfo=UTC)),
        (WARSAW_TO_SUMMER, Wait("w", 1, "weeks"), datetime(2026, 4, 4, 8, tzinfo=UTC)),
        (WARSAW_TO_WINTER, Wait("w", 1, "days"), datetime(2026, 10, 25, 9, tzinfo=UTC)),
        (WARSAW_TO_WINTER, Wait("w", 24, "hours"), datetime(2026, 10, 25, 8, tzinfo=UTC)),
        (WARSAW_TO_WINTER, Wait("w", 0.5, "days"), datetime(2026, 10, 24, 20, tzinfo=UTC)),
        # 2:30 on the 29th does not exist: an hour later; 2:30 on the 25th exists twice: the first.
        (datetime(2026, 3, 28, 1, 30, tzinfo=UTC), Wait("w", 1, "days"), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 24, 0, 30, tzinfo=UTC), Wait("w", 1, "days"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (AT, Wait("w", 90, "seconds"), datetime(2026, 11, 22, 10, 1, 30, tzinfo=UTC)),
        (AT, Wait("w", 45, "minutes"), datetime(2026, 11, 22, 10, 45, tzinfo=UTC)),
    ],
)
def test_a_day_is_the_calendars_in_the_customers_zone_and_hours_are_exact(
    began: datetime, wait: Wait, due: datetime
) -> None:
    run = Run(workspace(journey("views", "page.viewed", wait, say())), now=began)
    run.take(happened("page.viewed", began, customer=anna()))
    (timer,) = run.timers.values()
    assert timer.due == due


@pytest.mark.parametrize(
    ("zone", "hour"), [("America/New_York", 9), ("Europe/Warsaw", 8), ("Mars/Olympus", 8), ("../etc/passwd", 8)]
)
def test_a_customer_without_a_zone_lives_in_the_shops(zone: str, hour: int) -> None:
    """New York changed its clocks earlier in March: there, a day is 24 hours."""
    run = Run(workspace(journey("views", "page.viewed", Wait("w", 1, "days"), say())), now=WARSAW_TO_SUMMER)
    run.take(happened("page.viewed", WARSAW_TO_SUMMER, customer=anna(time_zone=zone)))
    (timer,) = run.timers.values()
    assert timer.due == datetime(2026, 3, 29, hour, tzinfo=UTC)


# send


@pytest.mark.parametrize(
    ("klass", "consents", "goes"),
    [
        ("marketing", {"email": {"state": "subscribed"}}, True),
        ("marketing", {"email": {"state": "pending"}}, False),
        ("marketing", {"email": {"state": "unsubscribed"}}, False),
        ("marketing", {}, False),
        ("marketing", {"sms": {"state": "subscribed"}}, False),
        ("opinion", {}, False),
        ("transactional", {"email": {"state": "unsubscribed"}}, True),
        ("service", {}, True),
    ],
)
def test_a_message_needs_the_consent_of_its_class(klass: Any, consents: Any, goes: bool) -> None:
    run = enter(say(), customer=anna(consents=consents), klass=klass)
    assert run.said == (["hello"] if goes else [])
    assert [reason for _, reason in run.reasons] == ([] if goes else [Reason.NO_CONSENT])


def test_a_steps_own_class_overrides_the_journeys() -> None:
    assert enter(say(klass="transactional"), customer=anna(consents={})).queue[0].klass == "transactional"


@pytest.mark.parametrize(
    ("whole", "topic", "goes"),
    [
        ("subscribed", "unsubscribed", False), ("unsubscribed", "subscribed", False), ("pending", "subscribed", True),
        ("subscribed", "subscribed", True), ("unsubscribed", "unsubscribed", False),
    ],
)  # fmt: skip
def test_a_topics_own_word_counts_unless_the_channel_is_withdrawn(whole: str, topic: str, goes: bool) -> None:
    run = Run(workspace(journey("views", "page.viewed", say(), topic="news")))
    for state, topics in ((whole, None), (topic, ["news"])):
        consents = {"email": {"state": state, "topics": topics}}
        run.take(happened("consent.changed", customer={**anna(), "consents": consents}))
    assert bool(run.take(happened("page.viewed", customer={"id": "c-1"})).said) is goes


def test_without_an_address_nothing_is_said() -> None:
    run = enter(say(via=("sms",)), customer=anna(consents=BOTH))
    assert (run.said, run.reasons) == ([], [("views", Reason.NO_ADDRESS)])


def test_without_a_template_for_the_channel_nothing_is_said() -> None:
    run = enter(say("sms-only"))
    assert (run.said, run.reasons) == ([], [("views", Reason.NO_TEMPLATE)])


def test_first_says_it_over_the_first_channel_that_is_allowed() -> None:
    step = say(via=("sms", "email"))
    assert [m.channel for m in enter(step, customer=anna(consents=BOTH, **PHONE)).queue] == ["sms"]
    assert [m.channel for m in enter(step, customer=anna(**PHONE)).queue] == ["email"]
    assert [m.channel for m in enter(step).queue] == ["email"]


def test_all_says_it_over_every_channel_that_is_allowed() -> None:
    step = say(via=("sms", "email"), every=True)
    run = enter(step, customer=anna(consents=BOTH, **PHONE))
    assert {(m.channel, m.recipient) for m in run.queue} == {("sms", "+48600100200"), ("email", "anna@example.com")}
    assert [m.channel for m in enter(step).queue] == ["email"]


def test_otherwise_exit_leaves_where_no_channel_is_allowed() -> None:
    run = enter(say(otherwise="exit"), say(id="second", klass="transactional"), customer=anna(consents={}))
    assert (run.said, run.ended) == ([], [Reason.NO_CONSENT])
    run = enter(say(), say(id="second", klass="transactional"), customer=anna(consents={}))
    assert len(run.queue) == 1


def test_a_message_carries_only_what_its_template_reads() -> None:
    run = Run(workspace(journey("thanks", "order.placed")))
    run.take(happened("order.placed", customer=anna(last_name="Nowak"), order={"id": "o1", "total": "5.00"}))
    (message,) = run.queue
    assert message.context == {"profile": {"first_name": "Anna"}, "event": {"order": {"id": "o1"}}}


def test_a_message_is_in_the_customers_locale_and_names_its_journey() -> None:
    (message,) = enter(say(on_unknown="retry"), customer=anna(locale="en-GB"), topic="news").queue
    assert (message.locale, message.topic, message.on_unknown) == ("en-GB", "news", "retry")
    assert (message.journey, message.step, message.created_at) == ("views", "send:hello", AT)


def test_the_slot_of_first_does_not_depend_on_the_channel() -> None:
    """Decided once, at emission: a replay with other consents finds the same send key."""
    step = say(via=("sms", "email"))
    view = happened("page.viewed", id="1", customer=anna(consents=BOTH, **PHONE))
    other = happened("page.viewed", id="1", customer=anna())
    keys = [set(Run(workspace(journey("views", "page.viewed", step))).take(one).messages) for one in (view, other)]
    assert keys[0] == keys[1]


def test_a_message_held_too_long_is_said_only_if_it_is_not_marketing() -> None:
    steps = (Wait("w", 1, "hours"), say(), say("sms-only", via=("sms",), klass="service"))
    run = enter(*steps, customer=anna(**PHONE)).wait(HOUR, held=True)
    assert run.said == ["sms-only"]
    assert ("views", Reason.HELD_TOO_LONG) in run.reasons


# branch and stop


def way(*arms: Arm, customer: dict[str, Any] | None = None) -> list[str]:
    """The templates said by a branch of these arms, and after it."""
    templates = {**TEMPLATES, **{name: {"pl": template(name)} for name in ("vip", "rest", "after")}}
    return enter(Branch("b", arms), say("after"), customer=customer, templates=templates).said


VIP = Arm((say("vip"),), '"VIP" in profile.tags')


def test_a_branch_goes_the_first_way_that_holds_and_then_on() -> None:
    assert way(VIP, Arm((say("rest"),)), customer=anna(tags=["VIP"])) == ["vip", "after"]
    assert way(VIP, Arm((say("rest"),))) == ["rest", "after"]
    assert way(VIP) == ["after"]
    assert way(Arm(()), VIP, customer=anna(tags=["VIP"])) == ["after"]


def test_a_branch_looks_at_the_facts_as_they_are_then() -> None:
    run = enter(Wait("w", 1, "days"), Branch("b", (Arm((say(),), "profile.orders_count > 0"),)))
    run.take(happened("order.placed", customer=anna(), placed="o1"))
    assert run.wait(DAY).said == ["hello"]


def test_stop_ends_the_entry_there() -> None:
    run = enter(Branch("b", (Arm((Stop("s"),)),)), say())
    assert (run.said, run.ended, run.profile.entries) == ([], [Reason.STOPPED], [])


def test_a_journey_without_steps_is_completed_at_once() -> None:
    run = Run(workspace(journey("views", "page.viewed", Branch("b", ()))))
    run.take(happened("page.viewed", customer=anna()))
    assert run.ended == [Reason.COMPLETED]


def test_every_step_of_one_entry_has_a_send_key_of_its_own() -> None:
    steps: tuple[Send, ...] = (say(), say(id="send:hello:2"))
    assert len(enter(*steps).messages) == 2


# if


def only(condition: str, step: Step) -> Any:
    """The step with a condition of its own."""
    return msgspec.structs.replace(step, condition=condition)


@pytest.mark.parametrize(
    "step",
    [
        say(), Wait("w", 1, "days"), WaitFor("f", (Rule("order.paid"),), 60.0, then=(say(),)),
        Branch("b", (Arm((say(),)),)), Split("p", (Share("a", 100.0, (say(),)),)), Tag("t", "hot"),
        Set("f", {"kind": "'x'"}), Start("go", "views"), Webhook("h", "$CRM"), Stop("s"),
        say(otherwise="exit", via=("sms",)),
    ],
)  # fmt: skip
def test_a_step_whose_condition_does_not_hold_is_passed_over_with_all_inside_it(step: Any) -> None:
    run = enter(only("profile.orders_count > 0", step), say("hello", id="after"))
    assert [message.step for message in run.queue] == ["after"]
    assert (run.reasons, run.ended) == ([("views", Reason.PASSED_OVER)], [Reason.COMPLETED])
    (note,) = (one for mine in run.walked.values() for one in mine)
    assert (note.step, note.seen) == (step.id, {"profile.orders_count": 0})
    assert (run.profile.arms, run.profile.fact("tags")) == ({}, None)


def test_a_condition_that_asks_for_what_is_missing_does_not_hold() -> None:
    run = enter(only("profile.first_order_at < now", say()))
    assert (run.said, run.reasons) == ([], [("views", Reason.PASSED_OVER)])


def test_a_condition_is_asked_when_the_step_is_come_to() -> None:
    steps = (Wait("w", 1, "days"), only("profile.orders_count > 0", say()), Tag("t", "seen"))
    assert enter(*steps).wait(DAY).said == []
    run = enter(*steps).take(happened("order.placed", AT + HOUR, customer=anna(), placed="o1")).wait(DAY)
    assert (run.said, run.profile.fact("tags")) == (["hello"], ["seen"])


def test_what_waits_for_a_policy_is_asked_again_when_its_time_has_come() -> None:
    """Quiet from 20:00 to 9:00: at nine the condition does not hold any more."""
    quiet = {"email": QuietHours(1200, 540)}
    step = only("profile.orders_count == 0", say())
    evening = AT + 10 * HOUR
    run = Run(workspace(journey("views", "page.viewed", step), quiet_hours=quiet), now=evening)
    run.take(happened("page.viewed", evening, customer=anna()))
    assert run.timers
    run.take(happened("order.placed", evening + HOUR, customer=anna(), placed="o1"))
    assert (run.wait(DAY).said, run.reasons[-1]) == ([], ("views", Reason.PASSED_OVER))
