"""`teams` of wici.yaml and the step `alert`: what they become, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.workspace.findings import Finding
from services.contracts.journey import Alert
from services.contracts.settings import Team
from tests.unit.workspace.folder import JOURNEY, MAIL, SETTINGS, loaded, said, the

TEAMS = """\
webhooks: {secret: $HOOK_SECRET}
teams:
  support: {email: support@sklep.example, webhook: $TEAM_URL}
  crm: {webhook: 'https://crm.example/hook'}
"""
TOLD = SETTINGS + TEAMS
HEAD = JOURNEY[: JOURNEY.index("  - send")]


def found(home: Path, step: str, wici: str = TOLD, mail: str = MAIL) -> list[Finding]:
    files = {"wici.yaml": wici, "journeys/hello.yaml": f"{HEAD}  {step}\n", "templates/hello/pl/email.mjml": mail}
    return loaded(home, {**files}).findings


def test_a_team_a_template_and_a_time_to_answer_within_are_published(tmp_path: Path) -> None:
    steps = """\
  - alert: {team: support, template: hello, answer_within: 4 hours}
  - {alert: {team: crm, template: hello}, id: told}
"""
    workspace = loaded(tmp_path, {"wici.yaml": TOLD, "journeys/hello.yaml": HEAD + steps}).workspace
    assert workspace is not None
    assert workspace.settings.teams == {
        "support": Team("support@sklep.example", "$TEAM_URL"), "crm": Team(webhook="https://crm.example/hook"),
    }  # fmt: skip
    assert workspace.journeys[0].steps == (
        Alert("alert-hello", "support", "hello", 14_400.0), Alert("told", "crm", "hello"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "place", "rule"),
    [
        ("- alert: {team: suport, template: hello}", "5:19", "unknown-team"),
        ("- alert: {team: support, template: helo}", "5:38", "unknown-template"),
        ("- alert: {template: hello}", "5:12", "missing-key"),
        ("- alert: {team: support}", "5:12", "missing-key"),
        ("- alert: {team: support, template: hello, answer_within: soon}", "5:60", "bad-duration"),
        ("- alert: {team: support, template: hello, within: 4 hours}", "5:45", "unknown-key"),
        ("- alert: support", "5:12", "wrong-kind"),
    ],
)
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, step: str, place: str, rule: str) -> None:
    assert said(found(tmp_path, step)) == [(f"journeys/hello.yaml:{place}", rule)]


def test_the_nearest_team_is_suggested_and_where_there_is_none_what_to_write(tmp_path: Path) -> None:
    step = "- alert: {team: suport, template: hello}"
    assert the(found(tmp_path / "near", step)).hint == "write instead: support"
    assert "teams: {suport: {email: …}}" in the(found(tmp_path / "none", step, SETTINGS)).hint


def test_a_template_that_is_no_e_mail_cannot_alert(tmp_path: Path) -> None:
    files = {
        "wici.yaml": TOLD,
        "journeys/hello.yaml": f"{HEAD}  - alert: {{team: crm, template: short}}\n",
        "templates/short/pl/sms.txt": "Dzwoń\n",
    }
    finding = the(loaded(tmp_path, {**files}).findings)
    assert (finding.place, finding.rule) == ("journeys/hello.yaml:5:34", "unknown-channel")
    assert "templates/short/pl/email.md" in finding.hint


def test_what_alerts_say_of_themselves_may_be_read_in_an_alert_and_nowhere_else(tmp_path: Path) -> None:
    mail = MAIL.replace("Zażółć gęślą jaźń.", "{{ alert.answer_by | date }} {{ alert.answer_within }}")
    assert found(tmp_path / "alert", "- alert: {team: support, template: hello}", mail=mail) == []
    findings = found(tmp_path / "send", "- {send: hello, via: email}", mail=mail)
    assert {finding.rule for finding in findings} == {"template-variable"}
    wrong = MAIL.replace("Zażółć gęślą jaźń.", "{{ alert.answer_bye }}")
    finding = the(found(tmp_path / "wrong", "- alert: {team: support, template: hello}", mail=wrong))
    assert (finding.rule, finding.hint) == ("template-variable", "write instead: answer_by")


def test_an_alert_by_mail_needs_an_account_and_a_sender_and_one_by_webhook_neither(tmp_path: Path) -> None:
    no_mail = TOLD.replace("  email: [{name: main, provider: mailbox}]\n", "")
    silent = MAIL.replace('from: "Sklep <sklep@sklep.example>"\n', "")
    support, crm = (f"- alert: {{team: {team}, template: hello}}" for team in ("support", "crm"))
    assert said(found(tmp_path / "1", support, no_mail)) == [("journeys/hello.yaml:5:19", "no-account")]
    finding = the(found(tmp_path / "2", support, mail=silent))
    assert (finding.rule, "senders.service.email" in finding.hint) == ("no-sender", True)
    assert found(tmp_path / "3", crm, no_mail, silent) == []


@pytest.mark.parametrize(
    ("written", "place", "rule"),
    [
        ("teams: {support: {}}", "8:18", "missing-key"),
        ("teams: {support: {webhook: $TEAM_URL}}", "8:19", "no-account"),
        ("teams: {support: {email: nobody}}", "8:26", "bad-value"),
        ("teams: {support: {email: a@b.example, webhook: 'http://crm.example'}}", "8:48", "bad-value"),
        ("teams: {support: {phone: '+48600100200'}}", "8:19", "unknown-key"),
    ],
)
def test_a_wrong_team_is_refused_where_it_stands(tmp_path: Path, written: str, place: str, rule: str) -> None:
    findings = loaded(tmp_path, {"wici.yaml": f"{SETTINGS}links: {{track: off}}\n{written}\n"}).findings
    assert (f"wici.yaml:{place}", rule) in said(findings)


def test_receipts_that_enter_an_alert_cannot_go_round_and_are_not_refused(tmp_path: Path) -> None:
    text = HEAD.replace("order.placed, again: always, key: event.order.id", "message.bounced, again: always")
    step = "  - alert: {team: support, template: hello}\n"
    assert loaded(tmp_path, {"wici.yaml": TOLD, "journeys/hello.yaml": text + step}).findings == []
