"""The step `webhook`: what is told, to which address, and what does not hold it back."""

from __future__ import annotations

from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.journey import Webhook
from services.contracts.policies import Cap, QuietHours
from tests.support.engine import AT, Run, anna, happened, journey, say, until, workspace


def test_a_webhook_tells_what_expressions_give_to_the_address_as_it_is_written() -> None:
    step = Webhook("hook", "$CRM_URL", {"order": "event.order.id", "mail": "profile.email", "phone": "profile.phone"})
    run = Run(workspace(journey("thanks", "order.placed", step)))
    run.take(happened("order.placed", customer=anna(consents={}), placed="o1"))
    (message,) = run.queue
    assert (message.channel, message.klass, message.recipient, message.template) == (
        "webhook", "service", "$CRM_URL", "",
    )  # fmt: skip
    assert message.send_key == ids.send_key(message.entry_id, "hook", "webhook")
    assert message.context == {
        "type": "thanks.hook",
        "timestamp": AT,
        "data": {"order": "o1", "mail": "anna@example.com", "phone": None},
        "journey": "thanks",
        "step": "hook",
        "entry": message.entry_id.hex(),
        "event": "order.placed",
        "profile": run.profile.id.hex(),
    }


def test_whatever_an_expression_gives_can_be_written_as_json() -> None:
    step = Webhook("hook", "https://crm.example", {
        "order": "event.order", "who": "profile", "tags": "profile.tags", "at": "now", "later": "now + 2 days",
        "big": "event.order.total > 5", "spent": "profile.total_spent", "first": "has(event.order.number)",
    })  # fmt: skip
    run = Run(workspace(journey("thanks", "order.placed", step)))
    run.take(happened("order.placed", customer=anna(tags=["vip"]), placed="o1"))
    (message,) = run.queue
    data = msgspec.json.decode(msgspec.json.encode(message.context))["data"]
    assert data["order"]["id"] == "o1"
    assert data["who"]["email"] == "anna@example.com"
    assert (data["tags"], data["big"], data["first"]) == (["vip"], True, False)
    assert (data["at"], data["later"]) == ("2026-11-22T10:00:00Z", "2026-11-24T10:00:00Z")


def test_consent_quiet_hours_and_caps_hold_no_webhook_back_and_it_uses_up_no_cap() -> None:
    policies: dict[str, Any] = {
        "quiet_hours": {"email": QuietHours(0, 1439, classes=("service",))},
        "caps": (Cap(1, 86_400.0), Cap(0, 60.0, klass="service")),
    }
    steps = (Webhook("a", "$CRM_URL"), Webhook("b", "$CRM_URL"), say(klass="marketing"))
    run = Run(workspace(journey("thanks", "order.placed", *steps), **policies))
    run.take(happened("order.placed", customer=anna(), placed="o1"))
    assert [message.channel for message in run.queue] == ["webhook", "webhook", "email"]
    assert not run.reasons


def test_what_has_not_left_is_taken_back_when_the_entry_is_exited() -> None:
    run = Run(workspace(journey("thanks", "order.placed", Webhook("a", "$CRM_URL"), exits=until("order.cancelled"))))
    run.take(happened("order.placed", customer=anna(), placed="o1"))
    run.take(happened("order.cancelled", customer=anna(), placed="o1"))
    assert run.queue == []
