"""Dead letters: records that cannot be processed, kept with reason and origin; and the brake on making them.

A dead letter has the record's own key, value and headers, and six more headers that say what happened. Replaying it
publishes the original again, at the end of its topic.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import NamedTuple

from services.kit.bus import Outgoing, Record
from services.kit.errors import BadRecord, Misconfigured

REASON = "wici-reason"
ERROR = "wici-error"
TOPIC = "wici-topic"
PARTITION = "wici-partition"
OFFSET = "wici-offset"
FAILED_AT = "wici-failed-at"
_OURS = frozenset({REASON, ERROR, TOPIC, PARTITION, OFFSET, FAILED_AT})


class Origin(NamedTuple):
    """Why a dead letter is one: `reason` is a short name, `failed_at` RFC 3339 in UTC."""

    reason: str
    error: str
    topic: str
    partition: int
    offset: int
    failed_at: str


def dead_letter(record: Record, problem: BadRecord, failed_at: datetime, topic: str) -> Outgoing:
    """Return `record` as a dead letter for `topic`. The message of `problem` must hold no personal data."""
    said = {
        REASON: problem.reason,
        ERROR: str(problem),
        TOPIC: record.topic,
        PARTITION: str(record.partition),
        OFFSET: str(record.offset),
        FAILED_AT: failed_at.isoformat(),
    }
    headers = (*_original_headers(record), *((name, text.encode()) for name, text in said.items()))
    return Outgoing(topic, record.key, record.value, headers)


def origin(letter: Record) -> Origin:
    """Return what the headers of `letter` say. BadRecord (`not_a_dead_letter`) if they do not."""
    said = {name: value.decode() for name, value in letter.headers if name in _OURS}
    try:
        place = said[TOPIC], int(said[PARTITION]), int(said[OFFSET])
        return Origin(said[REASON], said[ERROR], *place, said[FAILED_AT])
    except (KeyError, ValueError) as error:
        raise BadRecord(
            "not_a_dead_letter", f"{letter.topic}[{letter.partition}]@{letter.offset}: {error!r}"
        ) from error


def replay(letter: Record) -> Outgoing:
    """Return the original record, to be published at the end of the topic that it came from."""
    return Outgoing(origin(letter).topic, letter.key, letter.value, _original_headers(letter))


def _original_headers(record: Record) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value) for name, value in record.headers if name not in _OURS)


class Brake:
    """Stops a consumer that would throw away a topic: more likely the code or the configuration is wrong.

    At most `max_ratio` of the last `window` records, once that many have been seen, and at most `max_consecutive` in a
    row within a partition may become dead letters.
    """

    def __init__(self, max_ratio: float = 0.2, window: int = 1000, max_consecutive: int = 100) -> None:
        self._max_ratio, self._max_consecutive = max_ratio, max_consecutive
        self._last: deque[bool] = deque(maxlen=window)
        self._dead = 0
        self._in_a_row: dict[int, int] = {}

    def record(self, partition: int, *, dead: bool) -> None:
        """Count one processed record of `partition`."""
        if len(self._last) == self._last.maxlen:
            if not (dead or self._dead or self._in_a_row):  # as nearly always
                return
            self._dead -= self._last[0]
        self._last.append(dead)
        self._dead += dead
        if dead:
            self._in_a_row[partition] = self._in_a_row.get(partition, 0) + 1
        else:
            self._in_a_row.pop(partition, None)

    def allow(self, partition: int) -> None:
        """Raise Misconfigured if the next record of `partition` must not become a dead letter too."""
        in_a_row = self._in_a_row.get(partition, 0)
        if in_a_row >= self._max_consecutive:
            raise Misconfigured(
                f"The last {in_a_row} records of partition {partition} could not be processed. Look "
                "at `wici dead-letters list`, correct their producer or the workspace, and start again."
            )
        seen = len(self._last)
        if seen == self._last.maxlen and self._dead > self._max_ratio * seen:
            raise Misconfigured(
                f"{self._dead} of the last {seen} records could not be processed. Look at `wici dead-letters list`, "
                "correct their producer or the workspace, and start again."
            )
