"""`survey`, `coupon`, `points`, `onsite`: passed over with a reason: nothing does yet what they say."""

from __future__ import annotations

from services.contracts.journey import Later
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, _step: Later, _situation: Situation) -> Decision:
    """Go on, and say why nothing was done."""
    return Go(node.next, skipped=(Reason.NO_ENGINE,))
