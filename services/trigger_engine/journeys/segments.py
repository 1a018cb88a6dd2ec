"""Segments: who belongs to one is looked at whenever something happens to a customer, or time alone changes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from services.contracts import ids
from services.trigger_engine.journeys import alarms
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.env import environment
from services.trigger_engine.journeys.reaction import Derived
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles import windows
from services.trigger_engine.profiles.state import Member, Profile

ALARM = "segments"
ENTERED, LEFT = "segment.entered", "segment.left"
DAY = timedelta(days=1)


def changes(profile: Profile, turn: Turn, changed: set[str]) -> list[Derived]:
    """Look at every segment that is not in `changed`. Returns what was entered and left; the membership is changed.

    A segment changes once per reaction, so that two that exclude each other come to rest.
    """
    env = environment(profile, turn.definitions, turn.now)
    found = []
    for name in [name for name in profile.segments if name not in turn.definitions.segments]:
        del profile.segments[name]
    for name, one in turn.definitions.segments.items():
        if name in changed:
            continue
        member = profile.segments.get(name)
        if one.condition.evaluate(env) is True:
            if member is None:
                profile.segments[name] = Member(turn.now, one.segment.tag)
                found.append(_derived(ENTERED, name, profile, turn))
            else:
                member.ending, member.tag = None, one.segment.tag
        elif member is not None:
            member.ending = member.ending or turn.now
            if turn.now >= member.ending + timedelta(seconds=one.segment.leave_after):
                del profile.segments[name]
                found.append(_derived(LEFT, name, profile, turn))
    changed |= {one.data["segment"] for one in found}
    return found


def watch(profile: Profile, turn: Turn) -> None:
    """Wake when time alone may next change who belongs: a window moves on, a membership ends, a day has passed."""
    moments: list[datetime] = []
    currency = turn.definitions.settings.shop.currency
    for name, one in turn.definitions.segments.items():
        member = profile.segments.get(name)
        if member is not None and member.ending is not None:
            moments.append(member.ending + timedelta(seconds=one.segment.leave_after))
        for call in one.calls:
            measure, window = windows.measure(*call, currency)
            moment = windows.changes_at(profile, measure, window, turn.now)
            if moment is not None:
                moments.append(moment)
        if one.reads_now:
            moments.append(_tomorrow(profile, turn.now))
    alarms.set_alarm(profile, ALARM, min(moments, default=None), turn.into)


def _tomorrow(profile: Profile, now: datetime) -> datetime:
    """The next time of day that is this customer's own, so that not everybody is looked at in one moment."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    mine = midnight + timedelta(seconds=int.from_bytes(profile.id[:4]) % DAY.total_seconds())
    return mine if mine > now else mine + DAY


def _derived(kind: str, name: str, profile: Profile, turn: Turn) -> Derived:
    profile.segments_changed += 1
    identity = ids.derived_event(kind, profile.id, f"{name}:{profile.segments_changed}")
    data: dict[str, Any] = {"segment": name}
    return Derived(identity, kind, turn.now, profile.id, data)


def digest_of(definitions: Definitions) -> bytes:
    """SHA-256 of what everybody is looked at for: who belongs to which segment, and which days come back for whom."""
    segments = [one.segment for one in definitions.segments.values()]
    days = [(one.journey.name, one.journey.enter.schedule) for one in definitions.dated]
    return sha256(msgspec.json.encode((segments, days, definitions.name_days if days else {}))).digest()
