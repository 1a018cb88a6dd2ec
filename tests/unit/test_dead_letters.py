"""Dead letters keep everything needed to replay them, and the brake stops their maker."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.kit.bus.dead_letters import Brake, Origin, dead_letter, origin, replay
from services.kit.bus.postgres_log import StoredRecord
from services.kit.errors import BadRecord, Misconfigured

FAILED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
RECORD = StoredRecord("wici.events", 3, 41, 0, b"c-1", b"{broken", (("wici-id", b"\x01"), ("traceparent", b"00-a")))
PROBLEM = BadRecord("unreadable", "not JSON: expected ',' at byte 7")


def stored(record: StoredRecord, at: int = 0) -> StoredRecord:
    """Return a record as it comes back from the topic of dead letters."""
    letter = dead_letter(record, PROBLEM, FAILED_AT, "wici.dead-letters")
    return StoredRecord(letter.topic, 0, at, 0, letter.key, letter.value, letter.headers)


def test_a_dead_letter_says_why_and_where_it_comes_from() -> None:
    expected = Origin("unreadable", str(PROBLEM), "wici.events", 3, 41, "2026-11-22T12:00:00+00:00")
    assert origin(stored(RECORD)) == expected


def test_replay_is_the_original_record_for_its_own_topic() -> None:
    again = replay(stored(RECORD))
    assert again == ("wici.events", RECORD.key, RECORD.value, RECORD.headers)


def test_a_letter_that_fails_again_tells_of_its_last_failure_only() -> None:
    letter = stored(stored(RECORD), at=9)
    assert origin(letter)[2:5] == ("wici.dead-letters", 0, 0)
    assert len(letter.headers) == 8


def test_a_record_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(BadRecord) as refused:
        origin(RECORD)
    assert refused.value.reason == "not_a_dead_letter"
    with pytest.raises(BadRecord):
        replay(RECORD)


def test_brake_stops_after_too_many_in_a_row_of_one_partition() -> None:
    brake = Brake(max_consecutive=3)
    for _ in range(3):
        brake.allow(0)
        brake.record(0, dead=True)
    brake.allow(1)
    with pytest.raises(Misconfigured, match="partition 0"):
        brake.allow(0)


def test_a_good_record_releases_the_row_of_its_partition() -> None:
    brake = Brake(max_consecutive=3)
    for dead in (True, True, False, True, True):
        brake.allow(0)
        brake.record(0, dead=dead)
    brake.allow(0)


def test_brake_stops_above_the_ratio_of_a_full_window() -> None:
    brake = Brake(max_ratio=0.2, window=10, max_consecutive=100)
    for n in range(10):
        brake.allow(0)
        brake.record(0, dead=n < 3)
    with pytest.raises(Misconfigured, match="3 of the last 10"):
        brake.allow(0)


def test_brake_lets_go_when_the_failures_leave_the_window() -> None:
    brake = Brake(max_ratio=0.2, window=10)
    for n in range(15):
        brake.record(0, dead=n < 3)
    brake.allow(0)


def test_brake_does_not_judge_by_the_ratio_of_a_few_records() -> None:
    brake = Brake()
    for n in range(50):
        brake.allow(n)
        brake.record(n, dead=True)
