"""The engine's state in memory, and its decisions at a virtual time."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec

from services.contracts import ids
from services.contracts.event import ERASURE
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.contracts.receipt import STATEMENT, ReceiptKind, Statement
from services.trigger_engine.journeys import deriving, in_flight, react
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.crowd import NOBODY, Crowd
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import EntryRow, Reaction, Timer
from services.trigger_engine.journeys.schedules.campaign import is_for, told
from services.trigger_engine.journeys.segments import digest_of
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.products.known import TOLD_OF
from services.trigger_engine.products.telling import Product
from services.trigger_engine.profiles import receipts
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.receipts import ReceiptRow
from services.trigger_engine.profiles.state import Identifier, Profile
from services.trigger_engine.virtual import telling
from services.trigger_engine.virtual.campaigns import Campaigns
from services.trigger_engine.virtual.market import Market
from services.trigger_engine.virtual.outbox import Gate, Outbox
from services.trigger_engine.virtual.record import Record
from services.trigger_engine.virtual.timers import Timers
from services.trigger_engine.virtual.told import Told
from services.trigger_engine.virtual.watcher import Watcher


class World:
    """Customers, timers and a queue, at the marketing time `now`.

    A message leaves when it is queued, unless `gate` names a reason why not, and `accepted` is heard of it. With
    `holds` it stays in `queue` until `release`. With `keeps_all` every event is remembered, so that definitions
    followed later find in the past what they ask for; else only what those at hand may ask for.
    """

    def __init__(
        self,
        definitions: Definitions,
        start: datetime,
        watcher: Watcher | None = None,
        *,
        gate: Gate | None = None,
        holds: bool = False,
        keeps_all: bool = False,
    ) -> None:
        self.definitions = definitions
        self.now = start
        self._watcher = watcher or Watcher()
        self._holds = holds
        self._crowd = Crowd()
        self._timers = Timers()
        self._market = Market()
        self._campaigns = Campaigns(definitions, start)
        self._outbox = Outbox(self._watcher, gate)
        self._record = Record(keeps_all=keeps_all)
        self._told = Told(self._watcher)
        self._seen: set[bytes] = set()
        self._erased: dict[Identifier, datetime] = {}
        self._fan_outs: deque[tuple[bytes, Product]] = deque()
        self._turn = Turn(definitions, start, Reaction(), explains=self._watcher.explains)

    @property
    def profiles(self) -> dict[bytes, Profile]:
        """The customers by id."""
        return self._crowd.profiles

    @property
    def live(self) -> dict[bytes, EntryRow]:
        """The entries that have not ended, by id."""
        return self._told.live

    @property
    def queue(self) -> dict[bytes, Message]:
        """The messages that wait to leave, by send key, the oldest first."""
        return self._outbox.queue

    def find(self, profile_id: bytes) -> Profile | None:
        """A customer by an id that the profile has or had."""
        return self._crowd.find(profile_id)

    def tell(self, event: Arrival, at: datetime | None = None) -> Profile | None:
        """Let time pass to `at`, and take in an event; timers due at that very moment come after it, as in the engine.

        Returns its customer; None for an event that concerns nobody or takes no effect, such as one told before.
        """
        self._pass(at)
        if event.id in self._seen:
            return None
        self._seen.add(event.id)
        profile = self._take_in(event)
        while self._fan_outs:
            identity, said = self._fan_outs.popleft()
            for one in list(self._market.told(identity, said, self._crowd, self.definitions, self.now)):
                self.tell(one)
        return profile

    def receipt(self, message: Message, kind: ReceiptKind, at: datetime | None = None, **data: Any) -> None:
        """Let time pass to `at`, and hear what became of a message that has left; `data` as in contracts/receipt.py."""
        self._pass(at)
        row = self._row(message, kind, msgspec.json.encode(data))
        profile = self.find(row.profile_id)
        if profile is not None and receipts.is_heard(row, self.definitions.receipts):
            heard = receipts.receipt_arrival(row)
            react.on_receipt(profile, heard, self._begin(profile))
            self._end((profile,), heard)

    def state(self, message: Message, statement: Statement, at: datetime | None = None) -> None:
        """Let time pass to `at`, and hear what a customer states on a page that a message led to."""
        self._pass(at)
        profile = self.find(message.profile_id)
        if profile is not None:
            said = receipts.statement(self._row(message, STATEMENT, msgspec.json.encode(statement)))
            react.on_statement(profile, said, self._begin(profile))
            self._end((profile,))

    def visit(self, profile: Profile, cancelled: Iterable[bytes] = ()) -> None:
        """Look at a customer to whom nothing has happened, as the engine does when segments or journeys change."""
        react.on_visit(profile, self._begin(profile), cancelled)
        self._end((profile,))

    def pause(self, scopes: Iterable[str]) -> None:
        """From now on these are paused (`all`, `journey:NAME`), and nothing else; the rest goes on as time does."""
        self._turn.paused = frozenset(scopes)
        self._timers.resume(self._turn.pauses)

    def advance(self, to: datetime) -> None:
        """Let time pass: every timer due by `to` fires at its moment."""
        while (due := self.next_timer()) is not None and due <= to:
            self._come(due)
        self.now = max(self.now, to)

    def wait_for(self, moment: datetime) -> None:
        """Let time pass up to a moment, but for the timers that are due at that very moment."""
        self._pass(moment)

    def next_timer(self) -> datetime | None:
        """When the next timer is due, or a time of a schedule; None when nothing follows from time alone."""
        timer, campaign = self._timers.next(), self._campaigns.next()
        if timer is None or campaign is None:
            return timer or campaign
        return min(timer, campaign)

    def release(self) -> None:
        """Let every queued message leave, or stop it at the gate."""
        while (message := self._outbox.let_go(self.now)) is not None:
            if "accepted" in self.definitions.receipts:
                self.receipt(message, "accepted")

    def follow(self, definitions: Definitions) -> None:
        """Take over other definitions, as the engine does when they are published.

        Entries keep their revisions, or what the change says is done to them at once.
        """
        old, self.definitions = self.definitions, definitions
        before = self._turn
        self._turn = Turn(
            definitions, self.now, Reaction(), paused=before.paused, trials=before.trials, explains=before.explains
        )
        self._campaigns.follow(definitions, self.now)
        for profile in self.profiles.values():
            self._pin(profile, old)
            self._record.catch_up(profile, definitions, self.now)
        for profile_id, cancelled in self._changed().items():
            if (changed := self.find(profile_id)) is not None:
                self.visit(changed, cancelled)
        if digest_of(old) != digest_of(definitions):
            for profile in list(self.profiles.values()):
                self.visit(profile)

    def admit(self, profile: Profile, past: Iterable[Arrival] = ()) -> None:
        """Take in a customer as stored, with the names, live entries and timers that the profile bears.

        `past` are events recorded of this customer. The revisions that entries pin must be among the definitions'.
        """
        self._crowd.profiles[profile.id] = profile
        self._crowd.rows.update(dict.fromkeys(profile.identifiers, profile.id))
        self._crowd.merged.update(dict.fromkeys(profile.formerly, profile.id))
        self._record.begin(profile, past)
        self._record.catch_up(profile, self.definitions, self.now)
        for one in profile.entries:
            if one.until is None:
                row = EntryRow(one.id, profile.id, one.journey, one.revision, one.key, one.entered_at, one.step)
                row.held_out = one.held
                self.live[one.id] = row
        self._timers.take(Timer(one.id, profile.id, one.wake, one.generation) for one in profile.entries if one.wake)
        for kind, alarm in profile.alarms.items():
            self._timers.take((Timer(ids.alarm(kind, profile.id), profile.id, alarm.due, alarm.generation),))

    def drop(self, profile_id: bytes) -> None:
        """Forget a customer and what belongs to the profile; who comes again is somebody new."""
        profile = self.find(profile_id)
        if profile is not None:
            self._remove(profile)

    def _pass(self, at: datetime | None) -> None:
        if at is None or at < self.now:
            return
        while (due := self.next_timer()) is not None and due < at:
            self._come(due)
        self.now = at

    def _come(self, due: datetime) -> None:
        """Let happen what follows from time at this moment: timers first, then times of schedules."""
        if due == self._timers.next():
            self._fire(due)
            return
        self.now = max(self.now, due)
        said, schedule = self._campaigns.pop()
        if schedule is None:
            return
        for profile in [self.profiles[key] for key in sorted(self.profiles)]:
            if not is_for(said, schedule, profile):
                continue
            one = telling.heard(told(said, schedule, profile, 0, self.now), self.definitions, self.now)
            if one is not None:
                self.tell(one)

    def _take_in(self, event: Arrival) -> Profile | None:
        names, crowd, definitions = event.identifiers, self._crowd, self.definitions
        if event.type in TOLD_OF:
            self._fan_outs.extend(self._market.hear(event, definitions))
        if not names:
            return None
        if self._erased and self._is_overtaken(event):
            self._turn.into.skip("", Reason.ERASED)
            self._end((), event)
            return None
        for name in names:
            crowd.rows.setdefault(name, NOBODY)
        profile = crowd.who(event, self._turn.into, self.now)
        if crowd.moved or crowd.created or crowd.forgotten:
            self._moved(profile)
        if event.type == ERASURE:
            self._end((), event)
            self._erase(profile, event)
            return None
        turn = self._begin(profile)
        turn.past = self._record.before(profile, event, definitions)
        react.on_event(profile, event, turn)
        if event.type in definitions.minded:
            self._market.show(event, profile.id, definitions)
        self._record.put(profile.id, event, definitions)
        self._end((profile,), event)
        return profile

    def _is_overtaken(self, event: Arrival) -> bool:
        """Whether it happened before one of its names, which nobody bears, was erased."""
        gone = [n for n in event.identifiers if n in self._erased and not self._crowd.rows.get(n)]
        return any(event.time <= self._erased[name] for name in gone)

    def _moved(self, keeper: Profile) -> None:
        """Let what belongs to profiles follow the one that they have become."""
        for old in keeper.formerly:
            self._market.follow(old, keeper.id)
        self._crowd.stored()

    def _fire(self, due: datetime) -> None:
        """Fire the timers of one moment, in one go, as the engine does."""
        self.now = max(self.now, due)
        found = [(timer, self.find(timer.profile_id)) for timer in self._timers.pop(due)]
        firing = [(timer, profile) for timer, profile in found if profile is not None]
        if len(firing) > 1:
            firing.sort(key=lambda one: react.urgency(one[1], one[0].id, self.definitions))
        touched = {profile.id: profile for _, profile in firing}
        turn = self._turn
        unclaimed: dict[bytes, bytes] = {}
        done: frozenset[bytes] = frozenset()
        for profile in touched.values():
            unclaimed |= self._begin(profile).unclaimed
            done |= turn.done
        turn.unclaimed, turn.done = unclaimed, done
        pasts = [self._record.behind(profile, timer, self.definitions) for timer, profile in firing]
        for (timer, profile), turn.past in zip(firing, pasts, strict=True):
            react.on_timer(profile, timer.id, timer.generation, turn)
        self._end(touched.values())

    def _begin(self, profile: Profile) -> Turn:
        turn = self._turn
        turn.now, turn.past, turn.unclaimed = self.now, (), {}
        turn.done = self._record.done(profile, self.definitions)
        if profile.sent and self.definitions.policies.caps:
            self._outbox.look(profile, turn)
        return turn

    def _end(self, touched: Collection[Profile], event: Arrival | None = None) -> None:
        """Store what was decided, tell of it, and let messages leave."""
        into, now = self._turn.into, self.now
        if into.trace:
            if event is not None:
                self._told.tell_notes(into.trace, event, next((p.id for p in touched), b""), now)
            into.trace.clear()
        decided = into != _NOTHING
        if decided:
            self._turn.into = Reaction()
            self._told.tell(into, now)
            self._timers.take(into.timers.values())
            if into.trials:
                self._timers.wake(self._turn.trials, now)
            if into.revocations and self.queue:
                self._outbox.take_back(into.revocations, self._crowd, now)
            self._outbox.put(into)
            self._record.note_done(into, self.definitions)
            for one in into.derived:
                self._record.put(one.profile_id, deriving.as_arrival(one), self.definitions)
        for profile in touched:
            self._watcher.changed(profile, now)
        if self.queue and not self._holds:
            self.release()
        if decided:  # else what was heard of the messages has been put into the same reaction, and told
            self._told.tell_ends(into, now)

    def _row(self, message: Message, kind: str, data: bytes) -> ReceiptRow:
        return ReceiptRow(
            0, message.send_key, self._crowd.now(message.profile_id), message.entry_id, message.journey, message.step,
            message.channel, kind, self.now, data,
        )  # fmt: skip

    def _pin(self, profile: Profile, old: Definitions) -> None:
        """Load the revisions that live entries pin. One that does not fit stops its own entries, and nothing else."""
        for one in profile.entries:
            revision = (one.journey, one.revision)
            if revision not in self.definitions.revisions and revision in old.revisions:
                with contextlib.suppress(ConditionError):
                    self.definitions.add(old.revisions[revision].journey)

    def _changed(self) -> dict[bytes, list[bytes]]:
        """Whom a change of journeys concerns, with entries that have ended and are to say nothing more."""
        found: dict[bytes, list[bytes]] = {}
        for name, change in self.definitions.changes.items():
            if change.policy == "cancel":
                for message in self._outbox.said_by(name, change.revision):
                    mine = found.setdefault(self._crowd.now(message.profile_id), [])
                    if message.entry_id not in self.live:
                        mine.append(message.entry_id)
        for profile in self.profiles.values():
            if any(in_flight.concerns(entry, self.definitions) for entry in profile.entries):
                found.setdefault(profile.id, [])
        return found

    def _erase(self, profile: Profile, event: Arrival) -> None:
        for name in profile.identifiers.keys() | set(event.identifiers):
            if name.kind != "order":
                self._erased[name] = event.time
        self._remove(profile)
        self._watcher.erased(profile, self.now)

    def _remove(self, profile: Profile) -> None:
        crowd = self._crowd
        self._outbox.take_all_back(profile.id, crowd, self.now)
        for name in profile.identifiers:
            crowd.rows.pop(name, None)
        for old in profile.formerly:
            crowd.merged.pop(old, None)
        del crowd.profiles[profile.id]
        self._timers.remove([one.id for one in profile.entries])
        self._timers.remove([ids.alarm(kind, profile.id) for kind in profile.alarms])
        for one in profile.entries:
            self.live.pop(one.id, None)
        self._record.forget(profile)
        self._market.forget(profile.id)


_NOTHING = Reaction()
