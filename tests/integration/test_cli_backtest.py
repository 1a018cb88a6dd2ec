"""A backtest over what a real engine has taken in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.cli.backtest import store
from services.cli.backtest.command import EARLIEST, LATEST
from services.cli.backtest.play import Outcome, Player, Setup
from services.cli.backtest.spool import BUCKETS, Spool
from services.contracts.journey import Wait
from tests.support.engine import AT, DAY, HOUR, anna, event, journey, say, workspace
from tests.support.town import Town, town

WORKSPACE = workspace(
    journey("views", "page.viewed", say(), Wait("wait", 1, "days"), say(id="second")),
    journey("carts", "cart.abandoned", key="event.cart.id", again_after=0),
)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, WORKSPACE) as made:
        yield made


async def test_the_version_in_force_says_again_what_the_engine_has_said(place: Town, tmp_path: Path) -> None:
    cart = event("cart.updated", customer={"anonymous_id": "a1"}, cart={"id": "k1", "total": "150.00"})
    await place.tell(
        cart, event("page.viewed", customer=anna(anonymous_id="a1")),
        event("page.viewed", AT - HOUR, customer=anna(id="c-2", email="b@example.com")),
    )  # fmt: skip
    async with place.engine():
        await place.read()
        for _ in range(2):
            place.clock.move(DAY)
            await place.no_timer()
    said = sorted(tuple(row) for row in await place.pool.fetch("SELECT send_key, journey, step FROM queue.outbound"))
    assert len(said) == 5
    spool = Spool(tmp_path)
    async with place.pool.acquire() as connection:
        number, last = await store.read(connection, EARLIEST, LATEST, "PL", spool)
    spool.close()
    assert number == 3
    assert last is not None
    player, outcome = Player(Setup(WORKSPACE, last + 3 * DAY)), Outcome()
    for n in range(BUCKETS):
        outcome.add(player.play(tmp_path, n))
    assert sorted((journey, step) for (journey, step, _), n in outcome.after.sent.items() for _ in range(n)) == sorted(
        (journey, step) for _, journey, step in said
    )
    assert outcome.after.customers == 2
