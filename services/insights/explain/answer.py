"""What `wici explain` and the console's API answer: the moments that were asked for, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.contracts import ids
from services.contracts.workspace import current
from services.insights.explain import story as stories
from services.insights.explain.moments import Moment, moments, stamp, why_never
from services.insights.find import Nobody, erased, find
from services.insights.snapshot import snapshot
from services.kit.errors import Misconfigured

AROUND = timedelta(days=1)


class Asked(msgspec.Struct, frozen=True):
    """Whose story; only what concerns `journey`, and what happened within a day of `at`, where these are given."""

    who: str
    journey: str | None = None
    at: datetime | None = None


class Explained(msgspec.Struct, frozen=True):
    """What is on record of `profile`, the earliest first.

    `never` says why the journey asked for has never looked at the customer; it is run over what is known at
    `facts_are_of`. Times are UTC.
    """

    profile: str
    moments: list[Moment]
    never: list[str]
    facts_are_of: datetime


class Gone(Misconfigured):
    """Somebody who was known by this name was erased, at `erased_at`."""

    def __init__(self, who: str, erased_at: datetime) -> None:
        when = stamp(erased_at)
        super().__init__(
            f"Somebody known as {who} was erased on {when}. Nothing else is known; older events take no effect."
        )
        self.erased_at = erased_at


def moment(text: str) -> datetime:
    """A moment as it is asked for: ISO 8601, in UTC unless it says otherwise. Misconfigured for anything else."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misconfigured(f"{text[:40]!r} is no moment. Write it like 2026-11-22 or 2026-11-22T10:00:00Z.") from None


async def explained(
    opened: asyncpg.Connection[Any],
    asked: Asked,
    now: datetime,
    keys: Sequence[str] = (),
    seconds: float | None = None,
) -> Explained:
    """What is on record, all of one moment.

    `now` is real time; without the secret `keys` what is told by HMACs alone (suppressions, erasures) is left out;
    `seconds` bounds each statement. Raises Nobody, Gone, or Misconfigured for a name that several customers bear.
    """
    between = _between(asked.at)
    async with snapshot(opened, seconds):
        try:
            person = await find(opened, asked.who)
        except Nobody:
            await _say_if_gone(opened, asked.who, keys)
            raise
        story = await stories.read(opened, person, now, keys=keys, between=between)
    name = asked.journey
    told = [one for one in moments(story) if _is_asked(one, name, between)]
    never = why_never(story, name) if name and not any(name in one.journeys for one in told) else []
    return Explained(ids.text(person.profile), told, never, story.now)


def _is_asked(one: Moment, journey: str | None, between: tuple[datetime, datetime] | None) -> bool:
    if journey is not None and journey not in one.journeys:
        return False
    return between is None or between[0] <= one.at <= between[1]


def _between(at: datetime | None) -> tuple[datetime, datetime] | None:
    if at is None:
        return None
    try:
        return at - AROUND, at + AROUND
    except OverflowError:
        raise Misconfigured("Nothing was recorded in that year. Write a moment like 2026-11-22.") from None


async def _say_if_gone(opened: asyncpg.Connection[Any], who: str, keys: Sequence[str]) -> None:
    workspace = await current(opened)
    at = await erased(opened, who, sorted(workspace.settings.sources) if workspace else [], keys)
    if at is not None:
        raise Gone(who, at)
