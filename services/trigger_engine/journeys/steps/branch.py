"""`branch`: the first arm whose condition holds; none: on past the branch."""

from __future__ import annotations

from services.contracts.journey import Branch
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, _step: Branch, situation: Situation) -> Decision:
    """Look at the arms in order, with the facts as they are now."""
    for condition, to in node.arms:
        if condition is None or condition.evaluate(situation.env) is True:
            return Go(to)
    return Go(node.next)
