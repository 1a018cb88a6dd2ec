"""Walking an entry through its steps, and ending it."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.contracts import ids
from services.contracts.journey import WaitFor
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.trigger_engine.journeys import draws, trials, worth
from services.trigger_engine.journeys.changes import WAITS
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.conditions import Condition
from services.trigger_engine.journeys.derived.registry import UNDOABLE
from services.trigger_engine.journeys.env import entry_words, environment
from services.trigger_engine.journeys.hearing import is_fulfilled
from services.trigger_engine.journeys.reaction import EntryRow, Reaction, Revocation, Timer, Walked
from services.trigger_engine.journeys.situation import Decision, Go, Situation, Sleep
from services.trigger_engine.journeys.steps import decide
from services.trigger_engine.journeys.steps.send import is_braked
from services.trigger_engine.journeys.turn import Starting, Turn
from services.trigger_engine.policies import caps
from services.trigger_engine.policies.timing import Held
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.facts import learn
from services.trigger_engine.profiles.state import Entry, Profile

MOMENT = timedelta(microseconds=1)
LONGEST_WALK = 1_000  # steps in one go; a journey has no loops, so only a broken document can reach this
MOST_LINGERING = 20


def advance(profile: Profile, entry: Entry, to: str | None, turn: Turn) -> None:
    """Run steps from `to` until one sleeps or the entry ends.

    Where a change drains, no step is begun but the one where it stands; where the journey is paused, none but waits;
    where the brake has paused it, none that says what it counts.
    """
    compiled = turn.definitions.revisions[(entry.journey, entry.revision)]
    env = environment(profile, turn.definitions, turn.now)
    env |= {"event": entry.event, "entry": entry_words(entry)}
    situation = Situation(profile, entry, compiled, turn, env)
    drains, paused, brakes = turn.definitions.drains(entry), turn.pauses(entry.journey), turn.brakes(entry.journey)
    for _ in range(LONGEST_WALK):
        if to is None:
            finish(profile, entry, Reason.COMPLETED, turn, linger=linger(compiled))
            return
        if drains and to != entry.step:
            finish(profile, entry, Reason.DRAINED, turn, linger=linger(compiled))
            return
        entry.step, node = to, compiled.nodes[to]
        if (paused and not isinstance(node.step, WAITS)) or (brakes and is_braked(node.step, situation)):
            entry.waiting = entry.waiting or turn.now
            hold(profile, entry, turn.now, turn)
            return
        if node.condition is not None and not _holds(node.condition, situation):
            entry.waiting, to = None, node.next
            continue
        decision = decide(node, situation)
        _note(entry, decision, turn)
        if isinstance(decision, Sleep):
            entry.heard = decision.heard
            entry.waiting = (entry.waiting or turn.now) if decision.reason else None
            sleep(profile, entry, decision.until, turn.into)
            if decision.trying is not None:
                trials.note(entry, decision.trying, turn)
                turn.into.timers[entry.id].trial = decision.trying.trial
            return
        entry.waiting = None
        if not isinstance(decision, Go):
            finish(profile, entry, decision.reason, turn, linger=linger(compiled))
            return
        for message in decision.messages:
            _say(profile, entry, message, turn)
        _act(profile, entry, decision, turn)
        to = decision.to
    raise RuntimeError(f"journey {entry.journey} revision {entry.revision} does not end: its steps form a loop")


def _holds(condition: Condition, situation: Situation) -> bool:
    """Whether a step's own condition lets it be done; word is left of it either way."""
    holds, seen = condition.evaluate(situation.env) is True, condition.seen(situation.env)
    reason, said = (None, {"if": True} | (seen or {})) if holds else (Reason.PASSED_OVER, seen)
    situation.turn.into.note(situation.entry.id, Walked(situation.turn.now, situation.entry.step, reason, said))
    return holds


def _note(entry: Entry, decision: Decision, turn: Turn) -> None:
    """Leave word of everything but a straight step: what was not said, which way was taken, until when it waits."""
    note = turn.into.note
    if isinstance(decision, Sleep):
        policies = {"policies": decision.by} if decision.by else {}
        note(entry.id, Walked(turn.now, entry.step, decision.reason, {"until": decision.until, **policies}))
        return
    for one in decision.skipped:
        if isinstance(one, Held):
            note(entry.id, Walked(turn.now, entry.step, one.reason, {"policies": (one.by,)}))
        else:
            note(entry.id, Walked(turn.now, entry.step, one))
    if isinstance(decision, Go):
        seen = decision.seen if decision.arm is None else {"arm": decision.arm[1]}
        if seen is not None:
            note(entry.id, Walked(turn.now, entry.step, None, seen))


