"""A journey made ready to run: conditions compiled, steps linked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from services.contracts.journey import Branch, Goal, Journey, Rule, Send, Step
from services.contracts.workspace import Template
from services.trigger_engine.journeys.conditions import BOOL, NUMBER, STRING, Condition, compile_condition
from services.trigger_engine.journeys.scopes import condition_scope

Schemas = Mapping[str, Mapping[str, Any]]
Templates = Mapping[str, Mapping[str, Template]]
Path = tuple[str, ...]

LINGER_SECONDS = (
    7 * 86_400.0
)  # how long an ended entry may still be exited (its unsent messages taken back) or reach a goal


class Node(msgspec.Struct, frozen=True):
    """A step, the id of the one after it (None: the end), and where the arms of a branch lead."""

    step: Step
    next: str | None
    arms: tuple[tuple[Condition | None, str | None], ...] = ()


class Listener(msgspec.Struct, frozen=True):
    """What an exit or goal waits for; `goal` is None for an exit."""

    condition: Condition | None
    goal: Goal | None = None


class Compiled(msgspec.Struct, frozen=True):
    """One revision of a journey. `event_paths` are the fields of the entering event that its later life reads."""

    journey: Journey
    condition: Condition | None
    key: Condition | None
    listeners: dict[str, tuple[Listener, ...]]
    nodes: dict[str, Node]
    first: str | None
    event_paths: tuple[Path, ...]
    reads_cart: bool
    linger: float


def compile_journey(journey: Journey, templates: Templates, schemas: Schemas) -> Compiled:
    """Compile one revision. ConditionError if a condition does not fit the words of its event."""
    on = journey.enter.on

    def condition(text: str | None, received: str | None = None) -> Condition | None:
        return None if text is None else compile_condition(text, condition_scope(on, received, schemas), expect=BOOL)

    listeners: dict[str, tuple[Listener, ...]] = {}
    rules: tuple[Rule | Goal, ...] = (*journey.exits, *journey.goals)
    for rule in rules:
        goal = rule if isinstance(rule, Goal) else None
        listeners[rule.on] = (*listeners.get(rule.on, ()), Listener(condition(rule.condition, rule.on), goal))
    nodes: dict[str, Node] = {}
    first = _link(journey.steps, None, nodes, condition)
    entering = condition(journey.enter.condition)
    key = journey.enter.key
    used = [entering, *(x.condition for found in listeners.values() for x in found)]
    used += [c for node in nodes.values() for c, _ in node.arms]
    reads = {path for c in used if c is not None for path in c.reads} | set(_template_reads(nodes, templates))
    return Compiled(
        journey=journey,
        condition=entering,
        key=None
        if key is None
        else compile_condition(key, condition_scope(on, None, schemas), expect=(STRING, NUMBER)),
        listeners=listeners,
        nodes=nodes,
        first=first,
        event_paths=shortest(path[1:] for path in reads if path[0] == "event"),
        reads_cart=any(path[0] == "cart" for path in reads),
        linger=max((goal.within or LINGER_SECONDS for goal in journey.goals), default=LINGER_SECONDS),
    )


def _link(steps: tuple[Step, ...], after: str | None, nodes: dict[str, Node], condition: Any) -> str | None:
    """Link `steps` so that the last goes on to `after`; returns the id of the first."""
    for step in reversed(steps):
        arms: tuple[tuple[Condition | None, str | None], ...] = ()
        if isinstance(step, Branch):
            arms = tuple((condition(arm.condition), _link(arm.do, after, nodes, condition)) for arm in step.arms)
        nodes[step.id] = Node(step, after, arms)
        after = step.id
    return after


def _template_reads(nodes: Mapping[str, Node], templates: Templates) -> Iterator[Path]:
    for node in nodes.values():
        if isinstance(node.step, Send):
            for template in templates.get(node.step.template, {}).values():
                yield from template.reads


def shortest(paths: Any) -> tuple[Path, ...]:
    """The paths that no other one contains, sorted: reading `order` covers `order.total`."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path[: len(short)] == short for short in kept):
            kept.append(path)
    return tuple(kept)


def pick(fields: Mapping[str, Any], paths: tuple[Path, ...]) -> dict[str, Any]:
    """A copy of `fields` with only these paths; the empty path is everything."""
    picked: dict[str, Any] = {}
    for path in paths:
        if not path:
            return dict(fields)
        source: Any = fields
        for name in path:
            # Nearly always a dict, and asking an abstract class takes ten times as long.
            source = source.get(name) if type(source) is dict or isinstance(source, Mapping) else None
        if source is not None:
            target = picked
            for name in path[:-1]:
                target = target.setdefault(name, {})
            target[path[-1]] = source
    return picked
