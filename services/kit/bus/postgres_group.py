"""Membership of a group on the PostgreSQL bus: seats with leases, shared out anew whenever the members change."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from services.kit.errors import Misconfigured


@dataclass(frozen=True)
class Seat:
    """Whose place it is: `member` is the static name, `session` this process's own id (16 bytes)."""

    group: str
    topic: int
    member: str
    session: bytes
    lease: timedelta


class Share(NamedTuple):
    """What a renewal found.

    A member may read its part only when `settled`: when every living member has given up what it had before
    `generation`.
    """

    generation: int
    members: tuple[str, ...]
    settled: bool

    def of(self, member: str, partitions: int) -> frozenset[int]:
        """Return the partitions of `member`: every n-th, in the order of names."""
        place = self.members.index(member)
        return frozenset(range(place, partitions, len(self.members)))


def new_session() -> bytes:
    """Return an id for a process that takes a seat."""
    return uuid.uuid4().bytes


async def renew(pool: asyncpg.Pool, seat: Seat, seen: int | None, now: datetime) -> Share:
    """Take or keep the seat until `now` + lease, and remove members whose lease is over.

    `seen` is the newest generation for which the caller has stopped reading its old partitions, None on joining: then
    a seat of the same name is taken over at once. Raises Misconfigured if another process has taken the seat since.
    """
    async with pool.acquire() as connection, connection.transaction():
        generation = await _lock(connection, seat)
        members = await _living(connection, seat, now)
        holder = members.get(seat.member)
        if seen is not None and holder is not None and holder[0] != seat.session:
            raise Misconfigured(f"Another process has the name {seat.member}; give each process its own WICI_INSTANCE")
        if holder is None or len(members) < await _seats(connection, seat):
            generation += 1
            await _new_generation(connection, seat, generation, now)
        # A process that just joined reads nothing yet, so it has seen whatever is newest.
        mine = generation if seen is None else seen
        await _sit(connection, seat, mine, now + seat.lease)
        members[seat.member] = (seat.session, mine)
    settled = all(seen_there == generation for _, seen_there in members.values())
    return Share(generation, tuple(sorted(members)), settled)


async def _lock(connection: asyncpg.Connection[Any], seat: Seat) -> int:
    await connection.execute(
        "INSERT INTO bus.groups (name, topic) VALUES ($1, $2) ON CONFLICT DO NOTHING", seat.group, seat.topic
    )
    generation: int = await connection.fetchval(
        "SELECT generation FROM bus.groups WHERE name = $1 AND topic = $2 FOR UPDATE", seat.group, seat.topic
    )
    return generation


async def _living(connection: asyncpg.Connection[Any], seat: Seat, now: datetime) -> dict[str, tuple[bytes, int]]:
    """Return session and seen generation of each member with a lease, by name; our own seat even without one."""
    rows = await connection.fetch(
        "SELECT name, session, seen FROM bus.members "
        "WHERE group_name = $1 AND topic = $2 AND (lease_until > $3 OR name = $4)",
        seat.group,
        seat.topic,
        now,
        seat.member,
    )
    return {name: (session, seen) for name, session, seen in rows}


async def _seats(connection: asyncpg.Connection[Any], seat: Seat) -> int:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM bus.members WHERE group_name = $1 AND topic = $2", seat.group, seat.topic
    )
    return found


async def _new_generation(connection: asyncpg.Connection[Any], seat: Seat, generation: int, now: datetime) -> None:
    await connection.execute(
        "UPDATE bus.groups SET generation = $3 WHERE name = $1 AND topic = $2", seat.group, seat.topic, generation
    )
    await connection.execute(
        "DELETE FROM bus.members WHERE group_name = $1 AND topic = $2 AND lease_until <= $3 AND name <> $4",
        seat.group,
        seat.topic,
        now,
        seat.member,
    )


async def _sit(connection: asyncpg.Connection[Any], seat: Seat, seen: int, until: datetime) -> None:
    await connection.execute(
        "INSERT INTO bus.members (group_name, topic, name, session, lease_until, seen) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (group_name, topic, name) DO UPDATE SET session = $4, lease_until = $5, seen = $6",
        seat.group,
        seat.topic,
        seat.member,
        seat.session,
        until,
        seen,
    )
