"""`split`: by lot, and ever after the way that was drawn first."""

from __future__ import annotations

from services.contracts.journey import Split
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.draws import draw
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, step: Split, situation: Situation) -> Decision:
    """Go the customer's way, and have it kept."""
    salt = f"split:{situation.entry.journey}/{step.id}"
    name = draw(situation.profile, salt, ((share.name, share.share) for share in step.shares))
    to = next(to for share, (_, to) in zip(step.shares, node.arms, strict=True) if share.name == name)
    return Go(to, arm=(salt, name))
