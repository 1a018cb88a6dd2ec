"""Whether an event enters a journey."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.contracts import ids
from services.contracts.reasons import Reason
from services.trigger_engine.journeys import walk
from services.trigger_engine.journeys.compiled import Compiled, pick
from services.trigger_engine.journeys.env import Env
from services.trigger_engine.journeys.turn import Past, Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Entry, Profile

LONGEST_KEY = 128
MOST_KEYS = 200  # keys remembered per journey and customer for `again`; the oldest is forgotten first


def consider(profile: Profile, event: Arrival, compiled: Compiled, env: Env, turn: Turn) -> None:
    """Enter the journey, or note in the trace why not. `env` has the names of its condition."""
    journey = compiled.journey
    if compiled.condition is not None and compiled.condition.evaluate(env) is not True:
        turn.into.skip(journey.name, Reason.CONDITION_FALSE)
        return
    if turn.now - event.time > timedelta(seconds=journey.enter.max_age):
        turn.into.skip(journey.name, Reason.TOO_OLD)
        return
    key = _key(compiled, env)
    reason = _already(profile, compiled, key, event)
    if reason is None and _overtaken(compiled, env, event, turn.past):
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
        event=pick(event.fields, compiled.event_paths),
        since=event.since or event.time,
    )
    profile.entries.append(entry)
    _remember(profile, compiled, key, event.time)
    walk.advance(profile, entry, compiled.first, turn)


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
    if len(keys) > MOST_KEYS:
        del keys[min(keys, key=keys.__getitem__)]


def _overtaken(compiled: Compiled, env: dict[str, Any], event: Arrival, past: Sequence[Past]) -> bool:
    """Whether an exit or goal with a later source time is already on record, and its condition holds."""
    since = event.since or event.time
    for one in past:
        if one.time < since or (one.time == since and one.type == event.type):
            continue
        for listener in compiled.listeners.get(one.type, ()):
            if listener.goal is not None and listener.goal.stay:
                continue
            if listener.condition is None or listener.condition.evaluate({**env, "received": one.fields}) is True:
                return True
    return False
