"""What the rows say of why something was done, or was not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from services.contracts.journey import Rule, Wait
from services.trigger_engine.store import entries
from tests.support.engine import AT, HOUR, anna, event, journey, say, workspace
from tests.support.town import Town, town

ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


def ordered(**fields: Any) -> bytes:
    return event("order.placed", **{"customer": anna(), "order": ORDER, **fields})


async def test_the_event_row_says_why_it_entered_nothing(place: Town) -> None:
    await place.publish(workspace(journey("big", "order.placed", condition="event.order.total > 900")))
    async with place.engine():
        await place.tell(ordered(), event("page.viewed", customer=anna()))
        await place.read()
    traces = dict(await place.pool.fetch("SELECT type, trace FROM engine.events"))
    assert msgspec.msgpack.decode(traces["order.placed"]) == [["big", "condition_false", "enter", None]]
    assert traces["page.viewed"] is None


async def test_a_derived_event_is_on_record_with_a_trace_of_its_own(place: Town) -> None:
    """Also one that a timer has brought: no event row of the shop's could say why it entered nothing."""
    big = journey("big", "cart.abandoned", condition="event.cart.total > 900")
    await place.publish(workspace(big, journey("first", "order.first_placed", condition="profile.orders_count > 1")))
    async with place.engine():
        await place.tell(event("cart.updated", customer=anna(), cart={"id": "k1", "total": "150.00"}))
        await place.read()
        place.clock.move(HOUR)
        await place.no_timer()
        await place.tell(ordered())
        await place.read()
    rows = {row["type"]: row for row in await place.pool.fetch("SELECT * FROM engine.events")}
    assert msgspec.json.decode(rows["cart.abandoned"]["data"])["cart"]["id"] == "k1"
    assert msgspec.msgpack.decode(rows["cart.abandoned"]["trace"]) == [["big", "condition_false", "enter", None]]
    saw = {"profile.orders_count": 1}
    assert msgspec.msgpack.decode(rows["order.first_placed"]["trace"]) == [["first", "condition_false", "enter", saw]]
    assert rows["order.placed"]["trace"] is None
    assert {row["source"] for name, row in rows.items() if name in {"cart.abandoned", "order.first_placed"}} == {"wici"}


async def test_an_entry_says_what_it_did_at_its_steps_after_its_event_too(place: Town) -> None:
    steps = (Wait("wait", 1, "hours"), say(id="sms", via=("sms",)), Wait("again", 1, "hours"))
    await place.publish(workspace(journey("views", "page.viewed", *steps)))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        place.clock.move(HOUR)
        await place.no_timer()
    raw = await place.pool.fetchval("SELECT trace FROM engine.entries")
    walked = entries.noted(raw)
    assert [(one.at.replace(microsecond=0), one.step, one.reason) for one in walked] == [
        (AT, "wait", None),
        (AT + HOUR, "sms", "no_address"),
        (AT + HOUR, "again", None),
    ]
    assert walked[2].seen is not None
    assert walked[2].seen["until"].startswith("2026-11-22T12:00:00")


async def test_a_receipt_that_a_journey_listens_to_is_on_record(place: Town) -> None:
    silent = journey(
        "a",
        "page.viewed",
        say(),
        Wait("w", 1, "days"),
        exits=(Rule("message.opened", 'received.message.channel == "sms"'),),
    )
    await place.publish(workspace(silent))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        await place.receipt("opened")
        await place.receipt("delivered")
        await place.heard()
    rows = await place.pool.fetch("SELECT type, trace FROM engine.events WHERE source = 'wici'")
    assert [row["type"] for row in rows] == ["message.opened"]
    assert msgspec.msgpack.decode(rows[0]["trace"]) == [["a", "condition_false", "exit", None]]
