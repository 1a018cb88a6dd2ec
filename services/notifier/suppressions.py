"""Addresses that must not be written to, kept as HMACs: nobody can read them back, everybody can compare.

The newest of WICI_SECRET_KEY makes the HMAC of a new row; rows made with older keys are found while those are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import asyncpg
import msgspec

from services.contracts.message import Route
from services.contracts.receipt import ReceiptKind
from services.kit.hmacs import hmac_sha256

SuppressionReason = Literal["bounced", "complained", "unsubscribed"]
_PURPOSE = b"wici address 1\0"


class Suppression(msgspec.Struct, frozen=True, gc=False):
    """One row: this address, on this channel, since `at` (real time)."""

    channel: Route
    address: bytes
    reason: SuppressionReason
    at: datetime


def fingerprints(channel: Route, recipient: str, keys: Sequence[str]) -> list[bytes]:
    """HMAC-SHA256 of the normalised address under each key, the newest first: 32 bytes each."""
    said = _PURPOSE + channel.encode() + b"\0" + recipient.strip().casefold().encode("utf-8", "replace")
    return [hmac_sha256(key, said) for key in keys]


def suppressed_by(kind: ReceiptKind, data: dict[str, Any]) -> SuppressionReason | None:
    """Whether a receipt of this kind forbids the address, and under which name: a soft bounce does not."""
    match kind:
        case "bounced":
            return "bounced" if data.get("hard") is True else None
        case "complained" | "unsubscribed":
            return kind
        case _:
            return None


_FIND = """
    SELECT s.address, s.reason, s.at
    FROM unnest($1::bytea[]) AS asked(address)
    CROSS JOIN LATERAL (SELECT * FROM notifier.suppressions s WHERE s.channel = $2 AND s.address = asked.address) s"""

_ADD = """
    INSERT INTO notifier.suppressions AS s (channel, address, reason, at)
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::timestamptz[])
    ON CONFLICT (channel, address, reason) DO UPDATE SET at = greatest(s.at, excluded.at)"""


async def find(
    connection: asyncpg.Connection[Any], channel: Route, addresses: Sequence[bytes]
) -> dict[bytes, list[Suppression]]:
    """The suppressions of any of `addresses`, by address."""
    found: dict[bytes, list[Suppression]] = {}
    for row in await connection.fetch(_FIND, addresses, channel):
        found.setdefault(row["address"], []).append(Suppression(channel, *row))
    return found


async def add(connection: asyncpg.Connection[Any], rows: Sequence[Suppression]) -> None:
    """Add suppressions, or move known ones to their newer time. Rows are locked in one order, whoever adds."""
    newest: dict[tuple[str, bytes, str], Suppression] = {}
    for row in sorted(rows, key=lambda one: (one.channel, one.address, one.reason, one.at)):
        newest[row.channel, row.address, row.reason] = row
    kept = newest.values()
    await connection.execute(
        _ADD, [r.channel for r in kept], [r.address for r in kept], [r.reason for r in kept], [r.at for r in kept]
    )
