"""What the published version says of those who are inside another revision of a journey than the one in force. Pure.

Only the word in force counts, for every other revision alike: what an earlier version said and was not yet done, is not
done any more. Identity of steps: an id that both revisions have, for the same kind of step (and template), is one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from services.contracts.journey import Journey, Step, Wait, WaitFor, every_step, meaning
from services.contracts.workspace import Workspace

Policy = Literal["drain", "cancel", "migrate"]
REMOVED = 0
WAITS = (Wait, WaitFor)


class Change(msgspec.Struct, frozen=True):
    """What becomes of those inside any revision but `revision` (REMOVED where the journey is not published any more).

    `moves` and `steps` are those of `migrate`: old ids with new ones, and the steps of the revision in force.
    """

    policy: Policy
    revision: int = REMOVED
    moves: dict[str, str] = {}
    steps: dict[str, Step] = {}

    def target(self, old: Step) -> str | None:
        """Where an entry goes on that stands at this step of another revision; None where it stays as it is."""
        if self.policy != "migrate":
            return None
        named = self.moves.get(old.id)
        if named is not None:
            return named if named in self.steps else None
        new = self.steps.get(old.id)
        return old.id if new is not None and meaning(new) == meaning(old) else None


def changes(workspace: Workspace) -> dict[str, Change]:
    """By journey, whatever is not `pin`."""
    found = {name: Change(policy) for name, policy in workspace.removed.items()}
    for journey in workspace.journeys:
        change = change_of(journey)
        if change is not None:
            found[journey.name] = change
    return found


def change_of(journey: Journey) -> Change | None:
    """What this revision, in force, says of those inside another; None: they stay there."""
    if journey.in_flight == "pin":
        return None
    if journey.in_flight != "migrate":
        return Change(journey.in_flight, journey.revision)
    steps = {step.id: step for step in every_step(journey.steps)}
    return Change("migrate", journey.revision, journey.moves, steps)


def removed(old: Workspace, new: Iterable[str]) -> dict[str, Literal["drain", "cancel"]]:
    """What holds for the journeys that `old` had and the `new` ones are not: their last word, if it is not to go on."""
    last: dict[str, Literal["drain", "cancel"]] = dict(old.removed)
    for journey in old.journeys:
        if journey.in_flight in ("cancel", "drain"):
            last[journey.name] = journey.in_flight
    present = frozenset(new)
    return {name: word for name, word in sorted(last.items()) if name not in present}


def keeps_time(old: Step, new: Step) -> bool:
    """Whether an entry that moves from `old` to `new` keeps the moment until which it waits."""
    return type(old) is type(new) and isinstance(new, WAITS)


def keeps_heard(old: Step, new: Step) -> bool:
    """Whether what was heard at `old` counts at `new`: the same is waited for."""
    return isinstance(old, WaitFor) and isinstance(new, WaitFor) and (old.rules, old.every) == (new.rules, new.every)


def sources(journey: Journey, change: Change) -> Mapping[str, str]:
    """The steps of an older revision from which `migrate` leads on, and where to."""
    found = ((step.id, change.target(step)) for step in every_step(journey.steps))
    return {old: new for old, new in found if new is not None}
