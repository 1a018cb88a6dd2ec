"""What only Kafka has: control batches, a broker that stops, limits on size."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from services.kit.bus import Outgoing, TopicSpec
from services.kit.bus.kafka import KafkaSecurity, open_kafka
from services.kit.bus.partition import partition_of
from services.kit.dev.kafka import Broker, start_kafka
from services.kit.errors import BadRecord, Misconfigured, TryAgain
from tests.contract.buses import Ledger, numbered, receive, values
from tests.support.waiting import eventually


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A broker that the test may stop."""
    with tempfile.TemporaryDirectory(prefix="wici-kafka-", ignore_cleanup_errors=True) as folder:
        broker = start_kafka(Path(folder))
        yield broker
        broker.kill()


async def test_a_stopped_broker_is_try_again_and_its_return_is_noticed(own_broker: Broker) -> None:
    bus = await open_kafka(own_broker.bootstrap, timeout=1.5, session=timedelta(seconds=3))
    await bus.create_topics([TopicSpec("wici.events", 4)])
    producer = await bus.producer()
    await producer.publish(numbered("wici.events", 1))
    ledger = Ledger()
    consumer = await bus.consumer("wici.events", "group", "one", ledger.start)
    await receive(consumer, 1, ledger)
    own_broker.stop()
    with pytest.raises(TryAgain):
        await producer.publish(numbered("wici.events", 1, first=1))
    with pytest.raises(TryAgain):
        await consumer.end_offsets()
    own_broker.restart()

    async def published() -> bool:
        try:
            await producer.publish(numbered("wici.events", 1, first=2))
        except TryAgain:
            return False
        return True

    await eventually(published, 30)

    async def read() -> bool:
        try:
            batch = await consumer.poll(10, 0.2)
        except TryAgain:
            return False
        return b"2" in values(batch.records)

    await eventually(read, 30)
    await bus.close()


async def test_positions_advance_over_control_batches_without_a_record(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}events"
    bus = await open_kafka(kafka)
    await bus.create_topics([TopicSpec(topic, 1)])
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic) as producer, producer.transaction():
        await producer.send(topic, b"inside a transaction")
    ledger = Ledger()
    consumer = await bus.consumer(topic, topic, "one", ledger.start)

    async def at_the_end() -> bool:
        ledger.keep(await consumer.poll(10, 0.2))
        return ledger.positions == await consumer.end_offsets() == {0: 2}

    await eventually(at_the_end)
    await bus.close()


async def test_a_record_too_large_for_kafka_is_a_bad_record(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}events"
    bus = await open_kafka(kafka)
    await bus.create_topics([TopicSpec(topic, 1)])
    with pytest.raises(BadRecord, match="larger than Kafka takes"):
        await (await bus.producer()).publish([Outgoing(topic, None, bytes(3 * 1024 * 1024))])
    await bus.close()


async def test_nobody_at_the_address_says_which_setting_to_correct() -> None:
    with pytest.raises(Misconfigured, match="WICI_KAFKA"):
        await open_kafka("127.0.0.1:1")


async def test_another_producer_of_the_default_rule_chooses_the_same_partition(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}events"
    bus = await open_kafka(kafka)
    await bus.create_topics([TopicSpec(topic, 12)])
    async with AIOKafkaProducer(bootstrap_servers=kafka) as stranger:
        for n in range(50):
            sent = await stranger.send_and_wait(topic, b"", key=f"customer-{n}".encode())
            assert sent.partition == partition_of(f"customer-{n}".encode(), 12)
    await bus.close()


def test_security_becomes_the_clients_options() -> None:
    options = KafkaSecurity("SASL_SSL", "SCRAM-SHA-512", "wici", "secret").options()
    assert options.pop("ssl_context").check_hostname
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "wici",
        "sasl_plain_password": "secret",
    }
    assert KafkaSecurity().options() == {"security_protocol": "PLAINTEXT"}
