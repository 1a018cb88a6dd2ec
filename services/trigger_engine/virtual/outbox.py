"""The queue in memory: what waits to leave, and what became of the messages that have not left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain

from services.contracts.message import Message, State
from services.contracts.reasons import Reason
from services.trigger_engine.journeys.crowd import Crowd
from services.trigger_engine.journeys.reaction import Reaction, Revocation
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.policies import caps
from services.trigger_engine.profiles.state import Profile
from services.trigger_engine.virtual.watcher import Watcher

Gate = Callable[[Message, datetime], Reason | None]
"""Why a message must not leave, or None: what the notifier would ask once more."""


class Outbox:
    """What `queue.outbound` holds, of which only what waits is kept; `fates` are those of what did not leave."""

    def __init__(self, watcher: Watcher, gate: Gate | None) -> None:
        self.queue: dict[bytes, Message] = {}
        self._revisions: dict[bytes, int] = {}
        self._fates: dict[bytes, State] = {}
        self._watcher = watcher
        self._gate = gate

    def put(self, into: Reaction) -> None:
        """Queue what was said, and remember by which revision."""
        for message in chain.from_iterable(into.messages.values()):
            self.queue[message.send_key] = message
            if message.entry_id in into.entries:
                self._revisions[message.send_key] = into.entries[message.entry_id].revision

    def said_by(self, journey: str, other_than: int) -> Iterator[Message]:
        """What waits, and was said by another revision of a journey."""
        for key, message in self.queue.items():
            if message.journey == journey and self._revisions.get(key, other_than) != other_than:
                yield message

    def take_back(self, revocations: Iterable[Revocation], crowd: Crowd, now: datetime) -> None:
        """Take back what these cover."""
        for one in revocations:
            for message in list(self.queue.values()):
                if crowd.now(message.profile_id) == crowd.now(one.profile_id) and one.covers(message):
                    self._stop(self.queue.pop(message.send_key), one.reason, State.REVOKED, now)

    def take_all_back(self, profile_id: bytes, crowd: Crowd, now: datetime) -> None:
        """Take back everything that waits for somebody who is erased."""
        for message in list(self.queue.values()):
            if crowd.now(message.profile_id) == profile_id:
                self._stop(self.queue.pop(message.send_key), Reason.ERASED, State.REVOKED, now)

    def let_go(self, now: datetime) -> Message | None:
        """Let the oldest message leave that the gate does not stop, and return it; None when the queue is empty."""
        while self.queue:
            message = self.queue.pop(next(iter(self.queue)))
            self._revisions.pop(message.send_key, None)
            reason = None if self._gate is None else self._gate(message, now)
            if reason is None:
                self._watcher.sent(message, now)
                return message
            self._stop(message, reason, State.DROPPED, now)
        return None

    def look(self, profile: Profile, turn: Turn) -> None:
        """What has become of the messages that caps count, and that were not known to have left."""
        keys = caps.unsettled(profile)
        states = {k: State.QUEUED if k in self.queue else self._fates.pop(k, State.ACCEPTED) for k in keys}
        caps.settle(profile, states)
        turn.unclaimed = {key: self.queue[key].entry_id for key in keys if key in self.queue}

    def _stop(self, message: Message, reason: Reason, state: State, now: datetime) -> None:
        self._fates[message.send_key] = state
        self._watcher.stopped(message, reason, now)
