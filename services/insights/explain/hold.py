"""What holds a message that waits in the queue, as the claim sees it (services/notifier/claim.py). Pure.

A row is one of queue.outbound with the outcome and account of its newest attempt. How an account is paced is known to
its notifier alone; here is told what it has left in the row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.contracts.message import ALERTS, SETTLED, State
from services.contracts.policies import BRAKED


def itself(row: Any, pauses: Mapping[str, Any], braked: Collection[str], now: datetime) -> str | None:
    """A pause of its journey, its channel or of everything; or quiet hours, at marketing time `now`.

    `pauses` are rows of queue.pauses by scope; one of the brake holds only the classes of `braked`.
    """
    passes = row["class"] not in braked or row["channel"] in ALERTS
    for scope in ("all", f"channel:{row['channel']}", f"journey:{row['journey']}"):
        pause = pauses.get(scope)
        if pause is not None and not (passes and pause["by"] == BRAKED):
            return f"paused ({scope}: since {pause['since']:%Y-%m-%d %H:%M} by {pause['by']})"
    for span in row["quiet"] or ():
        if span.lower <= now < span.upper:
            return f"quiet hours until {span.upper:%Y-%m-%d %H:%M:%S} (policies.quiet_hours.{row['channel']})"
    return None


def before(row: Any, rows: Sequence[Any], waits: Mapping[bytes, str | None]) -> str | None:
    """The customer's message that goes first on the channel: one in a provider's hands, or an older one not held."""
    if row["state"] != State.QUEUED:
        return None
    for other in rows:
        if other["channel"] != row["channel"] or other["state"] >= SETTLED or other["send_key"] == row["send_key"]:
            continue
        older = other["seq"] < row["seq"] and waits.get(other["send_key"]) is None
        if other["state"] == State.CLAIMED or older:
            named = f"{other['template']} of {other['journey']}, queued {other['created_at']:%Y-%m-%d %H:%M:%S}"
            return f"an older message to the customer by {row['channel']} ({named})"
    return None


def account(row: Any) -> str | None:
    """An account that gave the message back, unsent: it was throttled, refused us or was not to be reached."""
    if row["state"] != State.QUEUED or row["attempt"] is None:
        return None
    if row["bound_to"]:
        return f"{row['bound_to']}, which alone may call again: it never answered, and nobody knows whether it left"
    if row["outcome"] == "freed":
        return (
            f"an account: {row['account']} gave it back (throttled, refused, or not to be reached), and is tried again"
        )
    return None
