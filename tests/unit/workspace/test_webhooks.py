"""`webhooks` of wici.yaml and the step `webhook`: what they become, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.workspace.findings import Finding
from services.contracts.journey import Webhook
from services.contracts.settings import Webhooks
from tests.unit.workspace.folder import JOURNEY, SETTINGS, loaded, said, settings, the

SIGNED = SETTINGS + "webhooks: {secret: $HOOK_SECRET, allow: [crm.internal:8080, '[::1]:80']}\n"
HEAD = JOURNEY[: JOURNEY.index("  - send")]


def found(home: Path, step: str, wici: str = SIGNED) -> list[Finding]:
    return loaded(home, {"wici.yaml": wici, "journeys/hello.yaml": f"{HEAD}  {step}\n"}).findings


def test_an_address_and_expressions_by_name_are_published(tmp_path: Path) -> None:
    steps = """\
  - webhook: {url: $CRM_URL, body: {order: event.order.id, cheap: event.order.total < 5}}
  - {webhook: {url: 'https://crm.example/h?k=1'}, id: told}
"""
    workspace = loaded(tmp_path, {"wici.yaml": SIGNED, "journeys/hello.yaml": HEAD + steps}).workspace
    assert workspace is not None
    assert workspace.settings.webhooks == Webhooks("$HOOK_SECRET", ("crm.internal:8080", "[::1]:80"))
    assert workspace.journeys[0].steps == (
        Webhook("webhook-1", "$CRM_URL", {"order": "event.order.id", "cheap": "event.order.total < 5"}),
        Webhook("told", "https://crm.example/h?k=1"),
    )


def test_a_webhook_that_no_secret_signs_is_refused_where_it_stands(tmp_path: Path) -> None:
    finding = the(found(tmp_path, "- webhook: {url: $CRM_URL}", SETTINGS))
    assert (finding.place, finding.rule, finding.severity) == ("journeys/hello.yaml:5:5", "no-account", "error")
    assert "webhooks: {secret: $HOOK_SECRET}" in finding.hint


@pytest.mark.parametrize(
    ("step", "place", "rule"),
    [
        ("- webhook: {url: $CRM_URL, body: {order: event.order.idd}}", "5:56", "bad-condition"),
        ("- webhook: {url: $CRM_URL, body: {order: 'event.order.id ==='}}", "5:62", "bad-condition"),
        ("- webhook: {url: 'http://crm.example'}", "5:20", "bad-value"),
        ("- webhook: {url: crm.example}", "5:20", "bad-value"),
        ("- webhook: {body: {order: event.order.id}}", "5:14", "missing-key"),
        ("- webhook: {url: $CRM_URL, bodi: {}}", "5:30", "unknown-key"),
        ("- webhook: {url: $CRM_URL, body: {'a b': now}}", "5:37", "bad-name"),
        ("- webhook: $CRM_URL", "5:14", "wrong-kind"),
    ],
)
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, step: str, place: str, rule: str) -> None:
    assert said(found(tmp_path, step)) == [(f"journeys/hello.yaml:{place}", rule)]


def test_a_receipt_that_enters_with_a_webhook_inside_cannot_go_round_for_ever(tmp_path: Path) -> None:
    text = HEAD.replace("order.placed, again: always, key: event.order.id", "message.refused, again: always")
    files: dict[str, str | bytes] = {
        "wici.yaml": SIGNED,
        "journeys/hello.yaml": f"{text}  - webhook: {{url: $CRM_URL}}\n",
    }
    assert [finding.rule for finding in loaded(tmp_path, files).findings] == ["receipt-circle"]


def test_the_name_of_the_account_that_sends_webhooks_is_not_free(tmp_path: Path) -> None:
    assert the(settings(tmp_path, "name: main", "name: webhook")).rule == "reserved-name"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("{secret: whsec_abc}", "secret-in-file"),
        ("{allow: [crm:80]}", "missing-key"),
        ("{secret: $S, allow: [crm]}", "bad-value"),
        ("{secret: $S, allow: ['http://crm:80']}", "bad-value"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, written: str, rule: str) -> None:
    findings = loaded(tmp_path, {"wici.yaml": f"{SETTINGS}webhooks: {written}\n"}).findings
    assert [finding.rule for finding in findings] == [rule]


def test_no_policy_or_send_speaks_of_webhooks(tmp_path: Path) -> None:
    text = JOURNEY.replace("via: email", "via: webhook")
    assert the(loaded(tmp_path, {"wici.yaml": SIGNED, "journeys/hello.yaml": text}).findings).rule == "unknown-channel"
    capped = f"{SIGNED}policies: {{caps: [{{channel: webhook, at_most: 1, per: 1 day}}]}}\n"
    assert the(loaded(tmp_path / "caps", {"wici.yaml": capped}).findings).rule == "unknown-channel"
