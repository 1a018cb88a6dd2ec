"""Watching the world of one customer."""

# ruff: noqa: ARG002, D102 -- watcher.py says what it is told, which is more than it counts

from __future__ import annotations

from datetime import datetime

from services.cli.backtest.prices import Prices
from services.cli.backtest.sums import Sums
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.reaction import Derived, EntryRow, Note, Walked
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.zones import customer_zone, shop_zone
from services.trigger_engine.virtual import Watcher, World

Line = tuple[str, str, str, str]
"""A message of one customer: local time (ISO 8601), journey, step, channel."""


class Tally(Watcher):
    """Counts what happens in the world of one customer. `said` are the messages, in order, by send key."""

    explains = False

    def __init__(self, into: Sums, prices: Prices) -> None:
        self._into = into
        self._prices = prices
        self.world: World | None = None
        self.said: dict[bytes, Message] = {}
        self.lines: list[Line] = []
        self._journeys: dict[bytes, str] = {}

    def sent(self, message: Message, at: datetime) -> None:
        into, shop = self._into, self._prices.shop
        profile = self.world.find(message.profile_id) if self.world is not None else None
        local = at.astimezone(customer_zone(profile, shop) if profile is not None else shop_zone(shop))
        into.sent[message.journey, message.step, message.channel] += 1
        into.hours[message.journey, local.hour] += 1
        self.said[message.send_key] = message
        self.lines.append((local.isoformat(timespec="minutes"), message.journey, message.step, message.channel))
        self._prices.charge(message, at, into)

    def stopped(self, message: Message, reason: Reason, at: datetime) -> None:
        self._into.skipped[message.journey, reason.value] += 1

    def entered(self, entry: EntryRow, at: datetime) -> None:
        self._journeys[entry.id] = entry.journey
        self._into.entered[entry.journey] += 1
        self._into.held_out[entry.journey] += bool(entry.held_out)

    def ended(self, entry: EntryRow, at: datetime) -> None:
        self._into.ended[entry.journey, entry.reason or ""] += 1

    def walked(self, entry_id: bytes, steps: list[Walked], at: datetime) -> None:
        for one in steps:
            if one.reason is not None:
                self._into.skipped[self._journeys.get(entry_id, ""), one.reason.value] += 1

    def noted(self, note: Note, event: Arrival | Derived, profile_id: bytes, at: datetime) -> None:
        self._into.skipped[note.journey, note.reason.value] += 1
