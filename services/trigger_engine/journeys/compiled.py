"""A journey made ready to run: conditions compiled, steps linked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from services.contracts.journey import (
    Alert,
    Goal,
    Journey,
    Rule,
    Send,
    Set,
    Split,
    Step,
    Trial,
    Wait,
    WaitFor,
    Webhook,
    every_step,
    ways,
)
from services.contracts.schedule import Dated
from services.contracts.workspace import Template
from services.trigger_engine.journeys.asking import Asking, Path, asking, profile_facts
from services.trigger_engine.journeys.conditions import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    TIMESTAMP,
    CallKey,
    Condition,
    Type,
    compile_condition,
)
from services.trigger_engine.journeys.own_facts import SETTABLE
from services.trigger_engine.journeys.scopes import condition_scope

Schemas = Mapping[str, Mapping[str, Any]]
Templates = Mapping[str, Mapping[str, Template]]

LINGER_SECONDS = (
    7 * 86_400.0
)  # how long an ended entry may still be exited (its unsent messages taken back) or reach a goal


class Node(msgspec.Struct, frozen=True):
    """A step, the id of the one after it (None: the end), and where its ways lead; `values` are its expressions.

    Where its `condition` does not hold, it is passed over.
    """

    step: Step
    next: str | None
    arms: tuple[tuple[Condition | None, str | None], ...] = ()
    values: tuple[Condition, ...] = ()
    condition: Condition | None = None


class Listener(msgspec.Struct, frozen=True):
    """What an exit or goal waits for; `goal` is None for an exit."""

    condition: Condition | None
    goal: Goal | None = None


class Test(msgspec.Struct, frozen=True):
    """What tells of the ways of a trial: an event type (empty: the goal) with a condition.

    Of clicks and opens those that are about messages of the way's steps, `said`, by way.
    """

    on: str
    condition: Condition | None = None
    said: dict[str, frozenset[str]] | None = None


class Compiled(msgspec.Struct, frozen=True):
    """One revision of a journey. `event_paths` are the fields of the entering event that its later life reads.

    `awaited` has, by `wait_for` and event type, the numbers of the rules that the event may fulfil; `hears` every type
    that an exit, a goal or a `wait_for` listens to; `tests` has, by split on trial, what tells of its ways; `date`
    gives the day of the customer's own that enters.
    """

    journey: Journey
    condition: Condition | None
    key: Condition | None
    asking: Asking
    listeners: dict[str, tuple[Listener, ...]]
    nodes: dict[str, Node]
    first: str | None
    awaited: dict[str, dict[str, tuple[tuple[int, Condition | None], ...]]]
    hears: frozenset[str]
    event_paths: tuple[Path, ...]
    reads_cart: bool
    profile_reads: frozenset[str]
    calls: frozenset[CallKey]
    linger: float
    tests: dict[str, Test] = {}
    date: Condition | None = None


class _Compiler:
    """Compiles the expressions of one journey, and notes the fields that they read."""

    def __init__(self, on: str, schemas: Schemas, facts: Mapping[str, Type] | None) -> None:
        self._on = on
        self._schemas = schemas
        self._facts = facts
        self.reads: set[Path] = set()
        self.calls: set[CallKey] = set()

    def value(self, text: str, expect: Type | tuple[Type, ...]) -> Condition:
        """An expression on what entered and what is known."""
        return self._compile(text, None, expect)

    def condition(self, text: str | None, received: str | None = None) -> Condition | None:
        """A condition, on the event `received` too where there is one."""
        return None if text is None else self._compile(text, received, BOOL)

    def _compile(self, text: str, received: str | None, expect: Type | tuple[Type, ...]) -> Condition:
        scope = condition_scope(self._on, received, self._schemas, self._facts)
        compiled = compile_condition(text, scope, expect=expect)
        self.reads |= compiled.reads
        self.calls |= compiled.calls
        return compiled


def compile_journey(
    journey: Journey, templates: Templates, schemas: Schemas, facts: Mapping[str, Type] | None = None
) -> Compiled:
    """Compile one revision; `facts` are the shop's own. ConditionError if a condition does not fit its event."""
    compiler = _Compiler(journey.enter.on, schemas, facts)
    listeners: dict[str, tuple[Listener, ...]] = {}
    rules: tuple[Rule | Goal, ...] = (*journey.exits, *journey.goals)
    for rule in rules:
        goal = rule if isinstance(rule, Goal) else None
        listener = Listener(compiler.condition(rule.condition, rule.on), goal)
        listeners[rule.on] = (*listeners.get(rule.on, ()), listener)
    nodes: dict[str, Node] = {}
    first = _link(journey.steps, None, nodes, compiler)
    awaited = {s.id: _awaited(s, compiler) for s in every_step(journey.steps) if isinstance(s, WaitFor)}
    entering = compiler.condition(journey.enter.condition)
    tests = {s.id: _test(s, s.trial, compiler) for s in every_step(journey.steps) if isinstance(s, Split) and s.trial}
    if tests:
        compiler.reads.add(("event", "schedule", "occurrence"))  # each time of a schedule is a trial of its own
    reads = compiler.reads | set(_template_reads(nodes, templates))
    key, schedule = journey.enter.key, journey.enter.schedule
    when = schedule.when if schedule is not None and isinstance(schedule.when, Dated) else None
    keys = _Compiler(journey.enter.on, schemas, facts)
    named = None if key is None else keys.value(key, (STRING, NUMBER))
    return Compiled(
        journey=journey,
        condition=entering,
        key=named,
        asking=asking(journey, (entering, named)),
        date=None if when is None else keys.value(when.fact, (STRING, TIMESTAMP)),
        listeners=listeners,
        nodes=nodes,
        first=first,
        awaited=awaited,
        hears=frozenset(listeners).union(*awaited.values(), (test.on for test in tests.values() if test.on)),
        event_paths=shortest(path[1:] for path in reads if path[0] == "event"),
        reads_cart=any(path[0] == "cart" for path in reads),
        profile_reads=profile_facts(reads | keys.reads),
        calls=frozenset(compiler.calls | keys.calls),
        linger=_linger(journey),
        tests=tests,
    )


