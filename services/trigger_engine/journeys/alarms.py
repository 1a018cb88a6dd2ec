"""Alarms: one timer per customer and kind, for what follows from time alone. Pure.

A kind is the type of a derived event, or any name that no other kind bears (`segment:vip`). The row of `engine.timers`
has an id computed from kind and profile; the profile holds what it was set to last. Whoever sets alarms computes the
moment from the profile and sets it again whenever that may have changed: setting the same moment again does nothing.
"""

from __future__ import annotations

from datetime import datetime

from services.contracts import ids
from services.trigger_engine.journeys.reaction import Reaction, Timer
from services.trigger_engine.profiles.state import Alarm, Profile


def set_alarm(profile: Profile, kind: str, due: datetime | None, into: Reaction) -> None:
    """Wake at `due` (marketing time), and not at the moment set before; None takes the alarm away."""
    known = profile.alarms.get(kind)
    if due == (None if known is None else known.due):
        return
    timer = ids.alarm(kind, profile.id)
    if due is None:
        del profile.alarms[kind]
        into.timers[timer] = Timer(timer, profile.id, None, 0)
        return
    profile.alarms_set += 1
    profile.alarms[kind] = Alarm(due, profile.alarms_set)
    into.timers[timer] = Timer(timer, profile.id, due, profile.alarms_set)


def find(profile: Profile, timer: bytes, generation: int) -> tuple[str, datetime] | None:
    """The kind of the alarm that a timer stands for, and when it is due; None if it is not one that counts."""
    for kind, alarm in profile.alarms.items():
        if alarm.generation == generation and ids.alarm(kind, profile.id) == timer:
            return kind, alarm.due
    return None


def fire(profile: Profile, timer: bytes, generation: int) -> tuple[str, datetime] | None:
    """Take away the alarm that has fired, and tell which it was; None if it is not one that counts."""
    found = find(profile, timer, generation)
    if found is not None:
        del profile.alarms[found[0]]
    return found


def join(keeper: Profile, other: Profile, into: Reaction) -> None:
    """Give the keeper the alarms of a profile that becomes one with it, of two of one kind the earlier.

    Who sets a kind sees to it afterwards that the moment is that of both: `into.joined` names the keeper.
    """
    for kind, alarm in other.alarms.items():
        timer = ids.alarm(kind, other.id)
        into.timers[timer] = Timer(timer, other.id, None, 0)
        mine = keeper.alarms.get(kind)
        if mine is None or alarm.due < mine.due:
            set_alarm(keeper, kind, alarm.due, into)
    other.alarms.clear()
    into.joined.add(keeper.id)
