"""The whole route of this service, read from top to bottom.

queue.outbound ▶ claim ▶ call ▶ settle ▶ queue.receipts
attempts that are due ▶ the same call again, or settle
callback ▶ verify ▶ translate ▶ hear ▶ queue.receipts
open, click ▶ told from machines ▶ hear ▶ queue.receipts
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.contracts.message import OUTBOUND_HINT, ROUTES
from services.contracts.workspace import CHANNEL as WORKSPACE_HINT
from services.kit.notify import Listener
from services.kit.service import Context
from services.notifier import erasure, gauges
from services.notifier.callbacks import Callbacks
from services.notifier.claimer import Claimer
from services.notifier.editions import Editions
from services.notifier.hearing import sweep
from services.notifier.loops import every, once
from services.notifier.recovery import PARKED_FOR, Recovery
from services.notifier.sender import Sender
from services.notifier.tracking import Tracker

JUST_PARKED = timedelta(minutes=2)


class Flow:
    """The service's loops, over parts that the service has built."""

    def __init__(
        self,
        context: Context,
        editions: Editions,
        sender: Sender,
        claimers: list[Claimer],
        callbacks: Callbacks,
        tracker: Tracker,
    ) -> None:
        self._context, self._editions, self._callbacks = context, editions, callbacks
        self._sender, self._claimers, self._tracker = sender, claimers, tracker
        self._recovery = Recovery(context, editions, sender)
        self._hints = Listener(context.settings.database_url)
        self._claims: list[asyncio.Task[None]] = []
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up what this instance left behind, then run every loop."""
        await self._editions.refresh()
        self._sender.start()
        self._callbacks.start()
        await self._recovery.take_up(starting=True)
        for claimer in self._claimers:
            self._hints.on(OUTBOUND_HINT, claimer.wake)
        self._hints.on(WORKSPACE_HINT, self._editions.hint)
        await self._hints.start()
        context, long_ago = self._context, PARKED_FOR
        self._claims = [asyncio.create_task(claimer.run()) for claimer in self._claimers]
        self._loops = [
            every(1.0, self._editions.refresh, self._editions.hinted),
            every(1.0, self._recovery.take_up),
            every(1.0, lambda: erasure.work_off(context)),
            every(0.25, self._tracker.tell),
            every(1.0, lambda: sweep(context, context.clock.real() - JUST_PARKED)),
            every(60.0, lambda: sweep(context, context.clock.real() - long_ago)),
            every(3600.0, self._recovery.forget),
            every(15.0, lambda: gauges.measure(context.pool, ROUTES)),
        ]

    async def stop(self, seconds: float) -> None:
        """Claim nothing more; let calls end and outcomes be stored within `seconds`."""
        for claimer in self._claimers:
            claimer.stop()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._claims, *self._loops, return_exceptions=True)
        await self._hints.stop()
        await self._sender.stop(seconds)
        await once(self._tracker.tell_all)
        await self._callbacks.stop()
