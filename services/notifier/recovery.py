"""Attempts that nobody has in hand any more: repeat them exactly, or settle them; never form them anew.

Due are attempts whose holder died (lease), whose next call has come, or for whose callback it is too late. Whoever
takes one up gives it a new turn, so that a late word of its former holder changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.contracts.message import Route
from services.kit import crash
from services.kit.service import Context
from services.notifier import suppressions
from services.notifier.attempts import LEASE, Attempt, Lost, Phase, Repeat, Verdict, orphaned
from services.notifier.brake import DAY
from services.notifier.claim import Job
from services.notifier.drafts import Draft, Unsayable, draft, outgoing
from services.notifier.editions import Account, Edition, Editions
from services.notifier.sender import Sender

MOST = 100
PARKED_FOR = timedelta(hours=24)
REMEMBERED_FOR = timedelta(days=7)
"""How long a callback's id is kept: longer than any provider repeats one."""

# `phase` as it was, because the update returns what it is now.
_TAKE = """
    WITH due AS (
        SELECT a.id, a.phase FROM notifier.attempts a
        WHERE a.settled_at IS NULL AND a.id <> ALL($5)
          AND (a.due_at <= $1 OR ($4 AND a.owner = $2 AND a.phase = 0))
        ORDER BY a.due_at LIMIT $6
        FOR UPDATE SKIP LOCKED)
    UPDATE notifier.attempts a
    SET turn = a.turn + 1, owner = $2, phase = 0, due_at = $3
    FROM due WHERE a.id = due.id
    RETURNING a.id, a.account, a.send_keys, a.digest, a.composed_at, a.version, a.claimed_at, a.turn,
              due.phase AS was"""

_MEMBERS = """
    SELECT o.send_key, o.profile_id, o.entry_id, o.journey, o.step, o.class, o.topic, o.channel, o.template, o.locale,
           o.recipient, o.context, o.created_at, o.expires_at
    FROM unnest($1::uuid[]) AS given(send_key)
    CROSS JOIN LATERAL (SELECT * FROM queue.outbound o WHERE o.send_key = given.send_key LIMIT 1) o"""

_FORGET = """
    WITH parked AS (DELETE FROM notifier.parked_callbacks WHERE at < $1),
    spent AS (DELETE FROM notifier.spent WHERE bucket < $3)
    DELETE FROM notifier.callback_ids WHERE at < $2"""


class Recovery:
    """Takes up attempts that are due, in this process's turn."""

    def __init__(self, context: Context, editions: Editions, sender: Sender) -> None:
        self._context = context
        self._editions = editions
        self._sender = sender

    async def take_up(self, *, starting: bool = False) -> int:
        """Take up what is due, how many; at the start also what this instance had in hand when it died."""
        now = self._context.clock.real()
        pool, owner = self._context.pool, self._context.instance
        in_hand = list(self._sender.in_hand)
        due = await pool.fetch(_TAKE, now, owner, now + LEASE, starting, in_hand, MOST)
        if due:
            crash.point("notifier.taken_up")
            rows = await pool.fetch(_MEMBERS, [key for one in due for key in one["send_keys"]])
            members = {row["send_key"]: row for row in rows}
            for one in due:
                await self._resume(one, members, now)
        return len(due)

    async def forget(self) -> None:
        """Drop parked callbacks, callback ids and counts that nobody will ask for any more."""
        now = self._context.clock.real()
        await self._context.pool.execute(_FORGET, now - PARKED_FOR, now - REMEMBERED_FOR, now - DAY)

    async def _resume(self, row: Any, members: Mapping[bytes, Any], now: datetime) -> None:
        edition = await self._editions.of(row["version"])
        member = members.get(row["send_keys"][0])
        account = self._account(row, edition, member["channel"] if member else None)
        attempt = Attempt(
            row["id"], row["account"], tuple(row["send_keys"]), row["claimed_at"], row["turn"],
            account.provider.idempotency if account else None,
        )  # fmt: skip
        verdict: Verdict = Lost("no callback")
        if row["was"] != Phase.WAITING:
            verdict = orphaned(attempt, now, self._sender.settle_after(account))
        again = None
        if isinstance(verdict, Repeat) and account is not None and edition is not None:
            again = _again(attempt, row, [members.get(key) for key in attempt.send_keys], edition, account)
        job = Job(attempt, again, self._addresses(attempt, members), row["composed_at"], row["version"])
        if again is not None:
            self._sender.begin([job])
        else:
            await self._sender.settle(job, Lost("not the same bytes") if isinstance(verdict, Repeat) else verdict)

    def _account(self, row: Any, edition: Edition | None, route: Route | None) -> Account | None:
        """The account as it is configured now (its key may have been mended), else as it was."""
        then = edition.account(row["account"], route) if edition else None
        now = self._editions.now.account(row["account"], route) if self._editions.now else None
        return now if now and (then is None or now.provider is then.provider) else then

    def _addresses(self, attempt: Attempt, members: Mapping[bytes, Any]) -> tuple[bytes, ...]:
        keys = self._context.settings.secret_keys[:1]
        rows = [members.get(key) for key in attempt.send_keys]
        return tuple(suppressions.fingerprints(r["channel"], r["recipient"], keys)[0] if r else b"" for r in rows)


def _again(attempt: Attempt, row: Any, members: Sequence[Any], edition: Edition, account: Account) -> Draft | None:
    """The same call, made again from what it was made of; None unless every byte is the same."""
    try:
        composed = [outgoing(member, edition, row["composed_at"]) for member in members if member is not None]
    except Unsayable:
        return None
    if len(composed) != len(attempt.send_keys):
        return None
    made = draft(account, attempt.id, composed, repeat=True)
    return made if made.digest == row["digest"] else None
