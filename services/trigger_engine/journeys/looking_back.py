"""Which recorded events are of interest to one that comes late: those that would end the journeys it enters. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile


def enters(event: Arrival, definitions: Definitions) -> Iterator[str]:
    """The types by which an event may enter journeys: its own, and those of the events that it may derive."""
    if event.type in definitions.enters:
        yield event.type
    for rule, _ in definitions.follows.get(event.type, ()):
        if rule.derive and rule.type in definitions.enters:
            yield rule.type


def overtaken_by(kind: str, profile: Profile, time: datetime, definitions: Definitions) -> set[str]:
    """Types of events, seen of this customer at `time` or later, that journeys entered by `kind` listen to."""
    seen = profile.seen
    return {
        later
        for compiled in definitions.enters.get(kind, ())
        for later in compiled.hears
        if later in seen and seen[later].last >= time
    }
