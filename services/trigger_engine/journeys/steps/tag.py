"""`tag` and `untag`: a word among the customer's tags."""

from __future__ import annotations

from services.contracts.journey import Tag
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, step: Tag, situation: Situation) -> Decision:
    """Learn the tags anew, if that changes them."""
    tags = situation.profile.fact("tags") or []
    if (step.tag in tags) is not step.away:
        return Go(node.next)
    changed = [tag for tag in tags if tag != step.tag] if step.away else [*tags, step.tag]
    return Go(node.next, learned=(("tags", changed),))
