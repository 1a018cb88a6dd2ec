"""`branch`: the first arm whose condition holds; none: on past the branch."""

from __future__ import annotations

from typing import Any

from services.contracts.journey import Branch
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, _step: Branch, situation: Situation) -> Decision:
    """Look at the arms in order, with the facts as they are now."""
    env = situation.env
    seen: dict[str, Any] = {}
    for number, (condition, to) in enumerate(node.arms, 1):
        if condition is None or condition.evaluate(env) is True:
            return Go(to, seen={"arm": number} | seen | (condition.seen(env) or {} if condition else {}))
        seen |= condition.seen(env) or {}
    return Go(node.next, seen={"arm": None} | seen)
