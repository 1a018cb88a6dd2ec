"""`wici check`: what it prints and what it returns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.cli.workspace.command import check
from tests.unit.workspace.folder import JOURNEY, SETTINGS, write

WARNED = SETTINGS + "policies: {caps: [{channel: sms, at_most: 0, per: 1 day}]}\n"


def test_warnings_do_not_fail_unless_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"wici.yaml": WARNED})
    assert check(tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 errors, 1 warning in 4 files"
    assert check(tmp_path, strict=True) == 1


def test_a_clean_folder_passes_even_when_strict(tmp_path: Path) -> None:
    assert check(write(tmp_path, {}), strict=True) == 0


def test_a_program_gets_the_same_facts_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"wici.yaml": WARNED, "journeys/hello.yaml": JOURNEY.replace("via: email", "via: emial")})
    assert check(tmp_path, as_json=True) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["errors"], said["warnings"], said["files"]) == (1, 1, 4)
    assert [(each["file"], each["line"], each["rule"]) for each in said["findings"]] == [
        ("journeys/hello.yaml", 6, "unknown-channel"), ("wici.yaml", 7, "never-said"),
    ]  # fmt: skip


def test_a_missing_folder_is_an_error_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "nowhere") == 1
    assert "there is no such folder" in capsys.readouterr().out


def test_ten_thousand_mistakes_on_one_line_are_said_in_short_and_quickly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "{" + ", ".join(f"key{number}: {'x' * 60}" for number in range(10_000)) + "}"
    assert check(write(tmp_path, {"journeys/hello.yaml": line})) == 1
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) < 500
    assert max(len(each) for each in printed) < 200
    assert printed[-2] == "… and 9903 more"
