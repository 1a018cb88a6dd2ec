"""`journeys/<name>.yaml` → a `Journey`: short forms spelled out, names and conditions checked."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Literal, cast

from services.cli.workspace.findings import short, write_instead
from services.cli.workspace.journeys.expressions import check_expression
from services.cli.workspace.journeys.moments import MomentError, instant
from services.cli.workspace.journeys.schedules import OCCURRENCE, check_way, entering, membership, read_schedule, words
from services.cli.workspace.journeys.sends import SendCheck
from services.cli.workspace.journeys.steps import StepReader
from services.cli.workspace.reading.positions import Mapping, Node
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.settings.policies import percent
from services.cli.workspace.shapes.journey import JOURNEY
from services.cli.workspace.surroundings import Surroundings
from services.contracts.event import RECEIPT_TYPES
from services.contracts.journey import Enter, Goal, InFlight, Journey, Rule, Send, Start, Webhook, every_step
from services.contracts.message import MessageClass
from services.contracts.schedule import DUE, Schedule
from services.trigger_engine.journeys.conditions import NUMBER, STRING, TIMESTAMP, DurationError, parse_duration
from services.trigger_engine.journeys.scopes import condition_scope

Late = Literal["drop", "recheck", "send"]
ONE_DAY = 86_400.0


def read_journey(node: Node, sheet: Sheet, around: Surroundings) -> Journey:
    """The journey of a file. Where the sheet then has errors, the result has gaps and must not be used."""
    row = read(JOURNEY, node, sheet, "a journey") or Row(node, {})
    entered = row.row("enter")
    event = entering(words(entered), entered.text("on")) if entered else ""
    klass = cast("MessageClass", row.text("class", "marketing"))
    policy = row.row("policy") or Row(node, {})
    lateness = policy.number("max_lateness")
    live = row.row("live") or Row(node, {})
    first, end = _live(live, "from", sheet, around), _live(live, "until", sheet, around)
    if first is not None and end is not None and end <= first:
        sheet.error(live.at("until"), "bad-value", "it ends before it begins", "write a later day")
    holdout = percent(row.text("holdout"))
    if holdout and not row.rows("goal"):
        sheet.warning(row.at("holdout"), "holdout-without-goal", "a holdout measures nothing here", "write a goal: …")
    sends = SendCheck(sheet, around, event, klass, row.maybe("topic"))
    reader = StepReader(sheet, around, event, sends, lambda each: _exit(each, event, sheet, around), row)
    enter, steps = _enter(entered, sheet, around) if entered else Enter(""), reader.steps(row, "steps")
    sends.check_locales()
    if entered and event in RECEIPT_TYPES and any(isinstance(one, Send | Start | Webhook) for one in every_step(steps)):
        _check_receipts_end(entered, enter, sheet)
    word, moves = _in_flight(row, {step.id for step in every_step(steps)}, sheet)
    return Journey(
        name=row.text("journey"),
        enter=enter,
        steps=steps,
        title=row.text("title"),
        about=row.text("about"),
        owner=row.text("owner"),
        klass=klass,
        topic=_topic(row, sheet, around),
        goals=tuple(_goal(goal, event, sheet, around) for goal in row.rows("goal")),
        exits=tuple(_exit(each, event, sheet, around) for each in row.rows("exit")),
        late=cast("Late", policy.text("late", "send" if klass == "transactional" else "recheck")),
        max_lateness=7_200.0 if lateness is None else lateness,
        holdout=holdout,
        live_from=first,
        live_until=end,
        priority=int(policy.values.get("priority", 50)),
        quiet_hours="ignore" if policy.text("quiet_hours") == "ignore" else "inherit",
        in_flight=word,
        moves=moves,
    )


def _in_flight(row: Row, steps: Collection[str], sheet: Sheet) -> tuple[InFlight, dict[str, str]]:
    """What a change does to those inside; with `migrate`, the steps that lead on to others of this version."""
    mapping = row.row("in_flight")
    if mapping is None:
        return cast("InFlight", row.text("in_flight", "pin")), {}
    moves = mapping.named("migrate")
    node = mapping.node_of("migrate")
    for old, new in moves.items():
        if new is not None and new not in steps:
            place = node.values[old].place if isinstance(node, Mapping) else mapping.at("migrate")
            hint = write_instead(new, steps, "steps are")
            sheet.error(place, "unknown-step", f"this version has no step {short(new)}", hint)
    return "migrate", moves


def _topic(row: Row, sheet: Sheet, around: Surroundings) -> str | None:
    topic = row.maybe("topic")
    if topic and around.topics is not None and topic not in around.topics:
        hint = write_instead(topic, around.topics, "topics are")
        hint = hint or f"write topics: {{{topic}: {{title: …}}}} in wici.yaml"
        sheet.warning(row.at("topic"), "unlisted-topic", f"the topic {short(topic)} has no title", hint)
    return topic


def _live(row: Row, key: str, sheet: Sheet, around: Surroundings) -> datetime | None:
    written = row.maybe(key)
    if written is None:
        return None
    try:
        return instant(written, around.time_zone, end=key == "until")
    except MomentError as error:
        sheet.error(row.at(key), "bad-cron-or-time", error.message, error.hint)
        return None


def _enter(row: Row, sheet: Sheet, around: Surroundings) -> Enter:
    event = entering(words(row), row.text("on"))
    check_way(row, sheet)
    schedule = read_schedule(row, sheet, around) if event == DUE else None
    known = _check_segment(row, sheet, around) if "segment" in row else _check_enters(row, event, sheet, around)
    key = "segment" if "segment" in row else "on"
    if around.nothing_makes(event) and (key == "on" or around.segments is None):
        hint = "the journey will not be entered"
        sheet.warning(row.at(key), "not-yet-applied", f"nothing derives {event!r} in this version", hint)
    if known:
        scope = condition_scope(event, None, around.own_events, around.facts)
        check_expression(row.node_of("if"), scope, sheet)
        check_expression(row.node_of("key"), scope, sheet, (STRING, NUMBER))
        check_expression(row.node_of("date") if "date" in row else None, scope, sheet, (STRING, TIMESTAMP))
    max_age = row.number("max_age")
    return Enter(
        on=event,
        condition=_condition(row, schedule),
        # Each time of a schedule may be entered anew, unless the journey says what keeps a customer out.
        key=OCCURRENCE if event == DUE and "again" not in row and "key" not in row else row.maybe("key"),
        again_after=_again(row, sheet),
        max_age=86_400.0 if max_age is None else max_age,
        schedule=schedule,
    )


def _check_receipts_end(row: Row, enter: Enter, sheet: Sheet) -> None:
    """Journeys that answer one another's messages would never end, if each could be entered by every receipt."""
    hint = "write again: never, or again: after 1 day or more, without a key"
    if enter.again_after is not None and enter.again_after < ONE_DAY:
        place = row.at("again")
    elif enter.key is not None:
        place = row.at("key")
    else:
        return
    message = f"journeys that {enter.on!r} enters could answer one another's messages without end"
    sheet.error(place, "receipt-circle", message, hint)


