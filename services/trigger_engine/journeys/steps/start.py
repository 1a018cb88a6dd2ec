"""`start`: another journey is entered, once this walk has come to its end."""

from __future__ import annotations

from services.contracts.journey import Start
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, step: Start, _situation: Situation) -> Decision:
    """Name the journey, and go on."""
    return Go(node.next, start=step.journey)
