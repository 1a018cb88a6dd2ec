"""How two versions of a workspace differ, in the words of its files. Pure.

Values are flattened to `path: text`, so that every kind of step, also one yet to come, shows what changed in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from services.cli.workspace.journeys.moments import wait_words
from services.contracts.journey import Journey, Step, Wait, every_step
from services.contracts.workspace import Workspace
from services.trigger_engine.policies.naming import span

How = Literal["added", "changed", "removed"]
STEPS = get_args(Step)
WORDS = {"condition": "if", "klass": "class", "again_after": "again", "otherwise": "else", "exits": "exit",
         "goals": "goal", "live_from": "live.from", "live_until": "live.until", "moves": "migrate"}  # fmt: skip
"""Words of the files whose published names are others."""
DURATIONS = frozenset({"within", "max_age", "max_lateness", "leave_after", "per", "answer_within"})
"""Values that are published in seconds."""


class Line(NamedTuple):
    """One value that differs; None where there is none."""

    path: str
    old: str | None
    new: str | None


class Changed(msgspec.Struct, frozen=True):
    """A step, template, segment or policy that is new, gone or different."""

    name: str
    how: How
    lines: tuple[Line, ...] = ()


class ChangedJourney(msgspec.Struct, frozen=True):
    """A journey that is new, gone or different; revisions are 0 where there is none."""

    name: str
    how: How
    old: int
    new: int
    lines: tuple[Line, ...] = ()
    steps: tuple[Changed, ...] = ()


class Difference(msgspec.Struct, frozen=True):
    """All that differs."""

    journeys: tuple[ChangedJourney, ...]
    templates: tuple[Changed, ...]
    segments: tuple[Changed, ...]
    events: tuple[Changed, ...]
    settings: tuple[Line, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, field) for field in self.__struct_fields__)


def difference(old: Workspace | None, new: Workspace) -> Difference:
    """What `new` has that `old` has not, and the other way round; `old` is None before the first version."""
    before = old or Workspace(new.settings)
    return Difference(
        journeys=tuple(_journeys(before, new)),
        templates=tuple(_named(_templates(before), _templates(new))),
        segments=tuple(_named({s.name: flat(s) for s in before.segments}, {s.name: flat(s) for s in new.segments})),
        events=tuple(_named(_flats(before.event_schemas), _flats(new.event_schemas))),
        settings=lines(flat(before.settings), flat(new.settings)),
    )


def _journeys(old: Workspace, new: Workspace) -> Iterator[ChangedJourney]:
    before, after = ({journey.name: journey for journey in one.journeys} for one in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None:
            changed = _journey(was, now)
            if changed is not None:
                yield changed
        elif now is not None:
            steps = tuple(Changed(step.id, "added", lines({}, flat(step))) for step in every_step(now.steps))
            yield ChangedJourney(name, "added", 0, now.revision, lines({}, _head(now)), steps)
        elif was is not None:
            yield ChangedJourney(name, "removed", was.revision, 0)


def _journey(old: Journey, new: Journey) -> ChangedJourney | None:
    before, after = ({step.id: flat(step) for step in every_step(one.steps)} for one in (old, new))
    head, steps = lines(_head(old), _head(new)), tuple(_named(before, after))
    if not head and not steps:
        return None
    return ChangedJourney(new.name, "changed", old.revision, new.revision, head, steps)


def _head(journey: Journey) -> dict[str, str]:
    return flat(msgspec.structs.replace(journey, revision=0, name=""))


def _templates(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Of what a template says only that it differs: the words are in the files."""
    return {
        f"{name}/{locale}": {"text": template.digest, "reads": ", ".join(map(".".join, sorted(template.reads)))}
        for name, locales in workspace.templates.items()
        for locale, template in locales.items()
    }


def _flats(values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {name: flat(value) for name, value in values.items()}


def _named(old: Mapping[str, dict[str, str]], new: Mapping[str, dict[str, str]]) -> Iterator[Changed]:
    """By name, in the order of the newer ones; what is gone last."""
    for name, value in new.items():
        if name not in old:
            yield Changed(name, "added", lines({}, value))
        elif found := lines(old[name], value):
            yield Changed(name, "changed", found)
    for name in sorted(old.keys() - new.keys()):
        yield Changed(name, "removed", lines(old[name], {}))


def lines(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Line, ...]:
    """The values that differ, in the order of the newer ones."""
    paths = [*new, *(path for path in old if path not in new)]
    return tuple(Line(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path))


def flat(value: Any) -> dict[str, str]:
    """Every value that is not its default, by its path in the words of the files; steps inside by their ids."""
    return dict(_flat(value, ()))


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Wait):
        yield ".".join((*path, "wait")), wait_words(value)
        if value.condition is not None:
            yield ".".join((*path, "if")), value.condition
    elif isinstance(value, msgspec.Struct):
        yield from _fields(value, path)
    elif isinstance(value, dict):
        for name, inside in value.items():
            yield from _flat(inside, (*path, str(name)))
    elif isinstance(value, list | tuple):
        yield from _items(value, path)
    else:
        yield ".".join(path), _scalar(path[-1], value)


def _fields(value: msgspec.Struct, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(value):
        inside = getattr(value, field.name)
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if inside is not None and inside != default and not (field.name == "id" and isinstance(value, STEPS)):
            yield from _flat(inside, (*path, WORDS.get(field.name, field.name)))


def _items(values: Sequence[Any], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if values and all(isinstance(one, STEPS) for one in values):
        yield ".".join(path), ", ".join(one.id for one in values)
    elif any(isinstance(one, msgspec.Struct | dict) for one in values):
        for number, one in enumerate(values, 1):
            yield from _flat(one, (*path, str(number)))
    else:
        yield ".".join(path), ", ".join(map(str, values)) or "none"


def _scalar(name: str, value: Any) -> str:
    if name == "again":
        return f"after {span(value)}" if value else "always"
    if name in DURATIONS:
        return span(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
