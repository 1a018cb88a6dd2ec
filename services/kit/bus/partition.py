"""Which partition a key has: Kafka's own rule, so that every producer of every language agrees."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import count

from aiokafka.partitioner import murmur2

_without_key = count()


@lru_cache(maxsize=65_536)  # the hash takes 10 µs in Python, and a customer comes back
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of `key` among `partitions`: positive murmur2 modulo, as Java's default partitioner."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions


def choose(key: bytes | None, partitions: int) -> int:
    """Return the partition of `key`; without a key each partition in turn."""
    return next(_without_key) % partitions if key is None else partition_of(key, partitions)


def partitioner(key: bytes | None, every: Sequence[int], available: Sequence[int]) -> int:
    """Choose as aiokafka asks for it: `every` is sorted, `available` are those with a leader now."""
    if key is None and available:
        return available[choose(None, len(available))]
    return every[choose(key, len(every))]
