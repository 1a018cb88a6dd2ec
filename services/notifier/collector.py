"""Group commit: what several tasks have to store goes into one transaction, a few milliseconds later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Collector(Generic[T, R]):
    """Hands items to `flush` in batches, one batch at a time, in order of arrival.

    A batch is full at `most` items or `seconds` after its first. `flush` returns one answer per item, or raises, and
    then all that `put` in the batch see its error.
    """

    def __init__(
        self, flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int = 200, seconds: float = 0.005
    ) -> None:
        self._flush = flush
        self._most = most
        self._seconds = seconds
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._some = asyncio.Event()
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to flush."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; who still waits is cancelled. Let the puts end before, to lose nothing."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for _, answer in self._waiting:
            answer.cancel()

    async def put(self, item: T) -> R:
        """Return what `flush` answers for `item`, after its commit."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._some.set()
        if len(self._waiting) >= self._most:
            self._full.set()
        return await answer

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._full.wait()
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            if not self._waiting:
                self._some.clear()
            if len(self._waiting) < self._most:
                self._full.clear()
            await self._store(batch)

    async def _store(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self._flush([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, waiting in batch:
                waiting.cancel()
            raise
        except Exception as error:  # noqa: BLE001 -- each of those who wait decides
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
        else:
            for (_, waiting), answer in zip(batch, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
