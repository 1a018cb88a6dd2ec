"""A small shop's journeys and events, and a runner that decides without a database.

The runner uses the engine's own code for who a customer is (people.py) and what follows (journeys/react.py); it keeps
in dictionaries what production keeps in rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from services.contracts import ids
from services.contracts.journey import Enter, Goal, Journey, Rule, Send, Step
from services.contracts.message import Message, State
from services.contracts.reasons import Reason
from services.contracts.schedule import DUE, Every, Schedule, When
from services.contracts.settings import Derive, Policies, Settings, Shop, Source, Threshold
from services.contracts.workspace import EmailTemplate, Template, Workspace
from services.trigger_engine.intake import decode
from services.trigger_engine.journeys import in_flight, react, trials
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.journeys.reaction import EntryRow, Reaction, Timer, Walked
from services.trigger_engine.journeys.reaction import Goal as ReachedGoal
from services.trigger_engine.journeys.trying import Standing
from services.trigger_engine.journeys.turn import Past, Turn
from services.trigger_engine.memory import Memory
from services.trigger_engine.people import People
from services.trigger_engine.policies import caps
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile, dump, load

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SHOP = Shop(name="Sklep", url="https://shop.example", locale="pl", currency="PLN", time_zone="Europe/Warsaw")
DERIVE = Derive(cart_abandoned=2700.0, spend_threshold=Threshold(), first_order=True)
SUBSCRIBED = {"email": {"state": "subscribed", "at": "2026-11-20T10:00:00Z"}}
_EMAIL = EmailTemplate(subject="Dzień dobry", html="<p>Cześć</p>", text="Cześć")
_numbers = itertools.count()


def template(name: str, *reads: str, email: bool = True, sms: bool = False, locale: str = "pl") -> Template:
    """A template; `reads` are dotted paths."""
    paths = tuple(tuple(path.split(".")) for path in reads)
    return Template(name, locale, "1", _EMAIL if email else None, "Czesc" if sms else None, reads=paths)


TEMPLATES = {
    "hello": {"pl": template("hello", "profile.first_name", "event.order.id", "event.cart.id", sms=True)},
    "sms-only": {"pl": template("sms-only", email=False, sms=True)},
}


def say(name: str = "hello", **fields: Any) -> Send:
    """A send step over e-mail."""
    return Send(**{"id": f"send:{name}", "template": name, "via": ("email",), **fields})


def journey(name: str, on: str, *steps: Step, condition: str | None = None, **fields: Any) -> Journey:
    """A journey entered by `on`; enter's own fields are given by `key`, `again_after` and `max_age`."""
    given = {word: fields.pop(word) for word in ("key", "again_after", "max_age") if word in fields}
    revision = fields.pop("revision", 1)
    enter = Enter(on=on, condition=condition, **{"max_age": 86_400.0, **given})
    return Journey(name=name, enter=enter, steps=steps or (say(),), revision=revision, **fields)


def scheduled(when: When | str, *steps: Step, **fields: Any) -> Journey:
    """A journey by schedule; a text is a cron expression. Its published form is what `wici check` makes of it."""
    name = fields.pop("name", "news")
    words = {word: fields.pop(word) for word in ("zone", "who", "pace") if word in fields}
    schedule = Schedule(Every(when) if isinstance(when, str) else when, **words)
    given = {"key": "event.schedule.occurrence", "again_after": None, **fields}
    made = journey(name, DUE, *steps, **given)
    return msgspec.structs.replace(made, enter=msgspec.structs.replace(made.enter, schedule=schedule))


def until(*types: str) -> tuple[Rule, ...]:
    """Exits by these events."""
    return tuple(Rule(kind) for kind in types)


def goal(on: str, **fields: Any) -> tuple[Goal, ...]:
    """One goal."""
    return (Goal(on, **fields),)


THANKS = journey("thanks", "order.placed", key="event.order.id", again_after=0, klass="transactional")
REMINDER = journey("reminder", "cart.abandoned", exits=until("order.placed"), key="event.cart.id", again_after=0)


def workspace(
    *journeys: Journey,
    derive: Derive = DERIVE,
    templates: Any = None,
    schemas: Any = None,
    segments: Any = (),
    teams: Any = None,
    **policies: Any,
) -> Workspace:
    """A workspace of the shop; `teams` and `policies` are those of wici.yaml."""
    settings = Settings(
        shop=SHOP, sources={"backend": Source("http")}, policies=Policies(derive=derive, **policies), teams=teams or {}
    )
    return Workspace(settings, journeys, templates or TEMPLATES, schemas or {}, tuple(segments))


@dataclass(frozen=True)
class LogRecord:
    """A record as the bus gives it."""

    value: bytes | None
    partition: int = 0
    offset: int = 0
    timestamp: int = int(AT.timestamp() * 1000)
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = "wici.events"


