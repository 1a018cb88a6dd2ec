"""The step `alert`: which team is told what, and what does not hold it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.journey import Alert
from services.contracts.policies import Cap, QuietHours
from services.contracts.reasons import Reason
from services.contracts.settings import Team
from tests.support.engine import (
    AT,
    SUBSCRIBED,
    TEMPLATES,
    Run,
    anna,
    happened,
    journey,
    say,
    template,
    until,
    workspace,
)

BOTH = Team("support@shop.example", "$TEAM_URL")
WORDS = {
    "detractor": {"pl": template("detractor", "profile.email", "event.order.id", "alert.answer_by")},
    **TEMPLATES,
}


def alert(**fields: Any) -> Alert:
    return Alert(**{"id": "alert-detractor", "team": "support", "template": "detractor", **fields})


def lived(*steps: Any, teams: dict[str, Team] | None = None, who: dict[str, Any] | None = None, **more: Any) -> Run:
    exits = more.pop("exits", ())
    asked = journey("asked", "order.placed", *steps, exits=exits)
    run = Run(workspace(asked, teams={"support": BOTH} if teams is None else teams, templates=WORDS, **more))
    return run.take(happened("order.placed", customer=who or anna(), placed="o1"))


def test_a_team_is_told_by_mail_and_webhook_what_the_template_reads_and_by_when_to_answer() -> None:
    mail, hook = lived(alert(answer_within=14_400.0)).queue
    assert [(one.channel, one.recipient) for one in (mail, hook)] == [
        ("alert_email", "support@shop.example"), ("alert_webhook", "$TEAM_URL"),
    ]  # fmt: skip
    assert mail.context == {
        "profile": {"email": "anna@example.com"},
        "event": {"order": {"id": "o1"}},
        "alert": {
            "team": "support", "event": "order.placed", "answer_within": 4, "answer_by": AT + timedelta(hours=4),
        },
    }  # fmt: skip
    assert hook.context == mail.context
    assert (mail.template, mail.klass, mail.locale, mail.quiet) == ("detractor", "service", None, ())
    assert mail.send_key == ids.send_key(mail.entry_id, "alert-detractor", "alert_email")
    assert hook.send_key == ids.send_key(mail.entry_id, "alert-detractor", "alert_webhook")


@pytest.mark.parametrize(
    ("team", "routes"),
    [(Team(email="support@shop.example"), ["alert_email"]), (Team(webhook="$TEAM_URL"), ["alert_webhook"])],
)
def test_a_team_is_told_only_where_wici_yaml_says_so(team: Team, routes: list[str]) -> None:
    assert [message.channel for message in lived(alert(), teams={"support": team}).queue] == routes


def test_an_alert_without_a_time_to_answer_within_names_none() -> None:
    assert lived(alert()).queue[0].context["alert"] == {"team": "support", "event": "order.placed"}


def test_part_of_an_hour_is_a_fraction() -> None:
    assert lived(alert(answer_within=1_800.0)).queue[0].context["alert"]["answer_within"] == 0.5


def test_a_team_is_told_of_a_customer_who_may_not_be_written_to_and_cannot_be() -> None:
    run = lived(alert(), say(klass="marketing"), who={"id": "c-1"})
    assert [message.channel for message in run.queue] == ["alert_email", "alert_webhook"]
    assert [reason for _, reason in run.reasons] == [Reason.NO_ADDRESS]


def test_quiet_hours_and_caps_hold_no_alert_back_and_it_uses_up_no_cap() -> None:
    policies: dict[str, Any] = {
        "quiet_hours": {"email": QuietHours(0, 1439, classes=("service",))},
        "caps": (Cap(1, 86_400.0), Cap(0, 60.0, klass="service")),
    }
    run = lived(alert(), say(klass="marketing"), **policies)
    assert [message.channel for message in run.queue] == ["alert_email", "alert_webhook", "email"]
    assert not run.reasons


@pytest.mark.parametrize(
    ("step", "teams", "reason"),
    [
        (alert(), {}, Reason.NO_TEAM),
        (alert(template="gone"), None, Reason.NO_TEMPLATE),
        (alert(template="sms-only"), None, Reason.NO_TEMPLATE),
    ],
)
def test_the_entry_goes_on_where_nobody_can_be_told(step: Alert, teams: Any, reason: Reason) -> None:
    run = lived(step, say(), teams=teams)
    assert [message.channel for message in run.queue] == ["email"]
    assert [one.reason for walked in run.walked.values() for one in walked] == [reason]


def test_an_alert_that_has_not_left_is_taken_back_when_the_entry_is_exited_and_not_by_a_withdrawal() -> None:
    run = lived(alert(), say(klass="marketing"), exits=until("order.cancelled"))
    gone = {"email": {"state": "unsubscribed", "at": "2026-11-22T11:00:00Z"}}
    assert SUBSCRIBED["email"]["state"] == "subscribed"
    run.take(happened("consent.changed", AT + timedelta(hours=1), customer=anna(consents=gone)))
    assert [message.channel for message in run.queue] == ["alert_email", "alert_webhook"]
    run.take(happened("order.cancelled", AT + timedelta(hours=2), customer=anna(consents=gone), placed="o1"))
    assert run.queue == []
