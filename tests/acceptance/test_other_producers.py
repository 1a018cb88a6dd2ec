"""Somebody else's producer: Kafka's own console producer writes to `wici.events`, without any code of ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.contracts import topics
from services.kit.dev.jars import jars, java
from tests.acceptance.installation import Installation, event, mail, order, write_files, write_workspace
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

WHO = "kasia"
JOURNEY = """\
journey: {name}
enter: {{on: {event}}}
class: marketing
steps:
  - {{send: {name}, via: email}}
"""
SCHEMA = '{"type": "object", "properties": {"shop": {"type": "string"}}}'
UNREADABLE = '{"specversion": "1.0", "id": '


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as playing:
        yield playing


@pytest.fixture
def wici(
    tmp_path: Path, sink: ProviderSink, database_url: str, kafka: str, topic_prefix: str
) -> Iterator[Installation]:
    folder = write_workspace(tmp_path / "workspace", sink.url)
    write_files(folder, journey("welcome", "customer.signed_up") | journey("reward", "spend.threshold_crossed"))
    shared = {"WICI_DATABASE_URL": database_url, "WICI_KAFKA": kafka, "WICI_TOPIC_PREFIX": topic_prefix}
    with Installation(tmp_path, shared) as made:
        made.start_apart()
        made.wait_until_ready()
        yield made


def journey(name: str, enter: str) -> dict[str, str]:
    """The files of a journey that answers an event with one e-mail of its own name."""
    return {
        f"journeys/{name}.yaml": JOURNEY.format(name=name, event=enter),
        f"templates/{name}/pl/email.mjml": mail(name, "Zażółć gęślą jaźń."),
    }


def produce(wici: Installation, *values: str) -> None:
    """Write records of the customer by Kafka's console producer: key, tab, value."""
    command = [java(), "-Xmx128m", "-cp", f"{jars()}{os.sep}*", "org.apache.kafka.tools.ConsoleProducer"]
    topic = wici.environ["WICI_TOPIC_PREFIX"] + topics.EVENTS
    command += ["--bootstrap-server", wici.environ["WICI_KAFKA"], "--topic", topic, "--property", "parse.key=true"]
    lines = "".join(f"{WHO}\t{value}\n" for value in values)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def subjects(sink: ProviderSink) -> Counter[str | None]:
    return Counter(one.subject for one in sink.ledger.messages if one.via == "resend")


def letters(wici: Installation) -> list[Any]:
    done = wici.command("dead-letters", "list", "--json")
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


async def test_each_event_of_another_producer_gives_its_message_once(wici: Installation, sink: ProviderSink) -> None:
    """However often it writes them, and although the shop states the same first order over HTTP."""
    bought = {"id": "o-1", "total": "600.00", "currency": "PLN", "items": []}
    left = {"id": "k-1", "total": "150.00", "currency": "PLN", "items": []}
    threshold = {"step": "500", "currency": "PLN", "period": "lifetime"}
    stated = [
        event("customer.signed_up", WHO),
        event("cart.abandoned", WHO, cart=left),
        event("order.first_placed", WHO, order=bought),
        event("spend.threshold_crossed", WHO, order=bought, threshold=threshold),
    ]
    produce(wici, *(json.dumps(one) for one in [*stated, *stated]))
    once = {
        "welcome, Łucja!": 1,
        "Koszyk czeka, Łucja!": 1,
        "Dziękujemy, Łucja!": 1,
        "reward, Łucja!": 1,
    }
    await eventually(lambda: subjects(sink) == once, 30)
    produce(wici, *(json.dumps(one) for one in stated))
    assert wici.post(order(WHO)) == 202
    # A customer's messages leave in order, so nothing can come after this one that was caused before it.
    await say_last(wici, sink)
    assert subjects(sink) == once | {"visited, Łucja!": 1}
    assert letters(wici) == []


async def say_last(wici: Installation, sink: ProviderSink) -> None:
    """Publish a journey for an event type of the shop's own, and cause its message."""
    publish_visits(wici)
    await eventually(lambda: '"version":2' in wici.log("trigger-engine").read_text(), 20)
    await eventually(lambda: wici.post(event("shop.visited", WHO, shop="Kraków")) == 202, 20)
    await eventually(lambda: subjects(sink)["visited, Łucja!"], 30)


def publish_visits(wici: Installation) -> None:
    write_files(wici.folder / "workspace", journey("visited", "shop.visited"))
    write_files(wici.folder / "workspace", {"events/shop.visited.schema.json": SCHEMA})
    done = wici.command("apply", "--yes")
    assert done.returncode == 0, done.stderr


async def test_a_record_that_cannot_be_taken_is_shown_and_replayed(wici: Installation, sink: ProviderSink) -> None:
    """An unknown event takes effect once its schema is there; what nobody can read comes back, until it is dropped."""
    visit = event("shop.visited", WHO, shop="Kraków")
    produce(wici, UNREADABLE, json.dumps(visit), json.dumps(event("customer.signed_up", WHO)))
    await eventually(lambda: subjects(sink) == {"welcome, Łucja!": 1}, 30)
    await eventually(lambda: len(letters(wici)) == 2, 20)
    names = {one["reason"]: one["name"] for one in letters(wici)}
    assert names.keys() == {"not_readable", "unknown_type"}

    shown = json.loads(wici.command("dead-letters", "show", names["unknown_type"], "--json").stdout)
    assert json.loads(shown["value"]) == visit
    assert "events/shop.visited.schema.json" in shown["error"]
    assert (
        json.loads(wici.command("dead-letters", "show", names["not_readable"], "--json").stdout)["value"] == UNREADABLE
    )

    publish_visits(wici)
    await eventually(lambda: '"version":2' in wici.log("trigger-engine").read_text(), 20)
    assert wici.command("dead-letters", "replay", "all").returncode == 0
    await eventually(lambda: subjects(sink) == {"welcome, Łucja!": 1, "visited, Łucja!": 1}, 30)

    def again() -> Any:
        (letter,) = letters(wici)
        return letter if letter["name"] != names["not_readable"] else None

    back = await eventually(again, 20)
    assert back["reason"] == "not_readable"
    assert wici.command("dead-letters", "drop", back["name"], "--yes").returncode == 0
    assert letters(wici) == []
