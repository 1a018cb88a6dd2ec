"""`groups/<name>.yaml`: steps with parameters; and the steps that a `use` of a group in a journey stands for.

A parameter is written `<name>`, anywhere in the values of the steps, and filled in before they are read. So whatever is
wrong with what a use says is found where the use says it, and all else in the group's own file, naming the use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from services.cli.workspace.findings import Place, short, write_instead
from services.cli.workspace.journeys.expressions import place_in
from services.cli.workspace.reading.positions import Mapping as Tree
from services.cli.workspace.reading.positions import Node, Scalar, Sequence, resolve
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.journey import NAME_PATTERN
from services.cli.workspace.shapes.vocabulary import Anything, ListOf, Names, Shape, Table, Text

PARAMETER_PATTERN = r"[a-z][a-z0-9_-]{0,62}"
PLACEHOLDER = re.compile(f"<({PARAMETER_PATTERN})>")
MOST_USES = 200
"""In one journey: groups that use others twice each would double with every level."""
_STEPS = frozenset({"steps", "do", "then", "else"})

_PARAMETER = Table(
    {"default": Anything("what it is where a use does not say"), "about": Text("for people")},
    like="{default: 1 day}",
)


def group_shape(steps: Shape) -> Table:
    """A group's file, whose `steps` are of this shape."""
    return Table(
        {
            "group": Text("its name, that of the file", NAME_PATTERN, "reminder-pair", "bad-name"),
            "about": Text("for people"),
            "parameters": Names(_PARAMETER, "what a use says, written <name> in the steps", PARAMETER_PATTERN, "pause"),
            "steps": steps,
        },
        required=("group", "steps"),
        about="steps that journeys use",
        like="begin it with 'group: its-name'",
    )


_GROUP = group_shape(ListOf(Anything(), at_least=1))


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its file has it. `parameters` have their defaults, None where a use must say."""

    name: str
    file: str
    parameters: Mapping[str, Node | None]
    steps: Node


def read_group(node: Node, sheet: Sheet) -> Group | None:
    """The group of a file; None where the sheet then says why it cannot be used."""
    row = read(_GROUP, node, sheet, "a group")
    if row is None or not row.text("group") or not row.values.get("steps"):
        return None
    steps = row.node_of("steps")
    assert steps is not None  # noqa: S101 -- it has a value
    named = row.named("parameters")
    parameters = {name: one.node_of("default") if one else None for name, one in named.items()}
    group = Group(row.text("group"), sheet.file, parameters, steps)
    wrong = False
    for scalar in _scalars(steps):
        for found in PLACEHOLDER.finditer(scalar.text):
            if found[1] not in parameters:
                hint = write_instead(found[1], parameters, "parameters are")
                hint = hint or f"write parameters: {{{found[1]}: {{}}}}"
                place = place_in(scalar, found.start() + 1, sheet)
                sheet.error(place, "unknown-parameter", f"the group has no parameter {short(found[1])}", hint)
                wrong = True
    return None if wrong else group


class Filling:
    """Gives each `use` in the tree of one journey the steps that it stands for. `used` are the groups' names.

    Of the groups that are None it is said already what is wrong with them.
    """

    def __init__(self, groups: Mapping[str, Group | None], sheet: Sheet) -> None:
        self._groups = groups
        self._sheet = sheet
        self._left = MOST_USES
        self.used: set[str] = set()

    def fill(self, node: Node, inside: tuple[str, ...] = (), *, step: bool = False) -> Node:
        """The tree with its uses filled; `inside` are the groups that it is part of, `step` tells that it is one."""
        if isinstance(node, Sequence):
            return replace(node, items=tuple(self.fill(item, inside, step=True) for item in node.items))
        if not isinstance(node, Tree):
            return node
        if step and "use" in node.values:
            return self._use(node, inside)
        values = {key: self.fill(value, inside, step=key in _STEPS) for key, value in node.values.items()}
        return replace(node, values=values)

    def _use(self, node: Tree, inside: tuple[str, ...]) -> Node:
        named = node.values["use"]
        name = named.text if isinstance(named, Scalar) else ""
        self.used.add(name)
        group = self._groups.get(name)
        if group is None:
            if name and name not in self._groups:
                hint = write_instead(name, self._groups, "groups are") or f"write groups/{name[:60]}.yaml"
                self._sheet.error(named.place, "unknown-group", f"there is no group {short(name)}", hint)
            return node
        if name in inside:
            way = " → ".join((*inside[inside.index(name) :], name))
            hint = "take one of these uses out, or write its steps"
            self._sheet.error(named.place, "group-cycle", f"groups use one another in a circle: {way}", hint)
            return node
        self._left -= 1
        if self._left == -1:
            message, hint = f"more than {MOST_USES} groups in one journey", "use groups that use fewer others"
            self._sheet.error(named.place, "too-large", message, hint)
        values = self._values(node, group) if self._left >= 0 else None
        if values is None:
            return node
        where = f"{self._sheet.file}:{named.place.line}:{named.place.column}"
        steps = _filled(group.steps, values, group.file, named.place.used or where)
        return replace(node, filled=self.fill(steps, (*inside, name), step=True))

    def _values(self, node: Tree, group: Group) -> dict[str, Node] | None:
        """What the parameters are in this use; None where something is missing or too much."""
        said = node.values.get("with")
        given = said.values if isinstance(said, Tree) else {}
        unknown, known = given.keys() - group.parameters.keys(), group.parameters
        for name in unknown:
            place = said.keys.get(name, node.place) if isinstance(said, Tree) else node.place
            hint = write_instead(name, known, "parameters are") or "remove it: the group has none"
            message = f"the group {short(group.name)} has no parameter {short(name)}"
            self._sheet.error(place, "unknown-parameter", message, hint)
        missing = [name for name, default in known.items() if default is None and name not in given]
        for name in missing:
            message = f"the group {short(group.name)} needs {short(name)}"
            hint = f"write with: {{{name}: …}}"
            self._sheet.error((said or node.values["use"]).place, "missing-parameter", message, hint)
        if unknown or missing:
            return None
        defaults = {name: _filled(one, {}, group.file, "") for name, one in known.items() if one is not None}
        return {**defaults, **given}


def _filled(node: Node, values: Mapping[str, Node], file: str, used: str) -> Node:
    """A copy of part of a group's file: parameters filled, and every place naming the file and the use."""

    def at(place: Place) -> Place:
        return replace(place, file=file, used=used)

    if isinstance(node, Sequence):
        return Sequence(tuple(_filled(item, values, file, used) for item in node.items), at(node.place))
    if isinstance(node, Tree):
        parts = {key: _filled(value, values, file, used) for key, value in node.values.items()}
        return Tree(parts, at(node.place), {key: at(place) for key, place in node.keys.items()})
    whole = PLACEHOLDER.fullmatch(node.text)
    if whole and whole[1] in values:
        return values[whole[1]]
    text = PLACEHOLDER.sub(lambda found: _text(values.get(found[1]), found[0]), node.text)
    if text == node.text:
        return replace(node, place=at(node.place))
    return Scalar(text if node.style else resolve(text), text, at(node.place), node.style, made=True)


def _text(value: Node | None, otherwise: str) -> str:
    return value.text if isinstance(value, Scalar) else otherwise


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
        return
    for part in node.items if isinstance(node, Sequence) else node.values.values():
        yield from _scalars(part)
