"""A plan for people, and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from services.cli.plan.difference import Changed, ChangedJourney, Line
from services.cli.plan.fates import Fate, Hour
from services.cli.plan.proposal import Proposal

SIGNS = {"added": "+", "changed": "~", "removed": "-"}
LONGEST = 100  # characters of a value that a person reads
NOTHING = "Nothing changes: the version in force says the same."


def as_json(plan: Proposal) -> dict[str, Any]:
    """All of a plan but the workspace itself."""
    told: dict[str, Any] = msgspec.to_builtins(plan)
    del told["workspace"]
    return told | {"digest": plan.digest.hex()}


def text(plan: Proposal) -> str:
    """The plan, section by section; what is empty is left out."""
    if not plan.changed:
        return NOTHING
    found = plan.difference
    sections = (
        ("Journeys", [row for journey in found.journeys for row in _journey(journey)]),
        ("Templates", [f"{SIGNS[one.how]} {one.name}{_reads(one)}" for one in found.templates]),
        ("Segments", list(_named(found.segments))),
        ("Events of the shop", list(_named(found.events))),
        ("wici.yaml", [_line(line) for line in found.settings]),
        ("Those inside", list(_inside(plan.fates))),
        ("Taken back from the queue", [f"{one.journey}/{one.step} over {one.channel}: {one.messages}"
                                       for one in plan.taken_back]),
        ("Could leave within the hour because of this change, at most", _hour(plan.hour, because=True)),
        ("Could leave within the hour anyway, at most", _hour(plan.hour, because=False)),
        ("Warnings", list(plan.warnings)),
        ("Errors", list(plan.errors)),
    )  # fmt: skip
    on = f"on top of version {plan.base}" if plan.base else "the first version"
    shown = (f"{title}\n" + "\n".join(f"  {row}" for row in rows) for title, rows in sections if rows)
    return "\n\n".join([f"Plan of a new version, {on}", *shown])


def _journey(journey: ChangedJourney) -> Iterator[str]:
    numbers = {
        "added": f"revision {journey.new}, {len(journey.steps)} step" + ("s" if len(journey.steps) != 1 else ""),
        "changed": f"revision {journey.old} → {journey.new}" if journey.old != journey.new else "no new revision",
        "removed": f"revision {journey.old}",
    }
    yield f"{SIGNS[journey.how]} {journey.name} ({numbers[journey.how]})"
    if journey.how == "changed":
        yield from (f"    {_line(line)}" for line in journey.lines)
        yield from (f"    {row}" for row in _named(journey.steps))


def _named(changed: Iterable[Changed]) -> Iterator[str]:
    for one in changed:
        yield f"{SIGNS[one.how]} {one.name}"
        if one.how == "changed":
            yield from (f"    {_line(line)}" for line in one.lines)


def _reads(template: Changed) -> str:
    reads = next((line for line in template.lines if line.path == "reads" and template.how == "changed"), None)
    return f" (reads: {_short(reads.old)} → {_short(reads.new)})" if reads else ""


def _line(line: Line) -> str:
    return f"{line.path}: {_short(line.old)} → {_short(line.new)}"


def _short(value: str | None) -> str:
    if value is None:
        return "default"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"


def _inside(fates: Sequence[Fate]) -> Iterator[str]:
    for (journey, revision), group in groupby(fates, lambda fate: (fate.group.journey, fate.group.revision)):
        yield f"{journey}, revision {revision}"
        for fate in group:
            yield f"    at {fate.group.step}: {fate.group.customers} {_fate(fate)}"


def _fate(fate: Fate) -> str:
    match fate.what:
        case "leave":
            return "leave now (cancelled), and what they have in the queue is taken back"
        case "drain":
            return "leave when this step is over (drained)"
        case "move":
            when = "and wake when they would have" if fate.keeps else "and begin it now"
            return f"go on at {fate.to} of the new version, {when}"
    return "stay in their version"


def _hour(hours: Iterable[Hour], *, because: bool) -> list[str]:
    return [
        f"{one.journey}/{one.step} over {one.channel}: {one.at_most}"
        + ("" if because else f" (revision {one.revision})")
        for one in hours
        if one.because is because
    ]
