"""Whatever goes wrong, a person gets one message that says what to do, and a program an exit code."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from services.cli.terminal import INTERRUPTED, Answer, answer, confirm, table
from services.kit.errors import Misconfigured, TryAgain


def raising(error: BaseException) -> Answer:
    raise error


async def _later() -> Answer:
    await asyncio.sleep(0)
    return Answer("done", {"done": True})


def test_an_answer_is_text_for_people_and_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: Answer("two things", [1, 2])) == 0
    assert answer(lambda: Answer("two things", [1, 2]), as_json=True) == 0
    assert capsys.readouterr().out == "two things\n[\n  1,\n  2\n]\n"


def test_asynchronous_work_is_awaited(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(_later) == 0
    assert capsys.readouterr().out == "done\n"


def test_an_answer_may_carry_a_failing_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: Answer("3 errors", None, 1)) == 1
    assert capsys.readouterr().out == "3 errors\n"


@pytest.mark.parametrize("error", [Misconfigured("Write WICI_PORT=8080."), TryAgain("Write WICI_PORT=8080.")])
def test_a_problem_is_its_own_message_on_standard_error(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: raising(error)) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Error: Write WICI_PORT=8080.\n")


def test_a_problem_in_json_is_an_object_with_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: raising(Misconfigured("Write more.")), as_json=True) == 1
    assert json.loads(capsys.readouterr().out) == {"error": "Write more."}


def test_an_unexpected_error_is_one_line_with_the_way_to_its_details(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: raising(ZeroDivisionError("division\nby zero"))) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert "ZeroDivisionError" in said
    assert "WICI_LOG=json" in said


def test_with_json_logs_an_unexpected_error_leaves_its_details_in_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WICI_LOG", "json")
    assert answer(lambda: raising(ZeroDivisionError("by zero"))) == 1
    line = json.loads(capsys.readouterr().err.splitlines()[0])
    assert "ZeroDivisionError" in line["traceback"]


def test_a_missing_schema_says_to_migrate(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: raising(asyncpg.UndefinedTableError("queue.pauses"))) == 1
    assert "wici migrate" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: raising(PermissionError(13, "Permission denied", "/srv/wici"))) == 1
    assert capsys.readouterr().err == "Error: /srv/wici: Permission denied.\n"


def test_an_interrupt_ends_quietly_with_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(lambda: raising(KeyboardInterrupt())) == INTERRUPTED
    assert capsys.readouterr().err == ""


def test_without_a_terminal_only_yes_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(Misconfigured, match="--yes"):
        confirm("Publish?", yes=False)
    confirm("Publish?", yes=True)


@pytest.mark.parametrize(("typed", "agrees"), [("y", True), ("TAK", True), ("", False), ("no", False)])
def test_at_a_terminal_only_a_clear_yes_agrees(typed: str, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: typed)
    if agrees:
        confirm("Publish?", yes=False)
    else:
        with pytest.raises(Misconfigured, match="Nothing was done"):
            confirm("Publish?", yes=False)


def test_a_table_lines_up_its_columns() -> None:
    assert table([("1/20", "bad"), ("10/3", "worse")], ("name", "why")) == "name  why\n1/20  bad\n10/3  worse"
