"""What an answer means for an attempt. Pure: no clock, no database, no wire.

An attempt is one provider call that may be repeated, never re-formed: its id is the idempotency key, its members, their
order and its bytes are fixed. `turn` counts how often it was taken in hand; the first turn is the claim itself.

    turn 1   answered ▶ Settle      refused as a whole ▶ Free, Split      unanswered ▶ Repeat, Wait
    later    answered ▶ Settle      anything else ▶ Repeat, while the provider remembers the id; then Unknown

docs/decisions/0004-attempts-and-unknown.md gives the reasons.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum

import msgspec

from services.kit.retry import Retry
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Concurrent,
    Mismatch,
    NotSent,
    Rejected,
    RejectedBatch,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
)

LEASE = timedelta(seconds=60)
SETTLE_AFTER = timedelta(minutes=30)
TRUSTED_SHARE = 0.9
"""Of the time for which a provider remembers an idempotency key; the rest is for clocks and slow networks."""
MOST_TRIES = 3
"""Attempts that a message with `on_unknown: retry` gets in all."""
REPEATS = Retry(first=timedelta(seconds=2), longest=timedelta(minutes=5))


class Phase(IntEnum):
    """What an open attempt waits for; at `due_at` somebody must act."""

    CALLING = 0
    """An answer. Due: its holder is dead, and the call counts as made and unanswered."""
    REPEATING = 1
    """Its next call, with the same bytes and key."""
    WAITING = 2
    """A callback that settles it. Due: it closes as unknown."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One attempt as it stands. `window` is the provider's memory of ids, None where it has none."""

    id: bytes
    account: str
    send_keys: tuple[bytes, ...]
    claimed_at: datetime
    turn: int = 1
    window: timedelta | None = None


class Settle(msgspec.Struct, frozen=True, gc=False):
    """Every member's fate is known."""

    outcomes: tuple[Accepted | Rejected, ...]


class Free(msgspec.Struct, frozen=True, gc=False):
    """Nothing was sent: the members go back to the queue, for a new attempt of any account."""


class Split(msgspec.Struct, frozen=True, gc=False):
    """One member or more is at fault: two new attempts, with half of the members each."""


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """The same call again, at this time."""

    at: datetime


class Wait(msgspec.Struct, frozen=True, gc=False):
    """A callback may still settle it; at this time it closes as unknown."""

    until: datetime


class Lost(msgspec.Struct, frozen=True, gc=False):
    """Nobody will know. The members are unknown, or freed where the send asked for that."""

    reason: str


Verdict = Settle | Free | Split | Repeat | Wait | Lost


def judge(attempt: Attempt, result: Result, now: datetime, jitter: float, settle_after: timedelta) -> Verdict:
    """What `result`, the answer to the attempt's present turn, means. `now` is real time, `jitter` in [0, 1)."""
    match result:
        case Answered(outcomes):
            return Settle(outcomes)
        case Mismatch():
            return Lost("mismatch")
        case RejectedBatch():
            return Split() if attempt.turn == 1 else Lost("rejected")
        case Throttled() | NotSent() | Unauthorized() if attempt.turn == 1:
            return Free()
        case Throttled(after):
            return _again(attempt, now, jitter, after or 0.0)
        case NotSent() | Unauthorized() | Concurrent() | Unanswered():
            return _unanswered(attempt, now, jitter, settle_after)


def orphaned(attempt: Attempt, now: datetime, settle_after: timedelta) -> Verdict:
    """What becomes of an attempt whose holder died: it counts as called and unanswered. Repeat means at once."""
    if attempt.window is None:
        return Wait(attempt.claimed_at + settle_after)
    return Repeat(now) if now <= _last_call(attempt, attempt.window) else Lost("window over")


def _unanswered(attempt: Attempt, now: datetime, jitter: float, settle_after: timedelta) -> Verdict:
    if attempt.window is None:
        return Wait(now + settle_after)
    return _again(attempt, now, jitter, 0.0)


def _again(attempt: Attempt, now: datetime, jitter: float, after: float) -> Verdict:
    planned = REPEATS.next_attempt(attempt.turn, now, jitter)
    at = max(planned or now, now + timedelta(seconds=after))
    if attempt.window is None or at > _last_call(attempt, attempt.window):
        return Lost("window over")
    return Repeat(at)


def _last_call(attempt: Attempt, window: timedelta) -> datetime:
    return attempt.claimed_at + window * TRUSTED_SHARE
