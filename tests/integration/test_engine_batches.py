"""One batch, one transaction: fenced, whole or not at all, in a number of statements that its size does not change."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from services.contracts import topics
from services.contracts.segment import Segment
from services.contracts.workspace import Workspace
from services.trigger_engine import sweep as sweep_module
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.people import Stale
from services.trigger_engine.relay import Relay
from services.trigger_engine.store import events, outcomes
from services.trigger_engine.store.outcomes import Outcome
from services.trigger_engine.store.positions import Fenced
from services.trigger_engine.sweep import Sweep
from services.trigger_engine.transaction import Transaction
from tests.support import town as town_module
from tests.support.engine import AT, DAY, MINUTE, REMINDER, SUBSCRIBED, THANKS, anna, event, journey, until, workspace
from tests.support.town import SECRET, TOPICS, Desk, Town, start_log, take_in, town
from tests.support.waiting import eventually

ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
NO = {"email": {"state": "unsubscribed"}}
VIEWS = journey("views", "page.viewed", exits=until("order.placed"))
EMAIL = "anna@example.com"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        await start_log(made)
        yield made


def person(number: int, **fields: object) -> dict[str, object]:
    return anna(id=f"c-{number}", email=f"c{number}@example.com", **fields)


# Fencing


async def test_a_zombies_batch_cannot_commit(place: Town) -> None:
    """Another engine has gone further: nothing of the late batch is there."""
    desk, zombie = Desk(place, workspace(THANKS)), Desk(place, workspace(THANKS))
    late = await zombie.prepare([event("order.placed", customer=person(1), order=ORDER)])
    await desk.commit(await desk.prepare([event("page.viewed"), event("page.viewed")]))
    with pytest.raises(Fenced):
        await zombie.commit(late)
    assert (await place.said(), await place.profiles(), await place.count("engine.events")) == ([], 0, 2)


async def test_position_and_effects_commit_together(place: Town) -> None:
    desk = Desk(place, workspace(THANKS))
    work = await desk.prepare([event("order.placed", customer=person(1), order=ORDER)])
    work.dead.append(Outcome(topics.DEAD_LETTERS, None, b"{}", None))  # type: ignore[arg-type]
    with pytest.raises(asyncpg.NotNullViolationError):
        await desk.commit(work)
    assert await place.pool.fetchval("SELECT sum(position) FROM engine.positions") == 0
    assert (await place.said(), await place.profiles(), await place.count("engine.event_ids")) == ([], 0, 0)


async def test_an_engine_that_was_overtaken_goes_on_where_the_other_one_left(place: Town) -> None:
    await place.publish(workspace(THANKS))
    await place.pool.execute("DELETE FROM engine.positions")
    same = event("order.placed", customer=person(1), order=ORDER)
    async with place.engine():
        await place.tell(same)
        await place.read()
        await place.pool.execute("UPDATE engine.positions SET position = 0")
        await place.tell(event("order.placed", customer=person(2), order={**ORDER, "id": "o2"}))
        await place.read()
    assert await place.said() == ["thanks", "thanks"]
    assert await place.pool.fetchval("SELECT sum(position) FROM engine.positions") == 2


async def test_two_engines_make_room_for_events_at_the_same_moment(place: Town) -> None:
    async with place.pool.acquire() as one, place.pool.acquire() as two:
        day = (AT + 30 * DAY).date()
        await asyncio.gather(events.make_partitions(one, day, 9), events.make_partitions(two, day, 9))


async def test_days_that_are_not_kept_are_dropped_and_their_events_stay_repeats(place: Town) -> None:
    old = event("order.placed", customer=person(1), order=ORDER)
    await take_in(place, workspace(THANKS), old)
    async with place.pool.acquire() as connection:
        today = AT.date()
        assert await events.drop_partitions(connection, today) == []
        assert await events.drop_partitions(connection, (AT + DAY).date()) == [events.partition(today)]
        await events.make_partitions(connection, today, 1)
    assert await place.count("engine.events") == 0
    await take_in(place, workspace(THANKS), old, first=1)
    assert (await place.count("engine.events"), await place.said()) == (0, ["thanks"])


async def test_a_busy_table_keeps_its_days_until_the_next_time(place: Town) -> None:
    async with place.pool.acquire() as one, place.pool.acquire() as two, one.transaction():
        await one.execute("SELECT count(*) FROM engine.events")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await events.drop_partitions(two, (AT + DAY).date())
    assert await place.count(f"pg_class WHERE relname = '{events.partition(AT.date())}'") == 1


async def test_a_window_begins_with_what_is_recorded_when_it_is_first_used(place: Town) -> None:
    """In one statement for all customers of the batch, and in none once they have caught up."""
    desk = Desk(place, workspace(THANKS))
    orders = [
        event("order.placed", customer=person(n), order={**ORDER, "id": f"o{n}{i}"}) for n in (1, 2) for i in (1, 2)
    ]
    await desk.commit(await desk.prepare(orders))
    asks = workspace(journey("vip", "page.viewed", condition="spent(365 days) >= 200 and orders(30 days) == 2"))
    later = Desk(place, asks)
    town_module.STATEMENTS.clear()
    views = [event("page.viewed", customer=person(n)) for n in (1, 2, 3)]
    await later.commit(await later.prepare(views, first=4))
    assert town_module.STATEMENTS["SELECT id, profile_id,"] == 1
    assert await place.said() == ["thanks"] * 4 + ["vip"] * 2
    town_module.STATEMENTS.clear()
    await later.commit(await later.prepare([event("page.viewed", customer=person(1))], first=7))
    assert town_module.STATEMENTS["SELECT id, profile_id,"] == 0


async def test_two_engines_that_start_at_once_both_start(place: Town) -> None:
    await place.publish(workspace(THANKS))
    await place.pool.execute("DELETE FROM engine.positions")
    async with place.engine("engine-1", ready=False) as one, place.engine("engine-2", ready=False) as two:
        await eventually(lambda: one.ready()[0] and two.ready()[0])
        for partition in (0, 1):
            value = event("order.placed", customer=person(partition), order={**ORDER, "id": str(partition)})
            await place.tell(value, partition=partition)
        await place.read()
    assert await place.said() == ["thanks", "thanks"]


# Statements


async def statements(desk: Desk, values: list[bytes], first: int) -> Counter[str]:
    town_module.STATEMENTS.clear()
    await desk.commit(await desk.prepare(values, first=first))
    return Counter(town_module.STATEMENTS)


def story(number: int) -> list[bytes]:
    """Everything that a batch may do for one customer: new, known, moved, merged, entered, exited, withdrawn."""
    who = person(number)
    return [
        event("page.viewed", customer={"anonymous_id": f"a{number}"}),
        event("cart.updated", customer=who, cart={"id": f"k{number}", "total": "10"}),
        event("page.viewed", customer={**who, "anonymous_id": f"a{number}"}),
        event("order.placed", AT + MINUTE, customer=who, order={**ORDER, "id": str(number)}),
        event("consent.changed", AT + MINUTE, customer={**who, "consents": NO}),
        event("page.viewed"),
    ]


@pytest.mark.parametrize("warm", [False, True])
async def test_the_number_of_statements_does_not_depend_on_the_number_of_events(place: Town, warm: bool) -> None:
    desk = Desk(place, workspace(THANKS, VIEWS, REMINDER, journey("first", "order.first_placed")))
    small = [value for number in range(2) for value in story(number)]
    large = [value for number in range(10, 180) for value in story(number)]
    first = 0
    if warm:
        seen = [event("customer.updated", customer=person(number)) for number in range(180)]
        await statements(desk, seen, 0)
        first = len(seen)
    few = await statements(desk, small, first)
    many = await statements(desk, large, first + len(small))
    assert len(large) > 1_000
    assert few == many
    assert sum(many.values()) <= 30


async def test_a_batch_that_does_little_sends_little(place: Town) -> None:
    desk = Desk(place, workspace(THANKS))
    await statements(desk, [event("customer.updated", customer=person(1))], 0)
    sent = await statements(desk, [event("page.viewed", customer=person(1))], 1)
    assert sum(sent.values()) <= 8, sent


# Customers who become one, over two engines that remember different things


async def test_an_engine_notices_what_another_one_has_changed(place: Town) -> None:
    """A remembered customer counts only while its version is still the row's."""
    one, two = Desk(place, workspace(THANKS)), Desk(place, workspace(THANKS))
    orders = [event("order.placed", customer=person(1), order={**ORDER, "id": str(n)}) for n in range(4)]
    for first, (desk, value) in enumerate(zip((one, two, one, two), orders, strict=True)):
        await desk.commit(await desk.prepare([value], first=first))
    (profile,) = one.memory.profiles.values()
    assert profile.orders == 3
    assert next(iter(two.memory.profiles.values())).orders == 4
    assert len(await place.said()) == 4