def _condition(row: Row, schedule: Schedule | None) -> str | None:
    """The `if`, and for the short form that it is this segment, of a schedule that it is for this customer."""
    segment, condition = row.maybe("segment"), row.maybe("if")
    this = membership(schedule) if segment is None else f"event.segment == {json.dumps(segment)}"
    if this is None:
        return condition
    return this if condition is None else f"{this} && ({condition})"


def _check_enters(row: Row, event: str, sheet: Sheet, around: Surroundings) -> bool:
    if event == DUE:
        if row.text("on") == DUE:
            hint = "write when it is due: every: 0 10 * * tue, or at: 2026-12-01 10:00"
            sheet.error(row.at("on"), "bad-value", f"{DUE!r} enters each journey at its own times", hint)
        return True
    if "on" not in row and isinstance(row.node, Mapping) and "on" not in row.node.values:
        sheet.error(row.node.place, "missing-key", "'enter' needs 'on'", "write instead: {on: order.placed}")
    return _check_event(row, sheet, around)


def _check_segment(row: Row, sheet: Sheet, around: Surroundings) -> bool:
    segment = row.text("segment")
    if around.segments is not None and segment not in around.segments:
        hint = write_instead(segment, around.segments, "segments are")
        sheet.error(row.at("segment"), "unknown-segment", f"there is no segment {short(segment)}", hint)
    return True


def _again(row: Row, sheet: Sheet) -> float | None:
    """Seconds after which a customer may enter again; None: never, 0: always."""
    word = row.text("again", "never")
    if not word.startswith("after"):
        return 0.0 if word == "always" else None
    try:
        return parse_duration(word.removeprefix("after").strip()).total_seconds()
    except DurationError as error:
        sheet.error(row.at("again"), "bad-duration", error.message, "write it like: after 7 days")
        return None


def _goal(row: Row, event: str, sheet: Sheet, around: Surroundings) -> Goal:
    rule = _exit(row, event, sheet, around)
    return Goal(rule.on, rule.condition, row.number("within"), row.flag("stay"))


def _exit(row: Row, event: str, sheet: Sheet, around: Surroundings) -> Rule:
    received = row.text("on")
    if _check_event(row, sheet, around) and event in around.events:
        scope = condition_scope(event, received, around.own_events, around.facts)
        check_expression(row.node_of("if"), scope, sheet)
    return Rule(received, row.maybe("if"))


def _check_event(row: Row, sheet: Sheet, around: Surroundings) -> bool:
    event = row.text("on")
    if not event or event in around.events:
        return bool(event)
    hint = write_instead(event, around.events, "types are")
    if "write instead" not in hint:
        hint = f"use one of wici's types, or describe your own in events/{event[:60]}.schema.json"
    sheet.error(row.at("on"), "unknown-event", f"there is no event type {short(event)}", hint)
    return False
