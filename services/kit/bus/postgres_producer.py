"""Publishing to the PostgreSQL bus: many callers, one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import asyncpg

from services.kit.bus import Outgoing
from services.kit.bus.postgres_errors import translate
from services.kit.bus.postgres_log import Topic, append, find_topic
from services.kit.clock import Clock
from services.kit.errors import Misconfigured, Problem, TryAgain

_MOST_RECORDS = 500


class _Waiting(NamedTuple):
    records: Sequence[Outgoing]
    done: asyncio.Future[None]


class PostgresProducer:
    """Publishes; make one with `PostgresBus.producer`.

    What comes while one commit is under way goes into the next, so a lone record waits for nobody.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, timeout: float, published: Callable[[], None]) -> None:
        self._pool, self._clock, self._timeout, self._published = pool, clock, timeout, published
        self._topics: dict[str, Topic] = {}
        self._waiting: list[_Waiting] = []
        self._news = asyncio.Event()
        self._committer = asyncio.create_task(self._commit_for_ever())

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when `records` are committed; see Producer."""
        if not records:
            return
        waiting = _Waiting(records, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._news.set()
        try:
            async with asyncio.timeout(self._timeout):
                await waiting.done
        except TimeoutError as error:
            raise TryAgain(f"PostgreSQL has not committed {len(records)} records within {self._timeout} s") from error

    async def close(self) -> None:
        """Stop committing; callers still waiting are told to try again."""
        self._committer.cancel()
        await asyncio.gather(self._committer, return_exceptions=True)
        self._tell(self._waiting, TryAgain("The bus is closing"))

    async def _commit_for_ever(self) -> None:
        while True:
            await self._news.wait()
            taken = self._take()
            try:
                await self._commit([record for waiting in taken for record in waiting.records])
            except asyncio.CancelledError:
                self._tell(taken, TryAgain("The bus is closing"))
                raise
            except Problem as problem:
                self._tell(taken, problem)
            except Exception as error:  # noqa: BLE001 -- its callers must hear of it, and the next ones be served
                self._tell(taken, translate("Publishing", error))
            else:
                self._tell(taken, None)
                self._published()

    def _take(self) -> list[_Waiting]:
        """Take the next callers' records: whole calls, until there are 500. Those whose caller gave up are left out."""
        taken: list[_Waiting] = []
        total = 0
        while self._waiting and total < _MOST_RECORDS:
            waiting = self._waiting.pop(0)
            if not waiting.done.done():
                taken.append(waiting)
                total += len(waiting.records)
        if not self._waiting:
            self._news.clear()
        return taken

    async def _commit(self, records: Sequence[Outgoing]) -> None:
        if not records:
            return
        for name in {record.topic for record in records} - self._topics.keys():
            self._topics[name] = await find_topic(self._pool, name)
        if not await append(self._pool, records, self._topics, self._clock.real()):
            names = ", ".join(sorted({record.topic for record in records}))
            self._topics.clear()
            raise Misconfigured(f"A topic of {names} was deleted; run `wici migrate`")

    @staticmethod
    def _tell(told: Sequence[_Waiting], problem: Problem | None) -> None:
        for waiting in told:
            if waiting.done.done():
                continue
            if problem is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(problem)
