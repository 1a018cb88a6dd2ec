"""The claim: take the oldest messages that may leave, settle those that may not, fix attempts; all in one transaction.

Four statements, however many messages: choose and lock, look up suppressions, store the attempts, mark their rows; one
more settles what must not leave, and where there is a brake, one counts. Rows that another process has locked are
skipped; no lock of a profile is taken. Of a customer's messages on one channel only the oldest unsettled one can be
chosen, so that they leave one after the other; those that are held, because their journey is paused or it is a quiet
hour, let the others pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts import ids
from services.contracts.message import ALERTS, MessageClass, Route, State
from services.contracts.policies import Brake, braked
from services.contracts.reasons import Reason
from services.kit import crash
from services.kit.service import Context
from services.notifier import brake, gate, suppressions
from services.notifier.attempts import LEASE, Attempt, Phase
from services.notifier.drafts import Draft, Unsayable, draft, outgoing
from services.notifier.editions import Account, Edition
from services.notifier.providers.base import Outgoing

# The scalar subqueries and LIMITs keep every lookup an index lookup, whatever the statistics say of a growing table.
_MAY_LEAVE = """({0}.quiet IS NULL OR NOT {0}.quiet @> $5::timestamptz)
      AND {0}.journey <> ALL (ARRAY(
          SELECT substr(scope, 9) FROM queue.pauses WHERE scope LIKE 'journey:%' AND by <> 'brake'))
      AND ({0}.class <> ALL ($6::text[]) OR (
          'journey:' || {0}.journey <> ALL (ARRAY(SELECT scope FROM queue.pauses WHERE by = 'brake'))
          AND 'channel:' || {0}.channel <> ALL (ARRAY(SELECT scope FROM queue.pauses WHERE by = 'brake'))))"""
_CHOOSE = f"""
    SELECT o.send_key, o.seq, o.profile_id, o.entry_id, o.journey, o.step, o.class, o.topic, o.channel, o.template,
           o.locale, o.recipient, o.context, o.created_at, o.expires_at, o.attempts,
           c.state AS consent, c.at AS consent_at, t.state AS topic_consent, t.at AS topic_consent_at
    FROM queue.outbound o
    LEFT JOIN LATERAL (
        SELECT v.state, v.at FROM engine.v_consent v
        WHERE v.profile_id = o.profile_id AND v.channel = o.channel AND v.topic = '' LIMIT 1) c ON true
    LEFT JOIN LATERAL (
        SELECT v.state, v.at FROM engine.v_consent v
        WHERE v.profile_id = o.profile_id AND v.channel = o.channel AND v.topic = o.topic AND o.topic <> ''
        LIMIT 1) t ON true
    WHERE o.state = 0 AND o.channel = $1 AND o.seq > $2
      AND {_MAY_LEAVE.format("o")}
      AND o.seq = (SELECT open.seq FROM queue.outbound open
                   WHERE open.profile_id = o.profile_id AND open.channel = o.channel AND open.state < 10
                     AND (open.state <> 0 OR {_MAY_LEAVE.format("open")})
                   ORDER BY open.state DESC, open.seq LIMIT 1)
      AND NOT EXISTS (SELECT 1 FROM queue.pauses p WHERE p.scope IN ('all', 'channel:' || $1) AND p.by <> 'brake')
      AND NOT EXISTS (SELECT 1 FROM queue.erasures e WHERE e.profile_id = o.profile_id)
      AND (o.bound_to IS NULL OR o.bound_to <> ALL($4))
    ORDER BY o.seq
    LIMIT $3
    FOR UPDATE OF o SKIP LOCKED"""

# By the attempts that hold them, which are few: each element of an array is looked at before it is sent.
_HOLD = f"""
    UPDATE queue.outbound o
    SET state = {State.CLAIMED}, reason = NULL, attempt_id = held.id, attempts = o.attempts + 1, settled_at = NULL
    FROM (SELECT a.id, unnest(a.send_keys) AS send_key
          FROM unnest($1::uuid[]) AS given(id)
          CROSS JOIN LATERAL (SELECT * FROM notifier.attempts a WHERE a.id = given.id LIMIT 1) a) AS held
    WHERE o.send_key = held.send_key"""

_REFUSE = """
    UPDATE queue.outbound o
    SET state = given.state, reason = given.reason, context = '', settled_at = $4::timestamptz
    FROM unnest($1::uuid[], $2::smallint[], $3::text[]) AS given(send_key, state, reason)
    WHERE o.send_key = given.send_key"""

_COLUMNS = (
    "id", "account", "send_keys", "digest", "composed_at", "version", "owner", "claimed_at", "turn", "phase", "due_at",
)  # fmt: skip


class Job(msgspec.Struct, frozen=True, gc=False):
    """An attempt in hand: what to call, what that was composed from, and each member's address as an HMAC.

    `draft` is None for an attempt that will not be called again.
    """

    attempt: Attempt
    draft: Draft | None
    addresses: tuple[bytes, ...]
    composed_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim took. `last` is the highest seq it looked at; `full` says that there may be more behind it."""

    jobs: tuple[Job, ...]
    stopped: Counter[Reason]
    last: int
    full: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What to claim: for `account`, at most `calls` calls and `most` messages, behind the row `after`."""

    account: Account
    edition: Edition
    calls: int
    most: int
    after: int = 0

    @property
    def brake(self) -> Brake | None:
        """What stops too much."""
        return self.edition.workspace.settings.policies.brake

    @property
    def braked(self) -> tuple[MessageClass, ...]:
        """The classes that the brake counts and holds; no alert."""
        return () if self.account.channel in ALERTS else braked(self.brake)


async def claim(context: Context, order: Order) -> Claimed:
    """Claim for one account; what is returned is committed and may be called."""
    limit = min(order.most, order.calls * order.account.members_per_call)
    if order.brake is not None:
        limit = min(limit, brake.most_of_a_claim(order.brake, order.account.settings.price))
    elsewhere = [one.name for one in order.edition.accounts if one.name != order.account.name]
    async with context.pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(
            _CHOOSE, order.account.channel, order.after, limit, elsewhere, context.clock.now(), order.braked
        )
        if not rows:
            return Claimed((), Counter(), order.after, full=False)
        addresses = _addresses(rows, order.account.channel, context.settings.secret_keys)
        flat = [one for given in addresses for one in given]
        blocked = await suppressions.find(connection, order.account.channel, flat)
        sheet = _Sheet(context, order)
        for row, given in zip(rows, addresses, strict=True):
            sheet.take(row, given, [one for address in given for one in blocked.get(address, ())])
        sheet.close()
        crash.point("notifier.claiming")
        await _store(connection, sheet)
        fired = await brake.count(connection, sheet.spendings(), sheet.real, context.instance)
    crash.point("notifier.claimed")
    brake.tell(fired)
    return Claimed(tuple(sheet.jobs), sheet.stopped, rows[-1]["seq"], full=len(rows) == limit)


def _addresses(rows: Sequence[Any], channel: Route, keys: Sequence[str]) -> list[list[bytes]]:
    return [suppressions.fingerprints(channel, row["recipient"], keys) for row in rows]


class _Sheet:
    """The claim while it is being written: rows in, jobs and refusals out."""

    def __init__(self, context: Context, order: Order) -> None:
        self.now, self.real = context.clock.now(), context.clock.real()
        self.owner = context.instance
        self.order = order
        self.jobs: list[Job] = []
        self.stopped: Counter[Reason] = Counter()
        self.refused: list[tuple[bytes, Reason]] = []
        self._braked = order.braked
        self._only_to = context.settings.only_to
        self._ready: list[tuple[Any, Outgoing, bytes]] = []
        self._new: list[tuple[str, str | None]] = []

    def take(self, row: Any, addresses: Sequence[bytes], blocked: Sequence[suppressions.Suppression]) -> None:
        """Check and compose one message; every full call becomes a job."""
        reason = gate.verdict(_facts(row), blocked, self.now, self._only_to)
        if reason is None:
            try:
                made = outgoing(row, self.order.edition, self.now)
                self._ready.append((row, made, addresses[0]))
                if not row["attempts"] and row["class"] in self._braked:
                    self._new.append((row["journey"], made.sms))
            except Unsayable as problem:
                reason = problem.reason
        if reason is not None:
            self.refused.append((row["send_key"], reason))
            self.stopped[reason] += 1
        if len(self._ready) == self.order.account.members_per_call:
            self.close()

    def close(self) -> None:
        """Make a job of what is composed so far."""
        ready, self._ready = self._ready, []
        if ready:
            self.jobs.append(self._job(ready))

    def _job(self, ready: Sequence[tuple[Any, Outgoing, bytes]]) -> Job:
        account, first = self.order.account, ready[0][0]
        attempt_id = ids.attempt(first["send_key"], first["attempts"] + 1)
        keys = tuple(row["send_key"] for row, _, _ in ready)
        attempt = Attempt(attempt_id, account.name, keys, self.real, window=account.provider.idempotency)
        made = draft(account, attempt_id, [one for _, one, _ in ready])
        return Job(attempt, made, tuple(address for _, _, address in ready), self.now, self.order.edition.version)

    def refusals(self) -> tuple[list[bytes], list[int], list[str]]:
        """Columns of the rows that do not leave: send key, state, reason."""
        reasons = [reason for _, reason in self.refused]
        states = [int(gate.settled_as(reason)) for reason in reasons]
        return [key for key, _ in self.refused], states, [reason.value for reason in reasons]

    def spendings(self) -> list[brake.Spending]:
        """What the brake counts, nothing where there is none: messages that are claimed for the first time."""
        if self.order.brake is None:
            return []
        return brake.spendings(self.order.brake, self.order.account.settings.price, self._new)

    def attempts(self) -> list[tuple[Any, ...]]:
        """Rows of notifier.attempts."""
        return [attempt_row(job, self.owner, self.real) for job in self.jobs]


def attempt_row(job: Job, owner: str, now: datetime) -> tuple[Any, ...]:
    """A new attempt's row, leased by `owner` from `now` (real time) on."""
    one, digest = job.attempt, job.draft.digest if job.draft else b""
    return (
        one.id, one.account, list(one.send_keys), digest, job.composed_at, job.version, owner, one.claimed_at,
        one.turn, int(Phase.CALLING), now + LEASE,
    )  # fmt: skip


async def store_attempts(connection: asyncpg.Connection[Any], rows: Sequence[tuple[Any, ...]]) -> None:
    """COPY new attempts."""
    await connection.copy_records_to_table("attempts", schema_name="notifier", columns=_COLUMNS, records=rows)


async def _store(connection: asyncpg.Connection[Any], sheet: _Sheet) -> None:
    if sheet.jobs:
        await store_attempts(connection, sheet.attempts())
        await connection.execute(_HOLD, [job.attempt.id for job in sheet.jobs])
    if sheet.refused:
        await connection.execute(_REFUSE, *sheet.refusals(), sheet.real)


def _facts(row: Any) -> gate.Facts:
    return gate.Facts(
        row["class"], row["recipient"], row["expires_at"], row["consent"], row["consent_at"], row["topic_consent"],
        row["topic_consent_at"],
    )  # fmt: skip