def event(kind: str, at: datetime | None = AT, **data: Any) -> bytes:
    """A CloudEvent's bytes; `id`, `subject` and `source` are attributes, the rest is its data."""
    attributes = {name: data.pop(name) for name in ("id", "subject", "source", "wicihops") if name in data}
    told: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"e{next(_numbers)}",
        "source": "backend",
        "type": kind,
        "data": data,
    }
    if at is not None:
        told["time"] = at
    return msgspec.json.encode(told | attributes)


def happened(
    kind: str, at: datetime = AT, *, place: tuple[int, int] = (0, 0), own: Iterable[str] = (), **data: Any
) -> Arrival:
    """An event as the engine takes it in, received when it happened."""
    if isinstance(named := data.pop("placed", None), str):
        data["order"] = {"id": named, "total": "100.00", "currency": "PLN"}
    record = LogRecord(event(kind, at, **data), *place, timestamp=int(at.timestamp() * 1000))
    return decode(record, (), tuple(own), at, "PL")


def anna(**fields: Any) -> dict[str, Any]:
    """A customer who may be written to."""
    return {"id": "c-1", "email": "anna@example.com", "first_name": "Anna", "consents": SUBSCRIBED, **fields}


@dataclass
class Run:
    """Customers, timers and a queue in dictionaries; time stands at `now`."""

    workspace: Workspace
    now: datetime = AT
    messages: dict[bytes, Message] = field(default_factory=dict)
    revoked: dict[bytes, Reason] = field(default_factory=dict)
    states: dict[bytes, State] = field(default_factory=dict)
    timers: dict[bytes, Timer] = field(default_factory=dict)
    entries: dict[bytes, EntryRow] = field(default_factory=dict)
    goals: dict[bytes, ReachedGoal] = field(default_factory=dict)
    derived: list[tuple[str, datetime]] = field(default_factory=list)
    reasons: list[tuple[str, Reason]] = field(default_factory=list)
    ended: list[Reason] = field(default_factory=list)
    walked: dict[bytes, list[Walked]] = field(default_factory=dict)
    trials: dict[bytes, Standing] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.definitions: Definitions = define(self.workspace)
        self._people = People(None, Memory(), {})
        self._past: dict[bytes, list[Past]] = {}
        self._seen: set[bytes] = set()

    @property
    def profiles(self) -> dict[bytes, Profile]:
        return self._people.profiles

    @property
    def profile(self) -> Profile:
        """The only customer."""
        (profile,) = self.profiles.values()
        return profile

    @property
    def queue(self) -> list[Message]:
        """What would be sent."""
        return [m for key, m in self.messages.items() if key not in self.revoked]

    @property
    def said(self) -> list[str]:
        """The template of every message that would be sent."""
        return [message.template for message in self.queue]

    def take(self, *arrivals: Arrival) -> Run:
        """Take in events, each once."""
        for one in arrivals:
            if one.id in self._seen:
                continue
            self._seen.add(one.id)
            turn = self._turn()
            profile = self._who(one, turn)
            self._look_at_sends(profile, turn)
            self._look_at_moved(profile, turn)
            react.on_event(profile, one, turn)
            if one.type in self.definitions.listened:
                self._past.setdefault(profile.id, []).append(Past(one.type, one.time, one.fields))
            self._keep(turn.into)
        return self

    def hear(self, profile: Profile, kind: str, message: Message, **detail: Any) -> Run:
        """Take in what became of a message."""
        fields = {"journey": message.journey, "entry": message.entry_id.hex(), "channel": message.channel, **detail}
        none = msgspec.convert({}, type=type(happened("page.viewed").data))
        receipt = Arrival(ids.outcome(kind), f"message.{kind}", "wici", self.now, self.now, none, b"", (),
                          decoded={"message": fields})  # fmt: skip
        turn = self._turn(profile)
        react.on_receipt(profile, receipt, turn)
        self._keep(turn.into)
        return self

    def wait(self, by: timedelta, *, held: bool = False) -> Run:
        """Let time pass; timers fire when due, in order."""
        end = self.now + by
        while due := sorted((t.due, self._urgency(t)) for t in self.timers.values() if t.due and self._fires(t, end)):
            self.now = max(self.now, due[0][0])
            self.fire(due[0][1][-1], held=held)
        self.now = end
        return self

    def fire(self, timer: bytes, *, held: bool = False) -> None:
        """Fire one timer now, due or not."""
        one = self.timers.pop(timer)
        profile = self._people.find(one.profile_id)
        assert profile is not None
        turn = self._turn(profile)
        turn.held = held
        react.on_timer(profile, one.id, one.generation, turn)
        self._keep(turn.into)

    def publish(self, *journeys: Journey, removed: Any = None) -> Run:
        """Publish another version. What was published before is known; the numbers of revisions are the test's."""
        older = [one.journey for one in self.definitions.revisions.values()]
        published = replace(
            self.workspace, journeys=journeys, removed=removed or {}, version=self.workspace.version + 1
        )
        self.workspace = published
        self.definitions = define(published, [j for j in older if j not in journeys])
        return self

    def visit(self, *cancelled: bytes, profile: Profile | None = None) -> Run:
        """Look at a customer, the only one if none is given, to whom nothing has happened."""
        profile = profile or self.profile
        turn = self._turn(profile)
        react.on_visit(profile, turn, cancelled)
        self._keep(turn.into)
        return self

    def reload(self) -> Run:
        """Forget what only memory holds: states go through their stored form."""
        for key, profile in list(self.profiles.items()):
            self.profiles[key] = load(dump(profile), profile.version)
        return self

    def _turn(self, profile: Profile | None = None) -> Turn:
        past = self._past_of(profile) if profile else ()
        turn = Turn(self.definitions, self.now, Reaction(), past, paused=self.paused, trials=self.trials)
        if profile is not None:
            self._look_at_sends(profile, turn)
            self._look_at_moved(profile, turn)
        return turn

    def _fires(self, timer: Timer, end: datetime) -> bool:
        turn = self._turn()
        still = timer.paused is not None and (turn.pauses(timer.paused) or turn.brakes(timer.paused))
        return timer.due is not None and timer.due <= end and not still

    def _urgency(self, timer: Timer) -> react.Urgency:
        profile = self._people.find(timer.profile_id)
        assert profile is not None
        return react.urgency(profile, timer.id, self.definitions)

    def _look_at_sends(self, profile: Profile, turn: Turn) -> None:
        """What became of the messages that caps count: `states` says, and nothing has left of which it does not."""
        states = {key: self.states.get(key, State.QUEUED) for key in caps.unsettled(profile)}
        states |= {key: State.REVOKED for key in states if key in self.revoked}
        caps.settle(profile, states)
        turn.unclaimed = {key: self.messages[key].entry_id for key, state in states.items() if state == State.QUEUED}

    def _look_at_moved(self, profile: Profile, turn: Turn) -> None:
        if in_flight.moves(profile, self.definitions):
            turn.done = frozenset(self.messages) | frozenset(self.entries)

    def _past_of(self, profile: Profile) -> list[Past]:
        return [past for mine in (profile.id, *profile.formerly) for past in self._past.get(mine, ())]

    def _who(self, arrival: Arrival, turn: Turn) -> Profile:
        for name in arrival.identifiers:
            self._people.rows.setdefault(name, ids.profile(arrival.id, 0))
        profile = self._people.who(arrival, turn.into, self.now)
        turn.past = self._past_of(profile)
        return profile

    def _keep(self, into: Reaction) -> None:
        for revocation in into.revocations:
            for key, message in self.messages.items():
                if self.states.get(key, State.QUEUED) != State.QUEUED:
                    continue
                same = self._people.now(message.profile_id) == self._people.now(revocation.profile_id)
                if same and revocation.covers(message):
                    self.revoked.setdefault(key, revocation.reason)
        for message in itertools.chain(*into.messages.values()):
            assert message.send_key not in self.messages, "a send key was used twice"
            self.messages[message.send_key] = message
        for timer in into.timers.values():
            if timer.due is None:
                self.timers.pop(timer.id, None)
            else:
                self.timers[timer.id] = timer
        for timer in trials.woken(self.timers.values(), self.trials):
            timer.due = min(timer.due or self.now, self.now)
        self.entries |= into.entries
        self.goals |= into.goals
        self.derived += [(d.type, d.time) for d in into.derived]
        notes = itertools.chain(into.trace, *(one.trace for one in into.derived))
        self.reasons += [(note.journey, note.reason) for note in notes]
        for entry, walked in into.walked.items():
            self.walked.setdefault(entry, []).extend(walked)
            about = [(one.seen or {}).get("start", self.entries[entry].journey) for one in walked]
            self.reasons += [(name, one.reason) for name, one in zip(about, walked, strict=True) if one.reason]
        self.ended += into.ended


def whole_state(run: Run) -> Mapping[str, Any]:
    """Everything that a run knows, to compare two of them."""
    return {
        "profiles": {key: msgspec.to_builtins(profile) for key, profile in sorted(run.profiles.items())},
        "messages": {key: msgspec.to_builtins(message) for key, message in sorted(run.messages.items())},
        "trials": msgspec.to_builtins(dict(sorted(run.trials.items()))),
        "revoked": dict(sorted(run.revoked.items())),
        "timers": sorted((t.id, t.due, t.generation) for t in run.timers.values()),
    }


_KNOWN = ("facts", "consents", "seen", "orders", "spent", "paid", "bought", "created_at")


def known(profile: Profile) -> dict[str, Any]:
    """What no order of arrival may change, whichever profile kept its id."""
    cart = profile.cart
    told = {name: getattr(profile, name) for name in _KNOWN}
    for name in ("facts", "consents", "seen", "spent", "paid", "bought"):
        told[name] = dict(sorted(told[name].items()))
    booked = sorted(msgspec.json.encode(one, order="sorted") for one in profile.ledger.values())
    names = sorted(profile.identifiers)
    return told | {"ledger": booked, "names": names, "cart": cart and (cart.id, cart.changed_at, cart.data)}
