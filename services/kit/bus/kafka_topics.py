"""Topic ids, which aiokafka's own metadata request is too old to ask for.

Source: https://kafka.apache.org/protocol (Metadata, version 12: Kafka 3.0 and later).
"""

from __future__ import annotations

import uuid
from io import BytesIO
from typing import NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from services.kit.errors import Misconfigured, TryAgain

_UNKNOWN_TOPIC = 3
_TEXT = CompactString("utf-8")


class Topic(NamedTuple):
    """A topic's identity and size."""

    id: str
    partitions: int


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields)),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class([(bytes(16), self._topic, {})], False, False, {})


async def describe(client: AIOKafkaClient, topic: str) -> Topic:
    """Return the id and the partition count of `topic`. Misconfigured if there is none, TryAgain if nobody answers."""
    try:
        answer = await client.send(client.get_random_node(), _MetadataRequest(topic))
    except KafkaError as error:
        raise TryAgain(f"Kafka does not answer a question about topic {topic}: {error!r}") from error
    code, _, topic_id, _, partitions, *_ = answer.topics[0]
    if code == _UNKNOWN_TOPIC:
        raise Misconfigured(f"Kafka has no topic {topic}; run `wici migrate`, or create it")
    if code:
        raise TryAgain(f"Kafka cannot describe topic {topic} now (error code {code})")
    return Topic(str(uuid.UUID(bytes=topic_id)), len(partitions))
