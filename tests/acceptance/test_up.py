"""`wici up` as a process: broken files, changed files, signals, kills."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.terminal import INTERRUPTED
from services.kit.clock import monotonic
from tests.acceptance.installation import Installation, order, status, write_workspace
from tests.support.databases import with_database
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as playing:
        yield playing


@pytest.fixture
def wici(tmp_path: Path, sink: ProviderSink, database_url: str) -> Iterator[Installation]:
    write_workspace(tmp_path / "workspace", sink.url)
    with Installation(tmp_path, {"WICI_DATABASE_URL": database_url}) as made:
        yield made


def change(wici: Installation, file: str, old: str, new: str) -> None:
    path = wici.folder / "workspace" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def events_logged(wici: Installation) -> list[str]:
    lines = wici.log("up").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


async def test_a_broken_workspace_without_a_good_version_does_not_start(wici: Installation) -> None:
    change(wici, "journeys/thanks.yaml", "order.first_placed", "order.frist_placed")
    done = wici.command("up")
    assert done.returncode == 1
    assert "journeys/thanks.yaml:2:" in done.stderr
    assert "order.first_placed" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_file_broken_while_running_changes_nothing_and_its_correction_is_taken(
    wici: Installation, sink: ProviderSink
) -> None:
    wici.start("up")
    wici.wait_until_ready()
    change(wici, "journeys/thanks.yaml", "order.first_placed", "order.frist_placed")
    await eventually(lambda: "workspace_rejected" in events_logged(wici), 20)
    assert status(f"{wici.gateway}/readyz") == 200
    assert wici.post(order("anna")) == 202
    await eventually(lambda: len(sink.ledger.messages) == 2, 20)
    change(wici, "journeys/thanks.yaml", "order.frist_placed", "order.first_placed")
    change(wici, "templates/thanks/pl/email.mjml", "Dziękujemy", "Wielkie dzięki")
    await eventually(lambda: '"version":2' in wici.log("up").read_text(), 20)
    assert wici.post(order("basia")) == 202
    await eventually(lambda: any(one.subject == "Wielkie dzięki, Łucja!" for one in sink.ledger.messages), 20)


async def test_without_following_what_was_published_stays_in_force_until_apply(
    wici: Installation, sink: ProviderSink
) -> None:
    wici.start("up", "--no-follow", name="up")
    wici.wait_until_ready()
    assert events_logged(wici).count("workspace_applied") > 0
    change(wici, "templates/thanks/pl/email.mjml", "Dziękujemy", "Wielkie dzięki")
    assert wici.end("up") == 0
    wici.start("up", "--no-follow", name="up")
    wici.wait_until_ready()
    assert wici.post(order("anna")) == 202
    await eventually(lambda: any(one.subject == "Dziękujemy, Łucja!" for one in sink.ledger.messages), 20)
    assert wici.command("apply", "--yes").returncode == 0
    await eventually(lambda: '"version":2' in wici.log("up").read_text(), 20)


async def test_a_broken_workspace_with_a_good_version_starts_with_that(wici: Installation, sink: ProviderSink) -> None:
    assert wici.command("migrate").returncode == 0
    assert wici.command("apply", "--yes").returncode == 0
    change(wici, "journeys/thanks.yaml", "steps:", "stpes:")
    wici.start("up")
    wici.wait_until_ready()
    assert wici.post(order("anna")) == 202
    await eventually(lambda: len(sink.ledger.messages) == 2, 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_and_soon(number: signal.Signals, wici: Installation) -> None:
    wici.start("up")
    wici.wait_until_ready()
    began = monotonic()
    assert wici.end("up", number) == 0
    assert monotonic() - began < 15
    assert events_logged(wici)[-1] == "process_stopped"


async def test_a_signal_while_it_starts_ends_it_too(wici: Installation) -> None:
    wici.start("up")
    await eventually(lambda: "process_started" in wici.log("up").read_text(), 60)
    assert wici.end("up") in {0, INTERRUPTED}


async def test_what_was_accepted_before_a_kill_is_said_after_the_next_start(
    wici: Installation, sink: ProviderSink
) -> None:
    wici.start("up")
    wici.wait_until_ready()
    assert wici.command("pause", "all").returncode == 0
    assert wici.post(*(order(f"c-{number}") for number in range(20))) == 202
    wici.end("up", signal.SIGKILL)
    assert sink.ledger.messages == []
    wici.start("up")
    wici.wait_until_ready()
    assert wici.command("resume").returncode == 0
    await eventually(lambda: len(sink.ledger.messages) == 40, 30)
    assert len({(one.via, one.to) for one in sink.ledger.messages}) == 40


async def test_without_a_secret_key_one_is_made_and_kept_with_a_notice(wici: Installation) -> None:
    wici.environ["WICI_SECRET_KEY"] = ""
    wici.start("up")
    wici.wait_until_ready()
    wici.end("up")
    assert "A secret key was made" in wici.log("up").read_text()
    assert len((wici.folder / "data" / "secret-key").read_text()) > 32


async def test_a_taken_port_is_named(wici: Installation) -> None:
    wici.start("up")
    wici.wait_until_ready()
    second = wici.command("up")
    assert second.returncode == 1
    assert f"Port {wici.port} cannot be used" in second.stderr


async def test_a_service_refuses_a_database_that_was_not_migrated(wici: Installation, kafka: str) -> None:
    wici.environ["WICI_DATABASE_URL"] = with_database(wici.environ["WICI_DATABASE_URL"], "postgres")
    wici.environ["WICI_KAFKA"] = kafka
    done = wici.command("run", "gateway")
    assert done.returncode == 1
    assert "wici migrate" in done.stderr


async def test_a_signal_before_it_serves_leaves_no_database_running(wici: Installation) -> None:
    wici.environ["WICI_DATABASE_URL"] = ""
    wici.start("up")
    pid_file = wici.folder / "data" / "postgres" / "data" / "postmaster.pid"
    await eventually(pid_file.exists, 30)
    assert wici.end("up") in {0, INTERRUPTED}
    assert not pid_file.exists()
