"""Journeys that change what makes a segment, and by it enter each other in a circle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.cli.workspace.findings import short
from services.cli.workspace.rules.whole import Told, Whole
from services.contracts.journey import Set, Start, Step, Tag
from services.contracts.segment import Segment

_TAG = re.compile(r"([\"'])([^\"']+)\1\s+(?:not\s+)?in\s+profile\.tags")
_FACT = re.compile(r"\bprofile\.([a-z]\w*)")
_NAMED = re.compile(r"event\.segment\s*==\s*([\"'])([^\"']*)\1")
_BY_SEGMENT = ("segment.entered", "segment.left")
_SOON = 86_400.0


class Change(NamedTuple):
    """What a step changes of a customer: a tag (given or taken away) or a fact."""

    step: Step
    word: str
    way: str


class Edge(NamedTuple):
    """A journey that another one enters, by a segment or by `start`."""

    to: str
    change: Change | None = None
    segment: str = ""


def segment_circle(whole: Whole) -> None:
    """A circle that a customer may go round several times a day."""
    told = {one.journey.name: one for one in whole.journeys if _again(one)}
    if not any(one.journey.enter.on in _BY_SEGMENT for one in told.values()):
        return
    depends = {segment.name: _reads(segment) for segment in whole.segments}
    graph = {name: list(_edges(one, told, depends)) for name, one in told.items()}
    for name, edges in graph.items():
        for edge in edges:
            if edge.change is None:
                continue
            circle = _reached(edge.to, graph) & _leading(name, graph) | {name, edge.to}
            if name in _reached(edge.to, graph) | {edge.to} and _turns(edge.change, circle, told):
                message = f"this changes the segment {short(edge.segment)}, which enters {short(edge.to)}" + (
                    "" if edge.to == name else f", which leads back to {short(name)}"
                )
                hint = "a customer may go round without end; write again: never, or again: after 1 day or more"
                told[name].sheet.warning(told[name].step_at(edge.change.step), "segment-circle", message, hint)
                break


def _again(told: Told) -> bool:
    again = told.journey.enter.again_after
    return again is not None and again < _SOON


def _reads(segment: Segment) -> set[str]:
    """Tags and facts that a segment's condition asks for."""
    tags = {f"tag {found[2]}" for found in _TAG.finditer(segment.condition)}
    return tags | {f"fact {found[1]}" for found in _FACT.finditer(segment.condition)} - {"fact tags"}


def _edges(told: Told, known: Mapping[str, Told], depends: Mapping[str, set[str]]) -> Iterator[Edge]:
    for step in told.steps():
        if isinstance(step, Start) and step.journey in known:
            yield Edge(step.journey)
    for change in _changes(told):
        for segment, reads in depends.items():
            if change.word in reads:
                for name, other in known.items():
                    if _enters(other, segment):
                        yield Edge(name, change, segment)


def _changes(told: Told) -> Iterator[Change]:
    for step in told.steps():
        if isinstance(step, Tag):
            yield Change(step, f"tag {step.tag}", "away" if step.away else "given")
        elif isinstance(step, Set):
            yield from (Change(step, f"fact {name}", "set") for name in step.facts)


def _enters(told: Told, segment: str) -> bool:
    enter = told.journey.enter
    named = [found[2] for found in _NAMED.finditer(enter.condition or "")]
    return enter.on in _BY_SEGMENT and (not named or segment in named)


def _reached(name: str, graph: Mapping[str, list[Edge]]) -> set[str]:
    """Every journey that one leads to."""
    found: set[str] = set()
    todo = [name]
    while todo:
        for edge in graph.get(todo.pop(), ()):
            if edge.to not in found:
                found.add(edge.to)
                todo.append(edge.to)
    return found


def _leading(name: str, graph: Mapping[str, list[Edge]]) -> set[str]:
    """Every journey that leads to one."""
    return {other for other in graph if name in _reached(other, graph)}


def _turns(change: Change, circle: set[str], told: Mapping[str, Told]) -> bool:
    """Whether the circle also takes back what is changed: a customer enters a segment again only after leaving it."""
    if change.way == "set":
        return True
    ways = {one.way for name in circle for one in _changes(told[name]) if one.word == change.word}
    return ways == {"given", "away"}


RULES = (segment_circle,)