async def test_a_customer_merged_away_elsewhere_is_found_anew(place: Town) -> None:
    one, two = Desk(place, workspace(THANKS)), Desk(place, workspace(THANKS))
    guest = event("page.viewed", customer={"anonymous_id": "a1"})
    await one.commit(await one.prepare([guest, event("page.viewed", customer=person(1))]))
    await two.commit(await two.prepare([event("page.viewed", customer=person(1, anonymous_id="a1"))], first=2))
    late = await one.prepare([event("order.placed", customer={"anonymous_id": "a1"}, order=ORDER)], first=3)
    with pytest.raises(Stale) as caught:
        await one.commit(late)
    one.memory.forget(caught.value.profiles)
    again = await one.prepare([event("order.placed", customer={"anonymous_id": "a1"}, order=ORDER)], first=3)
    await one.commit(again)
    assert (await place.profiles(), len(await place.said())) == (1, 1)


async def test_an_email_that_moved_is_stored_as_moved(place: Town) -> None:
    """Whoever lost it does not take it back by being read again."""
    values = [event("customer.updated", customer={"id": f"c-{n}", "email": EMAIL}) for n in (1, 2)]
    values += [event("page.viewed", customer={"anonymous_id": "a1"}),
               event("page.viewed", customer={"id": "c-1", "anonymous_id": "a1"})]  # fmt: skip
    for first, value in enumerate(values):
        await take_in(place, workspace(THANKS), value, first=first)
    owner = "SELECT profile_id FROM engine.identifiers WHERE (kind, value) = ($1, $2)"
    assert await place.pool.fetchval(owner, "email", EMAIL) == await place.pool.fetchval(owner, "customer", "c-2")


