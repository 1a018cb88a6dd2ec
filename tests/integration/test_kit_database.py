"""Hints, instance names and the movable clock over a real PostgreSQL, also when its connections are cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from services.kit import instance
from services.kit.database.arrays import id_array, number_array, text_array
from services.kit.database.pool import open_pool
from services.kit.database_clock import CHANNEL, DatabaseClock, move, read_offset, reset
from services.kit.errors import Misconfigured
from services.kit.instance import Instance
from services.kit.notify import Listener, notify
from tests.support.waiting import eventually


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    opened = await open_pool(database_url)
    yield opened
    opened.terminate()


async def cut_connections(pool: asyncpg.Pool) -> None:
    """End every session of this database but the one that asks."""
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def _holders(pool: asyncpg.Pool) -> set[int]:
    """The sessions that hold an advisory lock of this database."""
    rows = await pool.fetch(
        "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
    )
    return {row[0] for row in rows}


async def test_a_hint_reaches_the_callback_of_its_channel_only(pool: asyncpg.Pool, database_url: str) -> None:
    heard: list[str] = []
    listener = Listener(database_url)
    listener.on("one", lambda: heard.append("one"))
    listener.on("two", lambda: heard.append("two"))
    await listener.start()
    await notify(pool, "one")
    await eventually(lambda: heard)
    assert heard == ["one"]
    await listener.stop()


async def test_many_hints_at_once_are_one_call_or_few(pool: asyncpg.Pool, database_url: str) -> None:
    heard: list[int] = []
    listener = Listener(database_url)
    listener.on("many", lambda: heard.append(1))
    listener.on("last", lambda: heard.append(2))
    await listener.start()
    await pool.execute("SELECT pg_notify('many', n::text) FROM generate_series(1, 500) n")
    await notify(pool, "last")
    await eventually(lambda: 2 in heard)
    assert 1 <= heard.count(1) < 50
    await listener.stop()


async def test_a_listener_whose_connection_was_cut_comes_back_and_calls_everybody_once(
    pool: asyncpg.Pool, database_url: str
) -> None:
    heard: list[int] = []
    listener = Listener(database_url)
    listener.on("news", lambda: heard.append(1))
    await listener.start()
    await cut_connections(pool)
    await eventually(lambda: heard)
    heard.clear()
    await notify(pool, "news")
    await eventually(lambda: heard)
    await listener.stop()


async def test_two_processes_of_one_service_get_two_names_and_a_freed_name_is_taken_again(database_url: str) -> None:
    first = await Instance.take(database_url, "engine")
    second = await Instance.take(database_url, "engine")
    assert first.name.endswith("-engine-1")
    assert second.name.endswith("-engine-2")
    await first.release()
    third = await Instance.take(database_url, "engine")
    assert third.name == first.name
    await second.release()
    await third.release()


async def test_a_name_that_another_process_holds_is_refused_after_a_while(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "PATIENCE_SECONDS", 0.1)
    held = await Instance.take(database_url, "engine", "engine-a")
    with pytest.raises(Misconfigured, match="WICI_INSTANCE=engine-a"):
        await Instance.take(database_url, "engine", "engine-a")
    await held.release()
    again = await Instance.take(database_url, "engine", "engine-a")
    await again.release()


async def test_after_a_cut_connection_the_same_name_is_held_again(pool: asyncpg.Pool, database_url: str) -> None:
    held = await Instance.take(database_url, "engine")
    before = await _holders(pool)
    await cut_connections(pool)

    async def is_held_anew() -> bool:
        now = await _holders(pool)
        return len(now) == 1 and now != before

    await eventually(is_held_anew)
    other = await Instance.take(database_url, "engine")
    assert other.name != held.name
    await held.release()
    await other.release()


async def test_an_unreachable_database_is_named_with_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="WICI_DATABASE_URL"):
        await Instance.take("postgresql://postgres@127.0.0.1:1/none", "engine")


async def offset_is(clock: DatabaseClock, offset: timedelta) -> None:
    await eventually(lambda: clock.offset == offset, 3)
    assert abs(clock.now() - clock.real() - offset) < timedelta(seconds=1)
    assert abs(clock.real() - datetime.now(UTC)) < timedelta(seconds=1)


async def test_moving_the_clock_moves_marketing_time_of_every_process_and_never_real_time(pool: asyncpg.Pool) -> None:
    clocks = [DatabaseClock(pool), DatabaseClock(pool)]
    for clock in clocks:
        await clock.start()
    assert await move(pool, timedelta(minutes=45)) == timedelta(minutes=45)
    assert await move(pool, timedelta(minutes=15)) == timedelta(hours=1)
    for clock in clocks:
        await offset_is(clock, timedelta(hours=1))
    await reset(pool)
    for clock in clocks:
        await offset_is(clock, timedelta())
        await clock.stop()


async def test_a_hint_moves_the_clock_without_waiting_for_the_poll(
    pool: asyncpg.Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kit.database_clock.POLL_SECONDS", 3600)
    clock = DatabaseClock(pool)
    listener = Listener(database_url)
    listener.on(CHANNEL, clock.look)
    await listener.start()
    await clock.start()
    await move(pool, timedelta(days=1))
    await eventually(lambda: clock.offset == timedelta(days=1), 3)
    await clock.stop()
    await listener.stop()


async def test_a_clock_keeps_its_offset_while_the_database_is_away(pool: asyncpg.Pool) -> None:
    await move(pool, timedelta(days=2))
    clock = DatabaseClock(pool)
    await clock.start()
    await cut_connections(pool)
    await move(pool, timedelta(days=1))
    await eventually(lambda: clock.offset == timedelta(days=3), 5)
    assert await read_offset(pool) == timedelta(days=3)
    await clock.stop()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, 3, 0, 0, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
async def test_a_moment_is_the_same_in_the_database_and_comes_back_in_utc(pool: asyncpg.Pool, moment: datetime) -> None:
    text = "SELECT to_char($1::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    assert await pool.fetchval(text, moment) == f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}".zfill(26)

    found = await pool.fetchrow(
        "SELECT $1::timestamptz, $2::timestamptz[], $3::tstzrange", moment, [moment, None], asyncpg.Range(moment)
    )

    assert (found[0], found[1], found[2].lower) == (moment, [moment, None], moment)
    assert found[0].tzinfo is UTC


async def test_a_moment_without_a_zone_is_refused(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.DataError):
        await pool.fetchval("SELECT $1::timestamptz", datetime(2026, 1, 1))  # noqa: DTZ001 -- what must not be


async def test_an_array_given_as_text_is_what_was_given_whatever_is_in_it(pool: asyncpg.Pool) -> None:
    texts = ["", " ", "NULL", "null", None, '"', "\\", '\\"', '","', "{a,b}", "a\nb\t", "'", "\x1f", "Łódź", "🛒", "$1"]
    ids = [bytes(16), None, bytes(range(16)), b"\xff" * 16]
    numbers = [0, -1, 2**31 - 1]

    found = await pool.fetchrow(
        "SELECT $1::text::text[], $2::text::uuid[], $3::text::int[]",
        text_array(texts),
        id_array(ids),
        number_array(numbers),
    )

    assert list(found) == [texts, ids, numbers]


async def test_an_empty_array_given_as_text_is_empty(pool: asyncpg.Pool) -> None:
    found = await pool.fetchrow(
        "SELECT $1::text::text[], $2::text::uuid[], $3::text::int[]", text_array([]), id_array([]), number_array([])
    )

    assert list(found) == [[], [], []]
