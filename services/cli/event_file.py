"""Events that are given in a file: CloudEvents in JSON, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from services.contracts.event import Event
from services.kit.errors import BadRecord, Misconfigured
from services.trigger_engine import intake
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.profiles.arrival import Arrival

_TIME = msgspec.json.Decoder(Event)


def events(path: Path, definitions: Definitions) -> Iterator[tuple[str, Arrival | BadRecord]]:
    """Each line's place (`FILE:LINE`) with its event, received when it says that it happened, or why it is refused.

    Misconfigured where a line is no CloudEvent in JSON, or does not say when it happened.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            try:
                at = _TIME.decode(line).time
            except msgspec.DecodeError as error:
                raise Misconfigured(f"{place} is no CloudEvent in JSON: {error}") from error
            if at is None or at.tzinfo is None:
                raise Misconfigured(f"{place} has no time; write when it happened (RFC 3339, with its zone).")
            yield place, _read(line, definitions, number, at.astimezone(UTC))


def _read(line: bytes, definitions: Definitions, number: int, at: datetime) -> Arrival | BadRecord:
    try:
        return intake.read(line, None, definitions.schemas, at, definitions.region, received=at, order=(0, number))
    except BadRecord as problem:
        return problem
