"""What somebody should think about before a change is published. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from services.cli.plan.fates import Fate, Graphs
from services.cli.plan.inside import Inside
from services.cli.plan.sample import Tried
from services.cli.publish import Revision
from services.contracts.journey import Journey, every_step
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.asking import Path
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import define

_NUMBERED = re.compile(r"(.+)-\d+$")
Known = Mapping[str, Sequence[Revision]]
Compiled_ = Mapping[tuple[str, int], Compiled]


def doubts(
    old: Workspace | None,
    new: Workspace,
    inside: Inside,
    fates: Sequence[Fate],
    known: Known,
    tried: Tried | None = None,
) -> list[str]:
    """Sentences, each with what to do or look at."""
    graphs = {(name, one.number): one.journey for name, mine in known.items() for one in mine}
    return [
        *_unknown_sources(new, known),
        *_shifted(fates, new, graphs),
        *_not_known(old, new, fates, graphs),
        *_removed(fates, new),
        *(_segments(tried) if tried else ()),
        *_paused(fates, inside),
    ]


def _unknown_sources(new: Workspace, known: Known) -> Iterator[str]:
    for journey in new.journeys:
        steps = {step.id for one in known.get(journey.name, ()) for step in every_step(one.journey.steps)}
        for source in journey.moves:
            if source not in steps:
                yield f"{journey.name}: in_flight moves those at {source}, a step that no earlier revision has."


def _shifted(fates: Iterable[Fate], new: Workspace, graphs: Graphs) -> Iterator[str]:
    """Numbered ids are names by order: where equal steps were added or removed, the same number may be another step."""
    current = {journey.name: journey for journey in new.journeys}
    for fate in fates:
        group, word = fate.group, _NUMBERED.match(fate.group.step)
        if fate.what != "move" or fate.to != group.step or word is None:
            continue
        old, now = (_numbered(one)[word[1]] for one in (graphs[group.journey, group.revision], current[group.journey]))
        if old != now:
            yield (
                f"{group.journey}: {group.step} is named by its place in the file. Of such steps there were {old} in "
                f"revision {group.revision}, and are {now} now. Is it the same? Give it an id, or map it in in_flight."
            )


def _numbered(journey: Journey) -> Counter[str]:
    found = (_NUMBERED.match(step.id) for step in every_step(journey.steps))
    return Counter(one[1] for one in found if one)


def _not_known(old: Workspace | None, new: Workspace, fates: Iterable[Fate], graphs: Graphs) -> Iterator[str]:
    """What those inside will read, and did not keep of their event; and what cannot be read any more at all."""
    current = {journey.name: journey.revision for journey in new.journeys}
    inside: Counter[tuple[str, int, int]] = Counter()
    for fate in fates:
        if fate.what != "leave":
            name, revision = fate.group.journey, fate.group.revision
            inside[name, revision, current[name] if fate.what == "move" else revision] += fate.group.customers
    if old is None or not inside:
        return
    older = [graphs[key] for key in sorted({key[:2] for key in inside}) if key in graphs]
    before, after = _compiled(old, older), _compiled(new, older)
    for (name, revision, becomes), customers in sorted(inside.items()):
        was, then = before.get((name, revision)), after.get((name, becomes))
        if was is None:
            continue
        if then is None:
            yield (
                f"{name}: revision {revision} does not fit the new version, as a fact or event that it reads is gone. "
                f"{customers} inside would stand still: keep what it reads until they have left, or cancel them."
            )
        elif lacking := missing(then.event_paths, was.event_paths):
            fields = ", ".join(".".join(("event", *path)) for path in lacking)
            yield (
                f"{name}: those who entered by revision {revision} do not know {fields}, which is read now. "
                "Conditions see nothing there, templates leave it empty."
            )


def _compiled(workspace: Workspace, older: Sequence[Journey]) -> Compiled_:
    definitions = define(workspace)
    for one in older:
        if (one.name, one.revision) not in definitions.revisions:
            with suppress(ConditionError):
                definitions.add(one)
    return definitions.revisions


def missing(wanted: Iterable[Path], kept: Iterable[Path]) -> list[Path]:
    """The paths that no kept one contains: keeping `order` covers `order.total`."""
    kept = list(kept)
    return [path for path in wanted if not any(path[: len(one)] == one for one in kept)]


def _removed(fates: Iterable[Fate], new: Workspace) -> Iterator[str]:
    staying: Counter[str] = Counter()
    for fate in fates:
        if fate.what == "stay" and all(fate.group.journey != journey.name for journey in new.journeys):
            staying[fate.group.journey] += fate.group.customers
    for name, number in sorted(staying.items()):
        yield (
            f"{name} is removed, and {number} inside go on to its end. To let them leave, publish it once with "
            "in_flight: cancel (or drain), and then remove it."
        )


def _segments(tried: Tried) -> Iterator[str]:
    """Membership becomes complete by itself, and with it comes whatever a segment's journeys say."""
    yield f"Segments change, so all customers, about {tried.customers}, are looked at, at most 500 a second."
    for verb, counts in (("enter", tried.entered), ("leave", tried.left)):
        for name, number in counts.items():
            yield f"About {number} of them {verb} segment {name} now."
    for name, number in tried.journeys.items():
        yield f"About {number} of them enter {name} because of that."


def _paused(fates: Iterable[Fate], inside: Inside) -> Iterator[str]:
    for name in sorted({fate.group.journey for fate in fates if fate.what != "leave"}):
        if inside.pauses(name):
            yield f"{name} is paused: who would go on now, goes on when it is resumed."
