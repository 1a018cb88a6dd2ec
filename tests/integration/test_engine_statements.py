"""What customers state on our pages, on its way through the queue: consents, events, and what is taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from services.contracts import topics
from services.contracts.receipt import STATEMENT, Statement
from tests.support.engine import AT, HOUR, MINUTE, anna, event, journey, workspace
from tests.support.town import STATEMENTS, Desk, Town, start_log, town

PENDING = {"email": {"state": "pending"}}
SUBSCRIBED = 'event.customer.consents.email.state == "subscribed"'
SHOP = workspace(
    journey("confirm", "customer.signed_up", klass="transactional"),
    journey("welcome", "consent.changed", condition=SUBSCRIBED),
)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP) as made:
        yield made


async def state(place: Town, *, by: Any = "confirmation", recipient: str = "anna@example.com", **lines: Any) -> None:
    """Leave a statement as the notifier does."""
    given: dict[str, Any] = msgspec.to_builtins(
        Statement(by, lines or {"email": "subscribed"}, recipient, "ab" * 32, "t/1", "Zgadzam się", "203.0.113.7")
    )
    await place.receipt(STATEMENT, at=place.clock.real(), **given)


def signup(**fields: Any) -> bytes:
    return event("customer.signed_up", id="1", customer=anna(**{"consents": PENDING, **fields}))


async def test_a_confirmation_is_stored_with_its_evidence_and_told_to_others(place: Town) -> None:
    async with place.engine():
        await place.tell(signup())
        await place.read()
        place.clock.move(MINUTE)
        await state(place)
        await place.heard()
        (told,) = await place.logged(topics.OUTCOMES, 1)
    assert await place.said() == ["confirm", "welcome"]
    row = await place.pool.fetchrow("SELECT channel, topic, state, at, evidence FROM engine.consents")
    assert tuple(row)[:3] == ("email", "", "subscribed")
    assert row["at"] > AT
    proof = msgspec.json.decode(row["evidence"])
    assert (proof["by"], proof["ip"], proof["text"]) == ("confirmation", "203.0.113.7", "Zgadzam się")
    assert b"anna" not in row["evidence"]
    heard = msgspec.json.decode(told.value or b"")
    assert (heard["type"], heard["source"]) == ("consent.changed", "wici")
    assert heard["data"]["customer"]["consents"]["email"]["state"] == "subscribed"
    assert b"203.0.113.7" not in (told.value or b"")
    assert await place.count("engine.events WHERE type = 'consent.changed'") == 1
    assert await place.count("engine.events WHERE type LIKE 'message.%'") == 0


async def test_a_statement_of_a_profile_that_was_merged_away_counts_for_the_one_that_stays(place: Town) -> None:
    async with place.engine():
        await place.tell(signup(id=None))
        await place.read()
        await place.tell(
            event("page.viewed", AT + MINUTE, id="2", customer={"id": "c-1"}),
            event("customer.updated", AT + MINUTE, id="3", customer={"id": "c-1", "email": "anna@example.com"}),
        )
        await place.read()
        place.clock.move(HOUR)
        await state(place)
        await place.heard()
    assert await place.profiles() == 1
    assert [tuple(r) for r in await place.pool.fetch("SELECT channel, state FROM engine.consents")] == [
        ("email", "subscribed")
    ]


async def test_a_statement_about_somebody_erased_changes_nothing(place: Town) -> None:
    async with place.engine():
        await place.tell(signup())
        await place.read()
        await place.tell(event("customer.deleted", AT + MINUTE, id="gone", customer={"id": "c-1"}))
        await place.read()
        place.clock.move(HOUR)
        await state(place)
        await place.heard()
    assert await place.count("engine.consents") == 0
    assert await place.profiles() == 0
    assert await place.said() == []


async def test_an_erasure_takes_a_statement_that_waits_with_it(place: Town) -> None:
    """It holds the caller's address and what his browser said."""
    await start_log(place)
    desk = Desk(place, SHOP)
    await desk.commit(await desk.prepare([signup()]))
    await state(place)
    gone = event("customer.deleted", AT + MINUTE, id="gone", customer={"id": "c-1"})
    await desk.commit(await desk.prepare([gone], first=1))
    assert await place.count("queue.receipts") == 0


async def test_leaving_in_the_preference_centre_takes_back_what_waits(place: Town) -> None:
    async with place.engine():
        await place.tell(signup(consents={"email": {"state": "subscribed", "at": AT}}))
        await place.tell(event("consent.changed", id="2", customer=anna()))
        await place.read()
        assert await place.said() == ["confirm", "welcome"]
        place.clock.move(HOUR)
        await state(place, by="preferences", email="unsubscribed")
        await place.heard()
    assert await place.said() == ["confirm"]
    assert ("hello", "REVOKED", "withdrawn") in await place.queue()


async def test_a_statement_that_cannot_be_read_holds_nobody_up(place: Town) -> None:
    async with place.engine():
        await place.tell(signup())
        await place.read()
        await place.receipt(STATEMENT, lines="nonsense")
        place.clock.move(MINUTE)
        await state(place)
        await place.heard()
    assert await place.pool.fetchval("SELECT state FROM engine.consents") == "subscribed"


async def test_a_hundred_statements_cost_as_many_statements_of_sql_as_one(place: Town) -> None:
    await start_log(place)
    costs = []
    for many in (1, 100):
        desk = Desk(place, SHOP)
        first = int(await place.pool.fetchval("SELECT max(position) FROM engine.positions"))
        people = [
            event("customer.signed_up", id=f"{many}-{n}", customer=anna(
                id=f"c-{many}-{n}", email=f"a{many}x{n}@example.com", consents=PENDING))
            for n in range(many)
        ]  # fmt: skip
        await desk.commit(await desk.prepare(people, first=first))
        await place.pool.execute(
            "INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
            " SELECT send_key, profile_id, entry_id, journey, step, channel, $1, $2,"
            "   convert_to(replace($3, '@@', recipient), 'UTF8') FROM queue.outbound WHERE recipient LIKE $4",
            STATEMENT, place.clock.real(),
            msgspec.json.encode(Statement("confirmation", {"email": "subscribed"}, "@@", "", "t", "t")).decode(),
            f"a{many}x%",
        )  # fmt: skip
        work = await desk.prepare([], first=first + many)
        work.hear, work.shards = True, tuple(range(12))
        STATEMENTS.clear()
        await desk.commit(work)
        costs.append(STATEMENTS.total())
        assert await place.count("engine.consents WHERE state = 'subscribed'") == {1: 1, 100: 101}[many]
    assert costs[0] == costs[1]
