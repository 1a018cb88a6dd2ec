"""A shop's story on a real database: engine and notifier at work, and a clock that stops at every timer on its way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.workspace import Workspace
from services.notifier.providers.mailbox import Row
from services.trigger_engine.profiles.state import load
from services.trigger_engine.store.events import make_partitions
from tests.support.engine import event
from tests.support.notifying import Server, serving
from tests.support.town import Town, town
from tests.support.waiting import eventually

# One statement, one snapshot: what takes from one of these tables gives to the next in the same transaction.
_UNDER_WAY = """
    SELECT EXISTS (SELECT FROM queue.outbound WHERE state < 10 AND (quiet IS NULL OR NOT quiet @> $1::timestamptz))
        OR EXISTS (SELECT FROM queue.receipts) OR EXISTS (SELECT FROM engine.timers WHERE due <= $1)"""
_FANNING_OUT = "SELECT EXISTS (SELECT FROM engine.fan_outs)"  # what is left of it stands in the log
_NEXT = "SELECT min(due) FROM engine.timers WHERE due > $1"
_MAILBOX = """
    SELECT m.sent_at, m.channel, o.template, o.recipient, m.message FROM notifier.mailbox m
    JOIN queue.outbound o USING (send_key) ORDER BY m.sent_at, m.seq"""


class Heard(NamedTuple):
    """A message that left: when, on the shop's clock, over what, to whom, and in which words."""

    at: str
    channel: str
    template: str
    recipient: str
    text: str


class Theatre:
    """Plays events and lets time pass. The zone is that in which the shop's customers live."""

    def __init__(self, place: Town, server: Server, zone: ZoneInfo) -> None:
        self._place, self._server, self._zone = place, server, zone

    @property
    def now(self) -> datetime:
        return self._place.clock.now()

    def local(self, text: str) -> datetime:
        """A moment on the customers' clocks: 2026-11-24 13:00."""
        return datetime.fromisoformat(text).replace(tzinfo=self._zone)

    async def happens(self, kind: str, **data: Any) -> None:
        """The shop tells of something that happens now; wait until all that follows at once is said."""
        await self._place.tell(event(kind, self.now, **data))
        await self._place.read()
        await self._settle()

    async def passes(self, by: timedelta) -> None:
        """Let time pass, from timer to timer."""
        await self.until(self.now + by)

    async def until(self, end: datetime) -> None:
        """Let time pass to a moment, from timer to timer."""
        while (due := await self._place.pool.fetchval(_NEXT, self.now)) is not None and due <= end:
            await self._move(due)
        await self._move(end)

    async def becomes(self, kind: str, template: str, **data: Any) -> None:
        """The newest e-mail of a template has been opened, clicked, or has bounced, as its callback tells."""
        await self._place.pool.execute(
            "INSERT INTO queue.receipts (send_key, profile_id, entry_id, journey, step, channel, kind, at, data)"
            " SELECT send_key, profile_id, entry_id, journey, step, channel, $1, $2, $3 FROM queue.outbound"
            " WHERE template = $4 AND channel = 'email' ORDER BY seq DESC LIMIT 1",
            kind, self.now, msgspec.json.encode(data), template,
        )  # fmt: skip
        await self._settle()

    async def presses(self, page: str, template: str) -> None:
        """The customer follows a link of an e-mail to a page of ours, and presses the button there."""
        text = next(one.text for one in await self.heard() if (one.template, one.channel) == (template, "email"))
        found = re.search(rf"https?://[^/\s]+(/{page}/\S+)", text)
        assert found is not None, text
        status, answer = await self._server.ask("POST", found[1])
        assert status == 200, answer
        await self._settle()

    async def heard(self) -> list[Heard]:
        """Every message that left, the oldest first."""
        rows = await self._place.pool.fetch(_MAILBOX)
        return [
            Heard(self._clock(at), channel, template, recipient, _words(message))
            for at, channel, template, recipient, message in rows
        ]

    async def said(self) -> list[str]:
        """`Tue 13:45 email cart-reminder` for every message that left."""
        return [f"{one.at} {one.channel} {one.template}" for one in await self.heard()]

    async def tags(self, customer: str) -> list[str]:
        """The tags that journeys and the shop have put on a customer, by the shop's id."""
        found = await self._place.pool.fetchval(
            "SELECT p.state FROM engine.profiles p JOIN engine.identifiers i ON i.profile_id = p.id WHERE i.value = $1",
            customer,
        )
        return load(found, 0).fact("tags") or []

    async def _move(self, at: datetime) -> None:
        async with self._place.pool.acquire() as connection:  # as the engine does every hour, which is skipped here
            await make_partitions(connection, at.date() - timedelta(days=1), 3)
        self._place.clock.move(at - self.now)
        await self._settle()

    def _clock(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%d %a %H:%M}"

    async def _settle(self) -> None:
        """Wait until nothing is under way. Time trickles on: a timer may set another that is due already."""

        async def settled() -> bool:
            self._place.clock.move(timedelta(milliseconds=1))
            if await self._place.pool.fetchval(_FANNING_OUT) or not await self._place.is_read():
                return False
            return not await self._place.pool.fetchval(_UNDER_WAY, self.now)

        await eventually(settled, 20, message="messages or timers are under way")


def _words(message: bytes) -> str:
    row = msgspec.json.decode(message, type=Row)
    return row.sms or f"{row.subject}\n{row.text}"


@asynccontextmanager
async def theatre(url: str, workspace: Workspace, begin: str) -> AsyncIterator[Theatre]:
    """The curtain rises at `begin`, on the shop's clock."""
    zone = ZoneInfo(workspace.settings.shop.time_zone)
    async with town(url) as place:
        place.clock.move(datetime.fromisoformat(begin).replace(tzinfo=zone) - place.clock.now())
        await place.publish(workspace)
        async with place.engine(), serving(url, place.clock) as server:
            yield Theatre(place, server, zone)
