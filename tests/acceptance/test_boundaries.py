"""A process dies at every boundary of its work, one after the other, with events waiting; nothing is lost or doubled.

Each death is at a crash point (services/kit/crash.py); the process that recovers from it dies at the next one.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import services
from services.kit.bus import Bus, Outgoing, TopicSpec
from services.kit.bus.kafka import open_kafka
from tests.acceptance import callbacks, proof
from tests.acceptance.installation import Installation
from tests.support.examples import LONG
from tests.support.provider_ledger import Taken
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

EVENTS = 50  # for each point
PROVIDER_SECONDS = 0.01
HEARING = "notifier.hearing"
_OWNER = {"engine": "trigger-engine", "notifier": "notifier", "gateway": "gateway"}
SHOPS = "shop.orders"  # the shop's own topic, by which the gateway's point is reached
SOURCE = """\
  erp:
    storefront: kafka
    topic: {topic}
    type: kind
    types: {{Placed: order.placed}}
    time: at
    map: {{customer.id: buyer, customer.email: email, order.id: id, order.total: total, order.currency: currency}}
"""
_REPORT = {"resend": callbacks.resend_delivers, "sendgrid": callbacks.sendgrid_delivers}


def crash_points() -> list[str]:
    """Every crash point of an event's path. In this order, `notifier.taken_up` comes where open attempts were left.

    In the middle of a fan-out tests/integration/test_engine_fan_out.py dies, in that of a schedule
    test_engine_schedule.py beside it.
    """
    texts = [path.read_text() for path in Path(services.__path__[0]).rglob("*.py")]
    return sorted(
        {name for text in texts for name in re.findall(r'crash\.point\("((?!fanout|schedule)[a-z_.]+)"\)', text)}
    )


class Shops:
    """A topic of the shop's own, which the gateway reads."""

    def __init__(self, bus: Bus, topic: str) -> None:
        self._bus, self.topic = bus, topic

    async def say(self, orders: list[dict[str, Any]]) -> None:
        """The shop writes orders to it."""
        said = [Outgoing(self.topic, one["buyer"].encode(), json.dumps(one).encode()) for one in orders]
        await (await self._bus.producer()).publish(said)


@pytest.fixture
async def shops(kafka: str, topic_prefix: str) -> AsyncIterator[Shops]:
    bus = await open_kafka(kafka)
    made = Shops(bus, topic_prefix + SHOPS)
    await bus.create_topics([TopicSpec(made.topic, 2)])
    yield made
    await bus.close()


class Chain:
    """Lets a service die at one point after the other."""

    def __init__(
        self, wici: Installation, sink: ProviderSink, load: proof.Load, provider: proof.Provider, shops: Shops
    ) -> None:
        self._wici, self._sink, self._load, self._provider, self._shops = wici, sink, load, provider, shops

    async def die_at(self, point: str) -> None:
        """Let events wait, and let the point's service take them up until it dies there."""
        service = _OWNER[point.partition(".")[0]]
        await asyncio.to_thread(self._wici.end, service)
        if service == "gateway":
            await self._shops.say(self._load.records(EVENTS))
        else:
            await self._load.post(EVENTS)
        process = self._wici.run(service, WICI_CRASH_AT=point)
        reports = asyncio.create_task(self._report()) if point == HEARING else None
        await eventually(lambda: process.poll() is not None, 60, message=f"{point} was never reached")
        if reports is not None:
            await reports
        assert process.returncode == -signal.SIGKILL, self._wici.log(service).read_text()[-2000:]

    async def live(self, service: str) -> None:
        """Start the service again, to live."""
        await asyncio.to_thread(self._wici.end, service)
        self._wici.run(service)
        await asyncio.to_thread(self._wici.wait_until_ready)

    async def _report(self) -> None:
        """The provider reports a delivery to a process that dies of it: it gets no answer, and will report again."""
        address = self._wici.notifier
        await eventually(lambda: asyncio.to_thread(self._wici.is_ready, address), 30)
        assert await asyncio.to_thread(self.deliver) == 0

    def deliver(self) -> int:
        """The provider's report of the first message's delivery; the status of the answer."""
        return _REPORT[self._provider](self._wici, self.reported)

    @property
    def reported(self) -> Taken:
        """The first message that the provider took."""
        return self._sink.ledger.messages[0]


@pytest.mark.parametrize("provider", proof.PROVIDERS)
async def test_a_death_at_any_boundary_loses_and_doubles_nothing(
    provider: proof.Provider, tmp_path: Path, database_url: str, kafka: str, topic_prefix: str, shops: Shops
) -> None:
    points = crash_points()
    assert {point.partition(".")[0] for point in points} == set(_OWNER)
    if provider != "resend" and not LONG:  # the rest knows nothing of providers
        points = [point for point in points if point.startswith("notifier.")]
    shared = {"WICI_DATABASE_URL": database_url, "WICI_KAFKA": kafka, "WICI_TOPIC_PREFIX": topic_prefix}
    with ProviderSink(keep=False) as sink:
        sink.delay = PROVIDER_SECONDS
        shared |= proof.write_workspace(tmp_path / "workspace", sink.url, provider)
        settings = tmp_path / "workspace/wici.yaml"
        source = SOURCE.format(topic=shops.topic)
        settings.write_text(settings.read_text().replace("sources:\n", "sources:\n" + source))
        with Installation(tmp_path, shared) as wici:
            wici.start_apart()
            wici.wait_until_ready()
            load = proof.Load(wici, EVENTS * len(points))
            load.allowed = EVENTS * len(points)
            chain = Chain(wici, sink, load, provider, shops)
            for owner, service in _OWNER.items():
                for point in points:
                    if point.startswith(f"{owner}."):
                        await chain.die_at(point)
                await chain.live(service)
            figures = await proof.verdict(wici, sink, load, provider)
            assert not any(figures.faults.values()), figures
            assert figures.accepted + figures.unknown == load.posted
            if provider == "resend":
                assert figures.unknown == 0
            else:  # each death leaves at most 16 calls open
                assert 0 < figures.unknown <= 16 * len(points)
            await hears_the_report_again(wici, chain)


async def hears_the_report_again(wici: Installation, chain: Chain) -> None:
    key = chain.reported.send_key
    assert await asyncio.to_thread(chain.deliver) == 200
    query = f"SELECT 1 FROM notifier.deliveries WHERE status = 'delivered' AND send_key = '{key}'"
    await eventually(lambda: proof.ask(wici, query), 20, message="the report was not heard")
