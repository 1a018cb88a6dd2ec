"""One test played: the given customer, what happens, and everything that comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from services.cli.mailroom import Mailroom, pages_of
from services.cli.testing.coverage import Gone
from services.cli.workspace.journeys.cases import Case, Event, Reply, Statement
from services.cli.workspace.journeys.trials import as_written
from services.contracts.message import ALERTS, CHANNELS, Message
from services.contracts.reasons import Reason
from services.contracts.receipt import CONFIRMED_WITHIN
from services.contracts.receipt import Statement as Stated
from services.contracts.workspace import Workspace
from services.kit.errors import BadRecord, Misconfigured
from services.notifier.compose.errors import RenderError
from services.notifier.gate import blocks
from services.notifier.suppressions import Suppression, suppressed_by
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.journeys.env import ProfileView
from services.trigger_engine.journeys.reaction import Derived, EntryRow, Note, Walked
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.facts import learn
from services.trigger_engine.profiles.state import Fact, Profile
from services.trigger_engine.virtual import Watcher, World, arrival

AFTERWARDS = timedelta(days=30)
"""For so long time goes on after the last thing that a test names, unless it says `until`."""
BEFORE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Came:
    """A message that left; `text` and `subject` as its reader sees them, `problem` where it cannot be composed."""

    at: datetime
    channel: str
    name: str
    step: str
    text: str = ""
    subject: str = ""
    problem: str = ""


@dataclass(slots=True)
class Played:
    """What came of a test. Entries are (journey, moment) and (journey, reason, moment); so is what was skipped."""

    sends: list[Came] = field(default_factory=list)
    entered: list[tuple[str, datetime]] = field(default_factory=list)
    ended: list[tuple[str, str, datetime]] = field(default_factory=list)
    skipped: list[tuple[str, str, datetime]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Stage(Watcher):
    """Plays tests of one workspace; what ways out of steps they go, `gone` remembers."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._whole = define(workspace)
        self._mailroom = Mailroom(workspace)
        self._definitions: dict[frozenset[str], Definitions] = {}
        self.gone = Gone(workspace)
        self._played = Played()
        self._messages: list[Message] = []
        self._entries: dict[bytes, EntryRow] = {}
        self._pages: dict[bytes, frozenset[str]] = {}
        self._confirmed: set[bytes] = set()
        self._suppressed: dict[tuple[str, str], list[Suppression]] = {}

    def play(self, case: Case) -> Played:
        """Play a test from its beginning."""
        self._played, self._messages, self._entries = Played(), [], {}
        self._pages, self._confirmed, self._suppressed = {}, set(), {}
        try:
            self._play(case)
        except BadRecord as error:
            self._played.problems.append(str(error))
        return self._played

    def _play(self, case: Case) -> None:
        first = min([case.start, *(one.at for one in case.happened)]) - BEFORE
        world = World(self._of(frozenset()), first, self, gate=self._gate, keeps_all=True)
        number = 0

        def happens(event: Event) -> None:
            nonlocal number
            number += 1
            identity = f"{case.journey}/{case.title}/{number}"
            world.tell(arrival(world.definitions, event.type, event.data, event.at, identity=identity), event.at)

        happens(Event(first, "customer.updated", {"customer": dict(case.customer)}))
        (profile,) = world.profiles.values()
        for name, value in case.facts.items():
            learn(profile, name, _plain(value), first)
        for event in case.happened:
            happens(event)
        world.advance(case.start - timedelta(microseconds=1))
        profile = self._given(case, world, profile.id)
        for act in case.when:
            if isinstance(act, Event):
                happens(act)
            elif isinstance(act, Reply):
                self._reply(act, world)
            else:
                self._state(act, world)
        named = [case.start, *(one.at for one in case.when), *(one.at for one in case.then if one.at)]
        world.advance(case.until or max(named) + AFTERWARDS)
        found = world.find(profile.id)
        if found is not None:
            view = ProfileView(found, self._workspace.settings.shop.currency)
            topics = {name: one.state for name, one in found.consents.items() if ":" in name}
            self._played.facts = {**{name: view[name] for name in view}, "consents": {**view["consent"], **topics}}

    def _given(self, case: Case, world: World, profile_id: bytes) -> Profile:
        """Let the journeys begin, the customer's lots in them as the test says."""
        profile = world.find(profile_id)
        assert profile is not None  # noqa: S101 -- nothing erases whoever was given
        world.follow(self._of(case.journeys))
        held = "held" if case.held_out else "told"
        for name in ("holdout", *(f"holdout:{one}" for one in case.journeys)):
            profile.arms[name] = Fact(held, world.now)
        for step, arm in case.arms.items():
            profile.arms[f"split:{case.journey}/{step}"] = Fact(arm, world.now)
        return profile

    def _reply(self, act: Reply, world: World) -> None:
        world.wait_for(act.at)
        message = self._newest(act.kind, act.of)
        if message is None:
            return
        reason = suppressed_by(act.kind, dict(act.data))  # type: ignore[arg-type]
        if reason in ("bounced", "complained"):
            mine = self._suppressed.setdefault((message.channel, message.recipient), [])
            mine.append(Suppression(message.channel, b"", reason, act.at))
        world.receipt(message, act.kind, act.at, **act.data)  # type: ignore[arg-type]

    def _state(self, act: Statement, world: World) -> None:
        """What a page of the notifier hands to the engine; a link confirms once, and not for ever."""
        world.wait_for(act.at)
        page = "preferences" if act.lines else "confirm"
        message = self._newest(page, act.of)
        if message is None:
            return
        if page not in self._pages.get(message.send_key, ()):
            self._played.problems.append(f"{page} of {act.of}: the message has no link to it: links.{page}")
            return
        line = f"{message.channel}:{message.topic}" if message.topic else message.channel
        if page == "confirm":
            if message.send_key in self._confirmed or act.at - message.created_at > CONFIRMED_WITHIN:
                return
            self._confirmed.add(message.send_key)
        by: Literal["confirmation", "preferences"] = "preferences" if act.lines else "confirmation"
        said = Stated(by, dict(act.lines) or {line: "subscribed"}, message.recipient, "", f"wici/{page}", "")
        world.state(message, said, act.at)

    def _newest(self, what: str, name: str) -> Message | None:
        """The newest message of a template or step; that there is none is a problem of the test."""
        found = next((one for one in reversed(self._messages) if name in (as_written(one.template), one.step)), None)
        if found is None:
            self._played.problems.append(f"{what} of {name}: no such message had left by then")
        return found

    def _of(self, names: frozenset[str]) -> Definitions:
        """The workspace, of whose journeys only these are entered: facts and derived events are those of all."""
        if names not in self._definitions:
            whole = self._whole

            def some(several: Iterable[Compiled]) -> tuple[Compiled, ...]:
                return tuple(one for one in several if one.journey.name in names)

            self._definitions[names] = msgspec.structs.replace(
                whole,
                enters={kind: some(several) for kind, several in whole.enters.items()},
                current={name: one for name, one in whole.current.items() if name in names},
                dated=some(whole.dated),
                campaigns=some(whole.campaigns),
            )
        return self._definitions[names]

    def _gate(self, message: Message, _: datetime) -> Reason | None:
        mine = self._suppressed.get((message.channel, message.recipient), ())
        return Reason.SUPPRESSED if any(blocks(one, message.klass, None) for one in mine) else None

    def sent(self, message: Message, at: datetime) -> None:
        """Compose it, as the notifier would."""
        self._messages.append(message)
        name = as_written(message.template) or message.recipient
        try:
            subject, text = self._words(message, at)
        except (RenderError, Misconfigured) as error:
            self._played.sends.append(Came(at, message.channel, name, message.step, problem=str(error)))
            self._played.problems.append(f"{name} cannot be composed: {error}")
        else:
            self._played.sends.append(Came(at, message.channel, name, message.step, text, subject))

    def _words(self, message: Message, at: datetime) -> tuple[str, str]:
        if message.channel not in (*CHANNELS, *ALERTS):
            return "", ""
        if message.channel in ALERTS:
            return self._mailroom.alert(message, at)
        composed = self._mailroom.composed(message, at)
        self._pages[message.send_key] = pages_of(composed)
        return composed.subject, composed.text

    def stopped(self, message: Message, reason: Reason, at: datetime) -> None:
        """Note it as skipped."""
        self._played.skipped.append((message.journey, reason.value, at))

    def entered(self, entry: EntryRow, at: datetime) -> None:
        """Note who has entered."""
        self._entries[entry.id] = entry
        self._played.entered.append((entry.journey, at))

    def ended(self, entry: EntryRow, at: datetime) -> None:
        """Note who has ended, and why."""
        self.gone.ended(entry)
        self._played.ended.append((entry.journey, entry.reason or "", at))

    def walked(self, entry_id: bytes, steps: list[Walked], at: datetime) -> None:
        """Note the ways that were taken, and what was not said."""
        entry = self._entries.get(entry_id)
        if entry is not None:
            self.gone.walked(entry.journey, steps)
            self._played.skipped += [(entry.journey, one.reason.value, at) for one in steps if one.reason]

    def noted(self, note: Note, event: Arrival | Derived, profile_id: bytes, at: datetime) -> None:  # noqa: ARG002
        """Note what was not entered, and why."""
        if note.rule == "enter" and note.journey:
            self._played.skipped.append((note.journey, note.reason.value, at))


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
