"""The trigger engine as a service: what runs, what it is built from, when it is ready."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
from starlette.routing import BaseRoute

from services.contracts import topics, workspace
from services.contracts.message import OUTBOUND_HINT
from services.kit.bus import Consumer
from services.kit.database.pool import FAILURES, Connection
from services.kit.errors import Misconfigured
from services.kit.notify import Listener, notify
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.trigger_engine import flow, published
from services.trigger_engine.changed import Changed
from services.trigger_engine.engine import Engine
from services.trigger_engine.fan_out import FanOuts
from services.trigger_engine.faults import until_it_passes
from services.trigger_engine.prepare import Preparation
from services.trigger_engine.products.interest import KEPT
from services.trigger_engine.relay import Relay
from services.trigger_engine.schedule import Schedules
from services.trigger_engine.store import events, positions, products
from services.trigger_engine.sweep import Sweep
from services.trigger_engine.timers import Fence
from services.trigger_engine.transaction import Transaction
from services.trigger_engine.waking import Waking
from services.trigger_engine.workspace import Follower

PARTITION_DAYS = 3
PARTITION_SECONDS = 3_600.0

_log = Logger()


class TriggerEngine:
    """Reads `wici.events` and `queue.receipts`, fires timers, writes `queue.outbound`; publishes outcomes."""

    name = "trigger-engine"

    def __init__(self, context: Context) -> None:
        self._context = context
        settings = context.settings
        self._topics = published.Topics(*(settings.topic(t) for t in topics.ALL))
        self._workspace = Follower(context.pool)
        self._engine = Engine(
            context.pool,
            context.clock,
            self._definitions,
            Preparation(context.clock, self._topics, settings.secret_keys),
            self._topics,
            settings.secret_keys,
            self._committed,
        )
        self._listener = Listener(settings.database_url)
        self._listener.on(workspace.CHANNEL, self._workspace.hint)
        self._listener.on(flow.RECEIPTS_HINT, self._engine.hint)
        self._said = asyncio.Event()
        self._relay: Relay | None = None
        self._consumer: Consumer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._problem = ""

    def _definitions(self) -> Any:
        assert self._workspace.definitions is not None  # noqa: S101 -- the engine starts once there is a workspace
        return self._workspace.definitions

    async def start(self) -> None:
        """Begin to work; without a published workspace, as soon as there is one."""
        async with self._context.pool.acquire() as connection:
            await self._make_partitions(connection)
            await self._drop_partitions(connection)
        await self._workspace.look()
        await self._listener.start()
        for work in (self._workspace.run(), self._keep_partitions(), self._hint_notifier(), self._work()):
            self._run(work)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._problem = str(error) if isinstance(error, Misconfigured) else f"stopped by {type(error).__name__}"
            _log.error(Log.SERVICE_FAILED, error=error, service=self.name)

    async def stop(self) -> None:
        """Finish the transaction in hand, and leave; the next engine goes on from its position."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._consumer is not None:
            await self._consumer.close()
        await self._listener.stop()

    def routes(self) -> Sequence[BaseRoute]:
        """None of its own."""
        return ()

    def ready(self) -> tuple[bool, str]:
        """Ready once it reads events under a published workspace."""
        if self._problem:
            return False, self._problem
        if self._workspace.definitions is None:
            return False, "no workspace is published; run `wici apply`"
        if self._consumer is None:
            return False, "joining the readers of the event log"
        return True, f"workspace version {self._workspace.definitions.version}"

    async def _work(self) -> None:
        await self._workspace.published.wait()
        bus, context = self._context.bus, self._context
        topic = self._topics.events
        topic_id, group = await bus.topic_id(topic), context.settings.topic(topics.ENGINE_GROUP)

        async def start(partitions: frozenset[int]) -> Mapping[int, int]:
            async with context.pool.acquire() as connection:
                found = await positions.start(connection, topic, topic_id, partitions)
            self._engine.assigned(found)
            _log.info(Log.PARTITIONS_ASSIGNED, partitions=sorted(partitions))
            return found

        consumer = await until_it_passes(lambda: bus.consumer(topic, group, context.instance, start, topic_id=topic_id))
        self._consumer = consumer
        fence = Fence(context.pool, consumer, context.clock, topic)
        self._relay = Relay(context.pool, await bus.producer())
        self._run(fence.run())
        self._run(self._relay.run())
        keys = context.settings.secret_keys
        for visitor in (Sweep, Changed):
            visiting = visitor(context.pool, context.clock, self._definitions, self._topics, keys, self._committed)
            self._run(visiting.run())
        self._run(Schedules(context.pool, context.clock, self._definitions).run())
        self._run(Waking(context.pool, context.clock, self._definitions).run())
        fan_outs = FanOuts(context.pool, await bus.producer(), context.clock, self._definitions, topic, keys)
        self._run(fan_outs.run())
        await self._engine.run(consumer, fence, await bus.partitions(topic))

    def _committed(self, transaction: Transaction) -> None:
        """After commit: tell those who wait, and count."""
        into = transaction.into
        for reason, number in Counter(into.reasons()).items():
            metrics.DECISIONS.labels(reason.value).inc(number)
        for mine in into.messages.values():
            for message in mine:
                metrics.OUTBOUND_QUEUED.labels(message.channel).inc()
        if any(into.messages.values()):
            self._said.set()
        if self._relay is not None and (into.derived or transaction.receipts):
            self._relay.hint()

    async def _hint_notifier(self) -> None:
        """NOTIFY outside the transactions, many commits in one: inside, it would lock the whole database."""
        while True:
            await self._said.wait()
            self._said.clear()
            with contextlib.suppress(*FAILURES):
                await notify(self._context.pool, OUTBOUND_HINT)

    async def _make_partitions(self, connection: Connection) -> None:
        yesterday = self._context.clock.real().date() - timedelta(days=1)
        await events.make_partitions(connection, yesterday, PARTITION_DAYS + 1)

    async def _drop_partitions(self, connection: Connection) -> None:
        """Let go of the days that are not kept any more; a busy table is left for the next time."""
        oldest = self._context.clock.real().date() - timedelta(days=self._context.settings.keep_events)
        with contextlib.suppress(asyncpg.LockNotAvailableError):
            dropped = await events.drop_partitions(connection, oldest)
            if dropped:
                _log.info(Log.EVENTS_DROPPED, days=len(dropped), before=oldest.isoformat())

    async def _keep_partitions(self) -> None:
        while True:
            await asyncio.sleep(PARTITION_SECONDS)
            with contextlib.suppress(*FAILURES):
                async with self._context.pool.acquire() as connection:
                    await self._make_partitions(connection)
                    await self._drop_partitions(connection)
                    await products.expire(connection, self._context.clock.now() - KEPT)


def build(context: Context) -> TriggerEngine:
    """The trigger engine of this process."""
    return TriggerEngine(context)
