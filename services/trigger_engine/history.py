"""Numbers over a window that came into use lately, begun from the events that are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.kit.database.pool import Connection
from services.trigger_engine.intake import decoder
from services.trigger_engine.profiles import windows
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.profiles.uses import Uses
from services.trigger_engine.store import events


async def catch_up(connection: Connection, profiles: Iterable[Profile], uses: Uses, now: datetime) -> None:
    """Bring locked profiles up to the windows in use. One statement, and none where nobody is behind."""
    if not uses.measures:
        return
    behind = [profile for profile in profiles if windows.is_behind(profile, uses)]
    if not behind:
        return
    owners = {known: profile.id for profile in behind for known in (profile.id, *profile.formerly)}
    longest = max(one.unit * (width + 1) for one, width in uses.measures.items())
    rows = await events.history(connection, list(owners), uses.by_type, now - timedelta(seconds=longest))
    past: dict[bytes, list[Arrival]] = {}
    for row in rows:
        past.setdefault(owners[row[1]], []).append(_arrival(*row))
    for profile in behind:
        windows.catch_up(profile, past.get(profile.id, ()), uses, now)


def _arrival(
    identity: bytes, _profile: bytes, kind: str, time: datetime, received: datetime, source: str, raw: Any
) -> Arrival:
    try:
        data = decoder(kind).decode(raw)
    except msgspec.ValidationError:  # recorded before its type was described as it is now
        data = decoder("").decode(b"{}")
    return Arrival(identity, kind, source, time, received, data, raw, ())
