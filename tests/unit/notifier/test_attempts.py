"""What an answer means for an attempt, whatever else is going on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.attempts import (
    SETTLE_AFTER,
    Attempt,
    Free,
    Lost,
    Repeat,
    Settle,
    Split,
    Verdict,
    Wait,
    judge,
    orphaned,
)
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Concurrent,
    Mismatch,
    NotSent,
    RejectedBatch,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
)

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
DAY = timedelta(hours=24)
REFUSALS: list[Result] = [Throttled(2.0), NotSent("refused"), Unauthorized("401", "key")]
UNSURE: list[Result] = [*REFUSALS, Concurrent(), Unanswered("time-out")]


def attempt(turn: int = 1, window: timedelta | None = DAY) -> Attempt:
    return Attempt(b"a" * 16, "main", (b"k" * 16,), AT, turn, window)


def verdict(
    result: Result, *, turn: int = 1, window: timedelta | None = DAY, after: timedelta = timedelta()
) -> Verdict:
    return judge(attempt(turn, window), result, AT + after, 0.5, SETTLE_AFTER)


@pytest.mark.parametrize("result", REFUSALS)
def test_a_refusal_of_the_first_and_only_call_frees_the_members(result: Result) -> None:
    assert verdict(result) == Free()
    assert verdict(result, window=None) == Free()


@pytest.mark.parametrize("result", UNSURE)
def test_once_a_call_stayed_unanswered_every_unsure_answer_repeats_the_same_attempt(result: Result) -> None:
    told = verdict(result, turn=2)
    assert isinstance(told, Repeat)
    assert told.at > AT


@pytest.mark.parametrize("result", UNSURE)
def test_a_repeat_that_would_come_after_nine_tenths_of_the_window_is_lost(result: Result) -> None:
    assert isinstance(verdict(result, turn=2, after=0.9 * DAY - timedelta(minutes=10)), Repeat)
    assert isinstance(verdict(result, turn=9, after=0.9 * DAY), Lost)


def test_an_unanswered_call_is_repeated_with_idempotency_and_waited_for_without() -> None:
    assert isinstance(verdict(Unanswered("500")), Repeat)
    assert verdict(Unanswered("500"), window=None) == Wait(AT + SETTLE_AFTER)


def test_a_throttled_repeat_waits_at_least_as_long_as_the_provider_asks() -> None:
    told = verdict(Throttled(3600.0), turn=2)
    assert isinstance(told, Repeat)
    assert told.at >= AT + timedelta(hours=1)


def test_a_key_used_with_another_body_is_lost() -> None:
    assert isinstance(verdict(Mismatch()), Lost)
    assert isinstance(verdict(Mismatch(), turn=3), Lost)


def test_a_rejected_batch_is_split_at_its_first_call_and_lost_at_a_later_one() -> None:
    assert verdict(RejectedBatch("422", "to")) == Split()
    assert isinstance(verdict(RejectedBatch("422", "to"), turn=2), Lost)


@given(turn=st.integers(1, 50), idempotent=st.booleans(), hours=st.floats(0, 100))
def test_an_answer_settles_whenever_it_comes(turn: int, idempotent: bool, hours: float) -> None:
    told = verdict(
        Answered((Accepted("id"),)), turn=turn, window=DAY if idempotent else None, after=timedelta(hours=hours)
    )
    assert told == Settle((Accepted("id"),))


@given(turn=st.integers(1, 50), hours=st.floats(0, 100), result=st.sampled_from(UNSURE))
def test_without_idempotency_nothing_is_ever_repeated(turn: int, hours: float, result: Result) -> None:
    assert not isinstance(verdict(result, turn=turn, window=None, after=timedelta(hours=hours)), Repeat)


def test_an_orphan_counts_as_called_and_unanswered() -> None:
    assert orphaned(attempt(2), AT + timedelta(hours=1), SETTLE_AFTER) == Repeat(AT + timedelta(hours=1))
    assert isinstance(orphaned(attempt(2), AT + timedelta(hours=22), SETTLE_AFTER), Lost)
    assert orphaned(attempt(2, None), AT + timedelta(minutes=1), SETTLE_AFTER) == Wait(AT + SETTLE_AFTER)
