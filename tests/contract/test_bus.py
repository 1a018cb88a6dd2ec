"""One contract, two buses: everything here holds for Kafka and for PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain

import pytest

from services.kit.bus import Bus, Outgoing, TopicSpec
from services.kit.bus.dead_letters import dead_letter, origin, replay
from services.kit.bus.partition import partition_of
from services.kit.errors import BadRecord, Misconfigured
from tests.contract.buses import (
    LONG_SESSION,
    KafkaWorld,
    Ledger,
    PostgresWorld,
    World,
    joined,
    numbered,
    receive,
    values,
)
from tests.support.waiting import eventually

PARTITIONS = 4
NULL_VALUE = None


@pytest.fixture(params=["kafka", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "kafka":
        return KafkaWorld(request.getfixturevalue("kafka"))
    return PostgresWorld(request.getfixturevalue("database_url"))


@pytest.fixture
async def bus(world: World) -> AsyncIterator[Bus]:
    opened = await world.open()
    yield opened
    await opened.close()


@pytest.fixture
async def other(world: World) -> AsyncIterator[Bus]:
    """A second process's connection."""
    opened = await world.open()
    yield opened
    await opened.close()


@pytest.fixture
async def topic(bus: Bus, topic_prefix: str) -> str:
    name = f"{topic_prefix}events"
    await bus.create_topics([TopicSpec(name, PARTITIONS)])
    return name


async def test_records_of_one_key_arrive_in_the_order_of_publishing(bus: Bus, topic: str) -> None:
    producer = await bus.producer()
    await producer.publish(numbered(topic, 300, keys=7))
    await producer.publish(numbered(topic, 300, keys=7, first=300))
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    by_key = defaultdict(list)
    for record in await receive(consumer, 600):
        by_key[record.key].append(int(record.value or b""))
    assert len(by_key) == 7
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert sorted(chain.from_iterable(by_key.values())) == list(range(600))


async def test_records_published_by_many_callers_at_once_all_arrive_with_dense_offsets(
    bus: Bus, other: Bus, topic: str
) -> None:
    producers = [await bus.producer(), await other.producer()]
    calls = [producers[n % 2].publish(numbered(topic, 5, keys=5, first=n * 5)) for n in range(100)]
    await asyncio.gather(*calls)
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    records = await receive(consumer, 500)
    assert sorted(int(record.value or b"") for record in records) == list(range(500))
    offsets = defaultdict(list)
    for record in records:
        offsets[record.partition].append(record.offset)
    assert all(found == list(range(len(found))) for found in offsets.values())


async def test_everything_of_a_record_comes_back_as_it_was_given(bus: Bus, topic: str) -> None:
    headers = (("wici-id", b"\x00\xff"), ("traceparent", b"00-ab-cd-01"), ("wici-id", b"again"))
    sent = [
        Outgoing(topic, b"same", b"value", headers),
        Outgoing(topic, b"same", NULL_VALUE),
        Outgoing(topic, b"same", b""),
    ]
    await (await bus.producer()).publish(sent)
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    records = await receive(consumer, 3)
    assert values(records) == [b"value", None, b""]
    assert [tuple(record.headers) for record in records] == [headers, (), ()]
    assert {(record.topic, record.key, record.partition) for record in records} == {
        (topic, b"same", partition_of(b"same", PARTITIONS))
    }
    assert all(record.timestamp > 1_700_000_000_000 for record in records)


async def test_records_without_a_key_are_spread_over_partitions(bus: Bus, topic: str) -> None:
    await (await bus.producer()).publish([Outgoing(topic, None, b"x") for _ in range(40)])
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    records = await receive(consumer, 40)
    assert {record.partition for record in records} == set(range(PARTITIONS))
    assert {record.key for record in records} == {None}


