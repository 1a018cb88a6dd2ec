"""Doing what a change says to those inside another revision of a journey, before anything else is decided. Pure.

`cancel` ends an entry and takes back what it has not yet said. `migrate` sets it down at a step of the revision in
force; it says nothing here: where the new step begins now, a timer due now begins it, once the news before it is read.
`drain` is done where an entry would go on to its next step (walk.py). `pin` is nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.contracts.reasons import Reason
from services.trigger_engine.journeys import walk
from services.trigger_engine.journeys.changes import Change, keeps_heard, keeps_time
from services.trigger_engine.journeys.definitions import Definitions
from services.trigger_engine.journeys.reaction import Revocation, Walked
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.state import Entry, Profile


def settle(profile: Profile, turn: Turn) -> None:
    """Cancel or move the live entries that a published change is about."""
    changes = turn.definitions.changes
    for entry in list(profile.entries):
        change = changes.get(entry.journey)
        if change is None or entry.revision == change.revision or entry.until is not None:
            continue
        if change.policy == "cancel":
            _cancel(profile, entry, turn)
        elif change.policy == "migrate":
            to = target(entry, turn.definitions)
            if to is not None:
                _move(profile, entry, to, change, turn)


def target(entry: Entry, definitions: Definitions) -> str | None:
    """The step of the revision in force at which a live entry of another one goes on; None where it stays."""
    change = definitions.changes.get(entry.journey)
    if change is None or entry.revision == change.revision or entry.until is not None:
        return None
    old = definitions.revisions.get((entry.journey, entry.revision))
    node = None if old is None else old.nodes.get(entry.step)
    return None if node is None else change.target(node.step)


def concerns(entry: Entry, definitions: Definitions) -> bool:
    """Whether there is something to be done about a live entry."""
    change = definitions.changes.get(entry.journey)
    if change is None or entry.until is not None or entry.revision == change.revision:
        return False
    return change.policy == "cancel" or target(entry, definitions) is not None


def moves(profile: Profile, definitions: Definitions) -> bool:
    """Whether an entry has come, or comes now, from another revision, so that what it has done before matters."""
    return any(e.moved or (definitions.changes and target(e, definitions) is not None) for e in profile.entries)


def take_back(profile: Profile, entries: Iterable[bytes], turn: Turn) -> None:
    """Take back what entries that have ended have not yet said."""
    for entry_id in entries:
        walk.take_back(profile, Revocation(Reason.CANCELLED, profile.id, entry_id), turn)


def _cancel(profile: Profile, entry: Entry, turn: Turn) -> None:
    """What it has said counts for its goal as before: it lingers."""
    compiled = turn.definitions.revisions.get((entry.journey, entry.revision))
    take_back(profile, (entry.id,), turn)
    walk.finish(profile, entry, Reason.CANCELLED, turn, linger=0 if compiled is None else walk.linger(compiled))


def _move(profile: Profile, entry: Entry, to: str, change: Change, turn: Turn) -> None:
    old = turn.definitions.revisions[(entry.journey, entry.revision)].nodes[entry.step].step
    new = change.steps[to]
    seen = {"from": entry.revision, "to": to, "revision": change.revision}
    turn.into.note(entry.id, Walked(turn.now, entry.step, None, seen))
    entry.step, entry.revision, entry.moved = to, change.revision, True
    if not keeps_heard(old, new):
        entry.heard = 0
    if keeps_time(old, new) and entry.waiting is None:
        turn.into.entries[entry.id] = walk.row(profile, entry)
        return
    entry.waiting = entry.waiting or turn.now
    walk.sleep(profile, entry, turn.now, turn.into)
