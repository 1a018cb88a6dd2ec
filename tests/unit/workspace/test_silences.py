"""`# wici: allow RULE because …`: where it stands, for what it holds, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.workspace.command import check
from services.cli.workspace.findings import Finding
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.silences import silences
from services.notifier.compose.render import Audience, render_sms
from tests.unit.workspace.folder import JOURNEY, MAIL, SETTINGS, loaded, said, the, write

CAP = SETTINGS + "policies: {caps: [{channel: sms, at_most: 0, per: 1 day}]}"
ALLOW = "# wici: allow never-said because SMS come in spring"


def settings(home: Path, text: str) -> list[Finding]:
    return loaded(home, {"wici.yaml": text}).findings


@pytest.mark.parametrize(
    "text",
    [
        f"{CAP} {ALLOW}\n",
        CAP.replace("policies", f"{ALLOW}\npolicies"),
        CAP.replace("policies", f"{ALLOW}\n\n# caps\npolicies"),
        CAP.replace("policies", f"{ALLOW.replace('never-said', 'never-said, no-adapter')}\npolicies").replace(
            "[$BACKEND_KEY]}", "[$BACKEND_KEY]}\n  old: {storefront: base} # wici: allow no-adapter because of the move"
        ),
    ],
    ids=["at the end", "above", "above another comment", "two of them"],
)
def test_a_warning_is_silenced_by_a_comment_on_its_line_or_above(tmp_path: Path, text: str) -> None:
    assert {one.rule for one in settings(tmp_path, text)} <= {"idle-silence"}


def test_what_is_silenced_is_counted_and_listed_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"wici.yaml": f"{CAP} {ALLOW}\n"})
    assert check(tmp_path, strict=True) == 0
    assert capsys.readouterr().out == "1 journey and 1 template in 4 files: nothing wrong, 1 silenced\n"
    check(tmp_path, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert [(one["rule"], one["because"]) for one in shown["silenced"]] == [("never-said", "SMS come in spring")]


def test_a_silence_holds_for_its_line_and_rule_only(tmp_path: Path) -> None:
    found = settings(tmp_path, CAP.replace("shop:", f"{ALLOW}\nshop:"))
    assert said(found) == [("wici.yaml:1:1", "idle-silence"), ("wici.yaml:8:43", "never-said")]
    found = settings(tmp_path, f"{CAP} {ALLOW.replace('never-said', 'no-sender')}")
    assert sorted(one.rule for one in found) == ["idle-silence", "never-said"]


@pytest.mark.parametrize("words", ["allow", "allow never-said", "allow never-said because", "allow because I want"])
def test_a_silence_without_a_reason_or_a_rule_is_an_error_and_silences_nothing(tmp_path: Path, words: str) -> None:
    found = settings(tmp_path, f"{CAP} # wici: {words}\n")
    assert sorted((one.rule, one.severity) for one in found) == [("bad-silence", "error"), ("never-said", "warning")]


def test_a_silence_of_an_unknown_rule_names_the_nearest(tmp_path: Path) -> None:
    found = settings(tmp_path, SETTINGS + "# wici: allow never-sayd because so\n")
    assert (the(found).rule, the(found).hint) == ("bad-silence", "write instead: never-said")


def test_an_error_that_keeps_the_workspace_from_being_used_cannot_be_silenced(tmp_path: Path) -> None:
    text = JOURNEY.replace("- send: hello", "- send: helo # wici: allow unknown-template because of later")
    found = loaded(tmp_path, {"journeys/hello.yaml": text}).findings
    assert said(found) == [
        ("journeys/hello.yaml:5:11", "unknown-template"),
        ("journeys/hello.yaml:5:16", "bad-silence"),
    ]


def test_an_error_that_leaves_the_workspace_usable_can_be_silenced(tmp_path: Path) -> None:
    text = JOURNEY + "  - stop\n  # wici: allow unreachable-step because it is tried out\n  - stop\n"
    found = loaded(tmp_path, {"journeys/hello.yaml": text})
    assert found.findings == []
    assert found.workspace is not None


def test_words_of_a_value_are_no_silence(tmp_path: Path) -> None:
    quoted = JOURNEY + f'about: "first {ALLOW}"\n'
    block = JOURNEY + f"about: |\n  {ALLOW}\n"
    assert loaded(tmp_path, {"journeys/hello.yaml": quoted}).findings == []
    assert loaded(tmp_path, {"journeys/hello.yaml": block}).findings == []


def test_a_silence_is_not_called_idle_while_something_is_wrong(tmp_path: Path) -> None:
    text = JOURNEY.replace("order.placed", "order.plced") + "# wici: allow missing-locale because so\n"
    assert [one.rule for one in loaded(tmp_path, {"journeys/hello.yaml": text}).findings] == ["unknown-event"]


def test_a_comment_of_a_template_is_read_and_never_said(tmp_path: Path) -> None:
    text = "Dziękujemy!\n{# wici: allow missing-locale because so #}\nSklep\n"
    found = loaded(tmp_path, {"templates/hello/pl/sms.txt": text})
    assert said(found.findings) == [("templates/hello/pl/sms.txt:2:1", "idle-silence")]
    assert found.workspace is not None
    shop: dict[str, Any] = {"links": {}, "shop": {}}
    sms = render_sms(found.workspace.templates["hello"]["pl"], shop, Audience("pl", "PLN", "Europe/Warsaw"))
    assert sms.text == "Dziękujemy!\nSklep"


def test_a_line_at_the_top_of_a_template_holds_for_all_of_it(tmp_path: Path) -> None:
    text = MAIL.replace("---\nsubject", "---\n# wici: allow missing-locale because so\nsubject")
    (silence,) = silences(Sheet("templates/hello/pl/email.mjml", text))
    assert (silence.line, silence.rules, silence.because) == (0, ("missing-locale",), "so")
    found = loaded(tmp_path, {"templates/hello/pl/email.mjml": text})
    assert said(found.findings) == [("templates/hello/pl/email.mjml:2:1", "idle-silence")]
