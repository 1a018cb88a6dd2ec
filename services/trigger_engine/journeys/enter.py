"""Whether an event enters a journey."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.data import Data
from services.contracts.reasons import Reason
from services.contracts.schedule import DUE, Due
from services.trigger_engine.journeys import draws, walk
from services.trigger_engine.journeys.asking import Entrance
from services.trigger_engine.journeys.compiled import Compiled, pick
from services.trigger_engine.journeys.env import Env, ProfileView, environment, some, surroundings
from services.trigger_engine.journeys.reaction import Note, Walked
from services.trigger_engine.journeys.turn import Starting, Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Entry, Profile

DEEPEST_START = 8  # journeys that start one another in one reaction
LONGEST_KEY = 128
MOST_KEYS = 200  # keys remembered per journey and customer for `again`; the oldest is forgotten first
MOST_OCCURRENCES = 5  # of a scheduled journey, where each of its times may be entered once
_NOTHING = Data()


def consider(profile: Profile, event: Arrival, turn: Turn) -> None:
    """Enter the journeys that an event of this type enters, or note in the trace why not."""
    definitions = turn.definitions
    entrance = definitions.entrances[event.type]
    fields = _fields(event, entrance) if entrance.event else None
    env: Env | None = None
    if entrance.opens is not None:
        env = _look(profile, fields, entrance, turn)
        if not entrance.opens(env):  # as of most events
            turn.into.trace.extend(_seen(entrance, env) if turn.explains else entrance.refusals)
            return
    for compiled in definitions.enters[event.type]:
        asking, condition = compiled.asking, compiled.condition
        if asking.about and not _is_meant(event, compiled, turn):
            continue
        if env is None:
            env = _look(profile, fields, entrance, turn)
        if condition is not None and condition.evaluate(env) is not True:
            turn.into.trace.append(
                Note(compiled.journey.name, Reason.CONDITION_FALSE, "enter", turn.seen(condition, env))
            )
            continue
        old = _too_old(compiled, event, turn)
        if old is not None:
            turn.into.skip(compiled.journey.name, old)
            continue
        env["event"] = fields = _fields(event, entrance) if fields is None else fields
        _enter(profile, event, compiled, env, turn)
        env = None  # the steps of an entry may have changed the profile


def _seen(entrance: Entrance, env: Env) -> list[Note]:
    """What is noted where no condition holds, each with what it has seen."""
    return [
        note if sees is None else Note(note.journey, note.reason, note.rule, sees(env))
        for note, sees in zip(entrance.refusals, entrance.sees, strict=True)
    ]


def _is_meant(event: Arrival, compiled: Compiled, turn: Turn) -> bool:
    """Whether an event that names a journey may enter this one: a time of its own, or word of another's message."""
    name, about = compiled.journey.name, event.fields[compiled.asking.about]
    if event.type == DUE:
        return bool(about["journey"] == name)
    if about.get("journey") != name:
        return True
    turn.into.skip(name, Reason.OWN_MESSAGE)
    return False


def _fields(event: Arrival, entrance: Entrance) -> dict[str, Any]:
    """As much of the event as is read until it has entered."""
    if event.decoded is not None:
        return event.decoded
    return event.fields if entrance.reader is None else entrance.reader.decode(event.raw)


def _look(profile: Profile, fields: dict[str, Any] | None, entrance: Entrance, turn: Turn) -> Env:
    """What the journeys ask for, read once for all of them, of the customer as he is now."""
    definitions = turn.definitions
    env: Env = {"event": fields}
    if entrance.more:
        env.update(surroundings(profile, definitions, turn.now))
    if entrance.facts:
        currency, days = definitions.settings.shop.currency, definitions.name_days
        whole = ProfileView(profile, currency, days) if entrance.whole else None
        env["profile"] = whole or some(profile, entrance.facts, currency, days)
    return env


def _too_old(compiled: Compiled, event: Arrival, turn: Turn) -> Reason | None:
    """An event counts for so long; a time of the journey's own as long as a step that is late."""
    journey = compiled.journey
    if journey.enter.schedule is None:
        return Reason.TOO_OLD if turn.now - event.time > compiled.asking.max_age else None
    told_at = msgspec.convert(event.fields["schedule"], Due).told_at
    late = turn.now - told_at > timedelta(seconds=journey.max_lateness)
    return Reason.LATE if late and journey.late != "send" else None


