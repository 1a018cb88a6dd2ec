"""Customers are erased in the middle of their journeys: nothing of theirs is left, and everybody else gets their due.

`WICI_TEST_PROOF=long` (`make proof`) erases 100 of 10,000 over the log in PostgreSQL; otherwise there are fewer.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.cli.connect import bus
from services.contracts import topics
from services.kit.bus import Outgoing
from services.kit.clock import SystemClock, monotonic
from services.kit.settings import from_environment
from tests.acceptance import proof
from tests.acceptance.installation import Installation, event, mail, write_files
from tests.acceptance.remains import readable
from tests.support.examples import LONG
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

SIZES = {"postgresql": 10_000 if LONG else 500, "kafka": 200}
EVERY = 100 if LONG else 20
"""One of so many is erased."""
POST = 500  # events of one request
PATIENCE = 300  # seconds
SLOW = 2.0
"""Seconds that the provider takes to answer while customers are erased, so that it has messages in hand."""
MARKS = ("znikam", "Brzeczyszczykiewicz", "+48799")
"""What only the erased bear: in the customer id and e-mail, in the surname, and as the beginning of the phone."""

WICI_YAML = """\
shop: {{name: Sklep, url: "https://sklep.example", locale: pl, currency: PLN, time_zone: Europe/Warsaw}}
sources:
  backend: {{storefront: http, keys: [$BACKEND_KEY]}}
providers:
  email: [{{name: main, provider: resend, api_key: $MAIL_KEY, callback_key: $MAIL_CALLBACK, base_url: "{sink}"}}]
"""
JOURNEY = """\
journey: twice
enter: {on: order.placed}
class: transactional
steps:
  - {send: first, via: email}
  - wait: 1 hour
  - {send: second, via: email}
