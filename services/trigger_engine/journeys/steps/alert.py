"""`alert`: tell a team of the shop's own about the customer, who is told nothing: no consent, quiet hours or caps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.contracts import ids
from services.contracts.journey import Alert
from services.contracts.message import Message, Route
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.compiled import Node, pick
from services.trigger_engine.journeys.situation import Decision, Go, Situation

HOUR = 3_600.0


def decide(node: Node, step: Alert, situation: Situation) -> Decision:
    """An e-mail to the team, a webhook, or both; it goes on whether somebody is told or not."""
    definitions = situation.turn.definitions
    team = definitions.settings.teams.get(step.team)
    if team is None:
        return Go(node.next, skipped=(Reason.NO_TEAM,))
    if all(template.email is None for template in definitions.templates.get(step.template, {}).values()):
        return Go(node.next, skipped=(Reason.NO_TEMPLATE,))
    ways: tuple[tuple[Route, str | None], ...] = (("alert_email", team.email), ("alert_webhook", team.webhook))
    return Go(node.next, tuple(_message(step, route, where, situation) for route, where in ways if where))


def _message(step: Alert, route: Route, recipient: str, situation: Situation) -> Message:
    """In no language of the customer's: a team reads the shop's."""
    profile, entry, turn = situation.profile, situation.entry, situation.turn
    told = pick(situation.env, turn.definitions.template_paths.get(step.template, ()))
    return Message(
        send_key=ids.send_key(entry.id, step.id, route),
        profile_id=profile.id,
        entry_id=entry.id,
        journey=entry.journey,
        step=step.id,
        klass="service",
        channel=route,
        template=step.template,
        recipient=recipient,
        context={**told, "alert": _words(step, entry.event_type, turn.now)},
        created_at=turn.now,
    )


def _words(step: Alert, event: str, now: datetime) -> dict[str, Any]:
    """`alert` in templates: `answer_within` in hours, `answer_by` the moment that they end."""
    words: dict[str, Any] = {"team": step.team, "event": event}
    if step.answer_within is not None:
        hours = step.answer_within / HOUR
        words["answer_within"] = int(hours) if hours.is_integer() else round(hours, 2)
        words["answer_by"] = now + timedelta(seconds=step.answer_within)
    return words