def start(profile: Profile, starting: Starting, turn: Turn) -> None:
    """Enter a journey that a step of another one starts: its `if` and `max_age` are about events, and are not asked.

    Why it is not entered is noted on the entry that starts it: a timer has no event to note it on.
    """
    into = turn.into
    outer, into.trace = into.trace, []
    _start(profile, starting, turn)
    for note in into.trace:
        seen = {"start": note.journey}
        into.note(starting.entry.id, Walked(turn.now, starting.step, note.reason, seen))
    into.trace = outer


def _start(profile: Profile, starting: Starting, turn: Turn) -> None:
    compiled = turn.definitions.current.get(starting.journey)
    if compiled is None or starting.depth > DEEPEST_START:
        turn.into.skip(starting.journey, Reason.NO_JOURNEY if compiled is None else Reason.STARTED_TOO_DEEP)
        return
    by, now = starting.entry, turn.now
    identity = ids.started(by.id, starting.step)
    event = Arrival(identity, by.event_type, "wici", now, now, _NOTHING, b"", (), decoded=by.event)
    turn.depth = starting.depth
    env = environment(profile, turn.definitions, now) | {"event": by.event}
    _enter(profile, event, compiled, env, turn, started=True)


def _enter(
    profile: Profile, event: Arrival, compiled: Compiled, env: Env, turn: Turn, *, started: bool = False
) -> None:
    journey = compiled.journey
    key = _key(compiled, env)
    reason = Reason.NOT_LIVE if not _is_live(compiled, event) else _already(profile, compiled, key, event)
    if reason is None and turn.past and _overtaken(profile, compiled, env["event"], event, turn):
        reason = Reason.OVERTAKEN
    if reason is not None:
        turn.into.skip(journey.name, reason)
        return
    entry = Entry(
        id=ids.entry(journey.name, event.id),
        journey=journey.name,
        revision=journey.revision,
        key=key,
        entered_at=turn.now,
        event_type=event.type,
        event=pick(env["event"], compiled.event_paths),
        since=event.since or event.time,
        started=started,
    )
    profile.entries.append(entry)
    _remember(profile, compiled, key, event.time)
    entry.held, reason = draws.holdout(profile, entry, compiled, turn)
    if reason is not None:
        walk.hold_out(profile, entry, reason, turn)
    else:
        walk.advance(profile, entry, compiled.first, turn)


def _is_live(compiled: Compiled, event: Arrival) -> bool:
    """Whether it happened while the journey may be entered."""
    first, end = compiled.journey.live_from, compiled.journey.live_until
    return (first is None or event.time >= first) and (end is None or event.time < end)


def _key(compiled: Compiled, env: dict[str, Any]) -> str:
    """The name of the live entry; keys too long to store are hashed."""
    if compiled.key is None:
        return ""
    value = compiled.key.evaluate(env)
    key = "" if value is None else str(value)
    return key if len(key) <= LONGEST_KEY else ids.uuid5("key", key).hex()


def _already(profile: Profile, compiled: Compiled, key: str, event: Arrival) -> Reason | None:
    name, again = compiled.journey.name, compiled.journey.enter.again_after
    if any(e.journey == name and e.key == key and e.until is None for e in profile.entries):
        return Reason.ALREADY_INSIDE
    if again == 0:
        return None
    last = profile.entered.get(name, {}).get(key)
    if last is None or (again is not None and max(event.time, last) - last >= timedelta(seconds=again)):
        return None
    return Reason.NOT_AGAIN


def _remember(profile: Profile, compiled: Compiled, key: str, at: datetime) -> None:
    if compiled.journey.enter.again_after == 0:
        return
    keys = profile.entered.setdefault(compiled.journey.name, {})
    keys[key] = max(at, keys.get(key, at))
    if len(keys) > (MOST_KEYS if compiled.journey.enter.schedule is None else MOST_OCCURRENCES):
        del keys[min(keys, key=keys.__getitem__)]


def _overtaken(profile: Profile, compiled: Compiled, fields: dict[str, Any], event: Arrival, turn: Turn) -> bool:
    """Whether an exit or goal with a later source time is already on record, and its condition holds."""
    since = event.since or event.time
    env = environment(profile, turn.definitions, turn.now) | {"event": fields}
    for one in turn.past:
        if one.time < since or (one.time == since and one.type == event.type):
            continue
        for listener in compiled.listeners.get(one.type, ()):
            if listener.goal is not None and listener.goal.stay:
                continue
            if listener.condition is None or listener.condition.evaluate({**env, "received": one.fields}) is True:
                return True
    return False
