"""The brake: what is claimed is counted by scope; a scope that passes its limit is paused until somebody resumes it.

It is counted in the transaction of the claim, so that no crash forgets any of it: one statement a claim, over rows of
the process's own (scope, bucket of five minutes, process), for which no other process waits. Claims of the same moment
do not see one another: with k of them at once the limit is passed by less than 2k claims (k that the first to see it
did not see, and k that were under way when it paused). Times are real, as all rates' are.

A message counts once, when it is first claimed, whatever becomes of it. `wici resume` begins the count anew.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import asyncpg

from services.contracts.policies import Brake, money
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.notifier.compose.sms import segments

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BUCKET = timedelta(minutes=5)
SHARE = 10
"""A claim takes at most 1/SHARE of a limit: what passes it stays small where the limit is."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = Logger()

# What the statement itself inserts, its sum does not see.
_COUNT = """
    WITH given AS (
        SELECT * FROM unnest($1::text[], $2::numeric[], $3::timestamptz[]) AS given(scope, amount, since)),
    counted AS (
        INSERT INTO notifier.spent AS mine (scope, bucket, owner, amount)
        SELECT scope, $4, $5, amount FROM given ORDER BY scope
        ON CONFLICT (scope, bucket, owner) DO UPDATE SET amount = mine.amount + excluded.amount)
    SELECT given.scope, given.amount + coalesce((
        SELECT sum(s.amount) FROM notifier.spent s WHERE s.scope = given.scope AND s.bucket >= given.since), 0) AS total
    FROM given"""
_PAUSE = """
    WITH paused AS (
        INSERT INTO queue.pauses (scope, since, by)
        SELECT scope, $2, 'brake' FROM unnest($1::text[]) AS given(scope) ORDER BY scope
        ON CONFLICT (scope) DO NOTHING RETURNING scope),
    noted AS (
        INSERT INTO workspace.audit (at, who, act, scope) SELECT $2, 'brake', 'pause', scope FROM paused)
    SELECT scope FROM paused"""


class Spending(NamedTuple):
    """What one claim adds to a scope: messages, or money. More than `most` within `window` pauses the scope."""

    scope: str
    amount: Decimal
    most: Decimal
    window: timedelta


class Fired(NamedTuple):
    """A scope that was paused: what it came to, and the limit that this is above."""

    scope: str
    total: Decimal
    most: Decimal


def spendings(brake: Brake, price: str | None, claimed: Iterable[tuple[str, str | None]]) -> list[Spending]:
    """What these messages come to. Each is its journey and, if it is one, its SMS; `price` is that of a part."""
    found = list(claimed)
    if brake.per_journey_and_hour is None:
        result = []
    else:
        most = Decimal(brake.per_journey_and_hour)
        sent = Counter(journey for journey, _ in found)
        result = [Spending(f"journey:{name}", Decimal(n), most, HOUR) for name, n in sent.items()]
    if brake.sms_cost_per_day is not None and price is not None:
        parts = sum(segments(sms) for _, sms in found if sms)
        if parts:
            cost = money(price).amount * parts
            result.append(Spending("channel:sms", cost, brake.sms_cost_per_day.amount, DAY))
    return result


def most_of_a_claim(brake: Brake, price: str | None) -> int:
    """How many messages a claim may take: a share of the limit, at least one."""
    limits = [Decimal(brake.per_journey_and_hour)] if brake.per_journey_and_hour is not None else []
    if brake.sms_cost_per_day is not None and price is not None and (each := money(price).amount):
        limits.append(brake.sms_cost_per_day.amount / each)
    return max(1, int(min(limits) / SHARE)) if limits else sys.maxsize


def bucket(at: datetime) -> datetime:
    """The beginning of the five minutes around `at`."""
    return at - (at - _EPOCH) % BUCKET


def since(at: datetime, window: timedelta) -> datetime:
    """The first bucket that counts: whole ones, so that the window is never longer than it says."""
    return bucket(at) - window + BUCKET


def passed(spent: Iterable[Spending], totals: dict[str, Decimal]) -> list[Fired]:
    """The scopes that are above their limit."""
    return [Fired(one.scope, totals[one.scope], one.most) for one in spent if totals[one.scope] > one.most]


async def count(
    connection: asyncpg.Connection[Any], spent: Sequence[Spending], now: datetime, owner: str
) -> list[Fired]:
    """Count within the transaction of a claim, at real time `now`; what this paused is told once that is committed."""
    if not spent:
        return []
    scopes, amounts = [one.scope for one in spent], [one.amount for one in spent]
    rows = await connection.fetch(
        _COUNT, scopes, amounts, [since(now, one.window) for one in spent], bucket(now), owner
    )
    over = passed(spent, {row["scope"]: row["total"] for row in rows})
    if not over:
        return []
    new = {row["scope"] for row in await connection.fetch(_PAUSE, [one.scope for one in over], now)}
    return [one for one in over if one.scope in new]


def tell(fired: Iterable[Fired]) -> None:
    """Alarm: whoever is on duty decides whether it goes on."""
    for one in fired:
        metrics.BRAKES.labels(one.scope).inc()
        _log.error(Log.BRAKE_FIRED, scope=one.scope, total=f"{one.total:f}", limit=f"{one.most:f}")
