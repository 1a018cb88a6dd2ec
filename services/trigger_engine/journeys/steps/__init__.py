"""One file per kind of step: each decides, none acts. The registry is complete by test and by the type checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from services.contracts.journey import Alert, Branch, Later, Send, Set, Split, Start, Stop, Tag, Wait, WaitFor, Webhook
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Situation
from services.trigger_engine.journeys.steps import (
    alert,
    branch,
    later,
    send,
    set,  # noqa: A004 -- the step's own word
    split,
    start,
    stop,
    tag,
    wait,
    wait_for,
    webhook,
)

Decide = Callable[[Node, Any, Situation], Decision]

STEPS: dict[type, Decide] = {
    Send: send.decide,
    Wait: wait.decide,
    WaitFor: wait_for.decide,
    Branch: branch.decide,
    Split: split.decide,
    Tag: tag.decide,
    Set: set.decide,
    Start: start.decide,
    Webhook: webhook.decide,
    Alert: alert.decide,
    **dict.fromkeys(get_args(Later), later.decide),
    Stop: stop.decide,
}


def decide(node: Node, situation: Situation) -> Decision:
    """What the step of `node` decides here."""
    return STEPS[type(node.step)](node, node.step, situation)
