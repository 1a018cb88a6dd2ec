"""What somebody writes wrongly on the first day, in the journey that README shows: each message says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.workspace.folder import MAIL, SETTINGS, loaded, the

JOURNEY = """\
journey: cart-recovery
class: marketing
enter:
  on: cart.abandoned
  if: event.cart.total >= 40
  again: after 7 days
goal: {on: order.placed, within: 5 days}
steps:
  - send: cart-reminder
    via: email
  - wait: 12 hours
"""


def said(home: Path, old: str, new: str) -> tuple[str, str, str]:
    """Line and column, what is wrong, and what to do."""
    assert old in JOURNEY
    files: dict[str, str | bytes] = {
        "wici.yaml": SETTINGS,
        "journeys/hello.yaml": JOURNEY.replace("journey: cart-recovery", "journey: hello").replace(old, new, 1),
        "templates/cart-reminder/pl/email.mjml": MAIL,
    }
    found = the([one for one in loaded(home, files).findings if one.rule != "unused-template"])
    return f"{found.line}:{found.column}", found.message, found.hint


def test_a_typo_in_an_event_gets_the_nearest_event(tmp_path: Path) -> None:
    assert said(tmp_path, "cart.abandoned", "cart.abandonned") == (
        "4:7", "there is no event type 'cart.abandonned'", "write instead: cart.abandoned",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "where", "hint"),
    [
        ("  - wait", " - wait", "11:2", "begin it in column 3, like line 9"),
        ("  - wait", "    - wait", "11:5", "begin it in column 3, like line 9"),
        ("    via", "  via", "10:3", "begin it in column 5, like line 9"),
        ("    via", "      via", "10:7", "begin it in column 5, like line 9"),
    ],
)
def test_a_line_in_a_wrong_column_is_told_the_right_one(
    tmp_path: Path, old: str, new: str, where: str, hint: str
) -> None:
    place, message, advice = said(tmp_path, old, new)
    assert (place, advice) == (where, hint)
    assert message == f"not YAML: this line begins in column {where.partition(':')[2]}, where nothing can begin"


def test_a_missing_template_gets_the_nearest_template(tmp_path: Path) -> None:
    assert said(tmp_path, "send: cart-reminder", "send: cart-remainder") == (
        "9:11", "there is no template 'cart-remainder'", "write instead: cart-reminder",
    )  # fmt: skip


@pytest.mark.parametrize(("written", "hint"), [("1 dya", "write 1 day"), ("12h", "write 12 hours")])
def test_a_duration_with_a_wrong_unit_gets_the_right_one(tmp_path: Path, written: str, hint: str) -> None:
    place, message, advice = said(tmp_path, "12 hours", written)
    assert (place, advice) == ("11:11", hint)
    assert message.startswith("unknown unit")


def test_a_condition_on_a_wrong_field_gets_the_nearest_field_at_its_place(tmp_path: Path) -> None:
    assert said(tmp_path, "cart.total", "cart.totl") == ("5:18", "unknown field 'totl'", "did you mean 'total'?")


def test_a_key_without_its_colon_is_shown_with_one(tmp_path: Path) -> None:
    assert said(tmp_path, "steps:\n", "steps\n") == ("8:1", "not YAML: a word without a colon", "write instead: steps:")
