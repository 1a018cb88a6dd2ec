"""Which costly facts the compiled conditions and templates use."""

from __future__ import annotations

from collections.abc import Iterable

from services.trigger_engine.journeys.asking import ALL
from services.trigger_engine.journeys.compiled import Compiled
from services.trigger_engine.journeys.segment import CompiledSegment
from services.trigger_engine.profiles import orders, windows
from services.trigger_engine.profiles.uses import LAST_VIEWED, TALLIES, Measure, Uses

# The functions over a window, and the events that each counts; `count` counts those that it names.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "spent": tuple(sorted(orders.KINDS)),
    "orders": tuple(sorted(orders.KINDS)),
    "count": (),
    "viewed": ("product.viewed", "category.viewed"),
    "bought": ("order.placed",),
}


def find_uses(compiled: Iterable[Compiled | CompiledSegment], currency: str, *, cart: bool) -> Uses:
    """What is kept for these journeys and segments. `currency` is the shop's, in which `spent` counts."""
    compiled = list(compiled)
    reads = {fact for one in compiled for fact in one.profile_reads}
    measures: dict[Measure, int] = {}
    for call in {call for one in compiled for call in one.calls if call[0] in FUNCTIONS}:
        measure, window = windows.measure(*call, currency)
        measures[measure] = max(windows.span(measure, window), measures.get(measure, 0))
    by_type: dict[str, tuple[Measure, ...]] = {}
    for measure in sorted(measures):
        for kind in FUNCTIONS[measure.kind] or (measure.about,):
            by_type[kind] = (*by_type.get(kind, ()), measure)
    read = [made_of for fact, made_of in TALLIES.items() if fact in reads or ALL in reads]
    return Uses(
        cart=cart,
        tallies=frozenset().union(*read),
        last_viewed=bool(reads & {LAST_VIEWED, ALL}),
        measures=measures,
        by_type=by_type,
    )