def _test(step: Split, trial: Trial, compiler: _Compiler) -> Test:
    if isinstance(trial.by, Rule):
        return Test(trial.by.on, compiler.condition(trial.by.condition, trial.by.on))
    if trial.by == "goal":
        return Test("")
    said = {share.name: frozenset(one.id for one in every_step(share.do)) for share in step.shares}
    return Test(f"message.{trial.by}", said=said)


def _linger(journey: Journey) -> float:
    """The longest that a goal counts or a trial runs, if that is no less than usual."""
    goals = [goal.within or LINGER_SECONDS for goal in journey.goals] or [LINGER_SECONDS]
    trials = [s.trial.after or 0.0 for s in every_step(journey.steps) if isinstance(s, Split) and s.trial]
    return max([*goals, *trials])


def _link(steps: tuple[Step, ...], after: str | None, nodes: dict[str, Node], compiler: _Compiler) -> str | None:
    """Link `steps` so that the last goes on to `after`; returns the id of the first."""
    for step in reversed(steps):
        arms = tuple((compiler.condition(text), _link(do, after, nodes, compiler)) for text, do in ways(step))
        values, condition = tuple(_values(step, compiler)), compiler.condition(step.condition)
        nodes[step.id] = Node(step, after, arms, values, condition)
        after = step.id
    return after


def _values(step: Step, compiler: _Compiler) -> Iterator[Condition]:
    if isinstance(step, Wait) and isinstance(step.until, str):
        yield compiler.value(step.until, TIMESTAMP)
    elif isinstance(step, Set):
        for text in step.facts.values():
            yield compiler.value(text, SETTABLE)
    elif isinstance(step, Webhook):
        for text in step.body.values():
            yield compiler.value(text, ANY)


def _awaited(step: WaitFor, compiler: _Compiler) -> dict[str, tuple[tuple[int, Condition | None], ...]]:
    found: dict[str, tuple[tuple[int, Condition | None], ...]] = {}
    for number, rule in enumerate(step.rules):
        found[rule.on] = (*found.get(rule.on, ()), (number, compiler.condition(rule.condition, rule.on)))
    return found


def _template_reads(nodes: Mapping[str, Node], templates: Templates) -> Iterator[Path]:
    for node in nodes.values():
        if isinstance(node.step, Send | Alert):
            name = node.step.template if isinstance(node.step, Alert) else node.step.variant or node.step.template
            for template in templates.get(name, {}).values():
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
