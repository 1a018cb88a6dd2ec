"""Where the steps of a journey stand: boxes from top to bottom, ways side by side that meet again below. Pure.

Nothing is measured: a box is as wide as BOX and as high as its lines. Coordinates are pixels from the top left.
"""

from __future__ import annotations

from textwrap import wrap

import msgspec

from services.cli.simulate.flow import ON, OTHERWISE, PAST, THEN, Flow
from services.cli.simulate.words import condition, what
from services.contracts.journey import Branch, Journey, Split, Step, Stop, WaitFor, ways

BOX, COLUMN, LINE, HEAD = 252.0, 284.0, 16.0, 44.0
GAP, FORK, MARGIN, TOP = 46.0, 74.0, 32.0, 76.0
LETTERS = 38  # of a line in a box
TURN = 16.0  # how far below a box, or above the next, an edge turns


class Box(msgspec.Struct, frozen=True):
    """A step: its id, what it does, and lines with counts. `kind` is the step's word, or `start` or `end`."""

    kind: str
    name: str
    does: str
    lines: tuple[str, ...]
    came: int
    x: float
    y: float
    height: float


class Edge(msgspec.Struct, frozen=True):
    """A way from one box to another through points, and how many went it; its label stands at `at`."""

    points: tuple[tuple[float, float], ...]
    number: int
    label: str
    at: tuple[float, float]


class Drawing(msgspec.Struct, frozen=True):
    """Everything in its place."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]


class _Loose(msgspec.Struct):
    """An edge that has not arrived yet."""

    points: list[tuple[float, float]]
    number: int
    label: str = ""
    at: tuple[float, float] | None = None


def layout(journey: Journey, flow: Flow) -> Drawing:
    """The journey with its counts."""
    return _Layout(journey, flow).drawing


class _Layout:
    def __init__(self, journey: Journey, flow: Flow) -> None:
        self._flow = flow
        self._boxes: list[Box] = []
        self._edges: list[Edge] = []
        width = max(COLUMN, _width(journey.steps)) + 2 * MARGIN
        middle = width / 2
        left = [f"{n} {reason}" for (step, reason), n in sorted(flow.ended.items()) if not step]
        lines = (f"{flow.entered:,} entered", *_wrapped("at once", left))
        y = self._box("start", journey.enter.on, "enter", lines, flow.entered, middle, TOP)
        loose = [_Loose([(middle, y)], flow.ways["", ON])]
        loose, y = self._steps(journey.steps, middle, y + GAP, loose)
        if loose:
            self._arrive(loose, middle, y)
            y = self._box("end", "the end", "", (f"{flow.completed:,} completed",), flow.completed, middle, y) + GAP
        self.drawing = Drawing(width, y - GAP + MARGIN, tuple(self._boxes), tuple(self._edges))

    def _steps(
        self, steps: tuple[Step, ...], middle: float, y: float, loose: list[_Loose]
    ) -> tuple[list[_Loose], float]:
        """Put steps below each other from `y` on; what leads on from them, and where the next thing would stand."""
        for step in steps:
            self._arrive(loose, middle, y)
            bottom = self._box(
                type(step).__name__.lower(), step.id, what(step), self._lines(step), self._flow.came[step.id], middle, y
            )
            if isinstance(step, Stop):
                loose, y = [], bottom + GAP
            elif isinstance(step, Branch | Split | WaitFor):
                loose, y = self._fork(step, middle, bottom)
            else:
                loose, y = [_Loose([(middle, bottom)], self._flow.ways[step.id, ON])], bottom + GAP
        return loose, y

    def _fork(self, step: Branch | Split | WaitFor, middle: float, top: float) -> tuple[list[_Loose], float]:
        """Put the ways of a step beside each other."""
        columns = _columns(step)
        x = middle - sum(width for *_, width in columns) / 2
        loose: list[_Loose] = []
        ends = []
        for way, label, inside, width in columns:
            at = x + width / 2
            number = self._flow.ways[step.id, way]
            out = _Loose([(middle, top), (middle, top + TURN), (at, top + TURN)], number, label, (at, top + TURN + 16))
            more, bottom = self._steps(inside, at, top + FORK, [out])
            loose += more
            ends.append(bottom)
            x += width
        return loose, max(ends) + (TURN if len(loose) > 1 else 0)

    def _arrive(self, loose: list[_Loose], x: float, y: float) -> None:
        """Let edges end at the top of a box."""
        for one in loose:
            here, _ = one.points[-1]
            points = [*one.points, (here, y - TURN), (x, y - TURN), (x, y)] if here != x else [*one.points, (x, y)]
            at = one.at or (one.points[0][0], one.points[0][1] + 15)
            self._edges.append(Edge(tuple(points), one.number, one.label, at))

    def _box(
        self, kind: str, name: str, does: str, lines: tuple[str, ...], came: int, middle: float, y: float
    ) -> float:
        height = HEAD + LINE * len(lines) + 6 - (0 if does else LINE)
        self._boxes.append(Box(kind, name, does, lines, came, middle - BOX / 2, y, height))
        return y + height

    def _lines(self, step: Step) -> tuple[str, ...]:
        flow, name = self._flow, step.id
        inside = f", {flow.inside[name]:,} still here" if flow.inside[name] else ""
        said = [f"{n:,} {last}" for (at, last), n in sorted(flow.sent.items()) if at == name]
        skipped, delayed, ended = (
            [f"{n:,} {last}" for (at, last), n in sorted(counts.items()) if at == name]
            for counts in (flow.skipped, flow.delayed, flow.ended)
        )
        return (
            f"{flow.came[name]:,} came{inside}",
            *_wrapped("sent", said),
            *_wrapped("not", skipped),
            *_wrapped("later", delayed),
            *_wrapped("left", ended),
        )


def _columns(step: Branch | Split | WaitFor) -> list[tuple[str, str, tuple[Step, ...], float]]:
    """The ways out of a step, the one past it included: name, label, steps, width."""
    found: list[tuple[str, str, tuple[Step, ...]]]
    if isinstance(step, Branch):
        found = [(str(n), condition(arm.condition), arm.do) for n, arm in enumerate(step.arms, 1)]
        past = step.condition is not None or all(arm.condition is not None for arm in step.arms)
    elif isinstance(step, Split):
        found = [(one.name, f"{one.name} ({one.share:g}%)", one.do) for one in step.shares]
        past = step.condition is not None or step.trial is not None
    else:
        found = [(THEN, "it came", step.then), (OTHERWISE, "time is over", step.otherwise)]
        past = step.condition is not None
    found += [(PAST, "none of these", ())] if past else []
    return [(way, label, inside, max(COLUMN, _width(inside))) for way, label, inside in found]


def _width(steps: tuple[Step, ...]) -> float:
    """How wide steps are, one below the other."""
    forks = [step for step in steps if ways(step) and isinstance(step, Branch | Split | WaitFor)]
    return max((sum(width for *_, width in _columns(step)) for step in forks), default=COLUMN)


def _wrapped(word: str, parts: list[str]) -> tuple[str, ...]:
    return tuple(wrap(f"{word}: {', '.join(parts)}", LETTERS, subsequent_indent="  ")) if parts else ()
