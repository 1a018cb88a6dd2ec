"""Settle in bulk: what became of attempts, their members, deliveries and receipts, in one transaction.

Four statements, however many outcomes: lock the members' rows in the order of their keys, close or reschedule the
attempts (only the turn that speaks may change one), write members, deliveries and receipts, store the halves of a split
batch. A member that a callback has settled meanwhile stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts import ids
from services.contracts.message import ALERTS, Route, State
from services.contracts.reasons import Reason
from services.contracts.receipt import ReceiptKind
from services.kit import crash
from services.kit.database.arrays import id_array, number_array, text_array
from services.kit.service import Context
from services.notifier import suppressions
from services.notifier.attempts import MOST_TRIES, Free, Lost, Phase, Repeat, Settle, Split, Verdict, Wait
from services.notifier.claim import Job, attempt_row, store_attempts
from services.notifier.drafts import Draft, draft
from services.notifier.providers.base import Accepted, Rejected
from services.notifier.suppressions import Suppression

TOLD = f"channel <> ALL ('{{{','.join(ALERTS)}}}')"
"""Of which rows receipts tell: what becomes of an alert is no news of the customer."""

_LOCK = """
    SELECT o.send_key, o.channel, o.state, o.attempt_id, o.on_unknown, o.attempts
    FROM unnest($1::text::uuid[]) AS given(send_key)
    CROSS JOIN LATERAL (SELECT * FROM queue.outbound o WHERE o.send_key = given.send_key LIMIT 1 FOR UPDATE) o"""

_ATTEMPTS = """
    UPDATE notifier.attempts a
    SET phase = given.phase, due_at = given.due_at, outcome = given.outcome,
        settled_at = CASE WHEN given.outcome IS NULL THEN NULL ELSE $6::timestamptz END
    FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::timestamptz[], $5::text[])
        AS given(id, turn, phase, due_at, outcome)
    WHERE a.id = given.id AND a.settled_at IS NULL AND (a.turn = given.turn OR given.turn IS NULL)
    RETURNING a.id"""

_WRITE = f"""
    WITH given AS (
        SELECT * FROM unnest($1::text::uuid[], $2::text::smallint[], $3::text::uuid[], $4::text::text[],
                             $5::text::text[], $6::bytea[], $7::text::text[], $8::text::text[], $9::bytea[],
                             $10::boolean[])
            AS g(send_key, state, attempt_id, reason, kind, data, account, provider_id, address, keep)),
    written AS (
        UPDATE queue.outbound o
        SET state = g.state, attempt_id = g.attempt_id, reason = coalesce(g.reason, o.reason),
            bound_to = CASE WHEN g.state = 0 THEN coalesce(g.account, o.bound_to) ELSE o.bound_to END,
            attempts = o.attempts + CASE WHEN g.attempt_id <> o.attempt_id THEN 1 ELSE 0 END,
            context = CASE WHEN g.state < 10 OR g.keep THEN o.context ELSE '' END,
            settled_at = CASE WHEN g.state < 10 THEN NULL ELSE coalesce(o.settled_at, $11) END
        FROM given g WHERE o.send_key = g.send_key
        RETURNING o.send_key, o.profile_id, o.entry_id, o.journey, o.step, o.channel, g.kind, g.data, g.account,
                  g.provider_id, g.address),
    delivered AS (
        INSERT INTO notifier.deliveries (send_key, profile_id, account, provider_id, address, status, at)
        SELECT send_key, profile_id, account, provider_id, address, kind, $11 FROM written WHERE kind IS NOT NULL
        ON CONFLICT (send_key) DO NOTHING)
    INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)
    SELECT send_key, profile_id, entry_id, journey, step, channel, kind, $11, data
    FROM written WHERE kind IS NOT NULL AND {TOLD}"""

_NOTHING = b"{}"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one turn of an attempt."""

    job: Job
    verdict: Verdict


class Stored(msgspec.Struct, frozen=True, gc=False):
    """What storing an outcome did: whether its turn could still speak, and the halves of a batch that it split."""

    spoken: bool
    halves: tuple[Job, ...] = ()


