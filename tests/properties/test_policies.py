"""Whatever the policies and whatever happens: no message in quiet hours, none above a cap, none that waits for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.message import CHANNELS, Message, State
from services.contracts.policies import Cap, QuietHours
from services.trigger_engine.policies.caps import counts
from services.trigger_engine.policies.public_holidays import public_holidays
from services.trigger_engine.profiles.identifiers import country
from tests.support.engine import DAY, HOUR, Run, anna, happened, journey, say, until, workspace
from tests.support.examples import examples

BEGIN = datetime(2026, 10, 22, 6, tzinfo=UTC)  # three days before clocks change in Europe, ten before All Saints'
ZONES = ("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
BOTH = {channel: {"state": "subscribed", "at": "2026-01-01T10:00:00Z"} for channel in ("email", "sms")}
PATIENCE = timedelta(days=30)

quiet_hours = st.builds(
    QuietHours,
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    weekdays=st.lists(st.integers(0, 6), max_size=2, unique=True).map(tuple),
    holidays=st.booleans(),
    then=st.sampled_from(["wait", "drop"]),
)
caps = st.builds(
    Cap,
    at_most=st.integers(0, 3),
    per=st.sampled_from([HOUR, DAY, 3 * DAY]).map(timedelta.total_seconds),
    channel=st.sampled_from([None, "email", "sms"]),
    klass=st.sampled_from([None, "marketing", "transactional"]),
    topic=st.sampled_from([None, "news"]),
    then=st.sampled_from(["wait", "drop"]),
)
steps = st.builds(
    lambda via, every: say(via=via, every=every),
    st.sampled_from([("email",), ("sms",), ("sms", "email"), ("email", "sms")]),
    st.booleans(),
)
journeys = st.lists(
    st.fixed_dictionaries(
        {
            "step": steps,
            "klass": st.sampled_from(["marketing", "marketing", "service", "transactional"]),
            "topic": st.sampled_from([None, "news"]),
            "priority": st.integers(0, 100),
        }
    ),
    min_size=1,
    max_size=3,
)
happenings = st.lists(
    st.tuples(st.timedeltas(timedelta(0), 2 * DAY), st.sampled_from(["look", "look", "order", "leave"])), max_size=12
)


def run_of(told: Any, quiet: Any, limits: Any) -> Run:
    made = [
        journey(
            f"j{n}", "page.viewed", one["step"], again_after=0, key="event.page.url", exits=until("order.placed"),
            **{word: one[word] for word in ("klass", "topic", "priority")},
        )
        for n, one in enumerate(told)
    ]  # fmt: skip
    return Run(workspace(*made, quiet_hours=quiet, caps=tuple(limits)), now=BEGIN)


def live(run: Run, events: Any, zone: str) -> None:
    """What happens to one customer; then three months in which nothing does."""
    customer = anna(phone="+48600100200", consents=BOTH, time_zone=zone, country=country(zone, ""))
    for n, (after, what) in enumerate(events):
        run.wait(after)
        if what == "look":
            run.take(happened("page.viewed", run.now, customer=customer, page={"url": str(n)}))
        elif what == "order":
            run.take(happened("order.placed", run.now, customer=customer, placed=str(n)))
        else:
            run.states |= {m.send_key: State.ACCEPTED for m in run.queue if m.send_key not in run.states}
    run.wait(90 * DAY)


def is_quiet(quiet: QuietHours, zone: str, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(zone))
    clock, start, end = local.hour * 60 + local.minute, quiet.start, quiet.end
    within = start <= clock < end if start <= end else not end <= clock < start
    holiday = quiet.holidays and local.date() in public_holidays(country(zone, ""), local.year)
    return within or local.weekday() in quiet.weekdays or holiday


def most_in_any_window(cap: Cap, messages: list[Message]) -> int:
    """Of what left or may still leave."""
    said = [(channel, m) for m in messages for channel in CHANNELS if channel == m.channel]
    times = [m.created_at for channel, m in said if counts(cap, channel, m.klass, m.topic)]
    return max((sum(end - timedelta(seconds=cap.per) < at <= end for at in times) for end in times), default=0)


@settings(max_examples=examples(150), deadline=None)
@given(
    told=journeys,
    quiet=st.dictionaries(st.sampled_from(["email", "sms"]), quiet_hours),
    limits=st.lists(caps, max_size=3),
    events=happenings,
    zone=st.sampled_from(ZONES),
)
def test_no_message_breaks_a_policy_and_none_waits_for_ever(
    told: Any, quiet: Any, limits: Any, events: Any, zone: str
) -> None:
    run = run_of(told, quiet, limits)
    live(run, events, zone)
    for message in run.messages.values():
        rule = quiet.get(message.channel)
        if rule is not None and message.klass != "transactional":
            assert not is_quiet(rule, zone, message.created_at)
            assert not any(begin <= message.created_at < end for begin, end in message.quiet)
    for cap in limits:
        assert most_in_any_window(cap, run.queue) <= cap.at_most
    for profile in run.profiles.values():
        assert [entry for entry in profile.entries if entry.until is None] == []
        assert len(profile.sent) <= 2 * sum(cap.at_most for cap in limits)
    assert all(
        row.ended_at is None or row.ended_at - row.entered_at <= PATIENCE + 10 * DAY for row in run.entries.values()
    )
    assert run.timers == {}
