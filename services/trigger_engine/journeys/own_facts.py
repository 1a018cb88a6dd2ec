"""Facts of the shop's own: what its `set` steps make, with the types that their expressions give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from services.contracts.journey import Journey, Set, every_step
from services.trigger_engine.journeys.conditions import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    TIMESTAMP,
    ConditionError,
    Type,
    compile_condition,
)
from services.trigger_engine.journeys.scopes import condition_scope

SETTABLE = (STRING, NUMBER, BOOL, TIMESTAMP)


class Said(NamedTuple):
    """A `set` of the fact `name` in a journey that `event` enters."""

    event: str
    name: str
    expression: str


def said_by(journeys: Iterable[Journey]) -> list[Said]:
    """Every `set` of these journeys."""
    steps = ((journey.enter.on, step) for journey in journeys for step in every_step(journey.steps))
    return [Said(on, *fact) for on, step in steps if isinstance(step, Set) for fact in step.facts.items()]


def own_facts(said: Iterable[Said], schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Type]:
    """The type of each fact; ANY where its expressions differ, are wrong, or give what nobody can know before."""
    said = list(said)
    unknown: dict[str, Type] = dict.fromkeys((one.name for one in said), ANY)
    found: dict[str, Type] = {}
    for one in said:
        try:
            scope = condition_scope(one.event, None, schemas, unknown)
            kind = compile_condition(one.expression, scope, expect=SETTABLE).type
        except ConditionError:
            kind = ANY
        found[one.name] = kind if found.get(one.name, kind) == kind else ANY
    return found
