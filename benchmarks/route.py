"""Event over HTTP → message at the provider, all services apart: `python -m benchmarks.route [MESSAGES]`.

Input: 641-byte orders of customers who are known and have agreed, one message each; twenty journeys; a template of
about 4 kB of MJML. Gateway, trigger engine, two notifiers, Kafka, PostgreSQL (durable) and the played provider are
processes of their own on one machine. The rate runs from the first POST to the last message at the provider; CPU time
is that of all processes but provider and driver, until everything is settled. Latency is measured singly, at a low
rate.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import asyncpg
import msgspec
import uvloop

from benchmarks.support import results, shop
from benchmarks.support.driver import Connection, flood
from benchmarks.support.machine import Machine, machine
from benchmarks.support.mail import template
from benchmarks.support.results import Row
from benchmarks.support.stage import (
    OTHERS,
    SINK,
    Stage,
    database,
    drop,
    publish_to,
    servers,
    sink,
    stage,
    with_accounts,
)
from services.contracts.settings import Account
from services.contracts.workspace import Workspace
from services.kit.bus import Outgoing
from services.kit.bus.kafka import open_kafka

MESSAGES = 10_000
WARM_UP = 3_000  # Java compiles what it runs often
ROUNDS = 3
ALONE = 0.05  # of the machine, for others
LATENCIES = 300
EVENTS_A_SECOND = 20
BROWSE, ORDER = 0, 7  # steps of the shop's story
CONNECTIONS = {1: 128, 50: 16}  # by events a request
BATCH = 50
BUSY = "both cores are busy: services, broker, database, provider and driver share them"
_WAIT_SECONDS = 120
_SETTLED = (
    "SELECT count(*) FILTER (WHERE state >= 10) = $1 AND NOT EXISTS (SELECT FROM queue.receipts) FROM queue.outbound"
)


class Rate(NamedTuple):
    """What one flood showed. `cpu` is milliseconds a message, by process.

    `others` is the share of the machine's CPU that went to processes that are no part of this.
    """

    messages: float
    accepted: float
    cpu: dict[str, float]
    others: float


def workspace(provider: str, batch: int | None) -> Workspace:
    """The shop, sending singly or in batches to the played provider."""
    options = {"api_key": "$MAIL_KEY", "base_url": provider} | ({"batch": batch} if batch else {})
    made = with_accounts(shop.workspace(), (Account("main", "resend", "email", options),))
    senders = {"marketing": {"email": "Sklep <nowosci@shop.example>"}}
    settings = msgspec.structs.replace(made.settings, senders=msgspec.convert(senders, type(made.settings.senders)))
    return msgspec.structs.replace(made, settings=settings, templates={"thanks": {"pl": template("thanks", "pl")}})


class Course:
    """Runs over one stage; every customer is used once."""

    def __init__(self, staged: Stage, kafka: str) -> None:
        self._stage, self._kafka = staged, kafka
        self._used = self._sent = 0

    async def know(self, customers: int) -> None:
        """Let the engine know these customers, with their consents, and wait until it does."""
        bus = await open_kafka(self._kafka)
        producer = await bus.producer()
        topic = f"{self._stage.prefix}wici.events"
        everyone = [Outgoing(topic, f"c-{n}".encode(), shop.event(n, BROWSE)) for n in range(customers)]
        for first in range(0, customers, 5_000):
            await producer.publish(everyone[first : first + 5_000])
        await bus.close()
        await self._until("SELECT count(*) >= $1 FROM engine.profiles", customers)

    async def flood(self, messages: int, size: int) -> Rate:
        """Post as many orders, `size` a request, and see them all arrive."""
        orders = self._orders(messages)
        cpu, began = self._stage.cpu(), time.time()
        await flood(self._stage.gateway, orders, size=size, connections=CONNECTIONS[size])
        accepted = time.time()
        last = await self._arrived(messages)
        await self._until(_SETTLED, self._sent)
        spent = {name: after - cpu[name] for name, after in self._stage.cpu().items()}
        others = spent.pop(OTHERS) / (time.time() - began) / (os.cpu_count() or 1)
        del spent[SINK]
        each = {name: seconds * 1_000 / messages for name, seconds in spent.items()}
        return Rate(messages / (last - began), messages / (accepted - began), each, others)

    async def latencies(self, messages: int) -> list[float]:
        """Seconds from each POST to its message at the provider, ascending."""
        orders = self._orders(messages)
        before, first, posted = self._sent, self._used - messages, {}
        connection = Connection(self._stage.gateway)
        await connection.open()
        begin = time.monotonic() + 0.1
        for n, order in enumerate(orders):
            await asyncio.sleep(begin + n / EVENTS_A_SECOND - time.monotonic())
            posted[f"c-{first + n}@example.com"] = time.time()
            await connection.post([order])
        connection.close()
        await self._arrived(messages)
        return sorted(taken["at"] - posted[taken["to"]] for taken in self._stage.taken(before))

    def _orders(self, messages: int) -> list[bytes]:
        first, self._used = self._used, self._used + messages
        return [shop.event(n, ORDER) for n in range(first, first + messages)]

    async def _arrived(self, messages: int) -> float:
        """When the last one was taken, in Unix seconds."""
        self._sent += messages
        deadline = time.monotonic() + _WAIT_SECONDS
        while not (last := self._stage.taken(self._sent - 1)):
            assert time.monotonic() < deadline, "messages are missing"
            await asyncio.sleep(0.1)
        assert len(last) == 1, "more messages than orders"
        at: float = last[0]["at"]
        return at

    async def _until(self, question: str, number: int) -> None:
        connection = await asyncpg.connect(self._stage.url)
        deadline = time.monotonic() + _WAIT_SECONDS
        while not await connection.fetchval(question, number):
            assert time.monotonic() < deadline, question
            await asyncio.sleep(0.1)
        await connection.close()


async def measure(parts: Machine, messages: int) -> list[Row]:
    """All rows."""
    others = await servers(parts)
    rows: list[Row] = []
    for name, batch in (("singly", 1), ("in batches", None)):
        url = await database(parts)
        with sink() as provider:
            await publish_to(url, workspace(provider, batch))
            with stage(parts, url, provider, others) as staged:
                rows += await _course(Course(staged, parts.kafka), name, messages)
        await drop(parts, url)
    return rows


async def _course(course: Course, name: str, messages: int) -> list[Row]:
    await course.know(WARM_UP + 2 * ROUNDS * messages + LATENCIES)
    await course.flood(WARM_UP, BATCH)
    rows = []
    for size, posted in ((BATCH, f"posted in batches of {BATCH}"), (1, "posted singly")):
        rate = await _least_disturbed(course, messages, size)
        rows += _rate_rows(rate, f"sent {name}, {posted}", single=name == "singly", counts=size == BATCH)
    if name == "singly":
        rows += _latency_rows(await course.latencies(LATENCIES))
    return rows


async def _least_disturbed(course: Course, messages: int, size: int) -> Rate:
    """Up to ROUNDS floods, until one had the machine for itself."""
    rates: list[Rate] = []
    while len(rates) < ROUNDS and not (rates and rates[-1].others < ALONE):
        rates.append(await course.flood(messages, size))
    return min(rates, key=lambda rate: rate.others)


def _rate_rows(rate: Rate, how: str, *, single: bool, counts: bool) -> list[Row]:
    target, reference = (1_750, "listmonk 1,730, from memory") if single else (3_500, "")
    parts = ", ".join(f"{name} {spent:.2f}" for name, spent in rate.cpu.items())
    cpu = sum(rate.cpu.values())
    note = f"accepted {rate.accepted:,.0f}/s; CPU {cpu:.2f} ms a message; others had {rate.others:.0%} of the machine"
    goal = target if counts else None
    rows = [Row(f"HTTP to provider, {how}", rate.messages, "messages/s", goal, reference, note, bound=BUSY)]
    if single:
        cost = Row(f"CPU of that, {how}", cpu, "ms a message", 0.9 if counts else None, "listmonk 0.88", parts)
        rows.append(
            msgspec.structs.replace(cost, least=False, bound="see the stages: the notifier's share is the largest")
        )
    return rows


def _latency_rows(seconds: Sequence[float]) -> list[Row]:
    def at(share: float) -> float:
        return seconds[round(share * (len(seconds) - 1))] * 1_000

    what = f"latency of the same at {EVENTS_A_SECOND} events/s"
    bound = "Kafka's acknowledgement, two commits to disk, and a collector's few milliseconds"
    note = f"{len(seconds)} messages; worst {at(1):.0f}"
    return [
        Row(f"{what}, p50", at(0.5), "ms", 20, "Parcelvoy 80, Notifuse 919", note, least=False, bound=bound),
        Row(f"{what}, p99", at(0.99), "ms", 80, "Parcelvoy 101, Notifuse 1,379", note, least=False, bound=bound),
    ]


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    with machine() as parts:
        results.show(uvloop.run(measure(parts, messages)))


if __name__ == "__main__":
    main()
