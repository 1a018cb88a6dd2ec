"""Opens and clicks over HTTP: told once, told apart from machines, and changing no consent."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from services.contracts.settings import Links
from services.contracts.workspace import EmailTemplate, Template
from services.kit.clock import FixedClock
from services.notifier.compose.links import make_token
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
PAGE = '<p><a href="https://shop.example/a?x=1">A</a> <a href="https://pay.example/b">B</a></p>'
OFFER = {"pl": Template("thanks", "pl", "offer", email=EmailTemplate(subject="Oferta", html=PAGE, text="Oferta"))}
A, B = "https://shop.example/a?x=1&utm_source=wici", "https://pay.example/b"


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as played:
        yield played


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(AT)


async def mailed(pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock) -> tuple[str, str, str]:
    """Paths of a sent advertisement's links A and B and of its image, an hour after it was sent."""
    made = n.workspace(n.resend(sink.url), templates={"thanks": OFFER})
    settings = msgspec.structs.replace(made.settings, links=Links(utm={"source": "wici"}))
    await n.publish(pool, msgspec.structs.replace(made, settings=settings))
    await n.consent(pool, 1, "subscribed", at=AT - timedelta(days=1))
    await n.enqueue(pool, [message(1, klass="marketing")])

    async def accepted() -> bool:
        return await n.states(pool) == [(10, None)]

    await eventually(accepted)
    clock.move(timedelta(hours=1))
    html = sink.messages[0].raw["html"]
    first, second = re.findall(r'href="https://wici\.shop\.example(/c/[^"]+)"', html)
    (image,) = re.findall(r'src="https://wici\.shop\.example(/o/[^"]+)"', html)
    return first, second, image


async def follow(server: n.Server, path: str, method: str = "GET", **headers: str) -> tuple[int, str | None]:
    """Status and target of the answer."""
    async with server.client.request(method, path, headers=BROWSER | headers, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location")


async def told(pool: asyncpg.Pool, clock: FixedClock, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Kind and data of every receipt but `accepted`, once there are `count`; nothing more comes after that."""
    clock.move(timedelta(seconds=3))

    async def found() -> list[tuple[str, dict[str, Any]]]:
        rows = await pool.fetch("SELECT kind, data FROM queue.receipts WHERE kind <> 'accepted' ORDER BY id")
        return [(row[0], msgspec.json.decode(row[1])) for row in rows] if len(rows) >= count else []

    return await eventually(found)


async def status(pool: asyncpg.Pool) -> str:
    found: str = await pool.fetchval("SELECT status FROM notifier.deliveries")
    return found


async def test_a_click_leads_on_and_each_link_is_told_once(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        first, second, _ = await mailed(pool, sink, clock)
        assert await follow(server, first) == (302, A)
        clock.move(timedelta(minutes=1))
        assert await follow(server, first) == (302, A)
        clock.move(timedelta(minutes=1))
        assert await follow(server, second) == (302, B)
        assert await told(pool, clock, 2) == [("clicked", {"url": A}), ("clicked", {"url": B})]
        assert await status(pool) == "clicked"
    assert await pool.fetchval("SELECT count(*) FROM notifier.suppressions") == 0


async def test_an_open_is_an_image_that_is_told_once(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        _, _, image = await mailed(pool, sink, clock)
        for _ in range(3):
            async with server.client.get(image, headers=BROWSER) as answer:
                assert (answer.status, answer.content_type) == (200, "image/gif")
                assert answer.headers["Cache-Control"] == "no-store"
                assert (await answer.read()).startswith(b"GIF89a")
        assert await told(pool, clock, 1) == [("opened", {})]
        assert await status(pool) == "opened"


async def test_a_machines_hits_are_flagged_and_do_not_hide_a_persons(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        first, second, image = await mailed(pool, sink, clock)
        await follow(server, image, **{"User-Agent": "Mozilla/5.0"})
        await follow(server, first)
        assert await follow(server, second) == (302, B)
        flagged = await told(pool, clock, 3)
        assert [data["machine"] for _, data in flagged] == [True] * 3
        assert await status(pool) == "accepted"
        assert await follow(server, first) == (302, A)
        assert (await told(pool, clock, 4))[3] == ("clicked", {"url": A})
        assert await status(pool) == "clicked"
    (kept,) = await pool.fetch("SELECT * FROM notifier.v_deliveries")
    assert {word for word, at in kept.items() if word.endswith("_at") and at} == {
        "clicked_at", "machine_opened_at", "machine_clicked_at"
    }  # fmt: skip


async def test_who_comes_within_two_seconds_of_sending_or_by_head_is_no_person(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        first, second, _ = await mailed(pool, sink, clock)
        clock.move(-timedelta(minutes=59, seconds=59))
        await follow(server, first)
        clock.move(timedelta(minutes=1))
        assert await follow(server, second, "HEAD") == (302, B)
        assert [data["machine"] for _, data in await told(pool, clock, 2)] == [True, True]


async def test_links_lead_nowhere_but_where_the_token_says(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        first, *_ = await mailed(pool, sink, clock)
        forged = make_token(
            "click", message(1).send_key, ["another-key-of-tests-with-32-characters"], b"https://evil.example"
        )
        for path in (
            f"/c/{forged}",
            first[:-1],
            first + "A",
            "/c/https://evil.example",
            f"/o/{forged}.gif",
            "/o/x.gif",
        ):
            assert await follow(server, path) == (404, None)
        unsubscribe = make_token("unsubscribe", message(1).send_key, [n.SECRET_KEY])
        assert await follow(server, f"/c/{unsubscribe}") == (404, None)
        assert await follow(server, f"/o/{unsubscribe}.gif") == (404, None)
        assert await follow(server, first, "POST") == (405, None)


async def test_what_is_in_hand_is_told_when_the_process_stops(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        first, *_ = await mailed(pool, sink, clock)
        await follow(server, first)
    assert await n.kinds(pool) == ["accepted", "clicked"]


async def test_a_click_in_a_message_that_is_gone_still_leads_on_and_is_forgotten(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    async with n.serving(database_url, clock) as server:
        first, *_ = await mailed(pool, sink, clock)
        await pool.execute("DELETE FROM queue.outbound")
        assert await follow(server, first) == (302, A)
    assert await n.kinds(pool) == ["accepted"]
    assert await pool.fetchval("SELECT count(*) FROM notifier.parked_callbacks") == 0