def _say(profile: Profile, entry: Entry, message: Message, turn: Turn) -> None:
    if message.send_key in turn.done:
        turn.into.note(entry.id, Walked(turn.now, entry.step, Reason.ALREADY_DONE))
        return
    turn.into.say(message)
    if turn.definitions.policies.caps:
        caps.note(profile, message, turn.definitions.policies.caps)


def _act(profile: Profile, entry: Entry, decision: Go, turn: Turn) -> None:
    """What a step does to the profile, at once; and the journeys that it starts, later."""
    if decision.trying is not None:
        trials.note(entry, decision.trying, turn)
        if decision.trying.arm is not None:
            turn.into.drawn.setdefault(entry.id, []).append(f"{entry.step}={decision.trying.arm}")
    if decision.arm is not None:
        draws.remember(profile, *decision.arm, turn.now)
        turn.into.drawn.setdefault(entry.id, []).append(f"{entry.step}={decision.arm[1]}")
    turn.moved |= bool(decision.learned)
    for name, value in decision.learned:
        known = profile.facts.get(name)
        # Of two words of one moment the later counts here, and a shop's clock that is ahead does not.
        learn(profile, name, value, turn.now if known is None else max(turn.now, known.at + MOMENT))
    if decision.start is not None:
        if ids.entry(decision.start, ids.started(entry.id, entry.step)) in turn.done:
            turn.into.note(entry.id, Walked(turn.now, entry.step, Reason.ALREADY_DONE))
            return
        turn.starts.append(Starting(entry, entry.step, decision.start, turn.depth + 1))


def wake(profile: Profile, entry: Entry, turn: Turn) -> None:
    """Go on after a wait, unless the journey is paused, or it is too late and the journey says what then."""
    if entry.wake is not None and turn.pauses(entry.journey):
        hold(profile, entry, entry.wake, turn)
        return
    compiled = turn.definitions.revisions[(entry.journey, entry.revision)]
    journey = compiled.journey
    due, entry.wake = entry.wake, None
    turn.into.timers[entry.id] = Timer(entry.id, profile.id, None, entry.generation)
    if due is not None and turn.now - due > timedelta(seconds=journey.max_lateness):
        if journey.late == "drop":
            finish(profile, entry, Reason.LATE, turn, linger=linger(compiled))
            return
        if journey.late == "recheck" and compiled.condition is not None and not entry.started:
            env = environment(profile, turn.definitions, turn.now) | {"event": entry.event, "entry": entry_words(entry)}
            if compiled.condition.evaluate(env) is not True:
                seen = compiled.condition.seen(env)
                turn.into.note(entry.id, Walked(turn.now, entry.step, None, seen))
                finish(profile, entry, Reason.CONDITION_FALSE, turn, linger=linger(compiled))
                return
    advance(profile, entry, _onward(compiled, entry, turn) if entry.waiting is None else entry.step, turn)


def hold(profile: Profile, entry: Entry, due: datetime, turn: Turn) -> None:
    """Let the entry stand while its journey is paused; once that is resumed it goes on, as late as it then is."""
    turn.into.note(entry.id, Walked(turn.now, entry.step, Reason.PAUSED))
    sleep(profile, entry, due, turn.into)
    turn.into.timers[entry.id].paused = entry.journey


def _onward(compiled: Compiled, entry: Entry, turn: Turn) -> str | None:
    """Where an entry goes on whose time of waiting is over."""
    node = compiled.nodes[entry.step]
    if not isinstance(node.step, WaitFor):
        return node.next
    turn.into.note(entry.id, Walked(turn.now, entry.step, None, {"arm": "else"}))
    return node.arms[1][1]


def receive(profile: Profile, entry: Entry, bits: int, turn: Turn) -> None:
    """Note what a `wait_for` has heard, and go on if that is enough."""
    node = turn.definitions.revisions[(entry.journey, entry.revision)].nodes[entry.step]
    entry.heard |= bits
    if isinstance(node.step, WaitFor) and is_fulfilled(node.step, entry.heard):
        entry.wake = None
        turn.into.timers[entry.id] = Timer(entry.id, profile.id, None, entry.generation)
        turn.into.note(entry.id, Walked(turn.now, entry.step, None, {"arm": "then"}))
        advance(profile, entry, node.arms[0][1], turn)


