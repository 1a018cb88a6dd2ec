"""One file per kind of step: each decides, none acts. The registry is complete by test and by the type checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.contracts.journey import Branch, Send, Stop, Wait
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Situation
from services.trigger_engine.journeys.steps import branch, send, stop, wait

Decide = Callable[[Node, Any, Situation], Decision]

STEPS: dict[type, Decide] = {
    Send: send.decide,
    Wait: wait.decide,
    Branch: branch.decide,
    Stop: stop.decide,
}


def decide(node: Node, situation: Situation) -> Decision:
    """What the step of `node` decides here."""
    return STEPS[type(node.step)](node, node.step, situation)
