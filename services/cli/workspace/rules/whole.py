"""What the rules look at: a workspace that could be read, and where its parts stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from services.cli.workspace.findings import Place
from services.cli.workspace.reading.positions import Mapping as Tree
from services.cli.workspace.reading.positions import Node, Scalar, Sequence, parts
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.surroundings import Surroundings, TemplateFolder
from services.contracts.journey import Journey, Send, Step, every_step
from services.contracts.message import MessageClass
from services.contracts.segment import Segment
from services.contracts.settings import Settings
from services.contracts.workspace import Template

_OWN_WORDS = frozenset({"journey", "title", "about", "owner", "start"})


@dataclass(frozen=True, slots=True)
class Told:
    """One journey, the tree of its file, and the sheet for what is found in it."""

    journey: Journey
    node: Node
    sheet: Sheet

    def at(self, *path: str) -> Place:
        """Where the value under these keys stands; as far as there is one."""
        return place(self.node, *path)

    def step_at(self, step: Step, key: str = "") -> Place:
        """Where a step stands, or its value of `key`."""
        row = self.sheet.steps.get(step.id)
        if row is None:
            return self.at("steps")
        return row.at(key) if key else row.node.place

    def steps(self) -> Iterator[Step]:
        """The steps and those inside them."""
        return every_step(self.journey.steps)

    def sends(self) -> Iterator[Send]:
        """The steps that say something."""
        return (step for step in self.steps() if isinstance(step, Send))

    def klass(self, send: Send) -> MessageClass:
        """As which class a step speaks, as it is written."""
        return send.klass or self.journey.klass


@dataclass(frozen=True, slots=True)
class Whole:
    """The workspace. `home` is the sheet of wici.yaml; `journeys` are those without errors.

    `complete` says whether all of it could be read: only then is what nobody seems to name named by nobody. `nodes` are
    the trees of all files but wici.yaml; `around` has what journeys may refer to.
    """

    settings: Settings
    home: Sheet
    journeys: tuple[Told, ...]
    complete: bool
    nodes: tuple[Node, ...]
    templates: Mapping[str, TemplateFolder]
    segments: tuple[Segment, ...]
    around: Surroundings

    def counts_as(self, klass: MessageClass) -> MessageClass:
        """The class that another one counts as."""
        return self.settings.policies.classes.get(klass, klass)

    def said(self) -> Iterator[tuple[Told, Send, TemplateFolder]]:
        """Every send with its journey and its template."""
        for told in self.journeys:
            for send in told.sends():
                folder = self.templates.get(send.template)
                if folder is not None:
                    yield told, send, folder

    def editions(self, folder: TemplateFolder) -> Iterator[tuple[str, Template, Mapping[str, Sheet]]]:
        """A template in each of its languages, with its files."""
        for locale, template in folder.compiled.items():
            yield locale, template, folder.sheets.get(locale, {})


def place(node: Node, *path: str) -> Place:
    """Where the value under these keys stands; of a list, in its first item that has the key."""
    for key in path:
        if isinstance(node, Sequence):
            items = [item for item in node.items if isinstance(item, Tree) and key in item.values]
            node = items[0] if items else node
        if not isinstance(node, Tree) or key not in node.values:
            break
        node = node.values[key]
    return node.place


def words(nodes: Iterable[Node]) -> Iterator[str]:
    """Every text that stands as a value anywhere below these nodes, but for the names and titles of journeys."""
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, Scalar):
            yield node.text
        elif isinstance(node, Sequence):
            todo += node.items
        else:
            todo += [value for key, value in parts(node) if key not in _OWN_WORDS]
