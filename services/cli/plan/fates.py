"""What a change does to those inside other revisions, and what could leave within the hour because of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from services.cli.plan.inside import Group, Inside
from services.contracts.journey import Alert, Clock, Journey, Send, Step, Wait, WaitFor, Webhook, every_step, ways
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.changes import Change, changes, keeps_time

HOUR = 3_600.0
SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3_600.0, "days": 86_400.0, "weeks": 604_800.0}
SHORTEST_DAY = 82_800.0
"""A calendar day may be an hour shorter, when summer time begins."""
What = Literal["stay", "drain", "leave", "move"]
Graphs = Mapping[tuple[str, int], Journey]


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a group. `to` is where it goes on; `keeps` whether those keep the moment at which they wake."""

    group: Group
    what: What
    to: str | None = None
    keeps: bool = False


class Hour(msgspec.Struct, frozen=True):
    """At most so many messages of a step, over a channel, could leave within the hour.

    `because` tells those that the change brings from those that would come anyway.
    """

    journey: str
    revision: int
    step: str
    channel: str
    at_most: int
    because: bool


def fates(workspace: Workspace, inside: Inside, graphs: Graphs) -> list[Fate]:
    """What the version does to each group of another revision than its own; where no graph is known, they stay."""
    said = changes(workspace)
    current = {journey.name: journey.revision for journey in workspace.journeys}
    return [
        _fate(group, said.get(group.journey), graphs)
        for group in inside.groups
        if group.revision != current.get(group.journey, 0)
    ]


def _fate(group: Group, change: Change | None, graphs: Graphs) -> Fate:
    if change is None:
        return Fate(group, "stay")
    if change.policy != "migrate":
        return Fate(group, "leave" if change.policy == "cancel" else "drain")
    graph = graphs.get((group.journey, group.revision))
    old = next((step for step in every_step(graph.steps) if step.id == group.step), None) if graph else None
    to = change.target(old) if old else None
    if old is None or to is None:
        return Fate(group, "stay")
    return Fate(group, "move", to, keeps_time(old, change.steps[to]))


def within_the_hour(found: Iterable[Fate], workspace: Workspace, inside: Inside, graphs: Graphs) -> list[Hour]:
    """Upper bounds: everybody who could come to a step, by whichever way, is counted there. The paused do not go on."""
    current = {journey.name: journey for journey in workspace.journeys}
    counted: dict[tuple[str, int, str, str, bool], int] = {}
    for fate in found:
        group = fate.group
        if fate.what == "leave" or inside.pauses(group.journey):
            continue
        moves = fate.what == "move"
        graph = current.get(group.journey) if moves else graphs.get((group.journey, group.revision))
        if graph is None:
            continue
        # Who does not begin the step anew goes on from it when his time comes.
        number = group.customers if moves and not fate.keeps else group.due
        only = group.step if fate.what == "drain" else None
        for step, channel in _reached(graph, fate.to or group.step, begins=moves and not fate.keeps):
            if only in (None, step):
                name = (group.journey, graph.revision, step, channel, moves)
                counted[name] = counted.get(name, 0) + number
    return [Hour(*name[:4], number, name[4]) for name, number in sorted(counted.items()) if number]


def started(journey: Journey, entering: int, *, because: bool = True) -> list[Hour]:
    """The same of those, about so many, who enter a journey within the hour."""
    if not entering or not journey.steps:
        return []
    reached = sorted(_reached(journey, journey.steps[0].id, begins=True))
    return [Hour(journey.name, journey.revision, step, channel, entering, because) for step, channel in reached]


def _reached(journey: Journey, start: str, *, begins: bool) -> Iterator[tuple[str, str]]:
    """The messages, and their channels, that an entry at `start` could come to within an hour.

    With `begins` it begins the step now, else the step's own waiting is over.
    """
    nodes = {step.id: step for step in every_step(journey.steps)}
    follow = dict(_links(journey.steps, None))
    soonest: dict[str, float] = {}
    first = nodes.get(start)
    todo = [] if first is None else [(start, 0.0)]
    while todo:
        step_id, at = todo.pop()
        if at > HOUR or soonest.get(step_id, HOUR + 1) <= at:
            continue
        soonest[step_id] = at
        step = nodes[step_id]
        spent = 0.0 if step_id == start and not begins else _takes(step)
        todo += [(to, at + spent) for to in (follow[step_id], *(do[0].id for _, do in ways(step) if do)) if to]
    for step_id in soonest:
        step = nodes[step_id]
        if isinstance(step, Send):
            yield from ((step_id, channel) for channel in step.via)
        elif isinstance(step, Webhook | Alert):
            yield step_id, type(step).__name__.lower()


def _links(steps: tuple[Step, ...], after: str | None) -> Iterator[tuple[str, str | None]]:
    """Each step with the one after it."""
    for number, step in enumerate(steps):
        following = steps[number + 1].id if number + 1 < len(steps) else after
        yield step.id, following
        for _, do in ways(step):
            yield from _links(do, following)


def _takes(step: Step) -> float:
    """The least seconds that a step holds somebody who begins it."""
    if isinstance(step, WaitFor):
        return 0.0
    if not isinstance(step, Wait) or isinstance(step.until, Clock | str) or step.condition is not None:
        return 0.0
    return step.amount * (SECONDS[step.unit] - (86_400.0 - SHORTEST_DAY if step.unit in ("days", "weeks") else 0.0))
