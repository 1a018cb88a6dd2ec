"""A segment made ready to be looked at."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.contracts.segment import Segment
from services.trigger_engine.journeys.asking import profile_facts
from services.trigger_engine.journeys.compiled import Schemas
from services.trigger_engine.journeys.conditions import BOOL, CallKey, Condition, Type, compile_condition
from services.trigger_engine.journeys.scopes import segment_scope


class CompiledSegment(msgspec.Struct, frozen=True):
    """A segment, its condition compiled; what it reads and calls."""

    segment: Segment
    condition: Condition
    profile_reads: frozenset[str]
    calls: frozenset[CallKey]
    reads_cart: bool
    reads_now: bool


def compile_segment(segment: Segment, schemas: Schemas, facts: Mapping[str, Type] | None = None) -> CompiledSegment:
    """Compile one segment. ConditionError if its condition does not fit what is known of a customer."""
    condition = compile_condition(segment.condition, segment_scope(schemas, facts), expect=BOOL)
    roots = {path[0] for path in condition.reads}
    reads = profile_facts(condition.reads)
    return CompiledSegment(segment, condition, reads, condition.calls, "cart" in roots, "now" in roots)
