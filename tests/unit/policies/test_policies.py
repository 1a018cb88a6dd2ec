"""What a customer hears, and when, under quiet hours and caps: journeys run, time passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.contracts.journey import Step
from services.contracts.message import State
from services.contracts.policies import Cap, QuietHours
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.profiles.merge import merge
from tests.support.engine import AT, DAY, HOUR, Run, anna, goal, happened, journey, say, until, workspace

EVENING = datetime(2026, 11, 26, 20, 30, tzinfo=UTC)  # 21:30 in Warsaw, 15:30 in New York
MORNING = datetime(2026, 11, 27, 8, tzinfo=UTC)  # 9:00 in Warsaw
NIGHT = QuietHours(20 * 60, 9 * 60)
NOON = QuietHours(12 * 60, 14 * 60)
WEEK = 7 * 86_400.0
BOTH = {channel: {"state": "subscribed", "at": "2026-11-20T10:00:00Z"} for channel in ("email", "sms")}


def two_ways(**fields: Any) -> dict[str, Any]:
    """A customer who may be written to by e-mail and SMS."""
    return anna(phone="+48600100200", consents=BOTH, **fields)


def views(*steps: Step, **fields: Any) -> Any:
    return journey("views", "page.viewed", *steps, again_after=0, key="event.page.url", **fields)


class Story(Run):
    """A run in which Anna looks at pages."""

    def look(self, page: str = "a", **customer: Any) -> Story:
        self.take(happened("page.viewed", self.now, customer=two_ways(**customer), page={"url": page}))
        return self

    def wait(self, by: timedelta, *, held: bool = False) -> Story:
        super().wait(by, held=held)
        return self

    def reload(self) -> Story:
        super().reload()
        return self

    @property
    def times(self) -> list[datetime]:
        return [message.created_at for message in self.queue]


def story(*journeys: Any, at: datetime = EVENING, **policies: Any) -> Story:
    return Story(workspace(*(journeys or (views(),)), **policies), now=at)


# classes


@pytest.mark.parametrize(
    ("counts_as", "consents", "klass"),
    [
        ({}, {}, None),
        ({}, BOTH, "opinion"),
        ({"opinion": "marketing"}, {}, None),
        ({"opinion": "marketing"}, BOTH, "marketing"),
        ({"opinion": "service"}, {}, "service"),
    ],
)
def test_a_class_is_what_it_counts_as(counts_as: Any, consents: Any, klass: str | None) -> None:
    run = story(views(klass="opinion"), classes=counts_as)
    run.take(happened("page.viewed", run.now, customer=anna(consents=consents), page={"url": "a"}))
    assert [message.klass for message in run.queue] == ([klass] if klass else [])


def test_a_send_of_another_class_counts_as_that_one_counts() -> None:
    run = story(views(say(klass="opinion")), classes={"opinion": "service", "marketing": "opinion"}).look()
    assert [message.klass for message in run.queue] == ["service"]


# quiet hours


def test_a_message_waits_for_the_first_allowed_moment() -> None:
    run = story(quiet_hours={"email": NIGHT}).look().wait(MORNING - EVENING - timedelta(seconds=1))
    assert run.queue == []
    run.wait(timedelta(seconds=1))
    assert run.times == [MORNING]


def test_it_is_quiet_where_the_customer_lives() -> None:
    assert story(quiet_hours={"email": NIGHT}).look(time_zone="America/New_York").times == [EVENING]
    assert story(quiet_hours={"email": NIGHT}).look(time_zone="Europe/Warsaw").times == []


@pytest.mark.parametrize(
    ("country", "says"), [("PL", False), ("pl", False), (None, False), ("DE", True), ("Atlantis", False)]
)
def test_holidays_are_those_of_the_customers_country_else_the_shops(country: str | None, says: bool) -> None:
    independence_day = datetime(2026, 11, 11, 12, tzinfo=UTC)
    run = story(at=independence_day, quiet_hours={"email": QuietHours(holidays=True)}).look(country=country)
    assert bool(run.queue) is says


def test_what_is_decided_after_the_wait_is_decided_anew() -> None:
    run = story(views(exits=until("order.placed")), quiet_hours={"email": NIGHT}).look()
    run.take(happened("order.placed", run.now, customer=two_ways(), placed="1")).wait(DAY)
    assert (run.queue, run.ended) == ([], [Reason.EXITED])
    run = story(quiet_hours={"email": NIGHT}).look()
    gone = {"email": {"state": "unsubscribed", "at": run.now}}
    run.take(happened("consent.changed", run.now, customer=anna(consents=gone))).wait(DAY)
    assert (run.queue, run.reasons[-1]) == ([], ("views", Reason.NO_CONSENT))


def test_an_entry_that_waits_for_morning_is_stored_and_read_again() -> None:
    assert story(quiet_hours={"email": NIGHT}).look().reload().wait(DAY).times == [MORNING]


def test_then_drop_skips_the_message_and_says_why() -> None:
    run = story(quiet_hours={"email": QuietHours(20 * 60, 9 * 60, then="drop")}).look()
    assert (run.queue, run.reasons, run.ended) == ([], [("views", Reason.QUIET_HOURS)], [Reason.COMPLETED])


def test_what_is_dropped_in_quiet_hours_leaves_a_journey_that_says_otherwise_exit() -> None:
    run = story(
        views(say(otherwise="exit"), say("hello", id="b")),
        quiet_hours={"email": QuietHours(20 * 60, 9 * 60, then="drop")},
    ).look()
    assert (run.queue, run.ended) == ([], [Reason.QUIET_HOURS])


def test_a_journey_may_ignore_quiet_hours() -> None:
    run = story(views(quiet_hours="ignore"), quiet_hours={"email": NIGHT}).look()
    assert (run.times, run.queue[0].quiet) == ([EVENING], ())


@pytest.mark.parametrize(
    ("klass", "classes", "goes"),
    [
        ("transactional", None, True),
        ("transactional", ("transactional",), False),
        ("service", None, False),
        ("service", ("marketing",), True),
        ("marketing", ("marketing",), False),
    ],
)
def test_transactional_messages_are_exempt_unless_the_policy_names_them(klass: Any, classes: Any, goes: bool) -> None:
    quiet = QuietHours(20 * 60, 9 * 60, **({"classes": classes} if classes else {}))
    assert bool(story(views(klass=klass), quiet_hours={"email": quiet}).look().queue) is goes


def test_lateness_counts_from_the_first_allowed_moment() -> None:
    late = views(late="drop", max_lateness=3_600.0)
    run = story(late, quiet_hours={"email": NIGHT}).look().wait(DAY)
    assert run.times == [MORNING]
    run = story(late, quiet_hours={"email": NIGHT}).look()
    (timer,) = run.timers
    run.now = MORNING + timedelta(hours=1, seconds=1)
    run.fire(timer)
    assert (run.queue, run.ended) == ([], [Reason.LATE])


def test_first_takes_the_channel_that_may_speak_now() -> None:
    run = story(views(say(via=("sms", "email"))), quiet_hours={"sms": NIGHT}).look()
    assert [(message.channel, message.created_at) for message in run.queue] == [("email", EVENING)]
    assert run.reasons == [("views", Reason.QUIET_HOURS)]


def test_first_waits_for_the_earliest_channel_where_none_may_speak() -> None:
    sooner = QuietHours(20 * 60, 7 * 60)
    run = story(views(say(via=("sms", "email"))), quiet_hours={"sms": NIGHT, "email": sooner}).look().wait(DAY)
    assert [(message.channel, message.created_at) for message in run.queue] == [("email", MORNING - 2 * HOUR)]


def test_all_are_said_together_once_all_may_speak() -> None:
    run = story(views(say(via=("email", "sms"), every=True)), quiet_hours={"sms": NIGHT}).look().wait(DAY)
    assert [(message.channel, message.created_at) for message in run.queue] == [("email", MORNING), ("sms", MORNING)]


def test_all_does_not_wait_for_a_channel_that_may_not_speak_at_all() -> None:
    run = story(views(say(via=("email", "sms"), every=True)), quiet_hours={"sms": NIGHT})
    run.take(happened("page.viewed", run.now, customer=anna(phone="+48600100200"), page={"url": "a"}))
    assert [message.channel for message in run.queue] == ["email"]


def test_channels_that_are_never_allowed_together_do_not_wait_for_ever() -> None:
    day, night = QuietHours(8 * 60, 20 * 60), QuietHours(20 * 60, 8 * 60)
    run = story(views(say(via=("email", "sms"), every=True)), quiet_hours={"email": day, "sms": night}).look()
    assert [message.channel for message in run.queue] == ["email"]
    assert run.reasons == [("views", Reason.QUIET_HOURS)]


def test_a_queued_message_knows_the_quiet_hours_of_the_days_to_come() -> None:
    run = story(at=AT, quiet_hours={"email": NIGHT}).look()
    nights = [(datetime(2026, 11, 22 + n, 19, tzinfo=UTC), datetime(2026, 11, 23 + n, 8, tzinfo=UTC)) for n in range(7)]
    assert list(run.queue[0].quiet[:7]) == nights
    assert story(at=AT).look().queue[0].quiet == ()


# caps


def test_a_cap_lets_so_many_pass_and_drops_the_next() -> None:
    run = story(caps=(Cap(2, WEEK, then="drop"),)).look("a").look("b").look("c")
    assert (len(run.queue), run.reasons[-1]) == (2, ("views", Reason.CAPPED))


def test_a_capped_message_waits_for_the_earliest_moment_that_has_room() -> None:
    run = story(caps=(Cap(2, WEEK),), at=AT).look("a")
    run.wait(DAY)
    run.look("b").look("c").wait(7 * DAY)
    assert run.times == [AT, AT + DAY, AT + 7 * DAY]


def test_after_the_cap_come_the_quiet_hours() -> None:
    run = story(at=EVENING - 4 * HOUR, caps=(Cap(1, 4 * 3_600.0),), quiet_hours={"email": NIGHT})
    assert run.look("a").look("b").wait(DAY).times == [EVENING - 4 * HOUR, MORNING]


@pytest.mark.parametrize(
    ("cap", "step", "klass", "passes"),
    [
        (Cap(0, WEEK, then="drop"), say(), "marketing", False),
        (Cap(0, WEEK), say(), "marketing", False),
        (Cap(0, WEEK), say(), "transactional", True),
        (Cap(0, WEEK, klass="transactional"), say(), "transactional", False),
        (Cap(0, WEEK, klass="marketing"), say(), "service", True),
        (Cap(0, WEEK, klass="marketing"), say(klass="service"), "marketing", True),
        (Cap(0, WEEK, channel="sms"), say(), "marketing", True),
        (Cap(0, WEEK, channel="sms"), say(via=("sms",)), "marketing", False),
        (Cap(0, WEEK, topic="news"), say(), "marketing", False),
        (Cap(0, WEEK, topic="carts"), say(), "marketing", True),
    ],
)
def test_a_cap_counts_what_it_names(cap: Cap, step: Any, klass: Any, passes: bool) -> None:
    assert bool(story(views(step, klass=klass, topic="news"), caps=(cap,)).look().queue) is passes


def test_of_two_channels_of_one_step_the_second_is_capped_by_the_first() -> None:
    run = story(views(say(via=("email", "sms"), every=True)), caps=(Cap(1, WEEK, then="drop"),)).look()
    assert [message.channel for message in run.queue] == ["email"]
    assert run.reasons == [("views", Reason.CAPPED)]


def test_the_highest_priority_takes_the_last_place() -> None:
    def named(name: str, priority: int) -> Any:
        return journey(name, "page.viewed", priority=priority)

    run = story(named("a", 10), named("b", 90), named("c", 50), caps=(Cap(1, WEEK, then="drop"),)).look()
    assert [message.journey for message in run.queue] == ["b"]
    assert run.reasons == [("c", Reason.CAPPED), ("a", Reason.CAPPED)]


def test_of_those_that_wait_for_one_place_the_highest_priority_takes_it_then_who_waits_longest() -> None:
    caps = (Cap(1, 86_400.0),)
    names = {"first": 50, "a": 50, "b": 90}
    journeys = [journey(n, "page.viewed", condition=f"event.page.url == '{n}'", priority=p) for n, p in names.items()]
    run = story(*journeys, at=AT, caps=caps).look("first").wait(HOUR)
    run.look("a").wait(HOUR)
    run.look("b").wait(5 * DAY)
    assert [message.journey for message in run.queue] == ["first", "b", "a"]


def test_a_message_that_is_taken_back_makes_room_at_once() -> None:
    """One order ends the reminder, whose unsent message made way for the words of thanks."""
    thanks = journey("thanks", "order.placed", klass="marketing")
    run = story(views(exits=until("order.placed")), thanks, caps=(Cap(1, WEEK, then="drop"),)).look()
    run.take(happened("order.placed", run.now, customer=two_ways(), placed="1"))
    assert [message.journey for message in run.queue] == ["thanks"]


def test_a_message_that_is_claimed_already_makes_no_room() -> None:
    thanks = journey("thanks", "order.placed", klass="marketing")
    run = story(views(exits=until("order.placed")), thanks, caps=(Cap(1, WEEK, then="drop"),)).look()
    run.states[run.queue[0].send_key] = State.CLAIMED
    run.take(happened("order.placed", run.now, customer=two_ways(), placed="1"))
    assert [message.journey for message in run.queue] == ["views"]


def test_a_withdrawal_gives_back_what_was_unsent_on_the_channel() -> None:
    run = story(views(say(via=("sms", "email"))), caps=(Cap(1, WEEK, then="drop"),)).look("a")
    gone = {"sms": {"state": "unsubscribed", "at": run.now}}
    run.take(happened("consent.changed", run.now, customer=anna(consents=gone)))
    run.take(happened("page.viewed", run.now, customer=anna(), page={"url": "b"}))
    assert [message.channel for message in run.queue] == ["email"]


@pytest.mark.parametrize(
    ("state", "room"),
    [
        (State.QUEUED, False), (State.CLAIMED, False), (State.ACCEPTED, False), (State.UNKNOWN, False),
        (State.REFUSED, True), (State.REVOKED, True), (State.DROPPED, True), (State.EXPIRED, True),
    ],
)  # fmt: skip
def test_what_has_not_left_and_will_not_leaves_room(state: State, room: bool) -> None:
    run = story(caps=(Cap(1, WEEK, then="drop"),)).look("a")
    run.states[run.queue[0].send_key] = state
    assert len(run.look("b").messages) == 1 + room


def test_what_is_known_to_have_left_is_not_asked_about_again() -> None:
    run = story(caps=(Cap(1, WEEK, then="drop"),)).look("a")
    run.states[run.queue[0].send_key] = State.ACCEPTED
    run.look("b")
    assert [sent.left for sent in run.profile.sent] == [True]


def test_two_profiles_that_become_one_have_got_what_both_have() -> None:
    run = story(caps=(Cap(2, WEEK, then="drop"),))
    for n in ("1", "2"):
        customer = {"id": f"c-{n}", "consents": BOTH, "email": f"{n}@example.com"}
        run.take(happened("page.viewed", run.now, customer=customer, page={"url": n}, source=f"shop-{n}"))
    assert len(run.profiles) == 2
    keeper, other = run.profiles.values()
    keeper.sent, other.sent = other.sent, keeper.sent
    merge(keeper, other)
    assert sorted(sent.key for sent in keeper.sent) == sorted(run.messages)
    assert [sent.at for sent in keeper.sent] == [run.now, run.now]


def test_a_workspace_without_caps_remembers_no_message() -> None:
    assert story().look().profile.sent == []
    assert story(caps=(Cap(1, WEEK, channel="sms"),)).look().profile.sent == []
    assert len(story(caps=(Cap(1, WEEK, channel="email"),)).look().profile.sent) == 1


def test_what_no_cap_counts_any_more_is_forgotten() -> None:
    run = story(at=AT, caps=(Cap(5, 86_400.0),))
    for n in range(20):
        run.look(str(n)).wait(8 * HOUR)
    assert len(run.queue) == 20
    assert len(run.profile.sent) <= 4


def test_who_is_beaten_to_every_place_gives_up_after_the_longest_patience() -> None:
    """Every day something of a higher priority takes the only place."""
    greedy = views(priority=90)
    patient = journey("patient", "order.placed", klass="marketing", priority=10)
    run = story(greedy, patient, at=AT, caps=(Cap(1, 86_400.0),)).look("0")
    run.take(happened("order.placed", run.now, customer=two_ways(), placed="1"))
    for n in range(1, 40):
        run.wait(DAY - timedelta(seconds=1))
        run.look(str(n)).wait(timedelta(seconds=1))
    assert ("patient", Reason.CAPPED) in run.reasons
    assert "patient" not in [message.journey for message in run.queue]
    assert not [e for e in run.profile.entries if e.journey == "patient"]
    row = next(row for row in run.entries.values() if row.journey == "patient")
    assert row.ended_at is not None
    assert timedelta(days=30) <= row.ended_at - row.entered_at <= timedelta(days=31)


def test_policies_are_worked_out_once_for_a_workspace() -> None:
    plain = define(workspace(views()))
    assert plain.policies.says_nothing
    assert plain.policies.country == "PL"
    assert not define(workspace(views(), caps=(Cap(1, WEEK),))).policies.says_nothing


def test_a_goal_that_is_reached_while_a_message_waits_ends_the_entry() -> None:
    run = story(views(goals=goal("order.placed")), quiet_hours={"email": NIGHT}).look()
    run.take(happened("order.placed", run.now, customer=two_ways(), placed="1"))
    assert (run.wait(DAY).queue, run.ended) == ([], [Reason.GOAL_REACHED])
