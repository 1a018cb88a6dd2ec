"""Calls: one task per attempt in hand, from the committed claim to the committed outcome."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache

import asyncpg
from prometheus_client import Counter, Histogram

from services.contracts.reasons import Reason
from services.kit import crash
from services.kit.clock import monotonic
from services.kit.database.pool import FAILURES
from services.kit.errors import Misconfigured
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.notifier.attempts import SETTLE_AFTER, Lost, Verdict, judge
from services.notifier.claim import Job
from services.notifier.collector import Collector
from services.notifier.drafts import Draft
from services.notifier.editions import Account
from services.notifier.outcomes import Outcome, Stored, store
from services.notifier.providers.base import (
    Answered,
    Rejected,
    Result,
    Throttled,
    Transport,
    Unanswered,
    Unauthorized,
    call,
)

STORE_AGAIN_SECONDS = 0.5
_log = Logger()


class Sender:
    """Calls attempts and stores what became of them. `wake` is called when slots or messages may have become free."""

    def __init__(
        self,
        context: Context,
        http: Transport,
        transports: Mapping[str, Transport],
        wake: Callable[[], None],
        settle_after: timedelta = SETTLE_AFTER,
    ) -> None:
        self.in_hand: dict[bytes, asyncio.Task[None]] = {}
        self._settle_after = settle_after
        self._context = context
        self._http = http
        self._transports = transports
        self._wake = wake
        self._outcomes: Collector[Outcome, Stored] = Collector(self._flush)

    def start(self) -> None:
        """Begin to store outcomes."""
        self._outcomes.start()

    async def stop(self, seconds: float) -> None:
        """Let calls end and their outcomes be stored, at most `seconds`; what is left is taken up by its lease."""
        tasks = list(self.in_hand.values())
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in self.in_hand.values():
            task.cancel()
        await self._outcomes.stop()

    def begin(self, jobs: Iterable[Job]) -> None:
        """Call these attempts, which are claimed and committed."""
        for job in jobs:
            if job.draft is not None:
                job.draft.account.pace.begin()
                self.in_hand[job.attempt.id] = asyncio.create_task(self._perform(job, job.draft))

    def settle_after(self, account: Account | None) -> timedelta:
        """How long an unanswered attempt of `account` waits for a callback."""
        seconds = account.settings.settle_after if account else None
        return self._settle_after if seconds is None else timedelta(seconds=seconds)

    async def settle(self, job: Job, verdict: Verdict) -> None:
        """Store a verdict that needs no call."""
        await self._store(Outcome(job, verdict))

    async def _perform(self, job: Job, draft: Draft) -> None:
        pace = draft.account.pace
        try:
            result = await self._call(draft)
            pace.learn(result, monotonic())
            now = self._context.clock.real()
            verdict = judge(job.attempt, result, now, random.random(), self.settle_after(draft.account))  # noqa: S311 -- spreads load
            _tell(job, result)
            stored = await self._store(Outcome(job, verdict))
            self.begin(stored.halves)
        finally:
            del self.in_hand[job.attempt.id]
            pace.end()
            self._wake()

    async def _call(self, draft: Draft) -> Result:
        account = draft.account
        transport = self._transports.get(account.provider.name, self._http)
        began = monotonic()
        crash.point("notifier.calling")
        try:
            result = await call(transport, account.provider, draft.call, draft.request)
        except Misconfigured as problem:
            result = Unauthorized("address", str(problem))
        except Exception as error:  # noqa: BLE001 -- whatever broke, the call may have been made
            _log.error(Log.SERVICE_FAILED, error, service="notifier", account=account.name)
            result = Unanswered(type(error).__name__)
        crash.point("notifier.answered")
        _seconds(account.name).observe(monotonic() - began)
        return result

    async def _store(self, outcome: Outcome) -> Stored:
        while True:
            try:
                stored = await self._outcomes.put(outcome)
            except FAILURES as error:
                _log.warning(Log.BATCH_RETRIED, error=type(error).__name__)
                await asyncio.sleep(STORE_AGAIN_SECONDS)
            else:
                if stored.spoken and isinstance(outcome.verdict, Lost):
                    tell_lost(outcome.job, outcome.verdict)
                return stored

    async def _flush(self, batch: Sequence[Outcome]) -> Sequence[Stored]:
        try:
            return await store(self._context, batch)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
            if len(batch) == 1:
                raise
            # One outcome that cannot be stored must not hold up the others.
            middle = len(batch) // 2
            return [*await self._flush(batch[:middle]), *await self._flush(batch[middle:])]


@lru_cache(maxsize=256)
def _seconds(account: str) -> Histogram:
    return metrics.ATTEMPT_SECONDS.labels(account)


@lru_cache(maxsize=1024)
def _calls(account: str, result: str) -> Counter:
    return metrics.ATTEMPTS.labels(account, result)


def tell_lost(job: Job, verdict: Lost) -> None:
    """Count and name what nobody will know."""
    account = job.attempt.account
    members = len(job.attempt.send_keys)
    metrics.UNKNOWN.labels(account).inc(members)
    metrics.DECISIONS.labels(Reason.UNKNOWN.value).inc(members)
    _log.warning(
        Log.ATTEMPT_UNKNOWN, account=account, attempt_id=job.attempt.id.hex(), messages=members, reason=verdict.reason
    )


def _tell(job: Job, result: Result) -> None:
    """Count the call; name what an operator wants to see. A provider's message may quote the recipient: not logged."""
    account = job.attempt.account
    _calls(account, _name(result)).inc()
    match result:
        case Answered(outcomes):
            if refused := sum(isinstance(one, Rejected) for one in outcomes):
                metrics.DECISIONS.labels(Reason.PROVIDER_REFUSED.value).inc(refused)
        case Unanswered(reason):
            attempt_id = job.attempt.id.hex()
            _log.warning(Log.ATTEMPT_UNANSWERED, account=account, attempt_id=attempt_id, reason=reason)
        case Unauthorized(code):
            _log.error(Log.ACCOUNT_REFUSES, account=account, code=code)
        case _:
            pass


def _name(result: Result) -> str:
    match result:
        case Answered(outcomes):
            return "refused" if all(isinstance(one, Rejected) for one in outcomes) else "accepted"
        case Throttled():
            return "throttled"
        case Unanswered():
            return "unanswered"
        case _:
            return "refused"