async def test_who_became_one_within_a_batch_is_withdrawn_as_one(place: Town) -> None:
    """What a claim reads is the consent of both together; what was queued for either is taken back."""
    shop = workspace(journey("a", "page.viewed"), journey("b", "category.viewed"))
    two = [event("page.viewed", customer={"id": "c-1", "email": EMAIL, "consents": SUBSCRIBED}),
           event("category.viewed", customer={"anonymous_id": "a1", "phone": "+48600100200", "email": "b@example.com",
                                              "consents": SUBSCRIBED})]  # fmt: skip
    await take_in(place, shop, *two)
    assert await place.said() == ["a", "b"]
    await take_in(place, shop, *(
        event("consent.changed", AT + MINUTE, customer={"phone": "+48600100200", "consents": NO}),
        event("customer.updated", AT + MINUTE, customer={"id": "c-1", "phone": "+48600100200"}),
    ), first=2)  # fmt: skip
    assert [tuple(row) for row in await place.pool.fetch("SELECT channel, state FROM engine.v_consent")] == [
        ("email", "unsubscribed")
    ]
    rows = await place.pool.fetch("SELECT journey, state FROM queue.outbound ORDER BY journey")
    assert [tuple(row) for row in rows] == [("a", 13), ("b", 13)]


async def test_a_withdrawal_after_a_merge_in_the_same_batch_takes_back_both_queues(place: Town) -> None:
    shop = workspace(journey("a", "page.viewed"), journey("b", "category.viewed"))
    await take_in(place, shop, event("page.viewed", customer={"id": "c-1", "email": EMAIL, "consents": SUBSCRIBED}),
                  event("category.viewed", customer={"anonymous_id": "a1", "email": "b@example.com",
                                                     "consents": SUBSCRIBED}))  # fmt: skip
    await take_in(place, shop, event("page.viewed", customer={"id": "c-1", "anonymous_id": "a1"}),
                  event("consent.changed", AT + MINUTE, customer={"id": "c-1", "consents": NO}), first=2)  # fmt: skip
    assert (await place.said(), await place.profiles()) == ([], 1)


async def test_evidence_of_consent_outlives_a_merge(place: Town) -> None:
    proof = {"email": {"state": "subscribed", "text_id": "checkout-7"}}
    shop = workspace(THANKS)
    guest = {"anonymous_id": "a1", "email": EMAIL, "consents": proof}
    known = event("customer.updated", customer={"id": "c-1"})
    await take_in(place, shop, event("customer.updated", customer=guest), known)
    await take_in(place, shop, event("customer.updated", customer={"id": "c-1", "anonymous_id": "a1"}), first=2)
    row = await place.pool.fetchrow("SELECT * FROM engine.consents")
    assert row["state"] == "subscribed"
    assert msgspec.json.decode(row["evidence"])["email"]["text_id"] == "checkout-7"
    owner = await place.pool.fetchval("SELECT id FROM engine.profiles")
    assert row["profile_id"] == owner


async def test_entries_and_timers_of_a_chain_of_merges_end_at_its_end(place: Town) -> None:
    shop = workspace(REMINDER, VIEWS)
    await take_in(
        place, shop,
        event("cart.updated", customer={"anonymous_id": "a1", "email": EMAIL, "consents": SUBSCRIBED},
              cart={"id": "k1", "total": "10"}),
        event("page.viewed", customer={"anonymous_id": "a1"}),
        event("customer.updated", customer={"phone": "+48600100200"}),
        event("customer.updated", customer={"id": "c-1"}),
    )  # fmt: skip
    await take_in(
        place, shop,
        event("customer.updated", customer={"phone": "+48600100200", "anonymous_id": "a1"}),
        event("customer.updated", customer={"id": "c-1", "phone": "+48600100200"}),
        first=4,
    )  # fmt: skip
    (owner,) = [row[0] for row in await place.pool.fetch("SELECT id FROM engine.profiles")]
    for table in ("engine.entries", "engine.timers", "engine.identifiers", "queue.outbound", "engine.consents"):
        assert {row[0] for row in await place.pool.fetch(f"SELECT profile_id FROM {table}")} == {owner}, table
    assert {row[0] for row in await place.pool.fetch("SELECT new FROM engine.aliases")} == {owner}


