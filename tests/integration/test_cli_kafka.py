"""The commands that speak to Kafka, over a real one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.contracts import topics
from tests.support.shop import Shop, all_records, bury, opened


@pytest.fixture
def shop(tmp_path: Path, database_url: str, kafka: str, topic_prefix: str) -> Shop:
    return opened(tmp_path / "shop", database_url, WICI_KAFKA=kafka, WICI_TOPIC_PREFIX=topic_prefix)


def test_migrate_creates_every_topic_with_its_partitions_under_the_prefix(shop: Shop) -> None:
    told = shop.told("migrate")
    assert told["bus"] == "Kafka"
    assert told["topics"] == {shop.settings.topic(name): topics.PARTITIONS for name in topics.ALL}
    assert shop.told("migrate")["topics"] == told["topics"]


def test_doctor_says_to_migrate_where_topics_are_missing_and_warns_of_a_single_replica(shop: Shop) -> None:
    before = shop.wici("doctor").output
    assert "wici migrate" in before
    shop.told("migrate")
    shop.told("apply", "--yes")
    done = shop.wici("doctor")
    # The test server may run without fsync, which doctor rightly calls an error; nothing else may be one.
    assert [line for line in done.output.splitlines() if line.startswith("✗") and "durability" not in line] == []
    assert f"topic {shop.settings.topic(topics.EVENTS)}: It has 12 partitions." in done.output
    assert "has 1 replica(s)" in done.output


def test_a_broker_that_does_not_answer_is_an_error_with_its_setting(shop: Shop) -> None:
    environ = {"WICI_KAFKA": "127.0.0.1:1"}
    for typed in (["doctor"], ["migrate"], ["dead-letters", "list"]):
        done = shop.wici(*typed, environ=environ)
        assert done.exit_code == 1
        assert "correct WICI_KAFKA" in done.output


def test_a_dead_letter_in_kafka_is_replayed_once_and_then_no_longer_listed(shop: Shop) -> None:
    asyncio.run(bury(shop.settings, b"{broken"))
    (letter,) = shop.told("dead-letters", "list")
    assert shop.told("dead-letters", "show", letter["name"])["value"] == "{broken"
    shop.told("dead-letters", "replay", "all")
    assert shop.told("dead-letters", "list") == []
    assert shop.told("dead-letters", "replay", "all") == {"replayed": []}
    assert [record.value for record in asyncio.run(all_records(shop.settings, topics.EVENTS))] == [b"{broken"] * 2
