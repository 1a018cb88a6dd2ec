"""The notifier as a service: its parts, their start and their end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from starlette.routing import BaseRoute

from services.contracts.message import ROUTES
from services.kit.http import Http
from services.kit.service import Context
from services.notifier.attempts import SETTLE_AFTER
from services.notifier.callbacks import Callbacks
from services.notifier.claimer import Claimer
from services.notifier.editions import Editions
from services.notifier.flow import Flow
from services.notifier.mailbox import Mailbox
from services.notifier.pages.confirm import Confirm
from services.notifier.pages.letter import Letters
from services.notifier.pages.preferences import Preferences
from services.notifier.providers import mailbox
from services.notifier.providers.base import Transport
from services.notifier.providers.smtp_relay import Relay
from services.notifier.providers.webhook_wire import WebhookWire
from services.notifier.sender import Sender
from services.notifier.tracking import Tracker
from services.notifier.unsubscribe import Unsubscribe

DRAIN_SECONDS = 20.0
"""Longer than a provider's time-out: a call that has begun gets its answer."""


class Notifier:
    """Says what the queue holds. `settle_after` bounds the wait for a callback where a provider has no idempotency."""

    name = "notifier"

    def __init__(self, context: Context, *, settle_after: timedelta = SETTLE_AFTER) -> None:
        self._editions = Editions(context)
        self._callbacks = Callbacks(context, self._editions)
        self._unsubscribe = Unsubscribe(context, self._editions, self._callbacks)
        self._tracker = Tracker(context, self._callbacks)
        letters = Letters(context)
        self._confirm = Confirm(context, self._editions, letters)
        self._preferences = Preferences(context, self._editions, letters)
        self._mailbox = Mailbox(context, self._editions)
        self._http = Http()
        self._stack = AsyncExitStack()
        self._relay = Relay()
        self._webhooks = WebhookWire(context.clock)
        transports: dict[str, Transport] = {
            "mailbox": mailbox.Mailbox(self._mailbox),
            "smtp": self._relay,
            "webhook": self._webhooks,
        }
        sender = Sender(context, self._http, transports, self._wake, settle_after)
        self._claimers = [Claimer(context, self._editions, sender, channel) for channel in ROUTES]
        self._flow = Flow(context, self._editions, sender, self._claimers, self._callbacks, self._tracker)

    async def start(self) -> None:
        """Begin to claim. Misconfigured when the database does not answer."""
        await self._stack.enter_async_context(self._http)
        await self._stack.enter_async_context(self._relay)
        await self._stack.enter_async_context(self._webhooks)
        await self._flow.start()

    async def stop(self) -> None:
        """Claim nothing more, finish calls within DRAIN_SECONDS, store their outcomes."""
        await self._flow.stop(DRAIN_SECONDS)
        await self._stack.aclose()

    def routes(self) -> Sequence[BaseRoute]:
        """Callbacks, the pages of consent, tracked links, the development mailbox."""
        pages = (self._unsubscribe, self._confirm, self._preferences)
        parts = (self._callbacks, *pages, self._tracker, self._mailbox)
        return [route for part in parts for route in part.routes()]

    def ready(self) -> tuple[bool, str]:
        """Ready once a workspace is published that can be used."""
        edition = self._editions.now
        if edition is None:
            return False, self._editions.problem or "no workspace is published yet: run wici apply"
        if self._editions.problem:
            return True, f"sends with version {edition.version}; a newer one cannot be used: {self._editions.problem}"
        return True, f"sends with version {edition.version} of the workspace"

    def _wake(self) -> None:
        for claimer in self._claimers:
            claimer.wake()


def build(context: Context) -> Notifier:
    """The notifier, not yet connected to anything."""
    return Notifier(context)
