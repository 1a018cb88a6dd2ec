"""`wici simulate`: the folder's workspace for some days, with an invented shop or given events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from services.cli import event_file
from services.cli.preview import workspace_of
from services.cli.simulate import picture, report
from services.cli.simulate.habits import Habits
from services.cli.simulate.play import Play, Span, invented
from services.cli.terminal import Answer
from services.kit.clock import SystemClock
from services.kit.errors import BadRecord, Misconfigured
from services.kit.settings import Settings
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.profiles.arrival import Arrival


@dataclass(frozen=True)
class Asked:
    """What a command line asks for. `since` is a day of the shop's (YYYY-MM-DD), `file` has CloudEvents, one a line.

    Without `since`, given events begin with the first of them, and an invented shop today.
    """

    days: int = 30
    people: int = 1000
    seed: int = 1
    since: str | None = None
    file: Path | None = None
    pictures: Path | None = None


def simulate(settings: Settings, asked: Asked) -> Answer:
    """Play it, and say what came of it. Misconfigured for events that cannot be read."""
    workspace = workspace_of(settings)
    definitions = define(workspace)
    zone = ZoneInfo(workspace.settings.shop.time_zone)
    given = None if asked.file is None else read(asked.file, definitions)
    first = SystemClock().real() if not given else min(one.received for one in given)
    span = Span(_start(asked.since, first, zone), asked.days, asked.seed)
    if given is None:
        source, events = "invented", list(invented(definitions, span, asked.people, Habits()))
    else:
        source, events = str(asked.file), [one for one in given if span.start <= one.received < span.end]
    play = Play(definitions, span, Habits())
    play.run(events)
    data = report.as_json(play, span, workspace, source)
    said = report.text(data)
    if asked.pictures is not None:
        drawn = _draw(asked.pictures, play, span)
        data["pictures"] = [str(one) for one in drawn]
        said += f"\n{len(drawn)} pictures are in {asked.pictures}."
    return Answer(said, data)


def read(path: Path, definitions: Definitions) -> list[Arrival]:
    """The events of a file. Misconfigured names the line that is wrong."""
    found = []
    for place, event in event_file.events(path, definitions):
        if isinstance(event, BadRecord):
            raise Misconfigured(f"{place} is no event that wici takes: {event}") from event
        found.append(event)
    if not found:
        raise Misconfigured(f"There is no event in {path}.")
    return found


def _start(since: str | None, first: datetime, zone: ZoneInfo) -> datetime:
    """Midnight of the first day on the shop's clock."""
    try:
        day = datetime.fromisoformat(since) if since else first.astimezone(zone)
    except ValueError as error:
        raise Misconfigured(f"{since!r} is no day. Write it like 2026-11-01.") from error
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _draw(folder: Path, play: Play, span: Span) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    zone = ZoneInfo(play.world.definitions.settings.shop.time_zone)
    period = f"{span.days} days from {span.start.astimezone(zone):%Y-%m-%d}, seed {span.seed}"
    drawn = []
    for name, flow in sorted(play.flows.items()):
        path = folder / f"{name}.svg"
        path.write_text(picture.draw(play.world.definitions.current[name].journey, flow, period), encoding="utf-8")
        drawn.append(path)
    return drawn
