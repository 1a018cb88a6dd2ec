"""`wait_for`: until what is waited for has come, or the time for it is over."""

from __future__ import annotations

from datetime import timedelta

from services.contracts.journey import WaitFor
from services.trigger_engine.journeys import hearing
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation, Sleep


def decide(node: Node, step: WaitFor, situation: Situation) -> Decision:
    """Go on if it is on record already, for an entry whose event came late; else listen until the deadline."""
    bits = hearing.recorded(situation) if situation.turn.past and not situation.entry.generation else 0
    if hearing.is_fulfilled(step, bits):
        return Go(node.arms[0][1], seen={"arm": "then"})
    return Sleep(situation.turn.now + timedelta(seconds=step.within), bits)
