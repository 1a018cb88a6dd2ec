"""Which recorded events are of interest to one that comes late: those that would end the journeys it enters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.derived.registry import Wanted
from services.trigger_engine.profiles.state import Profile


def overtakers(
    enters: Mapping[str, Collection[Compiled]], follows: Mapping[str, Collection[Wanted]]
) -> dict[str, frozenset[str]]:
    """By the type of an event, the types that would end a journey which it enters, itself or by what it derives."""
    found = {}
    for kind in {*enters, *follows}:
        derived = [rule.type for rule, _ in follows.get(kind, ()) if rule.derive]
        found[kind] = frozenset(
            later for name in (kind, *derived) for one in enters.get(name, ()) for later in one.hears
        )
    return {kind: types for kind, types in found.items() if types}


def overtaken_by(types: frozenset[str], profile: Profile, time: datetime) -> set[str]:
    """Those of these types that were seen of the customer at `time` or later."""
    seen = profile.seen
    if types.isdisjoint(seen):
        return set()
    return {later for later in types if later in seen and seen[later].last >= time}
