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


def segment_circle(whole: Whole) -> None:
    """A circle that a customer may go round several times a day."""
    told = {one.journey.name: one for one in whole.journeys if _again(one)}
    if not any(one.journey.enter.on in _BY_SEGMENT for one in told.values()):
        return
    changes = {name: list(_changes(one)) for name, one in told.items()}
    moved = _moved(whole, told)
    graph = {
        name: {to for change in changes[name] for to, _ in moved.get(change.word, ())} | (_started(one) & told.keys())
        for name, one in told.items()
    }
    for circle in _circles(graph):
        made = {(change.word, change.way) for name in circle for change in changes[name]}
        for name in circle:
            for change in changes[name]:
                entered = next(((to, by) for to, by in moved.get(change.word, ()) if to in circle), None)
                if entered is not None and _turns(change, made):
                    _warn(told[name], change, *entered)
                    break


def _warn(told: Told, change: Change, to: str, segment: str) -> None:
    name = told.journey.name
    back = "" if to == name else f", which leads back to {short(name)}"
    message = f"this changes the segment {short(segment)}, which enters {short(to)}{back}"
    hint = "a customer may go round without end; write again: never, or again: after 1 day or more"
    told.sheet.warning(told.step_at(change.step), "segment-circle", message, hint)


def _again(told: Told) -> bool:
    again = told.journey.enter.again_after
    return again is not None and again < _SOON


def _changes(told: Told) -> Iterator[Change]:
    for step in told.steps():
        if isinstance(step, Tag):
            yield Change(step, f"tag {step.tag}", "away" if step.away else "given")
        elif isinstance(step, Set):
            yield from (Change(step, f"fact {name}", "set") for name in step.facts)


def _started(told: Told) -> set[str]:
    return {step.journey for step in told.steps() if isinstance(step, Start)}


def _moved(whole: Whole, told: Mapping[str, Told]) -> dict[str, list[tuple[str, str]]]:
    """By tag or fact the journeys that its segments enter, with the segment."""
    by_segment: dict[str, list[str]] = {segment.name: [] for segment in whole.segments}
    for name, one in told.items():
        enter = one.journey.enter
        if enter.on in _BY_SEGMENT:
            named = [found[2] for found in _NAMED.finditer(enter.condition or "")]
            for segment in named or by_segment:
                by_segment.get(segment, []).append(name)
    moved: dict[str, list[tuple[str, str]]] = {}
    for segment in whole.segments:
        for word in _reads(segment):
            moved.setdefault(word, []).extend((name, segment.name) for name in by_segment[segment.name])
    return moved


def _reads(segment: Segment) -> set[str]:
    """Tags and facts that a segment's condition asks for."""
    tags = {f"tag {found[2]}" for found in _TAG.finditer(segment.condition)}
    return tags | {f"fact {found[1]}" for found in _FACT.finditer(segment.condition)} - {"fact tags"}


def _turns(change: Change, made: set[tuple[str, str]]) -> bool:
    """Whether the circle also takes back what is changed: a customer enters a segment again only after leaving it."""
    return change.way == "set" or {(change.word, "given"), (change.word, "away")} <= made


def _circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The strongly connected parts of a graph that lead back to themselves (Kosaraju's way)."""
    against: dict[str, set[str]] = {name: set() for name in graph}
    for name, ahead in graph.items():
        for to in ahead:
            against[to].add(name)
    parts: list[set[str]] = []
    seen: set[str] = set()
    for name in reversed(_finished(graph)):
        if name not in seen:
            part = _all_from(name, against, seen)
            if len(part) > 1 or name in graph[name]:
                parts.append(part)
    return parts


def _finished(graph: Mapping[str, set[str]]) -> list[str]:
    """The names in the order in which a search in depth leaves them."""
    order: list[str] = []
    seen: set[str] = set()
    for start in graph:
        stack = [] if start in seen else [(start, iter(graph[start]))]
        seen.add(start)
        while stack:
            name, ahead = stack[-1]
            to = next((one for one in ahead if one not in seen), None)
            if to is None:
                order.append(name)
                stack.pop()
            else:
                seen.add(to)
                stack.append((to, iter(graph[to])))
    return order


def _all_from(name: str, graph: Mapping[str, set[str]], seen: set[str]) -> set[str]:
    part, todo = {name}, [name]
    seen.add(name)
    while todo:
        for to in graph[todo.pop()] - seen:
            seen.add(to)
            part.add(to)
            todo.append(to)
    return part


RULES = (segment_circle,)
