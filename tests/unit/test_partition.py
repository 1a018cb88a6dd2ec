"""Partitions of keys are Kafka's own."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2

from services.kit.bus.partition import choose, partition_of, partitioner

# Golden values of Java's own test (org.apache.kafka.common.utils.UtilsTest.testMurmur2), as signed 32-bit numbers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hashed"), JAVA.items())
def test_hash_and_partition_are_javas(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF
    for partitions in (1, 4, 12, 100):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


def test_keyless_records_take_the_partitions_in_turn() -> None:
    assert sorted(choose(None, 4) for _ in range(8)) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_key_keeps_its_partition_while_another_is_without_a_leader() -> None:
    every, available = [0, 1, 2, 3], [1]
    assert partitioner(b"abc", every, available) == partition_of(b"abc", 4)
    assert partitioner(None, every, available) == 1
    assert partitioner(None, every, []) in every
