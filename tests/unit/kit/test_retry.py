"""When to try again is computed: growing, capped, spread, and in the end never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.kit.retry import Retry

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
PLAN = Retry(first=timedelta(seconds=2), factor=3, longest=timedelta(minutes=1), attempts=5)


def test_waits_grow_by_the_factor_up_to_the_longest() -> None:
    waits = [(PLAN.next_attempt(n, NOW, 1.0) or NOW) - NOW for n in (1, 2, 3, 4)]
    assert waits == [timedelta(seconds=s) for s in (2, 6, 18, 54)]
    assert Retry(longest=timedelta(seconds=3)).next_attempt(9, NOW, 1.0) == NOW + timedelta(seconds=3)


def test_after_the_last_attempt_there_is_no_next() -> None:
    assert PLAN.next_attempt(4, NOW, 0.0) is not None
    assert PLAN.next_attempt(5, NOW, 0.0) is None


@given(attempt=st.integers(1, 10**9), jitter=st.floats(0, 1, exclude_max=True))
def test_a_plan_without_end_always_waits_between_half_and_all_of_its_longest(attempt: int, jitter: float) -> None:
    plan = Retry()
    due = plan.next_attempt(attempt, NOW, jitter)
    assert due is not None
    assert plan.first / 2 <= due - NOW <= plan.longest


def test_two_equals_do_not_wake_at_the_same_moment() -> None:
    assert PLAN.next_attempt(1, NOW, 0.1) != PLAN.next_attempt(1, NOW, 0.9)
