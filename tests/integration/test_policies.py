"""Policies on a real database: caps that are given back, quiet hours that hold a row and nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.contracts.message import State
from services.contracts.policies import Cap, QuietHours
from services.kit.clock import FixedClock
from services.notifier.claim import Order, claim
from services.notifier.editions import Editions
from services.trigger_engine.people import Stale
from services.trigger_engine.transaction import Transaction
from tests.support import notifying as n
from tests.support import town as town_module
from tests.support.engine import AT, DAY, HOUR, anna, event, journey, until, workspace
from tests.support.notifying import message
from tests.support.provider_sink import ProviderSink
from tests.support.town import Desk, Town, start_log, town
from tests.support.waiting import eventually

WEEK = Cap(1, 7 * 86_400.0, then="drop")
VIEWS = journey("views", "page.viewed", again_after=0, exits=until("order.placed"))
THANKS = journey("thanks", "order.placed", again_after=0)
ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
NIGHT = QuietHours(20 * 60, 9 * 60)
TONIGHT = (datetime(2026, 11, 22, 19, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC))


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


@pytest.fixture
async def desk(place: Town) -> Desk:
    await start_log(place)
    return Desk(place, workspace(VIEWS, THANKS, caps=(WEEK,)))


class Till:
    """Hands events to a desk, one batch each."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._first = desk, 0

    async def __call__(self, kind: str, **data: Any) -> Transaction:
        work = await self._desk.prepare([event(kind, customer=anna(), **data)], first=self._first)
        self._first += 1
        return await self._desk.commit(work)


@pytest.mark.parametrize(
    ("state", "said"),
    [(State.QUEUED, 1), (State.CLAIMED, 1), (State.ACCEPTED, 1), (State.UNKNOWN, 1), (State.REFUSED, 2),
     (State.REVOKED, 2), (State.DROPPED, 2), (State.EXPIRED, 2)],
)  # fmt: skip
async def test_a_place_under_a_cap_is_given_back_when_its_message_will_not_leave(
    place: Town, desk: Desk, state: State, said: int
) -> None:
    look = Till(desk)
    await look("page.viewed")
    await place.pool.execute("UPDATE queue.outbound SET state = $1", state)
    await look("page.viewed")
    assert await place.count("queue.outbound") == said


async def test_an_order_that_ends_the_reminder_leaves_room_for_the_thanks(place: Town, desk: Desk) -> None:
    look = Till(desk)
    await look("page.viewed")
    await look("order.placed", order=ORDER)
    assert await place.said() == ["thanks"]


async def test_a_claim_that_comes_first_keeps_its_place(place: Town, desk: Desk) -> None:
    """The engine has seen the message queued; before it takes it back, a notifier claims it."""
    look = Till(desk)
    await look("page.viewed")
    work = await desk.prepare([event("order.placed", customer=anna(), order=ORDER)], first=1)
    transaction = claimed_meanwhile(place)
    async with place.pool.acquire() as connection:
        running = transaction(connection, desk.definitions, desk.memory, town_module.TOPICS, (town_module.SECRET,))
        with pytest.raises(Stale):
            await running.run(work, place.clock.now(), place.clock.real())
    desk.memory.clear()
    assert await place.queue() == [("hello", "CLAIMED", None)]
    await look("order.placed", order=ORDER)
    assert await place.queue() == [("hello", "CLAIMED", None)]


def claimed_meanwhile(place: Town) -> type[Transaction]:
    """A transaction between whose look at the queue and its taking back every message is claimed."""

    class Beaten(Transaction):
        async def _load_revisions(self) -> None:
            await super()._load_revisions()
            await place.pool.execute("UPDATE queue.outbound SET state = $1", State.CLAIMED)

    return Beaten