# The outbox


async def test_the_relay_publishes_at_least_once_and_deletes_exactly_that(place: Town) -> None:
    """A lower number that commits late is published too; what is written meanwhile stays until its turn."""
    late = await asyncpg.connect(place.url)
    transaction = late.transaction()
    await transaction.start()
    await outcomes.add(late, [_outcome("late")])
    async with place.pool.acquire() as connection:
        await outcomes.add(connection, [_outcome("one"), _outcome("two")])
    relay = Relay(place.pool, await place.bus.producer())
    task = asyncio.create_task(relay.run())
    try:
        await place.logged(topics.OUTCOMES, 2)
        await eventually(lambda: _nothing_left(place))
        await transaction.commit()
        relay.hint()
        found = await place.logged(topics.OUTCOMES, 3)
        await eventually(lambda: _nothing_left(place))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await late.close()
    assert sorted(record.value or b"" for record in found) == [b"late", b"one", b"two"]
    assert dict(found[0].headers) == {"x": b"\xff"}


def _outcome(name: str) -> Outcome:
    return Outcome(topics.OUTCOMES, b"key", name.encode(), b'[["x","/w=="]]')


async def _nothing_left(place: Town) -> bool:
    return not await place.count("engine.outcomes")


async def test_one_relay_works_and_the_other_takes_over(place: Town) -> None:
    producer = await place.bus.producer()
    tasks = [asyncio.create_task(Relay(place.pool, producer).run()) for _ in range(2)]
    try:
        async with place.pool.acquire() as connection:
            await outcomes.add(connection, [_outcome("one")])
        await place.logged(topics.OUTCOMES, 1)
        for task in tasks[:1]:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with place.pool.acquire() as connection:
            await outcomes.add(connection, [_outcome("two")])
        await eventually(lambda: _nothing_left(place))
        assert {record.value for record in await place.log(topics.OUTCOMES)} == {b"one", b"two"}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# Segments


async def swept(place: Town, shop: Workspace) -> tuple[Sweep, list[Transaction]]:
    """A sweep over the town's customers under this workspace, and what it commits."""
    done: list[Transaction] = []
    await place.publish(shop)
    definitions = define(msgspec.structs.replace(shop, version=await place.count("workspace.versions")))
    return Sweep(place.pool, place.clock, lambda: definitions, TOPICS, (SECRET,), done.append), done


async def test_a_sweep_makes_members_of_all_in_chunks_and_goes_on_where_it_was_stopped(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "CHUNK", 10)
    await take_in(place, workspace(), *(event("order.placed", customer=person(n), order={**ORDER, "id": f"o{n}"})
                                        for n in range(25)))  # fmt: skip
    segments = (Segment("buyers", "profile.orders_count > 0"),)
    shop = workspace(journey("hello", "segment.entered"), segments=segments)
    first, _ = await swept(place, shop)
    assert await first.step()
    assert await place.said() == ["hello"] * 10
    second, _ = await swept(place, shop)
    assert [await second.step() for _ in range(3)] == [True, False, False]
    assert await place.said() == ["hello"] * 25
    assert await place.count("engine.sweeps WHERE done") == 1


async def test_two_sweeps_at_once_visit_nobody_twice_and_a_changed_segment_begins_anew(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "CHUNK", 5)
    await take_in(place, workspace(), *(event("order.placed", customer=person(n), order={**ORDER, "id": f"o{n}"})
                                        for n in range(20)))  # fmt: skip
    shop = workspace(segments=(Segment("buyers", "profile.orders_count > 0"),))
    sweeps = [(await swept(place, shop))[0] for _ in range(2)]

    async def finish(one: Sweep) -> None:
        while await place.count("engine.sweeps WHERE done") == 0:
            await one.step()

    await asyncio.gather(*map(finish, sweeps))
    derived = await place.count("engine.outcomes WHERE position('segment.entered' in convert_from(value, 'UTF8')) > 0")
    assert derived == 20
    changed, done = await swept(place, workspace(segments=(Segment("buyers", "profile.orders_count > 1"),)))
    while await changed.step():
        pass
    assert sum(len(each.into.derived) for each in done) == 20
