"""`set`: facts of the shop's own, from what is known now. What is missing leaves a fact as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.contracts.journey import Set
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation

LONGEST_TEXT = 500  # a profile is one narrow row


def decide(node: Node, step: Set, situation: Situation) -> Decision:
    """Evaluate every expression before any fact changes."""
    found = {name: value.evaluate(situation.env) for name, value in zip(step.facts, node.values, strict=True)}
    learned = tuple((name, _stored(value)) for name, value in found.items() if _fits(value))
    return Go(node.next, skipped=(Reason.NO_FACT,) * (len(found) - len(learned)), learned=learned)


def _fits(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and len(value) > LONGEST_TEXT)


def _stored(value: Any) -> Any:
    """Moments are kept as they travel, as RFC 3339 text."""
    return value.isoformat() if isinstance(value, datetime) else value
