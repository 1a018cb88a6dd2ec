"""`wici explain`: why this customer got, or did not get, this."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.cli.connect import connection, database
from services.cli.customers import story as stories
from services.cli.customers.find import Nobody, erased, find
from services.cli.customers.moments import Moment, moments, stamp, why_never
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer
from services.contracts.workspace import current
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings

AROUND = timedelta(days=1)


async def explain(settings: Settings, who: str, journey: str | None, at: str | None) -> Answer:
    """Tell all that is on record, or what concerns `journey`, or what happened within a day of `at` (ISO 8601, UTC)."""
    middle = _moment(at)
    between = (middle - AROUND, middle + AROUND) if middle else None
    keys = _keys(settings)
    with database(settings) as found:
        async with connection(found) as opened:
            try:
                person = await find(opened, who)
            except Nobody as nobody:
                return await _gone(opened, who, keys, nobody)
            story = await stories.read(opened, person, SystemClock().real(), keys=keys, between=between)
    told = [one for one in moments(story) if _concerns(one, journey) and (not between or _within(one, between))]
    never = why_never(story, journey) if journey and not any(journey in one.journeys for one in told) else []
    return Answer(_text(told, never), _data(story, told, never))


def _keys(settings: Settings) -> tuple[str, ...]:
    try:
        return keys_in_use(settings)
    except Misconfigured:
        return ()  # what is told by HMACs alone (suppressions, erasures) is left out


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(f"{text!r} is no moment. Write it like 2026-11-22 or 2026-11-22T10:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _concerns(one: Moment, journey: str | None) -> bool:
    return journey is None or journey in one.journeys


def _within(one: Moment, between: tuple[datetime, datetime]) -> bool:
    return between[0] <= one.at <= between[1]


async def _gone(opened: asyncpg.Connection[Any], who: str, keys: tuple[str, ...], nobody: Nobody) -> Answer:
    workspace = await current(opened)
    at = await erased(opened, who, sorted(workspace.settings.sources) if workspace else [], keys)
    if at is None:
        raise nobody
    text = f"Somebody known as {who} was erased on {stamp(at)}. Nothing else is known; older events take no effect."
    return Answer(text, {"erased_at": at})


def _text(told: list[Moment], never: list[str]) -> str:
    lines = []
    for one in told:
        lines.append(f"{stamp(one.at)}  {one.what}")
        lines += [f"    {line}" for line in one.then]
    return "\n".join([*lines, *never]) or "Nothing is on record."


def _data(story: stories.Story, told: list[Moment], never: list[str]) -> dict[str, Any]:
    return {
        "profile": story.person.profile.hex(),
        "moments": [msgspec.to_builtins(one) | {"journeys": sorted(one.journeys)} for one in told],
        "never": never,
        "facts_are_of": story.now.isoformat(),
    }
