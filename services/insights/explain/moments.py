"""A story told in plain words: moments in the order of their times, each with what followed and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from services.contracts import ids
from services.contracts.message import ALERTS
from services.insights.explain.meanings import meaning
from services.insights.explain.story import Happened, Inside, Said, Story
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.conditions import Condition
from services.trigger_engine.journeys.conditions.brief import brief
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.env import environment
from services.trigger_engine.journeys.reaction import Note, Walked

Kind = Literal["event", "entry", "step", "timer", "message"]


class Moment(msgspec.Struct):
    """Something that happened: `what` in a line, `then` what followed, line by line; `journeys` that it is about.

    `version` is the workspace's that was in force when an event came; `reasons` are those that are told, by name.
    """

    at: datetime
    what: str
    then: list[str] = []
    journeys: set[str] = set()
    kind: Kind = "event"
    version: int | None = None
    reasons: list[str] = []


def moments(story: Story) -> list[Moment]:
    """Everything, the earliest first. An entry stands where it was entered; a message where it was queued."""
    found = [_event(one, story) for one in story.events]
    for entry in story.entries:
        found += _entry(entry, story)
    found += [_message(one) for one in story.messages]
    return sorted(found, key=lambda moment: moment.at)


def _event(one: Happened, story: Story) -> Moment:
    source = "wici itself" if one.source == "wici" else one.source
    moment = Moment(one.received_at, f"{one.type}, from {source}", version=one.version or None)
    if one.time != one.received_at:
        moment.what += f" (happened {stamp(one.time)})"
    if one.version:
        moment.what += f", under version {one.version}"
    definitions = story.definitions.get(one.version)
    told = {note.journey for note in one.trace}
    for note in one.trace:
        moment.journeys.add(note.journey)
        moment.reasons.append(note.reason)
        moment.then += _note(note, one, story, definitions)
    entered = {entry.id: entry for entry in story.entries}
    for compiled in definitions.enters.get(one.type, ()) if definitions else ():
        name = compiled.journey.name
        entry = entered.get(ids.entry(name, one.id))
        if entry is not None:
            moment.journeys.add(name)
            moment.then.append(f"{name}: entered (revision {entry.revision})")
        elif name not in told:
            moment.journeys.add(name)
            moment.then.append(f"{name}: no word is on record; it may have been published just then")
    if not moment.then:
        moment.then.append("no journey that was published then is entered by it, or ended by it")
    return moment


def _note(note: Note, one: Happened, story: Story, definitions: Definitions | None) -> list[str]:
    if not note.journey:
        return [f"took no effect: {note.reason}: {meaning(note.reason)}"]
    what = {"enter": "not entered", "exit": "not left", "goal": "goal not reached"}[note.rule]
    lines = [f"{note.journey}: {what}: {note.reason}: {meaning(note.reason)}"]
    compiled = _compiled(note, story, definitions)
    for condition in _conditions(note, one.type, compiled):
        lines.append(f"    if: {condition.text}")
        root = "event" if note.rule == "enter" else "received"
        lines += [f"    {path} was {value}" for path, value in _read(condition, root, one.data).items()]
    lines += [f"    {path} was {shown(value)}" for path, value in (note.seen or {}).items()]
    return lines


def _compiled(note: Note, story: Story, definitions: Definitions | None) -> Compiled | None:
    """The revision that was asked: the one in force to enter, the one that the customer is inside to leave."""
    if definitions is None:
        return None
    if note.rule != "enter":
        pinned = [entry.revision for entry in story.entries if entry.journey == note.journey]
        return definitions.revisions.get((note.journey, pinned[-1])) if pinned else None
    return definitions.current.get(note.journey)


def _conditions(note: Note, kind: str, compiled: Compiled | None) -> Iterator[Condition]:
    if compiled is None or note.reason != "condition_false":
        return
    if note.rule == "enter":
        if compiled.condition is not None:
            yield compiled.condition
        return
    for listener in compiled.listeners.get(kind, ()):
        if listener.condition is not None and (listener.goal is None) == (note.rule == "exit"):
            yield listener.condition


def _read(condition: Condition, root: str, data: Mapping[str, Any]) -> dict[str, str]:
    """What a condition reads of an event: it is on record, so these are the values that it saw."""
    found = {}
    for path in sorted(condition.reads):
        if path[0] == root:
            value: Any = data
            for name in path[1:]:
                value = value.get(name) if isinstance(value, Mapping) else None
            found[".".join(path)] = shown(brief(value))
    return found


def _entry(entry: Inside, story: Story) -> Iterator[Moment]:
    said = {one.step for one in story.messages if one.entry_id == entry.id}
    name = entry.journey
    key = f", key {entry.key}" if entry.key else ""
    mine = {name}
    moved = next((one.seen for one in entry.walked if one.seen and "from" in one.seen), None)
    revision = entry.revision if moved is None else moved["from"]
    yield Moment(entry.entered_at, f"{name}: inside, revision {revision}{key}", [], mine, "entry")
    for one in entry.walked:
        reasons = [one.reason] if one.reason else []
        then = _walked(one, one.step in said)
        yield Moment(one.at, f"{name}: at {one.step}", then, mine, "step", reasons=[*reasons])
    if entry.failed:
        then = [f"{entry.failed}; see wici dead-letters list"]
        yield Moment(story.now, f"{name}: its timer failed", then, mine, "timer")
    if entry.wakes:
        then = ["a timer is set for then"]
        yield Moment(entry.wakes, f"{name}: will go on from {entry.step}", then, mine, "timer")
    if entry.ended_at:
        why = entry.reason or ""
        what = f"{name}: ended at {entry.step}: {why}"
        yield Moment(entry.ended_at, what, [meaning(why)], mine, "entry", reasons=[why] if why else [])


def _walked(one: Walked, said: bool) -> list[str]:
    seen = dict(one.seen or {})
    lines = []
    until = stamp(datetime.fromisoformat(seen.pop("until"))) if "until" in seen else None
    if until:
        lines.append(f"waits until {until}" + (f": {one.reason}" if one.reason is not None else ""))
    elif one.reason is not None:
        lines.append(f"{one.reason}: {meaning(one.reason)}" + (" (said over another channel)" if said else ""))
    lines += [f"    {policy}" for policy in seen.pop("policies", ())]
    if "from" in seen:
        lines.append(f"moved from revision {seen.pop('from')} to {seen.pop('to')} of revision {seen.pop('revision')}")
    if "start" in seen:
        lines.append(f"to start {seen.pop('start')}")
    if seen.pop("if", False):
        lines.append("its own if holds")
    if "arm" in seen:
        lines.append(_way(seen.pop("arm"), tried=bool(seen.pop("tried", False)), winner=seen.pop("winner", None)))
    return lines + [f"    {path} was {shown(value)}" for path, value in seen.items()]


def _way(arm: Any, *, tried: bool, winner: str | None) -> str:
    if arm is None:
        return "no arm of the branch held"
    return f"took arm {arm}" + (", on trial" if tried else "") + (f", the winner: {winner}" if winner else "")


def _message(one: Said) -> Moment:
    kinds = f"{one.klass}, {one.topic}" if one.topic else one.klass
    to = f" to {one.recipient or 'a team'}" if one.channel in ALERTS else ""
    what = f"{one.journey}: {one.template}{to} by {one.channel} queued at {one.step} ({kinds})"
    reasons = [one.reason] if one.reason else []
    return Moment(one.created_at, what, list(fate(one)), {one.journey}, "message", reasons=reasons)


def fate(one: Said) -> Iterator[str]:
    """What became of a message: whether it waits, for what; who took it, and what they said."""
    if one.state == "queued":
        yield f"waits: {one.held}" if one.held else "waits to be claimed by a notifier"
        if one.expires_at:
            yield f"good until {stamp(one.expires_at)}"
    if one.attempt:
        when = f" at {stamp(one.claimed_at)}" if one.claimed_at else ""
        answered = one.outcome or "not answered yet"
        composed = f", composed with version {one.version}" if one.version else ""
        yield f"attempt {one.attempts} over {one.account}{when}, call {one.turn}, {answered}{composed}"
    if one.state not in {"queued", "claimed"}:
        reason = f": {one.reason}: {meaning(one.reason)}" if one.reason else ""
        yield f"{one.state}{reason}"
        if one.reason == "suppressed":
            yield from (f"    the address {block}" for block in one.blocked)
    if one.status:
        named = f" as {one.provider_id}" if one.provider_id else ""
        yield f"{one.account} says {one.status}{named}" + (f" at {stamp(one.status_at)}" if one.status_at else "")
    for word, at in sorted(one.heard.items(), key=lambda heard: heard[1]):
        if at != one.status_at or word != one.status:
            yield f"    {word.replace('machine_', 'by a machine ')} at {stamp(at)}"


def why_never(story: Story, journey: str) -> list[str]:
    """Why a journey has never looked at this customer, with its condition run again over what is known today."""
    current = story.current
    compiled = current.current.get(journey) if current else None
    if current is None or compiled is None:
        known = ", ".join(sorted(current.current)) if current else "none"
        return [f"{journey} is not published. Published journeys: {known}."]
    on = compiled.journey.enter.on
    mine = [one for one in story.events if one.type == on]
    if not mine:
        kinds = ", ".join(sorted({one.type for one in story.events})) or "none at all"
        return [f"{journey} is entered by {on}, and the customer has no such event on record. On record: {kinds}."]
    last = mine[-1]
    lines = [
        f"{journey} is entered by {on}, as it is published now. The last such event came {stamp(last.received_at)}."
    ]
    if compiled.condition is None:
        return [*lines, "It was not published then."]
    env = environment(story.profile, current, story.now) | {"event": last.data}
    holds = "holds" if compiled.condition.evaluate(env) is True else "does not hold"
    lines += [f"It was not published then. Its condition, run again with what is known today, {holds}:"]
    lines += [f"    if: {compiled.condition.text}"]
    lines += [f"    {path} is {value}" for path, value in _read(compiled.condition, "event", last.data).items()]
    return lines + [f"    {path} is {shown(value)}" for path, value in (compiled.condition.seen(env) or {}).items()]


def stamp(at: datetime) -> str:
    """A moment as it is written, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def shown(value: Any) -> str:
    """A value as conditions write it."""
    return msgspec.json.encode(value, enc_hook=str).decode()
