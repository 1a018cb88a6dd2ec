"""Journeys that start one another: known by name, and in no circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.cli.workspace.findings import short, write_instead
from services.cli.workspace.reading.positions import Node, Scalar, under
from services.cli.workspace.reading.sheet import Sheet
from services.contracts.journey import Journey, Start, every_step


def check_starts(read: Iterable[tuple[Journey, Node, Sheet]], unread: frozenset[str]) -> None:
    """Every `start` names a journey of the workspace; one that leads back to where it stands is a warning.

    `unread` are journeys that are there, and cannot be read.
    """
    read = list(read)
    graph = {
        journey.name: {step.journey for step in every_step(journey.steps) if isinstance(step, Start)}
        for journey, _, _ in read
    }
    for journey, node, sheet in read:
        for said in under(node, "start", Scalar):
            name, place = said.text, said.place
            if name in unread:
                continue
            if name not in graph:
                hint = write_instead(name, graph, "journeys are")
                sheet.error(place, "unknown-journey", f"there is no journey {short(name)}", hint)
            elif journey.name in {name, *_reached(name, graph)}:
                message = f"{short(name)} leads back to {short(journey.name)}, which starts it"
                hint = "a customer may go round for ever; 'again' and 'key' decide whether"
                sheet.warning(place, "start-cycle", message, hint)


def _reached(name: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Every journey that one may start, and those that they may."""
    found: set[str] = set()
    todo = set(graph.get(name, ()))
    while todo:
        each = todo.pop()
        found.add(each)
        todo |= graph.get(each, set()) - found
    return found
