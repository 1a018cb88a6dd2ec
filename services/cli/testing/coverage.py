"""Which ways tests have gone: arms of branches and splits, both ends of a wait, a send that ends it, a step's `if`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.cli.workspace.journeys.ways import FAILS, HOLDS, Way, ways
from services.contracts.journey import Branch, Journey, Send, Split, Step, every_step
from services.contracts.reasons import Reason
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.reaction import EntryRow, Walked


@dataclass(frozen=True, slots=True)
class Covered:
    """How many ways a journey has, and those that no test goes, by `file:line` and what they are."""

    journey: str
    ways: int
    missing: tuple[tuple[str, str], ...]


class Gone:
    """The ways that were gone, by journey."""

    def __init__(self, workspace: Workspace) -> None:
        self._exits = {
            one.name: {s.id for s in every_step(one.steps) if isinstance(s, Send) and s.otherwise == "exit"}
            for one in workspace.journeys
        }
        self._ways = {one.name: list(_ways(one)) for one in workspace.journeys}
        self._gone: dict[str, set[Way]] = {}
        self._refused: set[tuple[str, str, str]] = set()

    def walked(self, journey: str, steps: list[Walked]) -> None:
        """An entry has taken these ways."""
        gone = self._gone.setdefault(journey, set())
        for one in steps:
            if one.seen is not None and "arm" in one.seen:
                gone.add((one.step, one.seen["arm"]))
            if one.seen is not None and "if" in one.seen:
                gone.add((one.step, HOLDS))
            if one.reason is Reason.PASSED_OVER:
                gone.add((one.step, FAILS))
            if one.reason is not None:
                self._refused.add((journey, one.step, one.reason.value))

    def ended(self, entry: EntryRow) -> None:
        """An entry has ended: at a send that may end it, for the reason for which it was not said."""
        if entry.step is None or entry.step not in self._exits.get(entry.journey, ()):
            return
        if (entry.journey, entry.step, entry.reason or "") in self._refused:
            self._gone.setdefault(entry.journey, set()).add((entry.step, "otherwise"))

    def covered(self, journeys: frozenset[str], places: Mapping[str, Mapping[Way, str]]) -> Iterator[Covered]:
        """How these journeys are covered, in their order."""
        for name in sorted(journeys):
            known, gone = places.get(name, {}), self._gone.get(name, set())
            missing = [(known.get(way, name), what) for way, what in self._ways[name] if way not in gone]
            yield Covered(name, len(self._ways[name]), tuple(missing))


def _ways(journey: Journey) -> Iterator[tuple[Way, str]]:
    for step in every_step(journey.steps):
        for way in ways(step):
            yield (step.id, way), _said(step, way)


def _said(step: Step, way: int | str | None) -> str:
    """What a way is, in words."""
    if way in (HOLDS, FAILS):
        return f"{step.id}: {'if' if way == HOLDS else 'passed over, without'} {step.condition}"
    if isinstance(step, Branch):
        if not isinstance(way, int):
            return "none of the conditions holds"
        condition = step.arms[way - 1].condition
        return "else" if condition is None else f"if {condition}"
    ends = {"then": "it comes", "else": "it does not come", "otherwise": "it may not be said"}
    return f"{way} of {step.id}" if isinstance(step, Split) else f"{step.id}: {ends[str(way)]}"
