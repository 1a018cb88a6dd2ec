"""Values cut to what a note may hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

LONGEST_TEXT = 64
MOST_ITEMS = 10
_SHORT = frozenset({int, float, bool, type(None)})


def brief(value: Any) -> Any:
    """A value as a note shows it."""
    kind = type(value)
    if kind in _SHORT:
        return value
    if kind is list:  # mostly, and asking an abstract class takes ten times as long
        return [brief(part) for part in value[:MOST_ITEMS]] if value else []
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    if isinstance(value, Mapping):
        return {str(name): brief(part) for name, part in islice(value.items(), MOST_ITEMS)}
    if isinstance(value, Collection):
        return [brief(part) for part in islice(value, MOST_ITEMS)]
    return value