async def test_a_batch_is_no_larger_than_asked_and_positions_follow_it(bus: Bus, topic: str) -> None:
    await (await bus.producer()).publish(numbered(topic, 50))
    partition = partition_of(b"key-0", PARTITIONS)
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    seen = 0
    while seen < 50:
        batch = await consumer.poll(20, 5)
        seen += len(batch.records)
        assert len(batch.records) <= 20
        assert batch.positions == ({partition: seen} if batch.records else {})


async def test_an_idle_poll_returns_an_empty_batch_in_time(bus: Bus, topic: str) -> None:
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    await joined(consumer)
    async with asyncio.timeout(2):
        batch = await consumer.poll(10, 0.1)
    assert (batch.records, batch.positions) == ([], {})


async def test_a_waiting_poll_hears_of_a_new_record_at_once(bus: Bus, other: Bus, topic: str) -> None:
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    producer = await other.producer()
    await producer.publish(numbered(topic, 1))
    await receive(consumer, 1)
    polling = asyncio.create_task(consumer.poll(10, 5))
    await producer.publish(numbered(topic, 1))
    async with asyncio.timeout(1):
        assert len((await polling).records) == 1


async def test_reading_starts_where_the_caller_says_not_where_the_group_committed(bus: Bus, topic: str) -> None:
    await (await bus.producer()).publish(numbered(topic, 10))
    partition = partition_of(b"key-0", PARTITIONS)
    first = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    await receive(first, 10)
    await first.commit({partition: 10})
    await first.close()
    ledger = Ledger({partition: 4})
    second = await bus.consumer(topic, f"{topic}.group", "one", ledger.start)
    assert values(await receive(second, 6)) == [b"4", b"5", b"6", b"7", b"8", b"9"]
    assert ledger.asked[-1] == frozenset(range(PARTITIONS))


async def test_a_restart_under_the_same_name_takes_over_long_before_the_session_ends(
    world: World, bus: Bus, topic: str
) -> None:
    await (await bus.producer()).publish(numbered(topic, 10, keys=4))
    patient = await world.open(LONG_SESSION)
    try:
        first = await patient.consumer(topic, f"{topic}.group", "one", Ledger().start)
        await receive(first, 10)
        await first.close()
        second = await patient.consumer(topic, f"{topic}.group", "one", Ledger().start)
        assert len(await receive(second, 10, seconds=15)) == 10
    finally:
        await patient.close()


async def test_what_was_not_committed_by_the_caller_is_delivered_again_after_a_kill(
    bus: Bus, other: Bus, topic: str
) -> None:
    await (await bus.producer()).publish(numbered(topic, 20))
    ledger = Ledger()
    first = await other.consumer(topic, f"{topic}.group", "one", ledger.start)
    await joined(first)
    await first.seek({partition_of(b"key-0", PARTITIONS): 0})
    ledger.keep(await first.poll(8, 5))
    await receive(first, 12)  # these are lost with the process
    await other.close()
    second = await bus.consumer(topic, f"{topic}.group", "two", ledger.start)
    assert values(await receive(second, 12)) == [str(n).encode() for n in range(8, 20)]


async def test_two_members_share_the_partitions_and_the_last_one_inherits_all(bus: Bus, other: Bus, topic: str) -> None:
    ledger = Ledger()
    one = await bus.consumer(topic, f"{topic}.group", "one", ledger.start)
    every = frozenset(range(PARTITIONS))

    async def alone() -> bool:
        await one.poll(1, 0.02)
        return one.assigned() == every

    await eventually(alone)
    two = await other.consumer(topic, f"{topic}.group", "two", ledger.start)

    async def shared() -> bool:
        await asyncio.gather(one.poll(1, 0.02), two.poll(1, 0.02))
        return len(one.assigned()) == len(two.assigned()) == PARTITIONS // 2

    await eventually(shared, 15)
    assert one.assigned() | two.assigned() == every
    await two.close()
    await eventually(alone, 15, message="the seat of the member that left is not shared out")


