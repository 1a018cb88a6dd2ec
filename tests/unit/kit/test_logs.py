"""Log lines are a closed list, one line each, in text or JSON."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from services.kit.telemetry.logs import MEANINGS, Log, Logger, configure

DOCS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def _fail() -> Exception:
    try:
        int("too\nsmall")
    except ValueError as error:
        return error
    raise AssertionError


def test_a_json_line_carries_event_level_time_and_bound_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    Logger(service="engine").bind(journey="thanks").warning(Log.TIMERS_HELD, count=3)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "timers_held", "level": "warning", "service": "engine", "journey": "thanks", "count": 3}


def test_an_error_in_json_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    Logger().error(Log.SERVICE_FAILED, _fail(), service="engine")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert line["error"].startswith("ValueError: invalid literal")
    assert "Traceback" in line["traceback"]


def test_an_error_in_text_is_one_line_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text")
    Logger().error(Log.SERVICE_FAILED, _fail(), service="engine")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert "ValueError: invalid literal" in said


def test_a_library_that_warns_is_heard_as_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    logging.getLogger("aiokafka").warning("broker %s is away", 1)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["logger"], line["message"]) == ("library", "aiokafka", "broker 1 is away")


def test_bytes_and_other_values_never_break_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    Logger().info(Log.LIBRARY, message={"a": object(), "b": b"\xff", "c": Path("x")})
    assert json.loads(capsys.readouterr().err)["event"] == "library"


def test_every_event_has_a_meaning_and_stands_in_the_documentation() -> None:
    assert set(MEANINGS) == set(Log)
    documented = re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == [(event.value, meaning) for event, meaning in MEANINGS.items()]


def test_every_event_is_said_somewhere() -> None:
    services = Path(__file__).parents[3] / "services"
    code = "".join(path.read_text() for path in services.rglob("*.py"))
    assert [event.name for event in Log if not re.search(rf"Log\.{event.name}\b(?!:)", code)] == []
