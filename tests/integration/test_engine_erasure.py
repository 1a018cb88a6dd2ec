"""`customer.deleted`: everything known goes at once, and does not come back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.contracts import ids
from services.trigger_engine.erasure import digest
from services.trigger_engine.profiles.state import Identifier
from tests.support import town as town_module
from tests.support.engine import AT, DAY, HOUR, MINUTE, REMINDER, THANKS, anna, event, journey, workspace
from tests.support.town import SECRET, Desk, Town, start_log, town

CART = {"id": "k1", "total": "150.00"}
ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
SHOP = workspace(THANKS, REMINDER, journey("news", "page.viewed", again_after=0))
DELETED = event("customer.deleted", AT + HOUR, id="gone", subject="c-1", customer={"id": "c-1"})


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP) as made:
        yield made


def life() -> list[bytes]:
    """A guest who becomes a customer, orders, looks around and fills a cart."""
    return [
        event("page.viewed", id="1", customer={"anonymous_id": "a1"}),
        event("order.placed", id="2", customer=anna(), order=ORDER),
        event("page.viewed", id="3", customer=anna(anonymous_id="a1")),
        event("cart.updated", AT + MINUTE, id="4", customer=anna(), cart=CART),
    ]


async def nothing_is_left(place: Town) -> None:
    for table in ("profiles", "identifiers", "aliases", "entries", "timers", "consents", "events"):
        assert await place.count(f"engine.{table}") == 0, table
    assert await place.count("queue.outbound WHERE recipient <> '' OR length(context) > 0") == 0
    for table in ("engine.erased", "engine.event_ids", "queue.outbound"):
        rows = repr([tuple(row) for row in await place.pool.fetch(f"SELECT * FROM {table}")])
        assert "anna" not in rows.lower(), table


async def test_everything_known_of_a_customer_goes_and_ids_stay(place: Town) -> None:
    async with place.engine():
        await place.tell(*life())
        await place.read()
        assert await place.said() == ["news", "thanks"]
        await place.tell(DELETED)
        await place.read()
    await nothing_is_left(place)
    assert await place.queue() == [("hello", "REVOKED", "erased")] * 2
    assert await place.count("engine.event_ids") == 5


async def test_in_one_batch_it_is_the_same(place: Town) -> None:
    async with place.engine():
        await place.tell(*life(), DELETED)
        await place.read()
    await nothing_is_left(place)


async def test_older_events_do_not_bring_the_erased_back(place: Town) -> None:
    """Neither under a name that he had, nor as part of the same batch, nor read once more."""
    late = event("order.placed", AT + MINUTE, id="late", customer=anna(), order={**ORDER, "id": "o2"})
    cookie = event("page.viewed", AT + MINUTE, customer={"anonymous_id": "a1"})
    async with place.engine():
        await place.tell(*life(), DELETED, late)
        await place.read()
        await place.tell(late, cookie, *life())
        await place.read()
    await nothing_is_left(place)
    assert await place.count("engine.event_ids WHERE id = $1", ids.kafka_event("backend", "late")) == 1


async def test_a_later_event_starts_a_new_customer_without_consent(place: Town) -> None:
    async with place.engine():
        await place.tell(*life(), DELETED)
        await place.read()
        who = {"id": "c-1", "email": "anna@example.com", "first_name": "Anna"}
        await place.tell(event("page.viewed", AT + DAY - HOUR, id="5", customer=who))
        await place.read()
        await place.tell(*life())
        await place.read()
    assert (await place.profiles(), await place.count("engine.consents")) == (1, 0)
    assert await place.count("engine.events") == 1
    assert await place.said() == []


async def test_others_are_left_alone(place: Town) -> None:
    jan = anna(id="c-2", email="jan@example.com")
    async with place.engine():
        await place.tell(
            *life(), event("page.viewed", customer=jan), DELETED, event("order.placed", customer=jan, order=ORDER)
        )
        await place.read()
    assert (await place.profiles(), await place.said()) == (1, ["news", "thanks"])


async def test_a_message_in_the_notifiers_hands_stays_as_it_is(place: Town) -> None:
    async with place.engine():
        await place.tell(*life())
        await place.read()
        await place.pool.execute("UPDATE queue.outbound SET state = 1 WHERE journey = 'news'")
        await place.tell(DELETED)
        await place.read()
    rows = await place.pool.fetch("SELECT state, recipient FROM queue.outbound ORDER BY journey")
    assert [tuple(row) for row in rows] == [(1, "anna@example.com"), (13, "")]


async def test_an_erasure_under_a_key_before_still_counts(place: Town) -> None:
    name = Identifier("email", "", "anna@example.com")
    await place.pool.execute("INSERT INTO engine.erased VALUES ($1, $2)", digest(name, "o" * 40), AT + HOUR)
    place.settings = type(place.settings)(database_url=place.url, secret_keys=(SECRET, "o" * 40))
    async with place.engine():
        await place.tell(*life())
        await place.read()
    assert await place.count("engine.events") == 1


def test_a_digest_says_nothing_without_the_key() -> None:
    name = Identifier("email", "", "anna@example.com")
    assert digest(name, SECRET) != digest(name, "o" * 40)
    assert digest(name, SECRET) != digest(Identifier("customer", "", "anna@example.com"), SECRET)
    golden = "4a0c5568265b7b07580a94a77000585263170b51057d98d3d330b867f13b62e9"
    assert digest(name, "k" * 32).hex() == golden  # rows hold it for ever


async def test_who_erases_nobody_pays_nothing(place: Town) -> None:
    """One look-up for names never seen before; no statement for those that are known."""
    await start_log(place)
    desk = Desk(place, SHOP)
    for first, expected in ((0, 1), (1, 0)):
        town_module.STATEMENTS.clear()
        await desk.commit(await desk.prepare([event("customer.updated", customer=anna())], first=first))
        about = {query: n for query, n in town_module.STATEMENTS.items() if "identifier, erased_at" in query}
        assert sum(about.values()) == expected
        assert not any(query.startswith("DELETE") for query in town_module.STATEMENTS)