class Change(msgspec.Struct, frozen=True, gc=False):
    """One member's new state. Without `kind` there is neither receipt nor delivery.

    A member that is queued again with an `account` is bound to it. `keep` keeps the context; `suppression` is what the
    provider said of the address.
    """

    send_key: bytes
    state: int
    attempt_id: bytes
    reason: Reason | None = None
    kind: ReceiptKind | None = None
    data: bytes = _NOTHING
    account: str | None = None
    provider_id: str | None = None
    address: bytes | None = None
    keep: bool = False
    suppression: Suppression | None = None


async def store(context: Context, outcomes: Sequence[Outcome]) -> list[Stored]:
    """Store outcomes, one answer each."""
    now = context.clock.real()
    keys = sorted({key for one in outcomes for key in one.job.attempt.send_keys})
    async with context.pool.acquire() as connection, connection.transaction():
        rows = {row["send_key"]: row for row in await connection.fetch(_LOCK, id_array(keys))}
        heard = {row["id"] for row in await connection.fetch(_ATTEMPTS, *_phases(outcomes, now), now)}
        stored = [_stored(one, rows, one.job.attempt.id in heard) for one in outcomes]
        given = [
            change
            for one, done in zip(outcomes, stored, strict=True)
            if done.spoken
            for change in changes(one, rows, done.halves, now)
        ]
        await write(connection, given, now)
        if suppressed := [one.suppression for one in given if one.suppression]:
            await suppressions.add(connection, suppressed)
        halves = [half for one in stored for half in one.halves]
        await store_attempts(connection, [attempt_row(half, context.instance, now) for half in halves])
        crash.point("notifier.settling")
    crash.point("notifier.settled")
    return stored


def _stored(outcome: Outcome, rows: Mapping[bytes, Any], spoken: bool) -> Stored:
    if spoken and isinstance(outcome.verdict, Split) and outcome.job.draft:
        return Stored(spoken, _halves(outcome.job, outcome.job.draft, rows))
    return Stored(spoken)


def _halves(job: Job, whole: Draft, rows: Mapping[bytes, Any]) -> tuple[Job, ...]:
    """New attempts of what is left of a batch, half of it each; their first turn is still to come."""
    left = [n for n, key in enumerate(job.attempt.send_keys) if _is_held(rows.get(key), job)]
    middle = (len(left) + 1) // 2
    return tuple(_part(job, whole, part, rows) for part in (left[:middle], left[middle:]) if part)


def _part(job: Job, whole: Draft, members: Sequence[int], rows: Mapping[bytes, Any]) -> Job:
    keys = tuple(job.attempt.send_keys[n] for n in members)
    attempt = msgspec.structs.replace(
        job.attempt, id=ids.attempt(keys[0], rows[keys[0]]["attempts"] + 1), send_keys=keys, turn=1
    )
    made = draft(whole.account, attempt.id, [whole.call.members[n] for n in members])
    addresses = tuple(job.addresses[n] for n in members)
    return msgspec.structs.replace(job, attempt=attempt, draft=made, addresses=addresses)


def _is_held(row: Any, job: Job) -> bool:
    return row is not None and row["attempt_id"] == job.attempt.id and row["state"] == State.CLAIMED


async def write(connection: asyncpg.Connection[Any], given: Sequence[Change], now: datetime) -> None:
    """Write members whose rows this transaction has locked, with their deliveries and receipts."""
    await connection.execute(
        _WRITE,
        id_array(one.send_key for one in given),
        number_array(one.state for one in given),
        id_array(one.attempt_id for one in given),
        text_array(one.reason for one in given),
        text_array(one.kind for one in given),
        [one.data for one in given],
        text_array(one.account for one in given),
        text_array(one.provider_id for one in given),
        [one.address for one in given],
        [one.keep for one in given],
        now,
    )


