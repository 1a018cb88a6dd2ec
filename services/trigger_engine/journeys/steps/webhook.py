"""`webhook`: tell a system of the shop's own. No consent, quiet hours or caps: nothing is said to the customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.contracts import ids
from services.contracts.journey import Webhook
from services.contracts.message import Message
from services.trigger_engine.journeys.compiled import Node
from services.trigger_engine.journeys.situation import Decision, Go, Situation


def decide(node: Node, step: Webhook, situation: Situation) -> Decision:
    """Every value as it is now; what is missing is null. The ids are hex, as everywhere in expressions."""
    profile, entry, now = situation.profile, situation.entry, situation.turn.now
    values = zip(step.body, node.values, strict=True)
    told = {
        "type": f"{entry.journey}.{step.id}",
        "timestamp": now,
        "data": {name: _plain(value.evaluate(situation.env)) for name, value in values},
        "journey": entry.journey,
        "step": step.id,
        "entry": entry.id.hex(),
        "event": entry.event_type,
        "profile": profile.id.hex(),
    }
    message = Message(
        send_key=ids.send_key(entry.id, step.id, "webhook"),
        profile_id=profile.id,
        entry_id=entry.id,
        journey=entry.journey,
        step=step.id,
        klass="service",
        channel="webhook",
        template="",
        recipient=step.url,
        context=told,
        created_at=now,
    )
    return Go(node.next, (message,))


def _plain(value: Any) -> Any:
    """A record as a dictionary: `profile` is a view that looks facts up."""
    return dict(value) if isinstance(value, Mapping) else value
