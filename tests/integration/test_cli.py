"""Each command over a real PostgreSQL: what it does, what it says, and that wrong use changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.cli.connect import bus, topic_specs
from services.contracts import ids, topics
from services.contracts.workspace import current
from services.kit.bus import Outgoing
from services.kit.clock import SystemClock
from services.trigger_engine.profiles.state import Fact, Profile, dump
from tests.support.databases import execute, with_database
from tests.support.shop import AT, Shop, all_records, bury, opened

PROFILE = ids.profile(ids.kafka_event("test", "1"), 0)


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    return opened(tmp_path / "shop", database_url)


def test_the_first_apply_publishes_every_journey_as_revision_one(shop: Shop) -> None:
    done = shop.told("apply", "--yes")
    assert (done["version"], done["changed"]) == (1, True)
    assert set(done["journeys"].values()) == {1}
    workspace = shop.ask(current)
    assert {journey.name: journey.revision for journey in workspace.journeys} == done["journeys"]


def test_applying_the_same_files_again_publishes_nothing(shop: Shop) -> None:
    shop.told("apply", "--yes")
    assert shop.told("apply", "--yes")["changed"] is False
    assert shop.ask(lambda c: c.fetchval("SELECT count(*) FROM workspace.versions")) == 1


def test_a_changed_text_makes_a_version_and_only_a_changed_graph_a_revision(shop: Shop) -> None:
    shop.told("apply", "--yes")
    shop.change("journeys/welcome.yaml", "title: ", "title: My ")
    titled = shop.told("apply", "--yes")
    assert (titled["version"], titled["changed_journeys"]) == (2, [])
    shop.change("journeys/welcome.yaml", "wait: 3 days", "wait: 4 days")
    changed = shop.told("apply", "--yes")
    assert (changed["version"], changed["changed_journeys"], changed["journeys"]["welcome"]) == (3, ["welcome"], 2)
    rows = shop.ask(
        lambda c: c.fetch("SELECT revision FROM workspace.journeys WHERE name = 'welcome' ORDER BY revision")
    )
    assert [row["revision"] for row in rows] == [1, 2]


def test_publishing_gives_services_a_hint(shop: Shop) -> None:
    async def hinted(opened: asyncpg.Connection[Any]) -> bool:
        heard = asyncio.Event()
        await opened.add_listener("wici_workspace", lambda *_: heard.set())
        command = [sys.executable, "-m", "services.cli.main", "apply", "--yes"]
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **shop.environ}, stdout=DEVNULL)
        assert await process.wait() == 0
        async with asyncio.timeout(5):
            await heard.wait()
        return True

    assert shop.ask(hinted)


def test_apply_without_a_terminal_asks_for_yes_and_publishes_nothing(shop: Shop) -> None:
    done = shop.wici("apply")
    assert done.exit_code == 1
    assert "--yes" in done.output
    assert shop.ask(current) is None


def test_a_broken_workspace_is_not_applied_and_the_version_before_stays(shop: Shop) -> None:
    shop.told("apply", "--yes")
    shop.change("journeys/welcome.yaml", "send: welcome\n", "send: welcmoe\n")
    done = shop.wici("apply", "--yes")
    assert done.exit_code == 1
    assert "journeys/welcome.yaml:" in done.output
    assert shop.ask(current).version == 1


def test_a_step_id_that_means_something_else_is_refused_and_nothing_is_published(shop: Shop) -> None:
    shop.change("journeys/welcome.yaml", "send: welcome-story\n", "send: welcome-story\n    id: hello\n")
    shop.told("apply", "--yes")
    shop.change("journeys/welcome.yaml", "send: welcome-story\n", "send: welcome-question\n")
    done = shop.wici("apply", "--yes")
    assert done.exit_code == 1
    assert "hello" in done.output
    assert shop.ask(current).version == 1


def test_a_journey_a_channel_and_everything_can_be_paused_and_resumed(shop: Shop) -> None:
    shop.told("apply", "--yes")
    for what, scope in (("welcome", "journey:welcome"), ("channel:sms", "channel:sms"), ("all", "all")):
        assert scope in {row["scope"] for row in shop.told("pause", what)["paused"]}
    assert shop.told("pause", "welcome")["paused"][0]["by"]
    assert {row["scope"] for row in shop.told("resume", "sms")["paused"]} == {"all", "journey:welcome"}
    assert shop.told("resume", "all")["paused"] == []


def test_a_mistyped_journey_is_not_paused_but_answered_with_the_nearest(shop: Shop) -> None:
    shop.told("apply", "--yes")
    done = shop.wici("pause", "wellcome")
    assert done.exit_code == 1
    assert "Write instead: welcome" in done.output
    assert shop.ask(lambda c: c.fetchval("SELECT count(*) FROM queue.pauses")) == 0


def test_the_pause_of_a_journey_that_is_gone_can_be_lifted(shop: Shop) -> None:
    shop.told("apply", "--yes")
    shop.told("pause", "community")
    for file in ("community.yaml", "community.test.yaml"):
        (shop.folder / "journeys" / file).unlink()
    shop.told("apply", "--yes")
    assert shop.told("resume", "community")["paused"] == []


def test_the_clock_moves_only_where_it_is_movable(shop: Shop) -> None:
    refused = shop.wici("clock", "+45m")
    assert refused.exit_code == 1
    assert "WICI_CLOCK=movable" in refused.output
    movable = {"WICI_CLOCK": "movable"}
    assert shop.wici("clock", "+45m", environ=movable).exit_code == 0
    shown = json.loads(shop.wici("clock", "+1 day", "--json", environ=movable).output)
    assert shown["offset_seconds"] == 86_400 + 2_700
    assert json.loads(shop.wici("clock", "reset", "--json", environ=movable).output)["offset_seconds"] == 0
    assert shop.wici("clock", "45", environ=movable).exit_code == 1


def test_migrate_makes_schema_and_topics_and_may_be_repeated(shop: Shop, postgres_url: str) -> None:
    name = "bare_" + os.urandom(6).hex()
    asyncio.run(execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE template0"))
    environ = {"WICI_DATABASE_URL": with_database(postgres_url, name)}
    try:
        before = shop.wici("pause", environ=environ)
        assert (before.exit_code, "wici migrate" in before.output) == (1, True)
        told = json.loads(shop.wici("migrate", "--json", environ=environ).output)
        assert "contracts_0001" in told["migrations"]
        assert told["topics"] == dict.fromkeys(topics.ALL, topics.PARTITIONS)
        assert json.loads(shop.wici("migrate", "--json", environ=environ).output)["migrations"] == []
    finally:
        asyncio.run(execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


def test_a_dead_letter_is_listed_shown_and_replayed_at_the_end_of_its_topic_once(shop: Shop) -> None:
    asyncio.run(bury(shop.settings, b"{broken"))
    (letter,) = shop.told("dead-letters", "list")
    assert letter["reason"] == "not_json"
    shown = shop.told("dead-letters", "show", letter["name"])
    assert shown["value"] == "{broken"
    assert shown["topic"] == topics.EVENTS
    assert shop.told("dead-letters", "replay", letter["name"]) == {"replayed": [letter["name"]]}
    assert [record.value for record in asyncio.run(all_records(shop.settings, topics.EVENTS))] == [b"{broken"] * 2
    assert shop.told("dead-letters", "list") == []
    again = shop.wici("dead-letters", "replay", letter["name"])
    assert (again.exit_code, "dead-letters list" in again.output) == (1, True)
    assert len(asyncio.run(all_records(shop.settings, topics.EVENTS))) == 2


def test_dropped_dead_letters_are_gone_from_the_list_and_nothing_is_published(shop: Shop) -> None:
    asyncio.run(bury(shop.settings, b"{one", b"{two"))
    refused = shop.wici("dead-letters", "drop", "all")
    assert (refused.exit_code, "--yes" in refused.output) == (1, True)
    assert len(shop.told("dead-letters", "list")) == 2
    assert len(shop.told("dead-letters", "drop", "all", "--yes")["dropped"]) == 2
    assert shop.told("dead-letters", "list") == []
    assert len(asyncio.run(all_records(shop.settings, topics.EVENTS))) == 2


def test_a_record_that_somebody_else_wrote_into_the_topic_is_listed_all_the_same(shop: Shop) -> None:
    async def write() -> None:
        async with bus(shop.settings, SystemClock()) as opened:
            await opened.create_topics(topic_specs(shop.settings))
            producer = await opened.producer()
            await producer.publish([Outgoing(topics.DEAD_LETTERS, None, b"\xff\x00")])

    asyncio.run(write())
    (letter,) = shop.told("dead-letters", "list")
    assert letter["reason"] == "not_a_dead_letter"
    assert shop.wici("dead-letters", "show", letter["name"]).exit_code == 0
    assert shop.wici("dead-letters", "replay", letter["name"]).exit_code == 1
    assert shop.told("dead-letters", "drop", letter["name"], "--yes")["dropped"] == [letter["name"]]


def test_a_parked_timer_is_listed_and_armed_again(shop: Shop) -> None:
    timer = ids.entry("welcome", PROFILE)
    asyncio.run(bury(shop.settings))
    park = (
        "INSERT INTO engine.parked (id, profile_id, due, generation, reason, parked_at)"
        " VALUES ($1, $2, $3, 4, 'react_failed', $3)"
    )
    shop.ask(lambda c: c.execute(park, timer, PROFILE, AT))
    (listed,) = shop.told("dead-letters", "list")
    assert listed["name"] == f"timer/{ids.text(timer)}"
    assert shop.told("dead-letters", "show", listed["name"])["reason"] == "react_failed"
    shop.told("dead-letters", "replay", listed["name"])
    row = shop.ask(lambda c: c.fetchrow("SELECT due, generation FROM engine.timers WHERE id = $1", timer))
    assert (row["due"], row["generation"]) == (AT, 4)
    assert shop.told("dead-letters", "list") == []


def know(shop: Shop) -> None:
    """Store a customer as the trigger engine does."""
    profile = Profile(id=PROFILE, created_at=AT, facts={"first_name": Fact("Anna", AT)}, orders=2)
    profile.spent["PLN"] = 2_499_000

    async def store(opened: asyncpg.Connection[Any]) -> None:
        await opened.execute("INSERT INTO engine.profiles VALUES ($1, 1, $2)", PROFILE, dump(profile))
        rows = [("customer", "backend", "c-1"), ("email", "", "anna@example.com"), ("phone", "", "+48600100200")]
        for kind, source, value in rows:
            await opened.execute("INSERT INTO engine.identifiers VALUES ($1, $2, $3, $4)", kind, source, value, PROFILE)

    shop.ask(store)


@pytest.mark.parametrize("who", ["c-1", "Anna@Example.com", "+48 600 100 200", ids.text(PROFILE)])
def test_a_customer_is_found_by_any_of_its_names(who: str, shop: Shop) -> None:
    know(shop)
    found = shop.told("customers", "show", who)
    assert found["profile"] == ids.text(PROFILE)
    assert found["facts"]["first_name"] == "Anna"
    assert found["facts"]["spent"] == {"PLN": 249.9}
    assert "Anna" in shop.wici("customers", "show", who).output


def test_an_unknown_customer_is_answered_with_what_to_write(shop: Shop) -> None:
    for who in ("nobody", "", "x" * 5000, ids.text(ids.uuid5("nobody"))):
        done = shop.wici("customers", "show", who)
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")


def test_a_report_is_told_of_every_published_journey_and_of_one(shop: Shop) -> None:
    shop.wici("apply", "--yes")
    told = shop.told("report")
    assert len(told["journeys"]) > 1
    name = told["journeys"][0]["journey"]
    assert [one["journey"] for one in shop.told("report", name, "--attribution", "linear")["journeys"]] == [name]
    text = shop.wici("report", name, "--from", "2026-11-01", "--to", "2026-11-30").output
    assert "Attribution: last touch." in text
    assert f"Nobody entered: {name}." in text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("no-such-journey",), "There is no journey 'no-such-journey'."),
        (("--from", "soon"), "Write it like 2026-11-22"),
        (("--attribution", "mine"), "last_touch, first_touch, linear"),
    ],
)
def test_a_report_that_cannot_be_made_is_answered_with_what_to_write(
    typed: tuple[str, ...], says: str, shop: Shop
) -> None:
    shop.wici("apply", "--yes")
    done = shop.wici("report", *typed)
    assert (done.exit_code, says in done.output) == (1, True)


def test_doctor_is_content_with_a_complete_installation(shop: Shop) -> None:
    asyncio.run(bury(shop.settings))
    shop.told("apply", "--yes")
    done = shop.wici("doctor", environ={"WICI_SECRET_KEY": "s" * 40, "WICI_PUBLIC_URL": "https://wici.example"})
    states = {line[2:].split(":")[0]: line[0] for line in done.output.splitlines()}
    assert states["schema"] == "✓"
    assert states["workspace"] == "✓"
    assert states["account mailbox"] == "✓"


def test_doctor_names_what_is_missing_and_what_to_do(shop: Shop) -> None:
    asyncio.run(bury(shop.settings))
    done = shop.wici("doctor")
    assert done.exit_code == 1
    assert "wici apply" in done.output
    shop.told("apply", "--yes")
    shop.told("pause", "all")
    told = shop.wici("doctor", environ={"BACKEND_KEY": "", "WICI_CLOCK": "movable", "WICI_KAFAK": "x"}).output
    assert "BACKEND_KEY is not set" in told
    assert "wici resume" in told
    assert "Remove WICI_CLOCK" in told
    assert "Write WICI_KAFKA" in told


def test_doctor_shows_the_callback_address_with_its_token(shop: Shop) -> None:
    asyncio.run(bury(shop.settings))
    account = "sms: [{name: pl, provider: smsapi, token: $SMS_TOKEN, from: Shop, callback_token: $SMS_CALLBACK}]"
    shop.change("wici.yaml", "sms: [{name: mailbox-sms, provider: mailbox}]", account)
    shop.told("apply", "--yes")
    environ = {"SMS_TOKEN": "t" * 20, "SMS_CALLBACK": "c" * 20, "WICI_PUBLIC_URL": "https://wici.example"}
    assert "https://wici.example/callbacks/pl/cccccccccccccccccccc" in shop.wici("doctor", environ=environ).output
    assert "SMS_CALLBACK is not set" in shop.wici("doctor", environ={"SMS_TOKEN": "t" * 20}).output
