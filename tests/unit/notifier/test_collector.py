"""Group commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.notifier.collector import Collector


async def test_what_comes_while_a_batch_is_stored_goes_into_one_batch() -> None:
    batches: list[list[int]] = []
    begun, gate = asyncio.Event(), asyncio.Event()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        batches.append(list(items))
        begun.set()
        await gate.wait()
        return [item * 10 for item in items]

    collector = Collector(flush, seconds=0.0)
    collector.start()
    first = asyncio.create_task(collector.put(0))
    await begun.wait()
    rest = [asyncio.create_task(collector.put(n)) for n in range(1, 6)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(first, *rest) == [0, 10, 20, 30, 40, 50]
    assert batches == [[0], [1, 2, 3, 4, 5]]
    await collector.stop()


async def test_a_batch_never_holds_more_than_it_may() -> None:
    sizes: list[int] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    collector = Collector(flush, most=4)
    collector.start()
    assert await asyncio.gather(*(collector.put(n) for n in range(10))) == list(range(10))
    assert sizes == [4, 4, 2]
    await collector.stop()


async def test_everybody_in_a_failed_batch_hears_its_error_and_the_next_batch_goes_on() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        if 0 in items:
            raise OSError("gone")
        return items

    collector = Collector(flush)
    collector.start()
    failed = await asyncio.gather(collector.put(0), collector.put(1), return_exceptions=True)
    assert [type(one) for one in failed] == [OSError, OSError]
    assert await collector.put(2) == 2
    await collector.stop()


async def test_who_waits_when_the_collector_stops_is_cancelled() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        await asyncio.Event().wait()
        return items

    collector = Collector(flush, seconds=60.0)
    collector.start()
    waiting = asyncio.create_task(collector.put(1))
    await asyncio.sleep(0)
    await collector.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_who_is_in_the_batch_that_is_being_stored_is_cancelled_too() -> None:
    begun = asyncio.Event()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        begun.set()
        await asyncio.Event().wait()
        return items

    collector = Collector(flush)
    collector.start()
    waiting = asyncio.create_task(collector.put(1))
    await begun.wait()
    await collector.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting
