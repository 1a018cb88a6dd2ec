"""`segments.yaml` → the published segments: names, conditions and durations checked."""

from __future__ import annotations

from services.cli.workspace.journeys.expressions import check_expression
from services.cli.workspace.reading.positions import Node
from services.cli.workspace.reading.reader import read
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.shapes.journey import NAME_PATTERN
from services.cli.workspace.shapes.vocabulary import Condition, Duration, Flag, Names, Table, Text
from services.cli.workspace.surroundings import Surroundings
from services.contracts.segment import Segment
from services.trigger_engine.journeys.scopes import segment_scope

SEGMENT = Table(
    {
        "title": Text("for people"),
        "if": Condition("holds for its members, such as spent(365 days) >= 3000"),
        "tag": Text("a tag that its members bear", like="VIP"),
        "leave_after": Duration("for so long the condition must not have held before a member leaves", "30 days"),
        "push_to_shop": Flag("tell the shop's platform; not applied in this version"),
    },
    required=("if",),
    like="{if: spent(365 days) >= 3000, tag: VIP}",
)
SEGMENTS = Names(SEGMENT, "segments.yaml: customers for whom a condition holds", NAME_PATTERN, "vip")


def read_segments(node: Node, sheet: Sheet, around: Surroundings) -> tuple[Segment, ...]:
    """The segments of the file. Where the sheet then has errors, the result has gaps and must not be used."""
    rows = read(SEGMENTS, node, sheet, "segments.yaml") or {}
    return tuple(_segment(name, row, sheet, around) for name, row in rows.items() if row is not None)


def _segment(name: str, row: Row, sheet: Sheet, around: Surroundings) -> Segment:
    check_expression(row.node_of("if"), segment_scope(around.own_events, around.facts), sheet)
    if row.flag("push_to_shop"):
        message, hint = "'push_to_shop' is not applied in this version", "it is kept, and takes effect later"
        sheet.warning(row.key_at("push_to_shop"), "not-yet-applied", message, hint)
    return Segment(
        name=name,
        condition=row.text("if"),
        title=row.text("title"),
        tag=row.maybe("tag"),
        leave_after=row.number("leave_after") or 0.0,
        push_to_shop=row.flag("push_to_shop"),
    )
