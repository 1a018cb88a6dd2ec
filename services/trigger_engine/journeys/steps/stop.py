"""`stop`: the entry ends here."""

from __future__ import annotations

from services.contracts.journey import Stop
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, End, Situation


def decide(_node: Node, _step: Stop, _situation: Situation) -> Decision:
    """End the entry."""
    return End(Reason.STOPPED)
