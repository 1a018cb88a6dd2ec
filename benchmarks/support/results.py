"""What benchmarks found, row by row, beside their targets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

COLLECTED = "WICI_BENCH_ROWS"
"""Environment: the file to which a benchmark adds its rows, one JSON object a line."""


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measurement. Without `target` it is there for comparison; `least` says which way the target is meant.

    `note` tells its parts, `bound` what keeps it from being better.
    """

    what: str
    value: float
    unit: str
    target: float | None = None
    reference: str = ""
    note: str = ""
    least: bool = True
    bound: str = ""

    @property
    def ratio(self) -> float | None:
        """How often the target is met: 1 or more is good, whichever way it is meant."""
        if self.target is None or not self.value:
            return None
        return self.value / self.target if self.least else self.target / self.value


def number(value: float) -> str:
    """Three digits at least, and no more than needed."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def goal(row: Row) -> str:
    """The target in words."""
    return "" if row.target is None else f"{'≥' if row.least else '≤'} {number(row.target)}"


def show(rows: Sequence[Row]) -> None:
    """Print rows, and hand them to who collects them."""
    for row in rows:
        beside = [f"target {goal(row)}, {row.ratio:.2f} of it"] if row.ratio is not None else []
        print(f"{row.what}: {number(row.value)} {row.unit}", *beside, row.reference, sep="; ", flush=True)
        if row.note:
            print(f"    {row.note}", flush=True)
    if collected := os.environ.get(COLLECTED):
        with Path(collected).open("ab") as file:
            file.writelines(msgspec.json.encode(row) + b"\n" for row in rows)
