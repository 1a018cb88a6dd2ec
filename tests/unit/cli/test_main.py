"""The command line as it is typed: help, usage errors, settings, first steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.init import languages
from services.cli.main import app

COMMANDS = [
    "init",
    "up",
    "run",
    "demo",
    "check",
    "plan",
    "apply",
    "rollback",
    "log",
    "pause",
    "resume",
    "clock",
    "migrate",
    "settings",
    "doctor",
    "dead-letters",
    "customers",
]
RUNNER = CliRunner()
NONE = dict.fromkeys(name for name in os.environ if name.startswith("WICI_"))


def test_help_names_every_command() -> None:
    said = RUNNER.invoke(app, ["--help"]).output
    assert all(command in said for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = RUNNER.invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    heavy = "asyncpg aiokafka starlette uvicorn prometheus_client structlog msgspec uvloop".split()  # noqa: SIM905
    code = f"import sys; import services.cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("typed", [["rnu"], ["run"], ["check", "--strikt"], ["dead-letters", "show"], ["init"]])
def test_wrong_usage_is_exit_code_two(typed: list[str]) -> None:
    done = RUNNER.invoke(app, typed, env=NONE)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_wrong_setting_stops_any_command_with_its_name() -> None:
    done = RUNNER.invoke(app, ["pause"], env={**NONE, "WICI_PORT": "http"})
    assert done.exit_code == 1
    assert "WICI_PORT" in done.output


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "WICI_DATABASE_URL"),
        ({"WICI_DATABASE_URL": "postgresql://x/y"}, "WICI_KAFKA"),
        ({"WICI_DATABASE_URL": "postgresql://x/y", "WICI_KAFKA": "x:1"}, "WICI_SECRET_KEY"),
    ],
)
def test_a_service_by_itself_names_what_it_lacks(given: dict[str, str], missing: str) -> None:
    done = RUNNER.invoke(app, ["run", "gateway"], env={**NONE, **given})
    assert done.exit_code == 1
    assert f"needs {missing}" in done.output


def test_an_unknown_service_is_named_with_the_known_ones() -> None:
    done = RUNNER.invoke(app, ["run", "gatway"], env=NONE)
    assert done.exit_code == 1
    assert "gateway, trigger-engine, notifier" in done.output


def test_without_a_database_a_command_says_how_to_get_one(tmp_path: Path) -> None:
    for typed in (["pause"], ["customers", "show", "c-1"], ["dead-letters", "list"], ["resume"]):
        done = RUNNER.invoke(app, typed, env={**NONE, "WICI_DATA": str(tmp_path / "none")})
        assert done.exit_code == 1
        assert "wici up" in done.output
    assert not (tmp_path / "none").exists()


def test_an_unreachable_database_is_named_without_its_password() -> None:
    url = "postgresql://anna:topsecret@127.0.0.1:1/wici"
    for typed in (["pause"], ["doctor"], ["migrate"], ["customers", "show", "x"]):
        done = RUNNER.invoke(app, typed, env={**NONE, "WICI_DATABASE_URL": url})
        assert done.exit_code == 1
        assert "127.0.0.1:1/wici" in done.output
        assert "topsecret" not in done.output
        assert "Traceback" not in done.output


def test_settings_are_shown_with_secrets_masked_and_mistyped_names_pointed_out() -> None:
    environ = {**NONE, "WICI_SECRET_KEY": "x" * 40, "WICI_PROT": "8080"}
    done = RUNNER.invoke(app, ["settings"], env=environ)
    assert "x" * 40 not in done.output
    assert "Did you mean WICI_PORT?" in done.output
    shown = json.loads(RUNNER.invoke(app, ["settings", "--json"], env=environ).output)
    assert shown["settings"]["WICI_SECRET_KEY"] == "***"
    assert shown["ignored"]["WICI_PROT"] == "WICI_PORT"


@pytest.mark.parametrize("language", languages())
def test_a_new_workspace_passes_its_check(language: str, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    made = RUNNER.invoke(app, ["init", str(folder), "--language", language], env=NONE)
    assert made.exit_code == 0, made.output
    checked = RUNNER.invoke(app, ["check", str(folder), "--strict"], env=NONE)
    assert checked.exit_code == 0, checked.output


def test_the_recipes_speak_polish_and_english() -> None:
    assert languages() == ["en", "pl"]


def test_init_never_writes_into_a_folder_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = RUNNER.invoke(app, ["init", str(tmp_path)], env=NONE)
    assert done.exit_code == 1
    assert "not empty" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_language_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["init", str(tmp_path / "x"), "--language", "de"], env=NONE)
    assert done.exit_code == 1
    assert "en or pl" in done.output
    assert not (tmp_path / "x").exists()


def test_check_names_a_mistake_by_file_and_line_and_ends_with_one(tmp_path: Path) -> None:
    RUNNER.invoke(app, ["init", str(tmp_path / "shop")], env=NONE)
    journey = tmp_path / "shop" / "journeys" / "welcome.yaml"
    journey.write_text(journey.read_text().replace("send: welcome\n", "send: welcmoe\n"))
    done = RUNNER.invoke(app, ["check", str(tmp_path / "shop")], env=NONE)
    assert done.exit_code == 1
    assert "journeys/welcome.yaml:" in done.output
    assert json.loads(RUNNER.invoke(app, ["check", str(tmp_path / "shop"), "--json"], env=NONE).output)["errors"] >= 1


def test_the_program_says_its_help_without_loading_what_the_services_need() -> None:
    script = (
        "import sys; from services.cli.main import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout
    loaded = {name.partition(".")[0] for name in said.splitlines()[-1].split()}
    assert "typer" in loaded
    assert loaded & {"asyncpg", "aiokafka", "aiohttp", "starlette", "jinja2", "mjml", "babel", "sqlalchemy"} == set()
