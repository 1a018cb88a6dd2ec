"""What came in by HTTP and cannot be understood, as a dead letter."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.kit.bus import Headers, Outgoing
from services.kit.bus.dead_letters import dead_letter
from services.kit.errors import BadRecord
from services.kit.telemetry.logs import Log, Logger
from services.kit.telemetry.metrics import DEAD_LETTERS

_log = Logger(service="gateway")


class Heard(NamedTuple):
    """A body in the form of a record, as dead letters keep it; it has no place in any log."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
    partition: int = 0
    offset: int = 0


class Body(NamedTuple):
    """What came: `origin` and the name of the source stand for the topic that it would have come from."""

    origin: str
    source: str
    value: bytes
    headers: Headers = ()


def letter(body: Body, problem: BadRecord, at: datetime, topic: str) -> Outgoing:
    """The dead letter for `topic`; it is counted and logged."""
    heard = Heard(
        f"{body.origin}/{body.source}", body.source.encode(), body.value, body.headers, int(at.timestamp() * 1000)
    )
    DEAD_LETTERS.labels(problem.reason).inc()
    _log.warning(Log.RECORD_DEAD_LETTERED, topic=heard.topic, reason=problem.reason)
    return dead_letter(heard, problem, at, topic)
