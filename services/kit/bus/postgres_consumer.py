"""Reading from the PostgreSQL bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg

from services.kit.bus import Batch, Start
from services.kit.bus.postgres_errors import translated
from services.kit.bus.postgres_group import Seat, Share, renew
from services.kit.bus.postgres_log import StoredRecord, Topic, ends, read
from services.kit.bus.reading import Assignment, TopicWatch, out_of_range
from services.kit.clock import Clock, monotonic
from services.kit.database.pool import FAILURES
from services.kit.errors import Problem, TryAgain
from services.kit.waiting import until_news

_POLL_SECONDS = 0.25
_COMMIT_SECONDS = 1.0


class PostgresConsumer:
    """A member of a group; make one with `PostgresBus.consumer`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Clock,
        *,
        name: str,
        topic: Topic,
        seat: Seat,
        start: Start,
        watch: TopicWatch,
        hint: Callable[[], None],
    ) -> None:
        self._pool, self._clock, self._name, self._topic = pool, clock, name, topic
        self._seat, self._watch, self._hint = seat, watch, hint
        self._assignment = Assignment(start, self._begin)
        self._positions: dict[int, int] = {}
        self._generation: int | None = None
        self._settled = False
        self._leased_until: datetime | None = None
        self._next_commit = 0.0
        self._records_hint, self._group_hint = asyncio.Event(), asyncio.Event()
        self._membership = asyncio.create_task(self._keep_seat())

    def hear(self) -> None:
        """Look at once: there may be records or members."""
        self._records_hint.set()
        self._group_hint.set()

    async def poll(self, max_records: int, wait: float) -> Batch:
        """Return the next records; see Consumer."""
        deadline = monotonic() + wait
        while True:
            self._assignment.check()
            self._records_hint.clear()
            with translated(f"Reading {self._name}"):
                records = await self._fetch(max_records)
            self._assignment.check()
            left = deadline - monotonic()
            if records or left <= 0:
                begins = {record.partition: self._positions[record.partition] for record in records}
                return Batch(list(records), self._advance(records), begins)
            await self._wait(min(left, _POLL_SECONDS))

    def assigned(self) -> frozenset[int]:
        """Return this member's partitions; see Consumer."""
        return self._assignment.partitions

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Go on reading elsewhere; see Consumer."""
        mine = {number: positions[number] for number in positions.keys() & self._assignment.partitions}
        with translated(f"Seeking in {self._name}"):
            await self._check_range(mine)
        self._positions.update(mine)

    async def end_offsets(self) -> dict[int, int]:
        """Return all partitions' ends; see Consumer."""
        with translated(f"The ends of {self._name}"):
            return {number: found.next for number, found in (await ends(self._pool, self._topic.number)).items()}

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Note the positions for lag tools; see Consumer."""
        if monotonic() < self._next_commit:
            return
        self._next_commit = monotonic() + _COMMIT_SECONDS
        mine = sorted(positions.keys() & self._assignment.partitions)
        with contextlib.suppress(*FAILURES):
            await self._pool.execute(
                "INSERT INTO bus.commits (group_name, topic, partition, position) "
                "SELECT $1, $2, * FROM unnest($3::int[], $4::bigint[]) "
                "ON CONFLICT (group_name, topic, partition) DO UPDATE SET position = excluded.position",
                self._seat.group,
                self._topic.number,
                mine,
                [positions[number] for number in mine],
                timeout=1,
            )

    async def close(self) -> None:
        """Stop reading and keep the seat; see Consumer."""
        self._assignment.take()
        self._membership.cancel()
        await asyncio.gather(self._membership, return_exceptions=True)

    async def _fetch(self, max_records: int) -> list[StoredRecord]:
        await self._watch.check()
        mine = self._assignment.partitions
        if not mine:
            return []
        asked = {number: self._positions[number] for number in mine}
        records = await read(self._pool, self._name, self._topic.number, asked, max_records)
        # Taken away or sought elsewhere while reading: these records are not ours to give.
        if self._assignment.partitions is not mine or asked != {n: self._positions[n] for n in mine}:
            return []
        self._refuse_gaps(asked, records)
        return records

    def _refuse_gaps(self, asked: Mapping[int, int], records: list[StoredRecord]) -> None:
        """Offsets are dense, so a first record that is not the next one means that others were deleted."""
        expected = dict(asked)
        for record in records:
            if record.offset != expected[record.partition]:
                self._assignment.fail(out_of_range(self._name, record.partition, expected[record.partition]))
                return
            expected[record.partition] += 1

    def _advance(self, records: list[StoredRecord]) -> dict[int, int]:
        advanced = {record.partition: record.offset + 1 for record in records}
        # Those just read go to the end of the line, so that no partition starves the others.
        for number, position in advanced.items():
            self._positions.pop(number)
            self._positions[number] = position
        return advanced

    async def _wait(self, seconds: float) -> None:
        await until_news(self._records_hint, seconds)

    async def _begin(self, partitions: frozenset[int], positions: Mapping[int, int]) -> None:
        await self._watch.check(now=True)
        with translated(f"Beginning to read {self._name}"):
            first = {number: found.first for number, found in (await ends(self._pool, self._topic.number)).items()}
            chosen = {number: positions.get(number, first[number]) for number in partitions}
            await self._check_range(chosen)
        self._positions = chosen
        self._records_hint.set()

    async def _check_range(self, positions: Mapping[int, int]) -> None:
        found = await ends(self._pool, self._topic.number)
        for number, position in positions.items():
            if not found[number].first <= position <= found[number].next:
                raise out_of_range(self._name, number, position)

    async def _keep_seat(self) -> None:
        while True:
            self._group_hint.clear()
            try:
                await self._renew()
            except (TryAgain, *FAILURES):
                self._give_up_when_lease_is_over()
            except Problem as problem:
                self._assignment.fail(problem)
                return
            wait = self._seat.lease.total_seconds() / 5 if self._settled else _POLL_SECONDS / 5
            await until_news(self._group_hint, wait)

    async def _renew(self) -> None:
        now = self._clock.real()
        share = await renew(self._pool, self._seat, self._generation, now)
        self._leased_until = now + self._seat.lease
        if share.generation != self._generation:
            self._assignment.take()
            # The others wait for this: say it at once, not at the next renewal.
            self._generation, self._settled = share.generation, False
            share = await renew(self._pool, self._seat, self._generation, now)
            self._hint()
        self._use(share)

    def _use(self, share: Share) -> None:
        if share.generation == self._generation and share.settled and not self._settled:
            self._settled = True
            self._assignment.give(share.of(self._seat.member, self._topic.partitions))

    def _give_up_when_lease_is_over(self) -> None:
        if self._leased_until is not None and self._clock.real() >= self._leased_until:
            self._assignment.take()
            self._settled = False
