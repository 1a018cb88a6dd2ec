"""What a finding looks like to a person and to a program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.cli.workspace.findings import RULES, Finding, in_order, write_instead

SOURCES = Path(__file__).parents[3] / "services/cli/workspace"


def finding(**changes: object) -> Finding:
    known: dict[str, object] = {
        "file": "journeys/hello.yaml", "line": 2, "column": 8, "message": "there is no event type 'order.plced'",
        "rule": "unknown-event", "hint": "write instead: order.placed", "source_line": "enter: {on: order.plced}",
    }  # fmt: skip
    return Finding(**{**known, **changes})  # type: ignore[arg-type]


def test_a_person_reads_place_message_line_caret_and_what_to_write() -> None:
    assert finding(column=13).render() == (
        "journeys/hello.yaml:2:13: error: there is no event type 'order.plced' [unknown-event]\n"
        "    enter: {on: order.plced}\n"
        "                ^\n"
        "    write instead: order.placed"
    )


def test_a_finding_about_a_whole_file_has_no_line() -> None:
    shown = finding(line=0, column=0, source_line="", hint="").render()
    assert shown == "journeys/hello.yaml: error: there is no event type 'order.plced' [unknown-event]"


def test_the_caret_stays_under_its_word_in_a_very_long_line() -> None:
    line = "x" * 500 + "HERE" + "y" * 500
    quoted, caret = finding(source_line=line, column=501).render().splitlines()[1:3]
    assert len(quoted) < 200
    assert quoted[caret.index("^")] == "H"


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in finding(source_line="a: \x1b[31mred").render()


def test_a_program_reads_the_same_facts() -> None:
    assert finding().as_json() == {
        "file": "journeys/hello.yaml", "line": 2, "column": 8, "severity": "error", "rule": "unknown-event",
        "message": "there is no event type 'order.plced'", "hint": "write instead: order.placed",
        "used": "",
        "docs": "docs/rules/unknown-event.md",
    }  # fmt: skip


def test_a_rule_that_is_not_in_the_list_cannot_be_used() -> None:
    with pytest.raises(ValueError, match="made-up"):
        finding(rule="made-up")


def test_every_rule_of_the_list_is_used_and_every_used_rule_is_in_the_list() -> None:
    code = "".join(path.read_text() for path in SOURCES.rglob("*.py") if path.name != "findings.py")
    used = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', code))
    assert set(RULES) <= used


def test_the_same_thing_is_said_once_and_in_the_order_of_the_file() -> None:
    first, second = finding(line=1), finding(line=9)
    assert in_order([second, first, second]) == [first, second]


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("emial", ("email", "sms"), "write instead: email"),
        ("fax", ("email", "sms"), "write one of: email, sms"),
        ("fax", (), ""),
    ],
)
def test_an_unknown_word_gets_the_nearest_known_one_or_the_list(word: str, known: tuple[str, ...], hint: str) -> None:
    assert write_instead(word, known) == hint
