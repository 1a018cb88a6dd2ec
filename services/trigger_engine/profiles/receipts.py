"""What became of a message, or what a customer stated, as the notifier left it; and as journeys hear it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, cast

import msgspec

from services.contracts import ids
from services.contracts.data import Data
from services.contracts.message import Channel
from services.contracts.receipt import STATEMENT, Statement
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.stated import Said

_NO_DATA = Data()


class ReceiptRow(NamedTuple):
    """A receipt, or a customer's statement, as the notifier left it."""

    id: int
    send_key: bytes
    profile_id: bytes
    entry_id: bytes
    journey: str
    step: str
    channel: str
    kind: str
    at: datetime
    data: bytes

    @property
    def by_machine(self) -> bool:
        """Whether a scanner or a proxy opened or clicked: told to others, no sign of the customer's."""
        return b'"machine":true' in self.data


def is_heard(receipt: ReceiptRow, listened: Collection[str]) -> bool:
    """Whether anything is decided on it: `listened` are the kinds that journeys listen to."""
    listens = receipt.kind in ("unsubscribed", STATEMENT) or receipt.kind in listened
    return listens and not receipt.by_machine


def receipt_arrival(receipt: ReceiptRow) -> Arrival:
    """A receipt as journeys hear it: an event of type `message.<kind>`."""
    message = {
        **msgspec.json.decode(receipt.data or b"{}"),
        "journey": receipt.journey,
        "step": receipt.step,
        "channel": receipt.channel,
        "entry": receipt.entry_id.hex(),
    }
    identity = ids.outcome(receipt.kind, receipt.send_key.hex(), receipt.at.isoformat())
    fields = {"message": message}
    kind = f"message.{receipt.kind}"
    raw = msgspec.json.encode(fields)
    return Arrival(identity, kind, "wici", receipt.at, receipt.at, _NO_DATA, raw, (), decoded=fields)


def statement(row: ReceiptRow) -> Said:
    """What a customer stated, from its row. Raises ValidationError for data that is none."""
    given = msgspec.json.decode(row.data, type=Statement)
    channel = cast("Channel", row.channel)
    return Said(given, row.at, row.send_key, channel, row.journey, row.step, row.entry_id)
