"""The mistakes that people make most: each is named with its line, and the clean workspace passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.workspace.command import check
from tests.unit.workspace.folder import JOURNEY, loaded, write

MISTAKES: dict[str, tuple[str, str]] = {
    "unknown event": (JOURNEY.replace("order.placed", "order.plced"), "2:13"),
    "unknown template": (JOURNEY.replace("- send: hello", "- send: helo"), "5:11"),
    "unknown field": (JOURNEY.replace("again: always", "if: event.order.totl > 5"), "2:43"),
    "wrong type": (JOURNEY.replace("again: always", """if: 'event.order.total > "abc"'"""), "2:32"),
    "duplicate key": (JOURNEY + "class: marketing\n", "7:1"),
    "unknown key": (JOURNEY.replace("class:", "clas:"), "3:1"),
    "bad duration": (JOURNEY + "  - wait: 3 fortnights\n", "7:11"),
    "bad channel": (JOURNEY.replace("via: email", "via: emial"), "6:10"),
    "not YAML": (JOURNEY + "  - send: [\n", "7:12"),
    "unreachable step": (JOURNEY + "  - stop\n  - send: hello\n    via: sms\n", "8:5"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistake_is_named_where_it_stands(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, place = MISTAKES[name]
    assert check(write(tmp_path, {"journeys/hello.yaml": text})) == 1
    printed = capsys.readouterr().out
    assert printed.startswith(f"journeys/hello.yaml:{place}: error: ")
    assert printed.splitlines()[-1] == "1 error, 0 warnings in 4 files"


def test_the_clean_workspace_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(write(tmp_path, {})) == 0
    assert capsys.readouterr().out == "1 journey and 1 template in 4 files: nothing wrong\n"


def test_all_mistakes_of_a_folder_are_said_in_one_run(tmp_path: Path) -> None:
    wrong = JOURNEY.replace("order.placed", "order.plced").replace("via: email", "via: emial") + "  - wait: soon\n"
    found = loaded(tmp_path, {"journeys/hello.yaml": wrong, "journeys/other.yaml": "journey: other\n"})
    assert found.workspace is None
    rules = [finding.rule for finding in found.findings]
    assert rules == ["unknown-event", "unknown-channel", "bad-duration", "missing-key", "missing-key"]
