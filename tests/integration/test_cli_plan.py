"""Plan, apply, roll back and the log, over a real PostgreSQL with customers inside."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.workspace import current
from services.kit.clock import SystemClock
from services.trigger_engine.profiles.state import Alarm, Profile, dump
from tests.support.shop import Shop, opened

NUMBER = 5


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    made = opened(tmp_path / "shop", database_url)
    made.told("apply", "--yes")
    return made


def park(shop: Shop, step: str, *, due: timedelta, number: int = NUMBER) -> None:
    """Customers who stand at a step of welcome, each with a message in the queue."""
    now = SystemClock().real()

    async def insert(c: Any) -> None:
        for n in range(number):
            entry, profile = ids.entry("welcome", bytes([n])), ids.uuid5("profile", str(n))
            await c.execute(
                "INSERT INTO engine.entries (id, profile_id, journey, revision, key, entered_at, step)"
                " VALUES ($1, $2, 'welcome', 1, '', $3, $4)", entry, profile, now, step,
            )  # fmt: skip
            await c.execute("INSERT INTO engine.timers (id, profile_id, due, generation) VALUES ($1, $2, $3, 1)",
                            entry, profile, now + due)  # fmt: skip
            await c.execute(
                "INSERT INTO queue.outbound (send_key, profile_id, entry_id, journey, step, class, channel, template,"
                " recipient, context, created_at) VALUES ($1, $2, $1, 'welcome', 'send-welcome', 'marketing', 'email',"
                " 'welcome', 'a@example.com', '', $3)", entry, profile, now,
            )  # fmt: skip

    shop.ask(insert)


async def know(c: Any, *, profile: Profile) -> None:
    """Keep a customer."""
    await c.execute("INSERT INTO engine.profiles (id, version, state) VALUES ($1, 1, $2)", profile.id, dump(profile))


def versions(shop: Shop) -> int:
    return int(shop.ask(lambda c: c.fetchval("SELECT count(*) FROM workspace.versions")))


def test_a_plan_says_what_becomes_of_whom_and_publishes_nothing(shop: Shop) -> None:
    park(shop, "wait-3", due=timedelta(minutes=30))
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    shop.change("journeys/welcome.yaml", "topic: news", "topic: news\nin_flight: migrate")
    told = shop.told("plan")
    (journey,) = told["difference"]["journeys"]
    assert (journey["name"], journey["old"], journey["new"]) == ("welcome", 1, 2)
    assert ["wait", "3 days", "4 days"] in journey["steps"][0]["lines"]
    (fate,) = told["fates"]
    assert fate["group"] == {"journey": "welcome", "revision": 1, "step": "wait-3", "customers": NUMBER, "due": NUMBER}
    assert (fate["what"], fate["to"], fate["keeps"]) == ("move", "wait-3", True)
    (hour,) = told["hour"]
    assert (hour["step"], hour["channel"], hour["at_most"]) == ("send-welcome-question", "email", NUMBER)
    assert (told["taken_back"], told["errors"], versions(shop)) == ([], [], 1)
    assert "5 go on at wait-3 of the new version" in shop.wici("plan").output


def test_a_cancelling_plan_counts_what_is_taken_back(shop: Shop) -> None:
    park(shop, "wait-3", due=timedelta(days=1))
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    shop.change("journeys/welcome.yaml", "topic: news", "topic: news\nin_flight: cancel")
    told = shop.told("plan")
    assert [(one["step"], one["messages"]) for one in told["taken_back"]] == [("send-welcome", NUMBER)]
    assert [one["what"] for one in told["fates"]] == ["leave"]


def test_a_new_segment_is_tried_on_the_customers_that_there_are(shop: Shop) -> None:
    profile = Profile(ids.uuid5("somebody"), created_at=SystemClock().real())
    shop.ask(partial(know, profile=profile))
    segments = shop.folder / "segments.yaml"
    segments.write_text(
        (segments.read_text() if segments.exists() else "") + "newcomers: {if: profile.orders_count == 0}\n"
    )
    told = shop.told("plan")
    assert "About 1 of them enter segment newcomers now." in told["warnings"]
    assert shop.ask(lambda c: c.fetchval("SELECT state FROM engine.profiles")) == dump(profile)


def test_whom_a_schedule_was_told_of_ahead_is_foreseen_where_the_clock_shows_it_within_the_hour(shop: Shop) -> None:
    now = SystemClock().real()
    for number, minutes in enumerate((30, 90)):
        profile = Profile(ids.uuid5("somebody", str(number)), created_at=now)
        profile.alarms["schedule:newsletter@2026-11-26T10:00"] = Alarm(now + timedelta(minutes=minutes), 1)
        shop.ask(partial(know, profile=profile))
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    found = [one for one in shop.told("plan")["hour"] if one["journey"] == "newsletter"]
    assert {(one["channel"], one["at_most"], one["because"]) for one in found} == {("email", 1, False)}


def test_nothing_to_change_is_said_and_a_broken_workspace_is_no_plan(shop: Shop) -> None:
    assert "Nothing changes" in shop.wici("plan").output
    shop.change("journeys/welcome.yaml", "send: welcome\n", "send: welcmoe\n")
    assert shop.wici("plan").exit_code == 1


def test_a_saved_plan_is_applied_once_and_only_while_nobody_has_published(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    shop.told("plan", "--out", str(out))
    assert shop.environ["BACKEND_KEY"] not in out.read_text()
    shop.change("journeys/welcome.yaml", "wait: 4 days", "wait: 9 days")
    done = shop.told("apply", str(out), "--yes")
    assert (done["version"], done["changed_journeys"]) == (2, ["welcome"])
    assert "4.0" in json.dumps(json.loads(out.read_text())["workspace"])
    again = shop.wici("apply", str(out), "--yes")
    assert again.exit_code == 1
    assert "The plan is for version 1, and version 2 is in force." in again.output
    assert versions(shop) == 2


def test_apply_shows_the_plan_and_without_a_terminal_asks_for_yes(shop: Shop) -> None:
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    refused = shop.wici("apply")
    assert refused.exit_code == 1
    assert "~ welcome (revision 1 → 2)" in refused.output
    assert versions(shop) == 1


def test_a_rollback_is_a_new_version_with_the_old_graphs_and_the_log_tells_it(shop: Shop) -> None:
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    shop.told("apply", "--yes")
    refused = shop.wici("rollback", "1")
    assert (refused.exit_code, "--yes" in refused.output, versions(shop)) == (1, True, 2)
    done = shop.told("rollback", "1", "--yes")
    assert (done["version"], done["journeys"]["welcome"], done["changed_journeys"]) == (3, 1, ["welcome"])
    workspace = shop.ask(current)
    assert [one.revision for one in workspace.journeys if one.name == "welcome"] == [1]
    assert shop.wici("rollback", "9").exit_code == 1
    shop.told("pause", "welcome")
    shop.told("pause", "welcome")
    shop.told("resume", "welcome")
    log = shop.told("log")["log"]
    assert [(one["act"], one["version"], one["scope"]) for one in log] == [
        ("resume", None, "journey:welcome"), ("pause", None, "journey:welcome"),
        ("rollback", 3, None), ("publish", 2, None), ("publish", 1, None),
    ]  # fmt: skip
    assert all("@" in one["who"] for one in log)
    assert log[2]["digest"] == log[4]["digest"]
    assert "rollback" in shop.wici("log").output


def test_the_log_tells_the_commit_and_whether_the_folder_was_changed(shop: Shop) -> None:
    git = ["git", "-C", str(shop.folder), "-c", "user.name=A", "-c", "user.email=a@shop.example"]
    for words in (["init", "-q"], ["add", "."], ["-c", "commit.gpgsign=false", "commit", "-qm", "Begin"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    shop.told("apply", "--yes")
    newest = shop.told("log", "--most", "1")["log"]
    assert [(one["commit_id"], one["dirty"]) for one in newest] == [(head, True)]
