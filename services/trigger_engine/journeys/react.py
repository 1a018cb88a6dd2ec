"""The one decision: what follows from an event, a timer or a receipt, for one customer. Pure: no I/O, no clock.

Production, tests and replays call the same function. First of all, what a published change says to those inside another
revision. Per event: facts first, then exits and goals, then what waits for it, then enters, then the events that it
derives, in the same order again; last the journeys that steps have started. The profile is changed in place; who
catches an error throws it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from services.contracts import ids
from services.contracts.event import STATEABLE_TYPES
from services.contracts.reasons import Reason
from services.contracts.schedule import PLANNED
from services.trigger_engine.journeys import alarms, deriving, enter, hearing, in_flight, segments, trials, walk
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.env import entry_words, environment
from services.trigger_engine.journeys.reaction import Derived, Note, Revocation, Rule
from services.trigger_engine.journeys.schedules import dated, planned
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles import facts, interests, stated
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Entry, Profile
from services.trigger_engine.profiles.stated import Said

DEEPEST = 8
NEVER = datetime.min.replace(tzinfo=UTC)
Urgency = tuple[int, datetime, bytes]


def on_event(profile: Profile, event: Arrival, turn: Turn) -> None:
    """Take in one event."""
    definitions, joined = turn.definitions, turn.into.joined
    if definitions.changes:
        in_flight.settle(profile, turn)
    withdrawn = facts.apply(profile, event, definitions.uses, turn.now)
    if definitions.dated:
        turn.moved |= dated.moves(event) or profile.id in joined
    for name in withdrawn:
        withdraw(profile, name, turn)
    if event.type in STATEABLE_TYPES and deriving.already_stated(profile, event):
        turn.into.skip("", Reason.DUPLICATE)
        return
    if joined and profile.id in joined:
        joined.discard(profile.id)
        deriving.watch_again(profile, turn)
    _happen(profile, event, turn)
    if event.type == PLANNED:
        for one in planned.plan(profile, event, turn):
            _follow(profile, one, turn, 1)
    _end(profile, turn)


def on_timer(profile: Profile, timer: bytes, generation: int, turn: Turn) -> None:
    """Wake what set this timer, unless it was set anew or taken away since."""
    if turn.definitions.changes:
        in_flight.settle(profile, turn)
    alarm = alarms.fire(profile, timer, generation)
    if alarm is not None:
        for one in deriving.wake(profile, *alarm, turn):
            _follow(profile, one, turn, 1)
        _end(profile, turn)
        return
    entry = next((e for e in profile.entries if e.id == timer and e.generation == generation and e.wake), None)
    if entry is not None:
        walk.wake(profile, entry, turn)
        _end(profile, turn)


def on_receipt(profile: Profile, receipt: Arrival, turn: Turn) -> None:
    """Take in what became of a message; leaving by its link withdraws the consent for its channel."""
    if turn.definitions.changes:
        in_flight.settle(profile, turn)
    if receipt.type == "message.unsubscribed":
        message = receipt.fields["message"]
        for name in facts.withdraw(profile, message["channel"], receipt.time):
            withdraw(profile, name, turn)
    interests.hear(profile, receipt, turn.definitions.uses)
    _happen(profile, receipt, turn)
    _end(profile, turn)


def on_statement(profile: Profile, said: Said, turn: Turn) -> None:
    """Take in what a customer stated on a page of ours; each state that is new happens as `consent.changed`."""
    if turn.definitions.changes:
        in_flight.settle(profile, turn)
    taken = stated.take(profile, said)
    for name in taken.withdrawn:
        withdraw(profile, name, turn)
    if taken.void:
        turn.into.skip("", Reason.ADDRESS_CHANGED)
    for identity, data in stated.told(profile, said, taken.changed):
        _follow(profile, Derived(identity, stated.TYPE, said.at, profile.id, data), turn, 1)
    _end(profile, turn)


def on_visit(profile: Profile, turn: Turn, cancelled: Iterable[bytes] = ()) -> None:
    """Look at a customer to whom nothing has happened: segments, journeys or their days have changed.

    `cancelled` are entries that have ended, and of which nothing more is to be said.
    """
    if turn.definitions.changes:
        in_flight.settle(profile, turn)
    turn.moved = bool(turn.definitions.dated)
    in_flight.take_back(profile, cancelled, turn)
    _end(profile, turn)


def _end(profile: Profile, turn: Turn) -> None:
    """What comes last: journeys that steps have started, and segments entered and left by what has happened."""
    if turn.starts:
        _start(profile, turn)
    if turn.definitions.dated:
        dated.watch(profile, turn)
    if turn.definitions.segments or profile.segments:
        _sort(profile, turn)


def _sort(profile: Profile, turn: Turn) -> None:
    """Let segments be entered and left, and what follows from that happen."""
    changed: set[str] = set()
    for depth in range(1, DEEPEST + 1):
        found = segments.changes(profile, turn, changed)
        if not found:
            break
        for one in found:
            _follow(profile, one, turn, depth)
        _start(profile, turn)
    segments.watch(profile, turn)


def withdraw(profile: Profile, name: str, turn: Turn) -> None:
    """Take back what is unsent on a channel (or a topic of it, `channel:topic`) whose consent is gone."""
    channel, _, topic = name.partition(":")
    walk.take_back(profile, Revocation(Reason.WITHDRAWN, profile.id, None, channel, topic or None), turn)


def urgency(profile: Profile | None, timer: bytes, definitions: Definitions) -> Urgency:
    """Which of several timers that are due at once goes first: the smaller. Priority, then who has waited longest."""
    for entry in profile.entries if profile is not None else ():
        if entry.id == timer:
            compiled = definitions.revisions.get((entry.journey, entry.revision))
            priority = 0 if compiled is None else compiled.journey.priority
            return -priority, entry.waiting or entry.entered_at, timer
    return 0, NEVER if profile is None else profile.created_at, timer


def _happen(profile: Profile, event: Arrival, turn: Turn, depth: int = 0) -> None:
    if profile.entries:
        if event.type in turn.definitions.tested:
            trials.hear(profile, event, turn)
        _listen(profile, event, turn)
        if event.type in turn.definitions.awaited:
            _await(profile, event, turn)
        _undo(profile, event, turn)
    if event.type in turn.definitions.enters:
        enter.consider(profile, event, turn)
    if depth >= DEEPEST:
        return
    for one in deriving.derive(profile, event, turn):
        _follow(profile, one, turn, depth + 1)


def _follow(profile: Profile, one: Derived, turn: Turn, depth: int) -> None:
    """Let a derived event happen; what is noted meanwhile is noted on it."""
    into = turn.into
    into.derived.append(one)
    one.trace, into.trace = into.trace, one.trace
    _happen(profile, deriving.as_arrival(one), turn, depth)
    one.trace, into.trace = into.trace, one.trace


def _undo(profile: Profile, event: Arrival, turn: Turn) -> None:
    """Leave what was entered by derived events that this one has made untrue."""
    undone = deriving.undone(profile, event, turn)
    if undone:
        for entry in list(profile.entries):
            if any(entry.id == ids.entry(entry.journey, one) for one in undone):
                walk.leave(profile, entry, Reason.UNDONE, turn)


def _listen(profile: Profile, event: Arrival, turn: Turn) -> None:
    """Exits and goals of the entries that are live, or have ended with something still to be taken back or counted."""
    for entry in list(profile.entries):
        compiled = turn.definitions.revisions.get((entry.journey, entry.revision))
        listeners = compiled.listeners.get(event.type) if compiled is not None else None
        if listeners is None or event.time < entry.since or _is_over(entry, turn) or _is_anothers(event, entry):
            continue
        env = environment(profile, turn.definitions, turn.now)
        env |= {"event": entry.event, "received": event.fields, "entry": entry_words(entry)}
        for listener in listeners:
            goal = listener.goal
            if listener.condition is None or listener.condition.evaluate(env) is True:
                if goal is None:
                    walk.leave(profile, entry, Reason.EXITED, turn)
                    break
                if goal.within is None or event.time - entry.entered_at <= timedelta(seconds=goal.within):
                    walk.reach(profile, entry, event, turn, stay=goal.stay)
                    break
                turn.into.trace.append(Note(entry.journey, Reason.TOO_LATE, "goal"))
            elif entry.until is None:
                rule: Rule = "exit" if goal is None else "goal"
                seen = turn.seen(listener.condition, env)
                turn.into.trace.append(Note(entry.journey, Reason.CONDITION_FALSE, rule, seen))


def _await(profile: Profile, event: Arrival, turn: Turn) -> None:
    """What entries stand and wait for. What happened after the deadline comes too late, even if it is heard before."""
    for entry in list(profile.entries):
        compiled = turn.definitions.revisions.get((entry.journey, entry.revision))
        if compiled is None or entry.wake is None or event.type not in compiled.awaited.get(entry.step, ()):
            continue
        if not entry.since <= event.time <= entry.wake or _is_anothers(event, entry):
            continue
        env = environment(profile, turn.definitions, turn.now)
        env |= {"event": entry.event, "received": event.fields, "entry": entry_words(entry)}
        bits = hearing.heard(compiled, entry.step, event.type, env)
        if bits:
            walk.receive(profile, entry, bits, turn)


def _start(profile: Profile, turn: Turn) -> None:
    """Enter the journeys that steps have started, and those that their steps start."""
    while turn.starts:
        enter.start(profile, turn.starts.pop(0), turn)
    turn.depth = 0


def _is_over(entry: Entry, turn: Turn) -> bool:
    return entry.until is not None and entry.until < turn.now


def _is_anothers(event: Arrival, entry: Entry) -> bool:
    """Whether it is a receipt of a message that another entry has sent."""
    return event.type.startswith("message.") and event.fields["message"].get("entry") != entry.id.hex()
