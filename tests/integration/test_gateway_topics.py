"""A shop's own topic as a source: real processes over a real Kafka and PostgreSQL."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.contracts import stamp, topics
from services.kit.bus import Bus, Outgoing, TopicSpec
from services.kit.bus.kafka import open_kafka
from tests.acceptance import proof
from tests.acceptance.installation import WICI_YAML, Installation, write_files, write_workspace
from tests.support.waiting import eventually

PARTITIONS = 2
ORDERS = 30
SOURCE = """\
  erp:
    storefront: kafka
    topic: {topic}
    type: kind
    types: {{OrderCreated: order.placed}}
    time: at
    items: {{at: lines, product_id: article, quantity: pieces}}
    map: {{customer.id: buyer, order.id: number, order.total: total}}
"""
READ = "SELECT coalesce(sum(position), 0)::int AS read FROM gateway.positions WHERE source = 'erp'"
EVENTS = "SELECT id, source, type FROM engine.events WHERE source = 'erp'"


@dataclass
class World:
    """An installation, and the bus that it and the shop share."""

    wici: Installation
    bus: Bus
    prefix: str

    @property
    def topic(self) -> str:
        return self.prefix + "shop.orders"

    async def say(self, *values: object) -> None:
        """The shop writes to its topic."""
        records = [
            Outgoing(self.topic, str(n).encode(), value if isinstance(value, bytes) else json.dumps(value).encode())
            for n, value in enumerate(values)
        ]
        await (await self.bus.producer()).publish(records)

    async def written(self, name: str = topics.EVENTS) -> list[Any]:
        """All records of one of wici's topics."""
        pages = [await self.bus.read(self.prefix + name, p, 0, 1000) for p in range(topics.PARTITIONS)]
        return [record for page in pages for record in page]

    async def read(self) -> int:
        """How many of the shop's records count as read."""
        return int((await proof.ask(self.wici, READ))[0]["read"])


@pytest.fixture
async def world(tmp_path: Path, database_url: str, kafka: str, topic_prefix: str) -> AsyncIterator[World]:
    folder = write_workspace(tmp_path / "workspace", "http://127.0.0.1:1")
    settings = WICI_YAML.format(sink="http://127.0.0.1:1")
    source = SOURCE.format(topic=topic_prefix + "shop.orders")
    write_files(folder, {"wici.yaml": settings.replace("sources:\n", "sources:\n" + source)})
    shared = {"WICI_DATABASE_URL": database_url, "WICI_KAFKA": kafka, "WICI_TOPIC_PREFIX": topic_prefix}
    bus = await open_kafka(kafka)
    await bus.create_topics([TopicSpec(topic_prefix + "shop.orders", PARTITIONS)])
    with Installation(tmp_path, shared) as wici:
        for typed in (["migrate"], ["apply", "--yes"]):
            done = wici.command(*typed)
            assert done.returncode == 0, done.stdout + done.stderr
        yield World(wici, bus, topic_prefix)
    await bus.close()


def order(number: int) -> dict[str, Any]:
    return {"kind": "OrderCreated", "buyer": f"c-{number}", "number": number, "total": 10, "at": "2026-11-22T10:00:00Z"}


async def test_death_between_publishing_and_noting_it_doubles_no_event(world: World) -> None:
    """These records have no name but their place: what is published again has the same ids, and counts once."""
    await world.say(*map(order, range(ORDERS)))
    dying = world.wici.run("gateway", WICI_CRASH_AT="gateway.bridged")
    await eventually(lambda: dying.poll() is not None, 60, message="the gateway did not get that far")
    assert dying.returncode == -signal.SIGKILL
    world.wici.end("gateway")
    before = len(await world.written())
    assert before > 0
    assert await world.read() == 0

    world.wici.run("gateway")
    world.wici.run("trigger-engine")
    await eventually(lambda: _is(world.read, ORDERS), 60, message="the topic was not read to its end")
    assert len(await world.written()) == before + ORDERS
    await eventually(lambda: _count(world, EVENTS, ORDERS), 60, message="the events did not take effect")
    found = await proof.ask(world.wici, EVENTS)
    assert Counter((row["source"], row["type"]) for row in found) == {("erp", "order.placed"): ORDERS}
    assert len({row["id"] for row in found}) == ORDERS
    ids = await proof.ask(world.wici, "SELECT id FROM engine.event_ids")
    assert {row["id"] for row in found} <= {row["id"] for row in ids}


async def test_what_cannot_be_read_is_kept_with_its_place_and_replayed_once_it_can_be(world: World) -> None:
    await world.say(order(1), b"{broken", {"kind": "OrderPrinted"}, order(2) | {"number": None}, order(3))
    world.wici.run("gateway")
    await eventually(lambda: _is(world.read, 5), 60, message="the topic was not read to its end")
    events = await world.written()
    assert sorted(json.loads(record.value)["data"]["order"]["id"] for record in events) == ["1", "3"]
    for record in events:
        said = stamp.read(dict(record.headers)[stamp.HEADER], record.value, [world.wici.environ["WICI_SECRET_KEY"]])
        assert said is not None
        assert (said.source, said.scope) == ("erp", "server")
    letters = json.loads(world.wici.command("dead-letters", "list", "--json").stdout)
    assert sorted(letter["reason"] for letter in letters) == ["record_unreadable", "record_untranslatable"]
    (nameless,) = [letter["name"] for letter in letters if letter["reason"] == "record_untranslatable"]
    refused = world.wici.command("dead-letters", "replay", nameless)
    assert (refused.returncode, "still cannot be translated" in refused.stderr) == (1, True)

    settings = world.wici.folder / "workspace/wici.yaml"
    settings.write_text(settings.read_text().replace("order.id: number", "order.id: buyer"))
    assert world.wici.command("apply", "--yes").returncode == 0
    done = world.wici.command("dead-letters", "replay", nameless)
    assert done.returncode == 0, done.stderr
    again = [json.loads(record.value) for record in await world.written()]
    assert "c-2" in [event["data"]["order"]["id"] for event in again]
    assert len(await world.bus.read(world.topic, 0, 0, 100)) + len(await world.bus.read(world.topic, 1, 0, 100)) == 5


async def test_topic_that_is_not_there_keeps_no_other_event_away_and_is_told(world: World) -> None:
    settings = world.wici.folder / "workspace/wici.yaml"
    settings.write_text(settings.read_text().replace("shop.orders", "shop.nothing"))
    assert world.wici.command("apply", "--yes").returncode == 0
    world.wici.run("gateway")
    address = f"http://127.0.0.1:{world.wici.ports['gateway']}/readyz"
    await eventually(lambda: "shop.nothing" in told(address), 60)
    assert json.loads(told(address))["ready"] is True


def told(address: str) -> str:
    """What a process says of itself; nothing as long as it does not answer."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 -- loopback
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


async def _is(ask: Any, number: int) -> bool:
    return bool(await ask() == number)


async def _count(world: World, query: str, number: int) -> bool:
    return len(await proof.ask(world.wici, query)) == number
