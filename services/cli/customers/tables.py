"""Every table there is, and what erasure does with what it holds of a person; a test compares it with the database.

Whoever adds a table says here what becomes of it. `wici customers export` reads those that can be read by customer;
`wici customers erase --verify` searches every one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Fate = Literal["deleted", "emptied", "expires", "kept"]


class Table(msgspec.Struct, frozen=True):
    """What becomes of a customer's rows, and why that is enough; `by` is the column that says whose a row is."""

    fate: Fate
    why: str
    by: str | None = None


_ENGINE = "the engine, in the transaction of the erasure"
_NOTIFIER = "the notifier, once no message of the customer's is claimed"
_NOBODY = "it holds nothing of any customer"

TABLES: dict[str, Table] = {
    "engine.profiles": Table("deleted", _ENGINE, "id"),
    "engine.identifiers": Table("deleted", _ENGINE, "profile_id"),
    "engine.aliases": Table("deleted", _ENGINE, "new"),
    "engine.consents": Table("deleted", _ENGINE, "profile_id"),
    "engine.events": Table("deleted", _ENGINE, "profile_id"),
    "engine.entries": Table("deleted", _ENGINE, "profile_id"),
    "engine.timers": Table("deleted", _ENGINE, "profile_id"),
    "engine.parked": Table("deleted", _ENGINE, "profile_id"),
    "engine.interests": Table("deleted", _ENGINE, "profile_id"),
    "engine.products": Table("kept", _NOBODY),
    "engine.fan_outs": Table("expires", "how far a fan-out has come; it goes once everybody was told"),
    "engine.outcomes": Table("deleted", _ENGINE),
    "engine.event_ids": Table("kept", "ids are computed, and keep a replay from taking effect again"),
    "engine.erased": Table("kept", "HMACs of names, and keep older events from bringing the customer back"),
    "engine.positions": Table("kept", _NOBODY),
    "engine.schedules": Table("kept", _NOBODY),
    "engine.sweeps": Table("kept", _NOBODY),
    "engine.trials": Table("kept", _NOBODY),
    "engine.trial_arms": Table("kept", "numbers of customers"),
    "queue.outbound": Table("emptied", "recipient and context go; send keys keep anything from being sent again",
                            "profile_id"),
    "queue.receipts": Table("deleted", _ENGINE, "profile_id"),
    "queue.erasures": Table("deleted", _NOTIFIER, "profile_id"),
    "queue.pauses": Table("kept", _NOBODY),
    "notifier.deliveries": Table("deleted", _NOTIFIER, "profile_id"),
    "notifier.confirmations": Table("deleted", _NOTIFIER, "send_key"),
    "notifier.mailbox": Table("deleted", _NOTIFIER, "send_key"),
    "notifier.parked_callbacks": Table("deleted", _NOTIFIER, "send_key"),
    "notifier.attempts": Table("kept", "send keys and the digest of a request"),
    "notifier.callback_ids": Table("kept", "ids are computed"),
    "notifier.spent": Table("kept", _NOBODY),
    "notifier.suppressions": Table("kept", "HMACs of addresses; they protect the person"),
    "workspace.audit": Table("kept", "who of the shop did what"),
    "workspace.versions": Table("kept", "what the shop itself wrote"),
    "workspace.journeys": Table("kept", "what the shop itself wrote"),
    "bus.records": Table("expires", "the log is not rewritten; `wici customers erase` deletes what it finds"),
    "bus.topics": Table("kept", _NOBODY),
    "bus.partitions": Table("kept", _NOBODY),
    "bus.groups": Table("kept", _NOBODY),
    "bus.members": Table("kept", _NOBODY),
    "bus.commits": Table("kept", _NOBODY),
    "gateway.positions": Table("kept", _NOBODY),
    "kit.clock": Table("kept", _NOBODY),
}  # fmt: skip