async def test_members_that_come_and_go_lose_no_record_and_keep_the_order(bus: Bus, other: Bus, topic: str) -> None:
    producer = await bus.producer()
    ledger = Ledger()
    seen: dict[bytes, list[int]] = defaultdict(list)
    one = await bus.consumer(topic, f"{topic}.group", "one", ledger.start)
    two = await other.consumer(topic, f"{topic}.group", "two", ledger.start)

    async def step() -> bool:
        for consumer in (one, two):
            batch = await consumer.poll(10, 0.05)
            # As the engine's fence: a batch that does not go on from the stored position is rolled back.
            for record in batch.records:
                if record.offset == ledger.positions.get(record.partition, 0):
                    ledger.positions[record.partition] = record.offset + 1
                    seen[record.key or b""].append(int(record.value or b""))
        return sum(map(len, seen.values())) == 120

    for round_ in range(3):
        await producer.publish(numbered(topic, 40, keys=8, first=round_ * 40))
        await step()
        await two.close()
        two = await other.consumer(topic, f"{topic}.group", "two", ledger.start)
    await eventually(step, 30)
    assert all(numbers == sorted(numbers) for numbers in seen.values())


async def test_a_start_that_fails_stops_the_consumer_with_its_error(bus: Bus, topic: str) -> None:
    async def start(_: frozenset[int]) -> dict[int, int]:
        raise Misconfigured("positions belong to another topic")

    consumer = await bus.consumer(topic, f"{topic}.group", "one", start)

    async def stopped() -> bool:
        await consumer.poll(1, 0.05)
        return False

    with pytest.raises(Misconfigured, match="another topic"):
        await eventually(stopped)


async def test_a_slow_reader_gets_everything_and_the_writer_does_not_wait_for_it(bus: Bus, topic: str) -> None:
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    producer = await bus.producer()
    for n in range(20):
        await producer.publish(numbered(topic, 500, keys=16, first=n * 500))
    assert len((await consumer.poll(3, 5)).records) <= 3
    records = await receive(consumer, 9990)
    assert len({record.value for record in records}) == len(records)


async def test_seek_goes_back_and_ignores_partitions_of_others(bus: Bus, topic: str) -> None:
    await (await bus.producer()).publish(numbered(topic, 5))
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    await receive(consumer, 5)
    await consumer.seek({partition_of(b"key-0", PARTITIONS): 3, 99: 1})
    assert values(await receive(consumer, 2)) == [b"3", b"4"]


async def test_end_offsets_cover_every_partition(bus: Bus, topic: str) -> None:
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    assert await consumer.end_offsets() == dict.fromkeys(range(PARTITIONS), 0)
    await (await bus.producer()).publish(numbered(topic, 9))
    expected = dict.fromkeys(range(PARTITIONS), 0) | {partition_of(b"key-0", PARTITIONS): 9}
    assert await consumer.end_offsets() == expected


async def test_a_position_whose_records_are_gone_stops_instead_of_skipping(bus: Bus, world: World, topic: str) -> None:
    await (await bus.producer()).publish(numbered(topic, 10))
    partition = partition_of(b"key-0", PARTITIONS)
    await world.delete_before(topic, partition, 6)
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger({partition: 3}).start)
    with pytest.raises(Misconfigured, match="Position 3"):
        await receive(consumer, 1)
    with pytest.raises(Misconfigured, match="Position 3"):
        await consumer.poll(1, 0.1)


async def test_a_position_beyond_the_end_stops_instead_of_waiting(bus: Bus, topic: str) -> None:
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger({2: 1000}).start)
    with pytest.raises(Misconfigured, match="Position 1000"):
        await receive(consumer, 1, seconds=10)


async def test_without_a_position_a_partition_is_read_from_what_is_left(bus: Bus, world: World, topic: str) -> None:
    await (await bus.producer()).publish(numbered(topic, 10))
    await world.delete_before(topic, partition_of(b"key-0", PARTITIONS), 6)
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    assert values(await receive(consumer, 4)) == [b"6", b"7", b"8", b"9"]


