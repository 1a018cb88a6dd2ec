"""Reading what a report is made of: seven statements whatever is asked, all of one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import asyncpg
import msgspec

from services.contracts.journey import Journey, Start, every_step
from services.contracts.workspace import Workspace, current
from services.insights.report import making, period, statements
from services.insights.report.model import Attribution, Report
from services.insights.snapshot import snapshot
from services.kit.errors import Misconfigured

MEGABYTES = 64
"""Groups of a million entries are made in memory: three times as quick as by sorting files."""


class NoJourney(Misconfigured):
    """There is no journey of this name, and never was."""


class Wanted(msgspec.Struct, frozen=True):
    """What to report on: a journey or all, days or moments (ISO 8601), and who gets the credit of a goal."""

    journey: str | None = None
    since: str | None = None
    until: str | None = None
    attribution: Attribution = "last_touch"


async def report(opened: asyncpg.Connection[Any], wanted: Wanted, seconds: float | None = None) -> Report:
    """The report. NoJourney, or Misconfigured for days that are none; `seconds` bounds each statement."""
    async with snapshot(opened, seconds, MEGABYTES):
        workspace = await current(opened)
        if workspace is None:
            raise Misconfigured("Nothing is published yet. Write wici apply.")
        documents = await opened.fetch(statements.JOURNEYS)
        journeys = {one.name: one for row in documents if (one := msgspec.json.decode(row[0], type=Journey))}
        if wanted.journey is not None and wanted.journey not in journeys:
            raise NoJourney(_unknown(wanted.journey, sorted(journeys)))
        zone = workspace.settings.shop.time_zone
        bounds = period.since(wanted.since, zone), period.until(wanted.until, zone)
        return await _read(opened, wanted, workspace, journeys, bounds)


async def _read(
    opened: asyncpg.Connection[Any],
    wanted: Wanted,
    workspace: Workspace,
    journeys: Mapping[str, Journey],
    bounds: tuple[datetime | None, datetime | None],
) -> Report:
    currency = workspace.settings.shop.currency
    names = None if wanted.journey is None else [wanted.journey]
    windows = {name: making.window(journey) for name, journey in journeys.items()}
    arms = await opened.fetch(statements.ARMS, *bounds, names, currency)
    common = [] if names else await opened.fetch(statements.GLOBAL, *bounds, for_both(journeys), currency)
    found = making.Found(
        arms=_by_journey(arms),
        messages=_by_journey(await opened.fetch(statements.MESSAGES, *bounds, names)),
        splits=_by_journey(await opened.fetch(statements.SPLITS, *bounds, names)),
        credits=_by_journey(
            await opened.fetch(
                statements.CREDITS, *bounds, names, list(windows), list(windows.values()), wanted.attribution
            )
        ),
    )
    published = {one.name for one in workspace.journeys}
    told = [one for one in journeys.values() if one.name in published or one.name in found.arms]
    return Report(
        since=bounds[0],
        until=bounds[1],
        attribution=wanted.attribution,
        currency=currency,
        journeys=[
            making.journey(one, found, currency)
            for one in sorted(told, key=lambda one: one.name)
            if names is None or one.name in names
        ],
        global_holdout=making.global_holdout(common, workspace.settings.policies.holdout, currency),
    )


def for_both(journeys: Mapping[str, Journey]) -> list[str]:
    """Those that customers whom the global holdout keeps silent enter like all others.

    It asks nothing of transactional ones. A journey that a message, or a step of another, leads into is closed to who
    hears nothing: the others would have more goals to reach.
    """
    started = {step.journey for one in journeys.values() for step in every_step(one.steps) if isinstance(step, Start)}
    return [
        name
        for name, one in journeys.items()
        if one.klass != "transactional" and name not in started and not one.enter.on.startswith("message.")
    ]


def _by_journey(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["journey"]].append(row)
    return dict(found)


def _unknown(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, 1)
    instead = f"Write {nearest[0]}." if nearest else f"There are: {', '.join(known) or 'none'}."
    return f"There is no journey {name[:60]!r}. {instead}"
