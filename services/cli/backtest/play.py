"""One bucket of customers through both versions. Pure but for the bucket's file: the same bucket gives the same."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from services.cli.backtest.prices import Prices
from services.cli.backtest.spool import bucket
from services.cli.backtest.story import Heard, Story, stories
from services.cli.backtest.sums import Sums
from services.cli.backtest.tally import Line, Tally
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.virtual import World

Side = Literal["before", "after"]


class Setup(msgspec.Struct, frozen=True):
    """What every process is given: the workspaces (`before` None: there is nothing to compare with), and the end.

    `listing` keeps the messages of each customer to whom the versions say different things; `only` those of one.
    """

    after: Workspace
    until: datetime
    before: Workspace | None = None
    listing: bool = False
    only: str | None = None


class Told(msgspec.Struct):
    """A customer's messages under either version, as far as they differ."""

    name: str
    before: list[Line]
    after: list[Line]


class Outcome(msgspec.Struct):
    """What a bucket came to. `differ` counts customers to whom the versions say different things."""

    before: Sums = msgspec.field(default_factory=Sums)
    after: Sums = msgspec.field(default_factory=Sums)
    differ: int = 0
    only_before: int = 0
    only_after: int = 0
    told: list[Told] = []

    def add(self, other: Outcome) -> None:
        """Add another bucket's."""
        self.before.add(other.before)
        self.after.add(other.after)
        self.differ += other.differ
        self.only_before += other.only_before
        self.only_after += other.only_after
        self.told += other.told


class Player:
    """Plays stories; made once a process, as compiling a workspace takes a while."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._versions: list[tuple[Side, Definitions, Prices]] = []
        if setup.before is not None:
            self._versions.append(("before", define(setup.before), Prices(setup.before)))
        self._versions.append(("after", define(setup.after), Prices(setup.after)))

    def play(self, folder: Path, number: int) -> Outcome:
        """Play a bucket."""
        outcome = Outcome()
        for story in stories(*bucket(folder, number)):
            lines: dict[Side, list[Line]] = {"before": [], "after": []}
            for side, definitions, prices in self._versions:
                sums = outcome.before if side == "before" else outcome.after
                lines[side] = self._one(story, definitions, Tally(sums, prices))
                sums.customers += 1
            self._compare(story, lines, outcome)
        return outcome

    def _one(self, story: Story, definitions: Definitions, tally: Tally) -> list[Line]:
        if not story.events:
            return []
        world = tally.world = World(definitions, story.events[0].received, tally)
        for one in _in_turn(story):
            if isinstance(one, Arrival):
                world.tell(one, one.received)
            elif (message := tally.said.get(one.send_key)) is not None:
                world.receipt(message, one.kind, one.at)  # type: ignore[arg-type]
        world.advance(self._setup.until)
        tally.world = None  # else each would wait for the garbage collector, and so would the customer
        return tally.lines

    def _compare(self, story: Story, lines: dict[Side, list[Line]], outcome: Outcome) -> None:
        setup, before, after = self._setup, lines["before"], lines["after"]
        differs = setup.before is not None and before != after
        if differs:
            outcome.differ += 1
            outcome.only_before += not after
            outcome.only_after += not before
        if (setup.listing and differs) or (setup.only is not None and _is_called(story, setup.only)):
            outcome.told.append(Told(story.name, before, after))


def _in_turn(story: Story) -> list[Arrival | Heard]:
    """Events and what was heard, as time went by; an event first, as it may cause the message that is heard of."""
    both: list[Arrival | Heard] = [*story.events, *story.heard]
    return sorted(both, key=lambda one: one.received if isinstance(one, Arrival) else one.at)


def _is_called(story: Story, name: str) -> bool:
    return any(name == identifier.value for event in story.events for identifier in event.identifiers)