"""
FIRST, SECOND = "first, Ewa!", "second, Ewa!"


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as playing:
        yield playing


@pytest.fixture(params=list(SIZES))
def wici(
    request: pytest.FixtureRequest, tmp_path: Path, sink: ProviderSink, database_url: str, topic_prefix: str
) -> Iterator[Installation]:
    files = {"wici.yaml": WICI_YAML.format(sink=sink.url), "journeys/twice.yaml": JOURNEY}
    files |= {f"templates/{name}/pl/email.mjml": mail(name, "Cześć") for name in ("first", "second")}
    write_files(tmp_path / "workspace", files)
    shared = {"WICI_DATABASE_URL": database_url}
    if request.param == "kafka":
        shared |= {"WICI_KAFKA": request.getfixturevalue("kafka"), "WICI_TOPIC_PREFIX": topic_prefix}
    with Installation(tmp_path, shared) as made:
        if request.param == "kafka":
            made.start_apart()
        else:
            made.start("up")
        made.wait_until_ready()
        yield made


class People:
    """`size` customers with an order each; every EVERY-th is to be erased."""

    def __init__(self, size: int) -> None:
        names = [f"znikam-{n}" if n % EVERY == EVERY // 2 else f"zostaje-{n}" for n in range(size)]
        self.gone = [name for name in names if name.startswith("znikam")]
        self.kept = [name for name in names if not name.startswith("znikam")]
        self.orders = [_order(name, n) for n, name in enumerate(names)]

    def addresses(self, names: Sequence[str]) -> list[str]:
        return [f"{name}@example.com" for name in names]


def _order(name: str, number: int = 0) -> dict[str, Any]:
    made = event("order.placed", name, order={"id": f"o-{number}", "total": "10.00", "currency": "PLN"})
    gone = name.startswith("znikam")
    about = {"first_name": "Ewa", "last_name": "Brzeczyszczykiewicz" if gone else "Kowalska"}
    phone = f"+48{'799' if gone else '600'}{number:06}"
    made["data"]["customer"] |= about | {"phone": phone}
    return made


async def test_of_the_erased_nothing_is_left_and_everybody_else_gets_each_message_once(
    wici: Installation, sink: ProviderSink, capsys: pytest.CaptureFixture[str]
) -> None:
    over_kafka = "WICI_KAFKA" in wici.environ
    people = People(SIZES["kafka" if over_kafka else "postgresql"])
    began = monotonic()
    await post(wici, people.orders)
    await bury(wici, people.gone[0])
    await eventually(lambda: len(sink.messages) > len(people.orders) // 4, PATIENCE, message="nothing flows")
    sink.delay = SLOW
    await made(wici, len(people.orders))
    before = await readable(wici, MARKS)
    assert before.keys() >= {"engine.profiles", "engine.identifiers", "engine.events", "queue.outbound"}, before
    assert over_kafka or "bus.records" in before

    await erase(wici, people, over_kafka=over_kafka)
    sink.delay = 0.0
    await settled(wici)
    assert await readable(wici, MARKS) == {}

    await post(wici, people.orders)
    await post(wici, [_order("ostatnia", 999_999)])
    await made(wici, len(people.orders) + 1)
    await late_news(wici, people)
    assert (await readable(wici, MARKS)).keys() <= {"bus.records"}
    assert over_kafka or await typed(wici, "customers", "erase", *people.addresses(people.gone), "--yes", "--verify")
    assert await readable(wici, MARKS) == {}

    assert wici.command("clock", "+61m").returncode == 0
    kept = Counter((to, said) for to in people.addresses([*people.kept, "ostatnia"]) for said in (FIRST, SECOND))
    await eventually(lambda: len(sink.messages) >= kept.total(), PATIENCE, message="second messages are missing")
    await settled(wici)
    sent = Counter((one.to, one.subject or "") for one in sink.messages)
    gone = set(people.addresses(people.gone))
    assert Counter({told: n for told, n in sent.items() if told[0] not in gone}) == kept
    assert all((told[1], n) == (FIRST, 1) for told, n in sent.items() if told[0] in gone)
    assert await readable(wici, MARKS) == {}
    with capsys.disabled():
        print(f"\n{len(people.gone)} of {len(people.orders)} erased in {monotonic() - began:.0f} s: {dict(before)}")  # noqa: T201


async def post(wici: Installation, events: Sequence[dict[str, Any]]) -> None:
    """Post as a storefront does: what is answered by 503, because the log was slow to answer, it posts again."""
    for first in range(0, len(events), POST):
        some = events[first : first + POST]

        async def taken(some: Sequence[dict[str, Any]] = some) -> bool:
            answer = await asyncio.to_thread(wici.post, *some)
            assert answer in (202, 503)
            return answer == 202

        await eventually(taken, PATIENCE, message="the gateway takes nothing")


async def late_news(wici: Installation, people: People) -> None:
    """Other events of the erased, which happened before: read after what was delivered again, and of no effect."""
    count = "SELECT count(*) FROM engine.event_ids"
    ((before,),) = await proof.ask(wici, count)
    at = people.orders[0]["time"]
    await post(wici, [_order(name, 1_000_000 + n) | {"time": at} for n, name in enumerate(people.gone)])

    async def read() -> bool:
        ((now,),) = await proof.ask(wici, count)
        return bool(now >= before + len(people.gone))

    await eventually(read, PATIENCE, every=0.2, message="late news is not read")


async def bury(wici: Installation, name: str) -> None:
    """Write a record that names somebody and cannot be read: it becomes a dead letter."""
    settings = from_environment(wici.environ)
    value = json.dumps(_order(name) | {"specversion": "0.3"}).encode()
    async with bus(settings, SystemClock()) as opened:
        producer = await opened.producer()
        await producer.publish([Outgoing(settings.topic(topics.EVENTS), b"no-name", value)])
    await eventually(lambda: _is_buried(wici), PATIENCE, message="there is no dead letter")


async def _is_buried(wici: Installation) -> bool:
    return bool(json.loads((await asyncio.to_thread(wici.command, "dead-letters", "list", "--json")).stdout))


async def made(wici: Installation, number: int) -> None:
    """Wait until so many messages were made."""

    async def done() -> bool:
        return (await proof.progress(wici)).made >= number

    await eventually(done, PATIENCE, every=0.2, message="messages are missing")


async def settled(wici: Installation) -> None:
    """Wait until every message has its fate, and everybody who is to be erased is."""

    async def done() -> bool:
        now = await proof.progress(wici)
        (row,) = await proof.ask(wici, "SELECT count(*) FROM queue.erasures")
        return now.made == now.settled and not now.under_way and not row[0]

    await eventually(done, PATIENCE, every=0.2, message="not all is settled")


async def erase(wici: Installation, people: People, *, over_kafka: bool) -> None:
    """The shop says so of the first half; the command is given all, and searches for all."""
    said = people.gone[: len(people.gone) // 2]
    assert await asyncio.to_thread(wici.post, *(event("customer.deleted", one) for one in said)) == 202
    found = await typed(wici, "customers", "erase", *people.addresses(people.gone), "--yes", "--verify")
    assert not found["tables"] or found["tables"].keys() == {"queue.outbound.recipient"}, "but what a provider has"
    assert (found["records"] > 0) == (found["log_gone_by"] is not None) == over_kafka


async def typed(wici: Installation, *words: str) -> Any:
    done = await asyncio.to_thread(wici.command, *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)
