"""Where each way out of a step stands: arms of a branch or split, both ends of a `wait_for`, an `otherwise: exit`.

A step with an `if` of its own has two ways more: it is done, or it is passed over.
"""

from __future__ import annotations

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.row import Row
from services.cli.workspace.rules.whole import Told
from services.contracts.journey import Branch, Send, Split, Step, WaitFor, every_step

Way = tuple[str, int | str | None]
"""A step's id, and an arm's number (None: past all of them) or its name."""
HOLDS, FAILS = "if: holds", "if: fails"  # no arm is called so


def ways_of(told: Told) -> dict[Way, str]:
    """`file:line` of each way out of the journey's steps."""
    found: dict[Way, str] = {}
    for step in every_step(told.journey.steps):
        row = told.sheet.steps.get(step.id)
        for way in ways(step):
            place = told.node.place if row is None else _place(row, way)
            found[step.id, way] = f"{told.sheet.of(place).file}:{place.line}"
    return found


def ways(step: Step) -> list[int | str | None]:
    """The ways out of a step, where there are several."""
    own: list[int | str | None] = [] if step.condition is None else [HOLDS, FAILS]
    return [*own, *_inside(step)]


def _inside(step: Step) -> list[int | str | None]:
    if isinstance(step, Branch):
        past: list[int | str | None] = [None] if all(arm.condition is not None for arm in step.arms) else []
        return [*range(1, len(step.arms) + 1), *past]
    if isinstance(step, Split):
        return [share.name for share in step.shares]
    if isinstance(step, WaitFor):
        return ["then", "else"]
    return ["otherwise"] if isinstance(step, Send) and step.otherwise == "exit" else []


def _place(row: Row, way: int | str | None) -> Place:
    """Where it is written; the step's own place where it is not written of itself."""
    if way in (HOLDS, FAILS):
        return row.key_at("if")
    if isinstance(way, int):
        arms = row.rows("branch")
        return arms[way - 1].node.place if way <= len(arms) else row.node.place
    if way is None:
        return row.key_at("branch")
    arm = row.named("split").get(way)
    return arm.node.place if isinstance(arm, Row) else row.key_at(way)
