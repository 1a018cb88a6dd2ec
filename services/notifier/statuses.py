"""What a provider's word does to a message. Pure: statuses only grow, whatever the order in which words arrive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.message import ALERTS, SETTLED, Route, State
from services.contracts.reasons import Reason
from services.contracts.receipt import ReceiptKind
from services.notifier.outcomes import Change, clean
from services.notifier.providers.base import Callback
from services.notifier.suppressions import Suppression, fingerprints, suppressed_by

RANK: dict[str, int] = {
    "unknown": 0,
    "accepted": 10,
    "deferred": 20,
    "delivered": 30,
    "opened": 40,
    "clicked": 50,
    "refused": 60,
    "bounced": 70,
    "unsubscribed": 80,
    "complained": 90,
}
"""A bounce may come after a delivery (a server took the mail, the mailbox did not), never the other way round."""

DEEDS: frozenset[ReceiptKind] = frozenset({"opened", "clicked", "unsubscribed", "complained"})
"""What customers do is told each time; how a delivery stands only when it has moved on."""

KEPT = (
    "deferred", "delivered", "opened", "clicked", "refused", "bounced", "unsubscribed", "complained",
    "machine_opened", "machine_clicked",
)  # fmt: skip
"""Words about a message after it was taken whose first time a delivery keeps; a machine's are apart."""

OURSELVES = ""
"""The account of a callback that our own pages make: a message's link proves that it arrived."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One callback of an account, verified and translated. `id` is the same however often it is delivered."""

    id: bytes
    account: str
    channel: Route
    callback: Callback

    @property
    def by_number(self) -> bool:
        """Whether it names nobody but by an SMS number: an SMS that a customer sent."""
        said = self.callback
        return self.channel == "sms" and not (said.send_key or said.attempt_id or said.provider_id)


def heard(account: str, channel: Route, callback: Callback) -> Heard:
    """`callback` under the id that its account and the provider's own dedupe id give it."""
    return Heard(ids.callback(account, callback.dedupe), account, channel, callback)


class Standing(msgspec.Struct, gc=False):
    """How a message stands. `alone`: its attempt has no other member. `status` is its delivery's, None without one."""

    state: int
    attempt_id: bytes | None
    channel: Route
    recipient: str
    account: str | None
    alone: bool | None
    status: str | None


class Page:
    """Callbacks in, rows to write out. Times of receipts are the provider's; `now` is real time."""

    def __init__(self, secret_keys: Sequence[str], now: datetime, *, park: bool) -> None:
        self.now = now
        self.standings: dict[bytes, Standing] = {}
        self.changes: list[Change] = []
        self.closed: list[bytes] = []
        self.moved: dict[bytes, tuple[str, datetime, str | None]] = {}
        self.times: dict[bytes, dict[str, datetime]] = {}
        self.told: list[tuple[bytes, ReceiptKind, datetime, dict[str, Any]]] = []
        self.suppressed: list[Suppression] = []
        self.parked: list[Heard] = []
        self.counted: list[tuple[str, str]] = []
        self._secret_keys = secret_keys
        self._park = park

    def hear(self, one: Heard, send_key: bytes | None) -> None:
        """Apply one callback about the message `send_key`; a message of another account is none of its business."""
        kind, callback = one.callback.kind, one.callback
        standing = self.standings.get(send_key) if send_key else None
        if kind is None:
            return
        if standing is None or send_key is None or not (one.by_number or one.account in (OURSELVES, standing.account)):
            self._nameless(one, kind)
            return
        if not standing.recipient:
            return  # the customer was erased
        if callback.data.get("machine") is True:
            self._machine(send_key, standing, callback, kind)
            return
        self._note(send_key, kind, callback.at)
        if standing.channel not in ALERTS:  # a team that cannot be reached today is told again tomorrow
            self._suppress(kind, callback, standing.channel, standing.recipient)
        if standing.state < SETTLED and standing.attempt_id is not None:
            self._settle(send_key, standing, callback, kind)
        moves = standing.status is None or RANK[kind] > RANK.get(standing.status, 0)
        if moves:
            standing.status = kind
            self.moved[send_key] = (kind, callback.at, clean(callback.provider_id))
            self.counted.append((standing.account or "", kind))
        if moves or kind in DEEDS:
            self.told.append((send_key, kind, callback.at, callback.data))

    def _machine(self, send_key: bytes, standing: Standing, callback: Callback, kind: ReceiptKind) -> None:
        """What a machine opened or clicked is told with that flag, and says nothing of how the message stands."""
        if standing.status is not None:
            self._note(send_key, f"machine_{kind}", callback.at)
            self.told.append((send_key, kind, callback.at, callback.data))

    def _note(self, send_key: bytes, word: str, at: datetime) -> None:
        """Keep when this was said first, also where a later word has come before it."""
        if word in KEPT:
            times = self.times.setdefault(send_key, {})
            times[word] = min(at, times.get(word, at))

    def _settle(self, send_key: bytes, standing: Standing, callback: Callback, kind: ReceiptKind) -> None:
        """A status of any kind says that the call was taken; the claim is over before its answer is known."""
        fate: ReceiptKind = "refused" if kind == "refused" else "accepted"
        state, reason = (State.REFUSED, Reason.PROVIDER_REFUSED) if kind == "refused" else (State.ACCEPTED, None)
        address = fingerprints(standing.channel, standing.recipient, self._secret_keys[:1])[0]
        attempt_id = standing.attempt_id or b""
        change = Change(
            send_key, state, attempt_id, reason, fate, account=standing.account, address=address,
            provider_id=clean(callback.provider_id), keep=not standing.alone,
        )  # fmt: skip
        self.changes.append(change)
        self.closed.append(attempt_id)
        standing.state, standing.status = state, fate

    def _suppress(self, kind: ReceiptKind, callback: Callback, channel: Route, recipient: str) -> None:
        reason = suppressed_by(kind, callback.data)
        if reason is not None:
            address = fingerprints(channel, recipient, self._secret_keys[:1])[0]
            self.suppressed.append(Suppression(channel, address, reason, min(callback.at, self.now)))

    def _nameless(self, one: Heard, kind: ReceiptKind) -> None:
        """No message that we know: kept for a while, unless it names only an address (a customer's STOP)."""
        callback = one.callback
        named = callback.send_key or callback.attempt_id or callback.provider_id
        if not named and callback.recipient:
            self._suppress(kind, callback, one.channel, callback.recipient)
        elif named and self._park:
            self.parked.append(one)
