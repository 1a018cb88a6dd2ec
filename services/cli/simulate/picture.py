"""A journey's flow as one SVG: no script, nothing from elsewhere. Lines are as thick as many went that way.

https://www.w3.org/TR/SVG2/
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from services.cli.simulate.flow import Flow
from services.cli.simulate.layout import BOX, LINE, MARGIN, Box, Drawing, Edge, layout
from services.cli.simulate.words import short
from services.contracts.journey import Journey

_COLOURS = {
    "start": "#334155", "end": "#334155", "send": "#0f766e", "alert": "#0f766e", "webhook": "#0f766e",
    "wait": "#b45309", "waitfor": "#b45309", "branch": "#6d28d9", "split": "#6d28d9", "stop": "#b91c1c",
}  # fmt: skip
_STYLE = """\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif;fill:#0f172a}
.title{font-size:20px;font-weight:600}.about{font-size:12px;fill:#64748b}
.box rect{fill:#fff;stroke:#cbd5e1}.name{font-size:13.5px;font-weight:600}.does{font-size:12px;fill:#64748b}
.line{font-size:12px;fill:#334155}.label{font-size:12px;text-anchor:middle;fill:#334155;paint-order:stroke;\
stroke:#f8fafc;stroke-width:5px;stroke-linejoin:round}.number{font-weight:600}
path{fill:none;stroke:#94a3b8;stroke-linejoin:round}.none{opacity:.45}"""
_THICKEST = 7.0


def draw(journey: Journey, flow: Flow, period: str) -> str:
    """The picture; `period` says of when it is."""
    return "\n".join(_svg(journey, flow, period, layout(journey, flow)))


def _svg(journey: Journey, flow: Flow, period: str, drawing: Drawing) -> Iterator[str]:
    width, height = f"{drawing.width:g}", f"{drawing.height:g}"
    name = escape(journey.name)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{name}">'
    )
    yield f"<title>{name}</title>\n<style>{_STYLE}</style>"
    yield f'<rect width="{width}" height="{height}" fill="#f8fafc"/>'
    yield f'<text class="title" x="{MARGIN:g}" y="36">{name}</text>'
    yield f'<text class="about" x="{MARGIN:g}" y="56">{escape(period)}</text>'
    edges = sorted(drawing.edges, key=lambda one: one.number)
    for edge in edges:
        yield _path(edge, flow.entered)
    for box in drawing.boxes:
        yield from _box(box)
    for edge in edges:
        yield _label(edge)
    yield "</svg>\n"


def _path(edge: Edge, entered: int) -> str:
    thick = 1.25 + _THICKEST * edge.number / max(entered, edge.number, 1)
    points = " L".join(f"{x:g} {y:g}" for x, y in edge.points)
    dash = "" if edge.number else ' stroke-dasharray="4 4"'
    return f'<path class="{"some" if edge.number else "none"}" d="M{points}" stroke-width="{thick:.2f}"{dash}/>'


def _label(edge: Edge) -> str:
    x, y = edge.at
    words = f"{escape(edge.label)} · " if edge.label else ""
    faint = "" if edge.number else " none"
    number = f'<tspan class="number">{edge.number:,}</tspan>'
    return f'<text class="label{faint}" x="{x:g}" y="{y + 4:g}">{words}{number}</text>'


def _box(box: Box) -> Iterator[str]:
    x, y = box.x, box.y
    colour = _COLOURS.get(box.kind, "#475569")
    yield f'<g class="box{"" if box.came else " none"}">'
    yield f'<rect x="{x:g}" y="{y:g}" width="{BOX:g}" height="{box.height:g}" rx="8"/>'
    yield f'<path d="M{x + 2.5:g} {y + 8:g} V{y + box.height - 8:g}" style="stroke:{colour};stroke-width:5"/>'
    yield f'<text class="name" x="{x + 16:g}" y="{y + 20:g}">{escape(short(box.name, 32))}</text>'
    top = y + 20
    if box.does:
        top += LINE
        yield f'<text class="does" x="{x + 16:g}" y="{top:g}">{escape(box.does)}</text>'
    for number, line in enumerate(box.lines, 1):
        yield f'<text class="line" x="{x + 16:g}" y="{top + LINE * number + 2:g}">{escape(line)}</text>'
    yield "</g>"