def leave(profile: Profile, entry: Entry, reason: Reason, turn: Turn) -> None:
    """End an entry before its time, and take back what it has not yet said."""
    take_back(profile, Revocation(reason, profile.id, entry.id), turn)
    if entry.until is None:
        finish(profile, entry, reason, turn)
    else:
        profile.entries.remove(entry)


def take_back(profile: Profile, revocation: Revocation, turn: Turn) -> None:
    """Take back what is unsent, and give back what it has used of the caps.

    Of rows of the queue it is not certain yet that no claim comes first: `given_back` names them.
    """
    into = turn.into
    if profile.sent:
        mine = {m.send_key for m in into.messages.get(profile.id, ()) if revocation.covers(m)}
        queued = {
            one.key
            for one in profile.sent
            if one.key in turn.unclaimed
            and revocation.reaches(turn.unclaimed[one.key], one.klass, one.channel, one.topic)
        }
        caps.forget(profile, mine | queued)
        into.given_back |= queued
    into.revoke(revocation)


def reach(profile: Profile, entry: Entry, event: Arrival, turn: Turn, *, stay: bool) -> None:
    """Count a goal that `event` reaches; it ends the entry unless it says `stay`."""
    if entry.tried:
        trials.reach(entry, turn)
    goals = turn.into.goals
    if entry.id not in goals or event.time < goals[entry.id].at:
        goals[entry.id] = worth.goal(event, turn.definitions.settings.shop.currency)
    if stay:
        if not entry.goal:
            turn.into.note(entry.id, Walked(turn.now, entry.step, Reason.GOAL_REACHED))
        entry.goal = True
        return
    if entry.until is not None:
        turn.into.ended.append(Reason.GOAL_REACHED)
    leave(profile, entry, Reason.GOAL_REACHED, turn)


def finish(profile: Profile, entry: Entry, reason: Reason, turn: Turn, *, linger: float = 0) -> None:
    """End an entry. With `linger` (seconds) it may still be exited, or reach its goal: messages may be unsent."""
    turn.into.ended.append(reason)
    ended = row(profile, entry)
    ended.ended_at, ended.reason = turn.now, reason
    turn.into.entries[entry.id] = ended
    if entry.wake is not None:
        entry.wake = None
        turn.into.timers[entry.id] = Timer(entry.id, profile.id, None, entry.generation)
    if linger:
        entry.until = turn.now + timedelta(seconds=linger)
        _forget(profile, turn.now)
    else:
        profile.entries.remove(entry)


def hold_out(profile: Profile, entry: Entry, reason: Reason, turn: Turn) -> None:
    """End an entry that a holdout keeps silent, so that whether it reaches its goal is counted all the same."""
    compiled = turn.definitions.revisions[(entry.journey, entry.revision)]
    finish(profile, entry, reason, turn, linger=linger(compiled))


def linger(compiled: Compiled) -> float:
    """For how many seconds an entry that ends by itself may still be exited, reach a goal, or tell a trial."""
    waits = compiled.listeners or compiled.tests or compiled.journey.enter.on in UNDOABLE
    return compiled.linger if waits else 0


def sleep(profile: Profile, entry: Entry, until: datetime, into: Reaction) -> None:
    """Let the entry stay where it stands until a moment of marketing time."""
    entry.wake = until
    entry.generation += 1
    into.timers[entry.id] = Timer(entry.id, profile.id, until, entry.generation)
    into.entries[entry.id] = row(profile, entry)


def _forget(profile: Profile, now: datetime) -> None:
    """Let go of ended entries that have lingered long enough, the oldest first where there are many."""
    lingering = [e for e in profile.entries if e.until is not None]
    over = len(lingering) - MOST_LINGERING
    for i, entry in enumerate(sorted(lingering, key=lambda e: (e.until or now, e.id))):
        if i < over or (entry.until or now) < now:
            profile.entries.remove(entry)


def row(profile: Profile, entry: Entry) -> EntryRow:
    """The entry as its row shows it while it is live."""
    made = EntryRow(
        entry.id, profile.id, entry.journey, entry.revision, entry.key, entry.entered_at, entry.step or None
    )
    made.held_out = entry.held
    return made