async def test_what_was_beaten_by_a_claim_is_decided_again_by_the_engine(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.publish(workspace(VIEWS, THANKS, caps=(WEEK,)))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        monkeypatch.setattr("services.trigger_engine.engine.Transaction", claimed_meanwhile(place))
        await place.tell(event("order.placed", customer=anna(), order=ORDER))
        await place.read()
    assert await place.queue() == [("hello", "CLAIMED", None)]
    assert await place.count("engine.events") == 2


async def test_caps_cost_one_statement_a_batch_and_nothing_where_there_are_none(place: Town) -> None:
    await start_log(place)
    counted = []
    for n_, caps in enumerate(((), (WEEK,), (WEEK,))):
        desk = Desk(place, workspace(VIEWS, caps=caps))
        seen = [event("page.viewed", customer=anna(id=f"c{n_}-{k}", email=f"{n_}{k}@example.com")) for k in range(20)]
        await desk.commit(await desk.prepare(seen, first=40 * n_))
        town_module.STATEMENTS.clear()
        await desk.commit(await desk.prepare(seen_again(seen), first=40 * n_ + 20))
        counted.append(Counter(town_module.STATEMENTS))
    without, with_caps, again = counted
    assert with_caps == again
    fates = "SELECT send_key, state,"
    assert with_caps[fates] == without[fates] + 1


def seen_again(values: list[bytes]) -> list[bytes]:
    return [value.replace(b'"id":"e', b'"id":"again-e') for value in values]


async def test_a_message_waits_over_the_night_and_leaves_with_the_quiet_hours_ahead(place: Town) -> None:
    place.clock.move(10 * HOUR)  # 21:00 in Warsaw
    await place.publish(workspace(VIEWS, quiet_hours={"email": NIGHT}))
    async with place.engine():
        await place.tell(event("page.viewed", place.clock.now(), customer=anna()))
        await place.read()
        assert (await place.said(), await place.count("engine.timers")) == ([], 1)
        place.clock.move(12 * HOUR)
        await place.no_timer()
    assert await place.said() == ["views"]
    quiet = await place.pool.fetchval("SELECT quiet FROM queue.outbound")
    assert [(span.lower, span.upper) for span in quiet][:2] == [
        (TONIGHT[0] + DAY, TONIGHT[1] + DAY), (TONIGHT[0] + 2 * DAY, TONIGHT[1] + 2 * DAY),
    ]  # fmt: skip


# The notifier


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as played:
        yield played


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


async def test_what_was_queued_before_the_quiet_hours_does_not_leave_in_them(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink
) -> None:
    clock = FixedClock(TONIGHT[0])
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1, klass="service", quiet=(TONIGHT,)), message(2, klass="service")])
    async with n.running(database_url, clock):
        await until_states(pool, [(0, None), (10, None)])
        clock.move(TONIGHT[1] - TONIGHT[0] - timedelta(seconds=1))
        await n.enqueue(pool, [message(3)])
        await eventually(lambda: len(sink.messages) == 2)
        assert (await n.states(pool))[0] == (0, None)
        clock.move(timedelta(seconds=1))
        await eventually(lambda: len(sink.messages) == 3)
    assert sink.messages[2].to == "customer1@example.com"


async def until_states(pool: asyncpg.Pool, wanted: list[tuple[int, str | None]]) -> None:
    async def reached() -> bool:
        return await n.states(pool) == wanted

    await eventually(reached)


@pytest.mark.parametrize("held_by", ["quiet hours", "a pause"])
async def test_a_held_message_lets_the_customers_others_pass(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, held_by: str
) -> None:
    clock = FixedClock(TONIGHT[0])
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    held: dict[str, Any] = {"quiet": (TONIGHT,)}
    if held_by == "a pause":
        held = {"journey": "adverts"}
        await pool.execute("INSERT INTO queue.pauses VALUES ('journey:adverts', $1, 'brake')", AT)
    await n.enqueue(pool, [message(1, customer=1, klass="service", **held), message(2, customer=1)])
    async with n.running(database_url, clock):
        await until_states(pool, [(0, None), (10, None)])
        clock.move(DAY)
        await pool.execute("DELETE FROM queue.pauses")
        await eventually(lambda: len(sink.messages) == 2)
    assert [one.send_key for one in sink.messages] == [message(k).send_key.hex() for k in (2, 1)]


async def test_what_was_held_does_not_leave_beside_what_has_passed_it(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink
) -> None:
    """One message of a customer in flight at a time, also when an older one becomes free meanwhile."""
    await n.publish(pool, n.workspace(n.resend(sink.url)))
    await n.enqueue(pool, [message(1, customer=1, quiet=(TONIGHT,)), message(2, customer=1)])
    taken = []
    for now in (TONIGHT[0], TONIGHT[1]):
        context = n.context(pool, database_url, FixedClock(now))
        editions = Editions(context)
        await editions.refresh()
        assert editions.now
        found = await claim(context, Order(editions.now.accounts[0], editions.now, 9, 9))
        taken.append([key for job in found.jobs for key in job.attempt.send_keys])
    assert taken == [[message(2).send_key], []]
