"""Caps and quiet hours against what journeys say: what never leaves, or not when it is meant to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from services.cli.workspace.findings import Place
from services.cli.workspace.journeys.moments import WEEKDAYS
from services.cli.workspace.rules.ways import timeline
from services.cli.workspace.rules.whole import Told, Whole
from services.contracts.journey import Branch, Clock, Send, Set, Split, Step, Tag, Wait, WaitFor, ways
from services.contracts.message import MessageClass
from services.contracts.policies import Cap, QuietHours
from services.contracts.schedule import Dated, Every, Named, Once, Schedule, When
from services.trigger_engine.policies.caps import counts
from services.trigger_engine.policies.hours import Home, opens
from services.trigger_engine.policies.rules import ready

_DAY = 24 * 60
_WORD: dict[type[When], str] = {Once: "at", Named: "at", Every: "every", Dated: "date"}


def cap_too_small(whole: Whole) -> None:
    """A send that a cap drops whenever those before it were said, or channels that never speak together."""
    caps = [cap for cap in whole.settings.policies.caps if cap.at_most]
    for told in whole.journeys if caps else ():
        times = {step.id: span.most for step, span in timeline(told.journey.steps)}
        for before, send in _runs(told.journey.steps, ()):
            klass = whole.counts_as(told.klass(send))
            for cap in caps:
                own = _counted(cap, send, klass, told)
                if own > cap.at_most:
                    _together(told, send, cap)
                elif own and cap.then == "drop":
                    room = cap.at_most - sum(
                        _counted(cap, one, klass, told)
                        for one in before
                        if _alike(one, send, told) and times[send.id] - times[one.id] < cap.per
                    )
                    if own > room:
                        _dropped(told, send, cap)
                        break


def quiet_window(whole: Whole) -> None:
    """A moment to speak at that lies in quiet hours of every channel."""
    for told in whole.journeys if whole.settings.policies.quiet_hours else ():
        if told.journey.quiet_hours == "ignore":
            continue
        for clock, at, send in _moments(whole, told):
            quiet = [_quiet(whole, told, send, channel) for channel in send.via]
            swallowed = [one for one in quiet if one is not None and _is_quiet(one, clock)]
            if not send.via or len(swallowed) < len(send.via):
                continue
            over = " and ".join(send.via)
            if all(one.then == "drop" for one in swallowed):
                message = f"at {_shown(clock.minute)} {over} is quiet, and what is due then is dropped: never said"
            else:
                message = f"at {_shown(clock.minute)} {over} is quiet, so this is said later"
            told.sheet.warning(at, "quiet-window", message, "choose another time, or change policies.quiet_hours")


def quiet_while_live(whole: Whole) -> None:
    """A journey that is live only while its first message must not leave."""
    shop = whole.settings.shop
    for told in whole.journeys if whole.settings.policies.quiet_hours else ():
        begin, end = told.journey.live_from, told.journey.live_until
        send = _first(told.journey.steps)
        if begin is None or end is None or send is None or told.journey.quiet_hours == "ignore" or not send.via:
            continue
        home = Home(ZoneInfo(shop.time_zone), ready(whole.settings).country)
        quiet = [_quiet(whole, told, send, channel) for channel in send.via]
        opened = [begin if one is None else opens(one, home, begin) for one in quiet]
        if all(one is None or one >= end for one in opened):
            message = "while this journey is live its first message must not leave: these hours are quiet"
            told.sheet.warning(told.at("live", "from"), "quiet-window", message, "let it be live by day")


def _together(told: Told, send: Send, cap: Cap) -> None:
    message = f"all of these channels never speak: a cap lets {_room(cap)} pass"
    told.sheet.warning(told.step_at(send, "via"), "cap-too-small", message, "write {first: […]}, or raise at_most")


def _dropped(told: Told, send: Send, cap: Cap) -> None:
    message = f"the cap of {_room(cap)} drops this: what is said before it in this journey has taken the room"
    hint = "wait longer before it, raise at_most in wici.yaml, or write then: wait there"
    told.sheet.warning(told.step_at(send, "send"), "cap-too-small", message, hint)


def _room(cap: Cap) -> str:
    days, hours = cap.per / 86_400, cap.per / 3_600
    per = f"{days:g} days" if days >= 2 else f"{hours:g} hours"
    return f"{cap.at_most} in {per}"


def _runs(steps: tuple[Step, ...], before: tuple[Send, ...]) -> Iterator[tuple[tuple[Send, ...], Send]]:
    """Every send with those that come before it on every way. A wait until an unknown moment begins anew."""
    for step in steps:
        if isinstance(step, Send):
            yield before, step
            before = before if step.condition else (*before, step)
        elif isinstance(step, Wait) and isinstance(step.until, str):
            before = ()
        for _, inside in ways(step):
            yield from _runs(inside, before)
        if isinstance(step, Branch | Split | WaitFor) and _unknown(step):
            before = ()


def _unknown(step: Step) -> bool:
    """Whether a moment that nobody knows beforehand is waited for inside."""
    return any(
        _unknown(one) or (isinstance(one, Wait) and isinstance(one.until, str))
        for _, inside in ways(step)
        for one in inside
    )


def _alike(one: Send, other: Send, told: Told) -> bool:
    """Whether who gets the one gets the other, as far as consent and address go."""
    return set(one.via) == set(other.via) and told.klass(one) == told.klass(other)


def _counted(cap: Cap, send: Send, klass: MessageClass, told: Told) -> int:
    """How many messages of a send the cap counts for certain."""
    under = [channel for channel in send.via if counts(cap, channel, klass, told.journey.topic)]
    if send.every:
        return len(under)
    return 1 if under and len(under) == len(send.via) else 0


def _moments(whole: Whole, told: Told) -> Iterator[tuple[Clock, Place, Send]]:
    """Every time on the customer's clock at which something is said, and where the time is written."""
    derive, on = whole.settings.policies.derive, told.journey.enter.on
    yearly = {"customer.birthday": derive.customer_birthday, "customer.anniversary": derive.customer_anniversary}.get(
        on
    )
    send = _first(told.journey.steps)
    if yearly is not None and send is not None:
        hour, minute = yearly.at.split(":")
        yield Clock(int(hour) * 60 + int(minute)), told.step_at(send, "send"), send
    schedule = told.journey.enter.schedule
    due = _due(schedule)
    if schedule is not None and due is not None and send is not None:
        yield due, told.at("enter", _WORD[type(schedule.when)]), send
    todo = [told.journey.steps]
    while todo:
        steps = todo.pop()
        for number, step in enumerate(steps):
            todo += [inside for _, inside in ways(step)]
            send = _first(steps[number + 1 :])
            if isinstance(step, Wait) and isinstance(step.until, Clock) and send is not None:
                yield step.until, told.step_at(step, "wait"), send


