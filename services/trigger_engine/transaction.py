"""One batch, one transaction: events, receipts and timers in; facts, messages, timers, outcomes and positions out.

The number of statements does not depend on the batch's size; a table that the batch does not touch costs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from services.contracts.event import ERASURE
from services.contracts.message import State
from services.contracts.reasons import Reason
from services.contracts.receipt import STATEMENT
from services.kit import crash
from services.kit.database.pool import Connection
from services.trigger_engine import history, published, revisions
from services.trigger_engine.catalogue import Catalogue
from services.trigger_engine.erasure import Erasure
from services.trigger_engine.journeys import deriving, looking_back, react
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import Note, Reaction
from services.trigger_engine.journeys.trying import Standing
from services.trigger_engine.journeys.turn import Past, Turn
from services.trigger_engine.memory import Memory
from services.trigger_engine.people import People, Stale
from services.trigger_engine.policies import caps
from services.trigger_engine.products.known import TOLD_OF
from services.trigger_engine.profiles import receipts, stated
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.receipts import ReceiptRow
from services.trigger_engine.profiles.state import Consent, Identifier, Profile
from services.trigger_engine.store import entries, events, outbound, outcomes, positions, profiles, trials
from services.trigger_engine.store.entries import DueTimer
from services.trigger_engine.store.outcomes import Outcome

NOBODY = bytes(16)
_ENCODER = msgspec.msgpack.Encoder(enc_hook=str)
MOST_RECEIPTS = 2_000


class Work(msgspec.Struct):
    """What a transaction takes in. `before` and `after` are the positions of the partitions that it moves.

    `erased` are ids of events that take no effect, because somebody was erased after them; `unheard` those of receipts
    that nothing can be decided on. `visits` are profiles to look at, with entries that are to say nothing more.
    """

    arrivals: list[Arrival] = []
    dead: list[Outcome] = []
    erased: set[bytes] = set()
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    known: dict[Identifier, bytes] = {}
    timers: list[DueTimer] = []
    visits: Mapping[bytes, Sequence[bytes]] = {}
    held: bool = False
    paused: frozenset[str] = frozenset()
    unheard: set[int] = set()
    shards: tuple[int, ...] = ()
    hear: bool = False


class Poisoned(Exception):  # noqa: N818 -- what has happened
    """Deciding on one event, timer or receipt failed: the same code on the same input would fail again."""

    def __init__(self, culprit: Arrival | DueTimer | ReceiptRow, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.culprit = culprit


class Transaction:
    """One attempt at one Work. Whatever it raises, the caller forgets the profiles it has touched."""

    def __init__(
        self,
        connection: Connection,
        definitions: Definitions,
        memory: Memory,
        topics: published.Topics,
        keys: Sequence[str],
    ) -> None:
        self._connection = connection
        self._definitions = definitions
        self._memory = memory
        self._topics = topics
        self.into = Reaction()
        self.people = People(connection, memory, {})
        self.erasure = Erasure(connection, keys)
        self._catalogue = Catalogue(connection, definitions)
        self.touched: dict[bytes, Profile] = {}
        self.receipts: list[ReceiptRow] = []
        self._payloads: list[tuple[Any, ...]] = []
        self._consents: dict[tuple[bytes, str], tuple[Consent, bytes]] = {}
        self._past: dict[bytes, list[Past]] = {}
        self._unclaimed: dict[bytes, bytes] = {}
        self._done: frozenset[bytes] = frozenset()
        self._trials: dict[bytes, Standing] = {}
        self._day, self._now = date.min, datetime.min.replace(tzinfo=UTC)

    async def run(self, work: Work, now: datetime, real: datetime) -> None:
        """Take in `work` at marketing time `now` and commit."""
        connection = self._connection
        self._day, self._now = real.date(), now
        self.people = People(connection, self._memory, work.known)
        async with connection.transaction():
            if work.hear or work.timers:
                due = [timer.profile_id for timer in work.timers]
                self.receipts = await outbound.hear(connection, work.shards, due, MOST_RECEIPTS)
            new = self.people.look_up(work.arrivals)
            skipped = await self.erasure.overtaken(work.arrivals, new)
            if skipped:
                new = self._skip(work, skipped)
            await self.people.claim(new)
            heard = [r for r in self.receipts if self._listens(r, work)]
            await self.people.lock(
                [t.profile_id for t in work.timers] + [r.profile_id for r in heard] + list(work.visits)
            )
            await self._catalogue.lock(work.arrivals)
            await self._look_at_sends()
            await self._load_revisions()
            await history.catch_up(connection, self.people.profiles.values(), self._definitions.uses, now)
            await self._look_back(work)
            if self._definitions.tested:
                self._trials = await trials.load(connection, self._memory.decided)
                self._memory.decided = {key: one for key, one in self._trials.items() if one.winner is not None}
            self._decide(work, heard, now)
            if work.arrivals:
                crash.point("engine.decided")
            await self._store(work, real)
            await positions.advance(connection, self._topics.events, work.before, work.after)
            if work.arrivals:
                crash.point("engine.committing")

    def _skip(self, work: Work, skipped: set[bytes]) -> dict[Identifier, bytes]:
        """Leave out events of the erased; they count as taken in."""
        work.erased |= skipped
        work.arrivals = [arrival for arrival in work.arrivals if arrival.id not in skipped]
        self.people = People(self._connection, self._memory, work.known)
        return self.people.look_up(work.arrivals)

    def _listens(self, receipt: ReceiptRow, work: Work) -> bool:
        return receipts.is_heard(receipt, self._definitions.receipts) and receipt.id not in work.unheard

    async def _look_at_sends(self) -> None:
        """What has become of the messages that caps count, and that were not known to have left."""
        if not self._definitions.policies.caps:
            return
        counted = {p.id: keys for p in self.people.profiles.values() if p.sent and (keys := caps.unsettled(p))}
        fates = await outbound.fates(self._connection, [key for keys in counted.values() for key in keys])
        for profile_id in counted:
            caps.settle(self.people.profiles[profile_id], {key: fate.state for key, fate in fates.items()})
        self._unclaimed = {key: fate.entry_id for key, fate in fates.items() if fate.state == State.QUEUED}

    async def _load_revisions(self) -> None:
        """The revisions that live entries pin, and what those have done that have left theirs."""
        profiles = self.people.profiles.values()
        await revisions.load(self._connection, self._definitions, profiles)
        self._done = await revisions.done(self._connection, self._definitions, profiles)

    async def _look_back(self, work: Work) -> None:
        """For events that come late: what is recorded already that would end the journeys they enter."""
        wanted: dict[bytes, bytes] = {}
        types: set[str] = set()
        since: datetime | None = None
        for ends, profile, time in self._late(work):
            later = looking_back.overtaken_by(ends, profile, time)
            if later:
                types |= later
                wanted |= dict.fromkeys((profile.id, *profile.formerly), profile.id)
                since = time if since is None else min(since, time)
        if since is not None:
            for profile_id, past in (await events.recorded(self._connection, list(wanted), types, since)).items():
                self._past.setdefault(wanted[profile_id], []).extend(past)

    def _late(self, work: Work) -> Iterator[tuple[frozenset[str], Profile, datetime]]:
        """What would end the journeys that are entered now, of whom, since when."""
        people, overtakers = self.people, self._definitions.overtakers
        for arrival in work.arrivals:
            ends = overtakers.get(arrival.type)
            if ends is not None:
                for owner in {people.rows[name] for name in arrival.identifiers}:
                    if owner in people.profiles:
                        yield ends, people.profiles[owner], arrival.time
        for timer in work.timers:
            profile = people.profiles.get(timer.profile_id)
            if profile is None:
                continue
            story = deriving.since(profile, timer.id, timer.generation, self._definitions.rules)
            if story is not None and story[0] in overtakers:
                yield overtakers[story[0]], profile, story[1]

    def _decide(self, work: Work, heard: Sequence[ReceiptRow], now: datetime) -> None:
        for _ in work.erased:
            self.into.skip("", Reason.ERASED)
        turn = Turn(self._definitions, now, self.into, unclaimed=self._unclaimed, done=self._done, paused=work.paused)
        turn.trials = self._trials
        for receipt in heard:
            profile = self.people.find(receipt.profile_id)
            if profile is not None:
                self.touched[profile.id] = profile
                try:
                    self._hear(receipt, profile, turn)
                except Exception as error:
                    raise Poisoned(receipt, error) from error
        for arrival in work.arrivals:
            try:
                self._take_in(arrival, turn)
            except Exception as error:
                raise Poisoned(arrival, error) from error
        turn.held = work.held
        for timer, profile in self._in_turn(work.timers):
            self.touched[profile.id] = profile
            turn.past = self._past_of(profile)
            try:
                react.on_timer(profile, timer.id, timer.generation, turn)
            except Exception as error:
                raise Poisoned(timer, error) from error
        self._visit(work, turn)
        self._payloads += [
            self._row(published.derived_arrival(one, now), one.profile_id, one.trace) for one in self.into.derived
        ]

    def _visit(self, work: Work, turn: Turn) -> None:
        for profile_id, cancelled in work.visits.items():
            profile = self.people.find(profile_id)
            if profile is not None:
                self.touched[profile.id] = profile
                turn.past = ()
                react.on_visit(profile, turn, cancelled)

    def _in_turn(self, timers: Sequence[DueTimer]) -> list[tuple[DueTimer, Profile]]:
        """Timers of customers who are still there, with them: the one that has been due the longest first."""
        find, definitions = self.people.find, self._definitions
        mine = [(timer, profile) for timer in timers if (profile := find(timer.profile_id)) is not None]
        return sorted(mine, key=lambda one: (one[0].due, react.urgency(one[1], one[0].id, definitions)))

    def _hear(self, receipt: ReceiptRow, profile: Profile, turn: Turn) -> None:
        before, before_trace = dict(profile.consents), len(self.into.trace)
        if receipt.kind == STATEMENT:
            said = receipts.statement(receipt)
            react.on_statement(profile, said, turn)
            self._note_consents(profile, before, lambda: stated.evidence(said))
            return
        arrival = receipts.receipt_arrival(receipt)
        react.on_receipt(profile, arrival, turn)
        self._record(arrival, profile.id, before_trace)
        self._note_consents(profile, before, lambda: receipt.data)

    def _take_in(self, arrival: Arrival, turn: Turn) -> None:
        into = self.into
        before_trace = len(into.trace)
        if arrival.type in TOLD_OF:
            self._catalogue.hear(arrival)
        if not arrival.identifiers:
            self._record(arrival, NOBODY, before_trace)
            return
        profile = self.people.who(arrival, into, turn.now)
        if arrival.type == ERASURE:
            self.erasure.note(profile, arrival)
            return
        self.touched[profile.id] = profile
        turn.past = self._past_of(profile)
        customer = arrival.data.customer
        if customer is not None and customer.consents:
            before = dict(profile.consents)
            react.on_event(profile, arrival, turn)
            self._note_consents(profile, before, lambda: msgspec.json.encode(customer.consents))
        else:
            react.on_event(profile, arrival, turn)
        if arrival.type in self._definitions.minded:
            self._catalogue.show(arrival, profile.id)
        if arrival.type in self._definitions.listened:
            self._past.setdefault(profile.id, []).append(Past(arrival.type, arrival.time, arrival.fields))
        self._record(arrival, profile.id, before_trace)

    def _past_of(self, profile: Profile) -> Sequence[Past]:
        if not profile.formerly:
            return self._past.get(profile.id, ())
        return [past for mine in (profile.id, *profile.formerly) for past in self._past.get(mine, ())]

    def _record(self, arrival: Arrival, profile_id: bytes, since: int) -> None:
        self._payloads.append(self._row(arrival, profile_id, self.into.trace[since:]))

    def _row(self, arrival: Arrival, profile_id: bytes, trace: Sequence[Note]) -> tuple[Any, ...]:
        return (
            self._day, arrival.id, profile_id, arrival.type, arrival.time, arrival.received,
            arrival.source, arrival.raw, _ENCODER.encode(trace) if trace else None,
        )  # fmt: skip

    def _note_consents(self, profile: Profile, before: Mapping[str, Consent], evidence: Callable[[], bytes]) -> None:
        if profile.consents == before:  # as most events find them
            return
        said = evidence()
        for name, now in profile.consents.items():
            if before.get(name) != now:
                self._consents[profile.id, name] = (now, said)

    async def _store(self, work: Work, real: datetime) -> None:
        connection, into, people = self._connection, self.into, self.people
        await events.add_ids(connection, [arrival.id for arrival in work.arrivals])
        await events.skip_ids(connection, work.erased)
        await events.add_payloads(connection, self._day, self._payloads)
        self.touched |= people.robbed
        merged = people.become()
        old = [p for p in self.touched.values() if p.id not in people.created and p.id not in people.merged]
        await profiles.update(connection, old)
        await profiles.insert(connection, list(people.created.values()))
        await profiles.move(connection, people.moved)
        await profiles.forget(connection, people.forgotten)
        await profiles.alias(connection, merged)
        await profiles.consent(connection, self._consent_rows(merged))
        await entries.follow(connection, merged)
        self._follow()
        await entries.upsert(connection, into.entries, into.walked, into.drawn)
        await entries.count_goals(connection, into.goals)
        timers = into.timers.values()
        taken = {t.id for t in timers if t.due is None}
        await entries.drop_fired(connection, [t for t in work.timers if t.id not in taken])
        await entries.set_timers(connection, [t for t in timers if t.due is not None], taken)
        revoked = await outbound.take_back(connection, into.revocations, merged, real)
        if into.given_back - revoked.keys():
            # A claim came first: what was decided on the room that it leaves is decided again.
            raise Stale(set(people.profiles))
        await outbound.say(connection, [m for mine in into.messages.values() for m in mine])
        await self._catalogue.store(people.now, merged, self._now)
        await self.erasure.store(real)
        if not await trials.store(connection, into.trials):
            # Another one has decided a trial: who has come to it since goes as that has fallen.
            raise Stale(set(people.profiles))
        await outcomes.add(connection, work.dead + self._outcomes())

    def _outcomes(self) -> list[Outcome]:
        """What to tell the world; nothing of those who are erased in this transaction."""
        erased, into = self.erasure.profiles, self.into
        told = [one for one in into.derived if one.profile_id not in erased]
        heard = [one for one in self.receipts if one.profile_id not in erased]
        return published.outcomes(told, heard, self._topics)

    def _follow(self) -> None:
        """What was decided for a profile that was merged away later in this batch belongs to the one that keeps it."""
        now = self.people.now
        if self.people.merged:
            for row in self.into.entries.values():
                row.profile_id = now(row.profile_id)
            for timer in self.into.timers.values():
                timer.profile_id = now(timer.profile_id)
            for mine in self.into.messages.values():
                mine[:] = [msgspec.structs.replace(m, profile_id=now(m.profile_id)) for m in mine]
            revocations = self.into.revocations
            revocations[:] = [msgspec.structs.replace(r, profile_id=now(r.profile_id)) for r in revocations]

    def _consent_rows(self, merged: Mapping[bytes, bytes]) -> list[tuple[bytes, str, Consent, bytes]]:
        """Consents that have changed; without evidence where they followed from a merge alone."""
        rows = {key: (*key, *said) for key, said in self._consents.items() if key[0] not in merged}
        for keeper in set(merged.values()):
            profile = self.people.profiles[keeper]
            for name, consent in profile.consents.items():
                _, evidence = self._consents.get((keeper, name), (consent, b""))
                rows[keeper, name] = (keeper, name, consent, evidence)
        return list(rows.values())