def changes(outcome: Outcome, rows: Mapping[bytes, Any], halves: Sequence[Job], now: datetime) -> Iterable[Change]:
    """What an outcome changes in the members that are still its attempt's. `rows` are the locked ones."""
    attempt = outcome.job.attempt
    for n, key in enumerate(attempt.send_keys):
        row = rows.get(key)
        if _is_held(row, outcome.job):
            change = _change(outcome, n, row, halves, now)
        elif row is not None and row["attempt_id"] == attempt.id and _closes(outcome.verdict):
            # A callback was first; writing the state again lets the context go: nothing is composed of it any more.
            change = Change(key, row["state"], attempt.id)
        else:
            change = None
        if change is not None:
            yield change


def _change(outcome: Outcome, n: int, row: Any, halves: Sequence[Job], now: datetime) -> Change | None:
    attempt = outcome.job.attempt
    key = attempt.send_keys[n]
    match outcome.verdict:
        case Settle(results):
            return _settled(outcome.job, n, results[n], row["channel"], now)
        case Free():
            return Change(key, State.QUEUED, attempt.id)
        case Split():
            return Change(key, State.CLAIMED, next(half.attempt.id for half in halves if key in half.attempt.send_keys))
        case Lost():
            if row["on_unknown"] == "retry" and row["attempts"] < MOST_TRIES:
                return Change(key, State.QUEUED, attempt.id, account=attempt.account)
            return _told(outcome.job, n, State.UNKNOWN, "unknown", reason=Reason.UNKNOWN)
        case Repeat() | Wait():
            return None


def _settled(job: Job, n: int, result: Accepted | Rejected, route: Route, now: datetime) -> Change:
    if isinstance(result, Accepted):
        return _told(job, n, State.ACCEPTED, "accepted", provider_id=clean(result.provider_id))
    if result.fault is not None and route not in ALERTS:
        return _at_fault(job, n, result.code, Suppression(route, job.addresses[n], result.fault, now))
    data = msgspec.json.encode({"code": result.code[:100]})
    return _told(job, n, State.REFUSED, "refused", reason=Reason.PROVIDER_REFUSED, data=data)


def _at_fault(job: Job, n: int, code: str, found: Suppression) -> Change:
    """Refused because of the address: told as what it is, as if a callback had said so later."""
    hard = {"hard": True} if found.reason == "bounced" else {}
    data = msgspec.json.encode({"code": code[:100], "dropped": True} | hard)
    told = _told(job, n, State.REFUSED, found.reason, reason=Reason.PROVIDER_REFUSED, data=data)
    return msgspec.structs.replace(told, suppression=found)


def _told(
    job: Job, n: int, state: State, kind: ReceiptKind, *, reason: Reason | None = None, data: bytes = _NOTHING,
    provider_id: str | None = None,
) -> Change:  # fmt: skip
    attempt = job.attempt
    return Change(
        attempt.send_keys[n], state, attempt.id, reason, kind, data, attempt.account, provider_id, job.addresses[n]
    )


def clean(provider_id: str | None) -> str | None:
    """A provider's id as PostgreSQL can keep it."""
    return provider_id.replace("\x00", "")[:300] if provider_id else None


def _closes(verdict: Verdict) -> bool:
    return not isinstance(verdict, Repeat | Wait)


def _phases(outcomes: Sequence[Outcome], now: datetime) -> tuple[list[Any], ...]:
    """Columns for the attempts: id, turn that speaks (None: any may), phase, due, outcome."""
    rows = [(one.job.attempt.id, *_phase(one, now)) for one in outcomes]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _phase(outcome: Outcome, now: datetime) -> tuple[int | None, Phase, datetime, str | None]:
    turn = outcome.job.attempt.turn
    match outcome.verdict:
        case Settle():
            return None, Phase.CALLING, now, "answered"  # what a provider has said is true whoever had asked
        case Free():
            return turn, Phase.CALLING, now, "freed"
        case Split():
            return turn, Phase.CALLING, now, "split"
        case Lost():
            return turn, Phase.CALLING, now, "unknown"
        case Repeat(at):
            return turn, Phase.REPEATING, at, None
        case Wait(until):
            return turn, Phase.WAITING, until, None
