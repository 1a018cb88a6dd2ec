"""Erasure: on `customer.deleted` everything known of a customer goes; digests of his names keep him from coming back.

GDPR art. 17. An event older than the erasure that bears an erased name takes no effect; a later one starts a new
customer, without consent. Decided in docs/decisions/0008-erasure.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

from services.kit.database.pool import Connection
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Identifier, Profile
from services.trigger_engine.store import erased as store


class Erasure:
    """The erasures of one transaction. `keys` are those of WICI_SECRET_KEY, newest first."""

    def __init__(self, connection: Connection, keys: Sequence[str]) -> None:
        self._connection = connection
        self._keys = keys
        self._digests: dict[bytes, datetime] = {}
        self.profiles: set[bytes] = set()

    def note(self, profile: Profile, event: Arrival) -> None:
        """Erase this profile, and those that became it, when the transaction stores."""
        self.profiles |= {profile.id, *profile.formerly}
        for name in profile.identifiers.keys() | set(event.identifiers):
            if name.kind != "order":  # an order's number names no person, and another shop's order may bear it
                self._digests[digest(name, self._keys[0])] = event.time

    async def store(self, real: datetime) -> None:
        """Delete what was noted."""
        if self.profiles:
            await store.erase(self._connection, list(self.profiles), self._digests, real)

    async def overtaken(self, arrivals: Iterable[Arrival], new: Iterable[Identifier]) -> set[bytes]:
        """Ids of events that happened before one of their names was erased. `new` are the names that nobody bears."""
        names = {digest(name, key): name for name in new for key in self._keys}
        if not names:
            return set()
        found = await store.find(self._connection, list(names))
        if not found:
            return set()
        gone = {names[one]: at for one, at in found.items()}
        return {a.id for a in arrivals if any(a.time <= gone[name] for name in a.identifiers if name in gone)}


def digest(name: Identifier, key: str) -> bytes:
    """HMAC of a name: keyed BLAKE2b-256 (RFC 7693), so that a stolen table cannot be searched for an e-mail."""
    mac = blake2b("\x1f".join(name).encode(), key=key.encode()[:64], person=b"wici-erased", digest_size=32)
    return mac.digest()