async def test_a_topic_made_anew_stops_a_consumer_with_old_positions(bus: Bus, world: World, topic: str) -> None:
    known = await bus.topic_id(topic)
    await world.delete_topic(topic)
    await bus.create_topics([TopicSpec(topic, PARTITIONS)])
    assert await bus.topic_id(topic) != known
    with pytest.raises(Misconfigured, match="made again"):
        await bus.consumer(topic, f"{topic}.group", "one", Ledger().start, topic_id=known)


async def test_a_topic_made_anew_while_it_is_read_stops_the_consumer(
    bus: Bus, other: Bus, world: World, topic: str
) -> None:
    await (await other.producer()).publish(numbered(topic, 1))
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    await receive(consumer, 1)
    await world.delete_topic(topic)
    await other.create_topics([TopicSpec(topic, PARTITIONS)])

    async def stopped() -> bool:
        try:
            await consumer.poll(1, 0.1)
        except Misconfigured as error:
            return "made again" in str(error) or "not in the log" in str(error)
        return False

    await eventually(stopped, 15)


async def test_a_missing_topic_is_named_with_what_to_do(bus: Bus, topic_prefix: str) -> None:
    with pytest.raises(Misconfigured, match="wici migrate"):
        await bus.topic_id(f"{topic_prefix}absent")
    with pytest.raises(Misconfigured, match="wici migrate"):
        await bus.consumer(f"{topic_prefix}absent", "group", "one", Ledger().start)


async def test_creating_a_topic_again_changes_nothing(bus: Bus, topic: str) -> None:
    known = await bus.topic_id(topic)
    await bus.create_topics([TopicSpec(topic, 9)])
    assert (await bus.topic_id(topic), await bus.partitions(topic)) == (known, PARTITIONS)


async def test_read_returns_records_outside_any_group(bus: Bus, world: World, topic: str) -> None:
    await (await bus.producer()).publish(numbered(topic, 10))
    partition = partition_of(b"key-0", PARTITIONS)
    assert values(await bus.read(topic, partition, 4, 3)) == [b"4", b"5", b"6"]
    assert values(await bus.read(topic, partition, 8, 30)) == [b"8", b"9"]
    assert await bus.read(topic, partition, 10, 3) == []
    await world.delete_before(topic, partition, 7)
    assert values(await bus.read(topic, partition, 0, 30)) == [b"7", b"8", b"9"]


async def test_commit_never_raises(bus: Bus, topic: str) -> None:
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    await consumer.commit({0: 3, 99: 1})
    await consumer.close()
    await consumer.commit({0: 4})


async def test_a_dead_letter_is_replayed_at_the_end_of_its_topic(bus: Bus, topic: str, topic_prefix: str) -> None:
    graveyard = f"{topic_prefix}dead-letters"
    await bus.create_topics([TopicSpec(graveyard, 1)])
    producer = await bus.producer()
    sent = Outgoing(topic, b"same", b"{broken", (("wici-id", b"1"),))
    await producer.publish([sent, Outgoing(topic, b"same", b"later")])
    consumer = await bus.consumer(topic, f"{topic}.group", "one", Ledger().start)
    poison = (await receive(consumer, 2))[0]
    failed_at = datetime(2026, 11, 22, tzinfo=UTC)
    await producer.publish([dead_letter(poison, BadRecord("unreadable", "not JSON"), failed_at, graveyard)])
    (letter,) = await bus.read(graveyard, 0, 0, 10)
    assert origin(letter)[:5] == ("unreadable", "not JSON", topic, partition_of(b"same", PARTITIONS), 0)
    await producer.publish([replay(letter)])
    (again,) = await receive(consumer, 1)
    assert (again.key, again.value, tuple(again.headers), again.offset) == (*sent[1:], 2)
