"""What deploy/ says is what the code does: settings, services, ports, addresses, commands."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.services import EVERYTHING_PORT, PORTS
from services.kit.settings import VARIABLES, from_environment
from tests.docs.test_commands import mistake

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
INSIDE = {"/mailbox", "/mailbox.json", "/mailbox/{send_key}"}
_ROUTE = re.compile(r"""\bRoute\(\s*f?"(/[^"]*)\"""")


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def ours() -> list[Any]:
    """The services of compose.yaml that are made from wici's own image."""
    return [s for s in compose()["services"].values() if s["image"].startswith("wici:")]


def proxied() -> dict[str, list[str]]:
    """The paths that the proxy leads to each service."""
    text = (DEPLOY / "Caddyfile").read_text()
    named = {name: paths.split() for name, paths in re.findall(r"@(\w+) path (.+)", text)}
    leads = re.findall(r"handle @(\w+) \{\s*reverse_proxy ([\w-]+):(\d+)", text)
    assert all(PORTS[service] == int(port) for _, service, port in leads)
    return {service: named[name] for name, service, _ in leads}


def addresses(service: str) -> set[str]:
    """Every address that the code of a service answers at."""
    found: set[str] = set()
    for file in (ROOT / "services" / service).rglob("*.py"):
        found |= set(_ROUTE.findall(file.read_text(encoding="utf-8")))
    return found


def is_led(address: str, paths: list[str]) -> bool:
    return any(address == path or (path.endswith("*") and address.startswith(path[:-1])) for path in paths)


@pytest.mark.parametrize("service", ["gateway", "notifier"])
def test_the_proxy_leads_every_public_address_of_a_service_to_it_and_nothing_else(service: str) -> None:
    paths = proxied()
    others = [path for name, theirs in paths.items() if name != service for path in theirs]
    public = addresses(service) - INSIDE
    assert public
    assert [a for a in sorted(public) if not is_led(a, paths[service]) or is_led(a, others)] == []


def test_the_proxy_leads_nowhere_inside() -> None:
    inside = INSIDE | {"/metrics", "/healthz", "/readyz"}
    assert [(a, s) for a in sorted(inside) for s, paths in proxied().items() if is_led(a, paths)] == []


def test_compose_runs_every_service_and_asks_it_at_its_own_port() -> None:
    services = compose()["services"]
    for name, port in PORTS.items():
        assert services[name]["command"] == ["run", name]
        assert f"127.0.0.1:{port}/readyz" in services[name]["healthcheck"]["test"][-1]
        assert services[name]["hostname"] == name


def test_compose_gives_every_process_settings_that_are_read_and_accepted() -> None:
    assert len(ours()) == len(PORTS) + 2
    for service in ours():
        said = {name: re.sub(r"\$\{[^}]*\}", "x" * 40, value) for name, value in service["environment"].items()}
        assert set(said) <= set(VARIABLES)
        assert from_environment(said).database_url.endswith("@postgres:5432/wici")


def test_compose_waits_for_the_schema_and_the_workspace_before_it_starts_a_service() -> None:
    services = compose()["services"]
    for name in PORTS:
        waits = {on: how["condition"] for on, how in services[name]["depends_on"].items()}
        assert waits == dict.fromkeys(("migrate", "apply"), "service_completed_successfully")


def test_compose_stops_a_service_later_than_it_drains() -> None:
    from services.kit.runner import DRAIN_SECONDS

    seconds = int(compose()["services"]["gateway"]["stop_grace_period"].removesuffix("s"))
    unit = unit_file()["Service"]
    assert min(seconds, int(unit["TimeoutStopSec"])) > DRAIN_SECONDS


def test_everything_that_compose_asks_of_its_environment_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    assert asked == given


def test_every_command_that_is_run_can_be_typed() -> None:
    commands = [
        " ".join(s["command"]) for s in compose()["services"].values() if s.get("image", "").startswith("wici:")
    ]
    commands.append(unit_file()["Service"]["ExecStart"].removeprefix("/opt/wici/.venv/bin/wici "))
    commands.append(
        " ".join(shlex.split(re.findall(r"^CMD \[(.*)\]", dockerfile(), re.MULTILINE)[0].replace(",", " ")))
    )
    assert [wrong for command in commands if (wrong := mistake(command))] == []


def test_the_image_is_made_of_what_is_there_and_opens_the_ports() -> None:
    text = dockerfile()
    copied = [p for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE) for p in line.split()]
    assert copied
    assert [p for p in copied if not (ROOT / p).exists()] == []
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    assert [p for p in copied if f"!{p.split('/')[0]}\n" not in ignored] == []
    assert {int(p) for p in re.findall(r"^EXPOSE (.+)$", text, re.MULTILINE)[0].split()} == set(PORTS.values())


def test_the_image_sets_only_settings_that_are_read() -> None:
    assert set(re.findall(r"\b(WICI_[A-Z_]+)=", dockerfile())) <= set(VARIABLES)


def test_the_unit_sets_only_settings_that_are_read_and_listens_inside() -> None:
    service = unit_file()["Service"]
    assert set(re.findall(r"\b(WICI_[A-Z_]+)=", service["Environment"])) <= set(VARIABLES)
    assert service["ExecStart"].endswith("up --host 127.0.0.1 --no-follow")
    assert f"127.0.0.1:{EVERYTHING_PORT}" in (ROOT / "docs/deploying.md").read_text()


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text()


def unit_file() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "systemd/wici.service")
    return parser
