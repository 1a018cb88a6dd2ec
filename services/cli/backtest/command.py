"""`wici backtest`: what the workspace in a folder would have said, beside the version in force."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import msgspec
import typer

from services.cli.backtest import records, report, store
from services.cli.backtest.play import Outcome, Setup
from services.cli.backtest.report import Told
from services.cli.backtest.run import play
from services.cli.backtest.spool import BUCKETS, Spool
from services.cli.connect import bus, connection, database
from services.cli.preview import workspace_of
from services.cli.publish import at
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer
from services.contracts import topics
from services.contracts.workspace import Workspace, current
from services.insights.report import period
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings
from services.trigger_engine.journeys.definitions import define

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Asked:
    """What a command line asks for.

    The history is `file` (CloudEvents, a line each), else the log's with `log`, else the engine's. `since` and `until`
    are days of the shop's clock, the last one whole, or moments. `against` is a published version (None: that in
    force); with `alone` nothing is compared.
    """

    file: Path | None = None
    log: bool = False
    since: str | None = None
    until: str | None = None
    journeys: tuple[str, ...] = ()
    against: int | None = None
    alone: bool = False
    own_policies: bool = False
    listing: bool = False
    customer: str | None = None
    out: Path | None = None


async def backtest(settings: Settings, asked: Asked) -> Answer:
    """Play the history through both versions and say what differs. The exit code is 0 whatever differs."""
    after = _only(workspace_of(settings), asked)
    zone = after.settings.shop.time_zone
    since = (period.since(asked.since, zone) or EARLIEST).astimezone(UTC)
    until = (period.until(asked.until, zone) or LATEST).astimezone(UTC)
    with TemporaryDirectory(prefix="wici-backtest-") as name:
        folder = Path(name)
        before, told = await _history(settings, asked, after, folder, since, until)
        if not told.events:
            raise Misconfigured(f"There is no event in {told.source} between these moments.")
        setup = Setup(after, told.until, before, asked.listing, asked.customer)
        outcome = play(folder, setup, _progress)
    data = report.as_json(outcome, told)
    if asked.out is not None:
        asked.out.write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1))
    return Answer(report.text(outcome, told), data)


async def _history(
    settings: Settings, asked: Asked, after: Workspace, folder: Path, since: datetime, until: datetime
) -> tuple[Workspace | None, Told]:
    """Spool the history; and the version to compare with."""
    spool = Spool(folder)
    try:
        if asked.file is not None and asked.alone:
            return None, await _of_records(asked, after, None, settings, spool, since, until)
        with database(settings) as found:
            async with connection(found) as opened:
                before = None if asked.alone else await _before(opened, asked, after)
                if asked.file is not None or asked.log:
                    told = await _of_records(asked, after, before, found, spool, since, until)
                else:
                    region = define(after).region
                    number, last = await store.read(opened, since, until, region, spool)
                    told = Told(
                        "the engine's record", number, *_span(asked, since, until, last), compared=not asked.alone
                    )
        return before, told
    finally:
        spool.close()


async def _of_records(
    asked: Asked, after: Workspace, before: Workspace | None, settings: Settings, spool: Spool,
    since: datetime, until: datetime,
) -> Told:  # fmt: skip
    definitions = define(after)
    if asked.file is not None:
        source = str(asked.file.name)
        number, last, refused = await records.group(records.of_file(asked.file, definitions), since, until, spool)
    else:
        source = settings.topic(topics.EVENTS)
        async with bus(settings, SystemClock()) as log:
            told = records.of_log(log, source, keys_in_use(settings), definitions)
            number, last, refused = await records.group(told, since, until, spool)
    span = _span(asked, since, until, last)
    return Told(source, number, *span, refused.reasons, refused.nameless, compared=before is not None)


def _span(asked: Asked, since: datetime, until: datetime, last: datetime | None) -> tuple[datetime | None, datetime]:
    """From when, if that was asked, and until when: else the moment of the last event, so that no clock decides."""
    return since if asked.since else None, until - _MOMENT if asked.until else (last or until)


async def _before(opened: asyncpg.Connection[Any], asked: Asked, after: Workspace) -> Workspace:
    """The version to compare with, under the folder's policies unless its own are asked for."""
    found = await (current(opened) if asked.against is None else at(opened, asked.against))
    if found is None:
        raise Misconfigured("Nothing was published to compare with. Add --alone to play the folder's version only.")
    if not asked.own_policies:
        settings = msgspec.structs.replace(found.settings, policies=after.settings.policies)
        found = msgspec.structs.replace(found, settings=settings)
    return _only(found, asked)


def _only(workspace: Workspace, asked: Asked) -> Workspace:
    if not asked.journeys:
        return workspace
    kept = tuple(one for one in workspace.journeys if one.name in asked.journeys)
    return msgspec.structs.replace(workspace, journeys=kept)


def _progress(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes, with a bar on a terminal."""
    if not sys.stderr.isatty():
        yield from outcomes
        return
    with typer.progressbar(outcomes, length=BUCKETS, label="Playing", file=sys.stderr) as bar:
        yield from bar
