"""What becomes of a message in an invented world: delivered, opened, clicked, complained of. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from services.cli.simulate.habits import Habits
from services.contracts.message import CHANNELS, Message
from services.contracts.receipt import ReceiptKind


class Heard(NamedTuple):
    """A receipt to come."""

    at: datetime
    kind: ReceiptKind
    data: dict[str, Any]


def fate(message: Message, at: datetime, seed: int, url: str, habits: Habits) -> Iterator[Heard]:
    """What is heard of a message that leaves at `at`, in order; the same message has the same fate."""
    if message.channel not in CHANNELS:
        return
    chance = Random(f"{seed}:{message.send_key.hex()}")  # noqa: S311 -- an invented customer has no secrets
    at += timedelta(seconds=chance.uniform(3, 60))
    if chance.random() >= habits.delivered:
        yield Heard(at, "bounced", {"hard": chance.random() < 1 / 3})
        return
    yield Heard(at, "delivered", {})
    if message.channel == "email":
        clicks = habits.clicks
        if chance.random() < habits.opens:
            at += timedelta(minutes=chance.lognormvariate(4, 1.5))
            yield Heard(at, "opened", {})
        else:
            clicks = 0.0
    else:
        clicks = habits.clicks_sms
    if chance.random() < clicks:
        at += timedelta(seconds=chance.uniform(5, 90))
        yield Heard(at, "clicked", {"url": url})
    if message.klass == "marketing":
        at += timedelta(seconds=chance.uniform(60, 600))
        lot = chance.random()
        if lot < habits.complains:
            yield Heard(at, "complained", {})
        elif lot < habits.complains + habits.unsubscribes:
            yield Heard(at, "unsubscribed", {})