def _due(schedule: Schedule | None) -> Clock | None:
    """The time of day of a schedule, with its weekday where it has one; None where there are several."""
    if schedule is None:
        return None
    if isinstance(schedule.when, Once):
        at = datetime.fromisoformat(schedule.when.at)
        return Clock(at.hour * 60 + at.minute, at.weekday())
    if isinstance(schedule.when, Named | Dated):
        return Clock(schedule.when.minute)
    minute, hour, _, _, day = schedule.when.cron.split()
    if not (minute.isdigit() and hour.isdigit()):
        return None
    names = [name[:3] for name in WEEKDAYS]
    return Clock(int(hour) * 60 + int(minute), names.index(day.lower()) if day.lower() in names else None)


def _first(steps: tuple[Step, ...]) -> Send | None:
    """The send that follows at once."""
    for step in steps:
        if isinstance(step, Send):
            return step
        if not isinstance(step, Tag | Set):
            return None
    return None


def _quiet(whole: Whole, told: Told, send: Send, channel: str) -> QuietHours | None:
    quiet = next((one for name, one in whole.settings.policies.quiet_hours.items() if name == channel), None)
    return quiet if quiet is not None and whole.counts_as(told.klass(send)) in quiet.classes else None


def _is_quiet(quiet: QuietHours, clock: Clock) -> bool:
    if clock.weekday is not None and clock.weekday in quiet.weekdays:
        return True
    span = (quiet.end - quiet.start) % _DAY
    return (clock.minute - quiet.start) % _DAY < span


def _shown(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


RULES = (cap_too_small, quiet_window, quiet_while_live)
