"""What `wici doctor` asks of Kafka: whether an acknowledged event survives the loss of a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from services.contracts import topics
from services.kit.bus.kafka import security
from services.kit.errors import TryAgain
from services.kit.settings import Settings

_WANTED = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}
_REPLICAS = 3


async def durability(settings: Settings) -> AsyncIterator[tuple[Literal["ok", "warning"], str]]:
    """Replication and the settings that make `acks=all` mean something, of the topic of events."""
    topic = settings.topic(topics.EVENTS)
    try:
        replicas, config = await _ask(settings, topic)
    except KafkaError as error:
        raise TryAgain(
            f"Kafka does not tell the configuration of {topic}: {error!r}. Grant DESCRIBE_CONFIGS."
        ) from error
    if replicas < _REPLICAS:
        yield "warning", f"{topic} has {replicas} replica(s); with {_REPLICAS}, events survive the loss of a broker."
    for name, wanted in _WANTED.items():
        if config.get(name) != wanted and (replicas > 1 or name.startswith("unclean")):
            yield (
                "warning",
                f"{topic} has {name}={config.get(name)}. Set it to {wanted}, or a lost broker can lose events.",
            )


async def _ask(settings: Settings, topic: str) -> tuple[int, Mapping[str, Any]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, **security(settings).options())
    try:
        await admin.start()
        described = await admin.describe_topics([topic])
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    replicas = min(len(partition["replicas"]) for partition in described[0]["partitions"])
    entries = answers[0].resources[0][4]
    return replicas, {entry[0]: entry[1] for entry in entries}
