"""One loop per route: when slots are free and messages may be waiting, claim and hand over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from services.contracts.message import ALERTS, Route
from services.contracts.reasons import Reason
from services.kit.clock import monotonic
from services.kit.database.pool import FAILURES
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.kit.waiting import until_news
from services.notifier.claim import Claimed, Order, claim
from services.notifier.editions import Account, Edition, Editions
from services.notifier.sender import Sender

POLL_SECONDS = 0.25
MOST = 200
"""Messages of one claim: composing them holds up everything else in this process."""
WORTH_IT = 4
"""A claim costs the same for one message as for many: under load it waits until 1/WORTH_IT of the slots are free."""
REWIND_SECONDS = 1.0
_log = Logger()


class Claimer:
    """Claims for one route, from its accounts in failover order."""

    def __init__(self, context: Context, editions: Editions, sender: Sender, channel: Route) -> None:
        self._context = context
        self._editions = editions
        self._sender = sender
        self._channel = channel
        self._news = asyncio.Event()
        self._stopping = False
        self._after = 0
        self._busy = False
        self._rewound = 0.0

    def wake(self) -> None:
        """There may be something to do. Alerts are not hurried: who has none pays for no look at every hint."""
        if self._channel not in ALERTS:
            self._news.set()

    def stop(self) -> None:
        """Let `run` end after the claim that it is at: what a claim has committed must reach the sender."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Claim until stopped; a lost database is asked again."""
        while not self._stopping:
            self._news.clear()
            try:
                more = await self._round()
            except FAILURES as error:
                _log.warning(Log.BATCH_RETRIED, error=f"{type(error).__name__}: {error}")
                more = False
                await asyncio.sleep(POLL_SECONDS)
            if not (more or self._stopping):
                await self._rest()

    async def _round(self) -> bool:
        """One claim for each account whose turn it is. Whether another should follow at once."""
        edition = self._editions.now
        if edition is None:
            return False
        more = False
        for account in edition.accounts:
            if account.channel != self._channel:
                continue
            more |= await self._claim(edition, account)
            if not account.pace.passes(monotonic()):
                break
        return more

    async def _claim(self, edition: Edition, account: Account) -> bool:
        pace, now = account.pace, monotonic()
        free = pace.free(now)
        if free == 0 or (pace.in_flight and free * WORTH_IT < free + pace.in_flight):
            return False
        if now - self._rewound > REWIND_SECONDS:
            self._after, self._rewound = 0, now
        # Under load two at once: one composes while the database stores the other.
        shares = [free - free // 2, free // 2] if self._busy and free > 1 else [free]
        orders = [Order(account, edition, share, MOST, self._after) for share in shares]
        found = await asyncio.gather(*(claim(self._context, one) for one in orders), return_exceptions=True)
        claims = [one for one in found if not isinstance(one, BaseException)]
        for one in claims:
            _count(one.stopped)
            self._sender.begin(one.jobs)
        for failure in found:
            if isinstance(failure, BaseException):
                raise failure
        return self._go_on(claims)

    def _go_on(self, claims: Sequence[Claimed]) -> bool:
        """Whether there may be more.

        The next claim looks behind this one, past what is paused; what was freed meanwhile is found by rewinding.
        """
        again = self._after > 0
        self._busy = all(one.full for one in claims)
        self._after = max(one.last for one in claims) if self._busy else 0
        return self._busy or again

    async def _rest(self) -> None:
        """Wait for a hint, a free slot, the end of a pause, or POLL_SECONDS."""
        now = monotonic()
        edition = self._editions.now
        ours = [one for one in edition.accounts if one.channel == self._channel] if edition else []
        waits = [one.pace.wakes_in(now) for one in ours]
        seconds = min([POLL_SECONDS, *(wait for wait in waits if wait > 0)])
        await until_news(self._news, seconds)


def _count(stopped: Counter[Reason]) -> None:
    for reason, number in stopped.items():
        metrics.DECISIONS.labels(reason.value).inc(number)
