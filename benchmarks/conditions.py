"""Evaluations per second of compiled conditions, beside a hand-written lambda over the same data in the same run.

    python -m benchmarks.conditions

The lambda is what a programmer would write for data that is always complete: it does not survive a missing field, a
null or a wrong type, and reads no decimal string that it does not have to. Ratio 1.0 means as fast as that. Rates are
per CPU-second, the best of five.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from time import process_time
from typing import Any

from benchmarks.support import results
from benchmarks.support.results import Row
from services.trigger_engine.journeys.conditions import (
    DURATION,
    MONEY,
    NUMBER,
    STRING,
    TIMESTAMP,
    Function,
    ListOf,
    Record,
    Type,
    compile_condition,
)

TIMES = 100_000
REPEATS = 5

ITEM = Record({"category": STRING, "price": MONEY, "quantity": NUMBER})
SCOPE: dict[str, Type] = {
    "event": Record({"total": NUMBER, "cart": Record({"total": MONEY}), "placed_at": TIMESTAMP, "items": ListOf(ITEM)}),
    "profile": Record({"orders_count": NUMBER, "tags": ListOf(STRING)}),
    "now": TIMESTAMP,
    "spent": Function((DURATION,), MONEY),
}
YEAR = ("spent", (timedelta(days=365),))
ENV: dict[str, Any] = {
    "event": {f"other{number}": number for number in range(20)}
    | {
        "total": 250,
        "cart": {"total": "150.00"},
        "placed_at": "2026-11-20T10:00:00Z",
        "items": [{"category": name, "price": "49.90", "quantity": 1} for name in ("hats", "gloves", "shoes")],
    },
    "profile": {f"other{number}": number for number in range(20)} | {"orders_count": 0, "tags": ["new", "vip"]},
    "now": datetime(2026, 11, 22, 10, tzinfo=UTC),
    "calls": {YEAR: "3200.00"},
}


@dataclass(frozen=True)
class Case:
    """A condition and its hand-written twin."""

    text: str
    by_hand: Callable[[Mapping[str, Any]], Any]


CASES = (
    Case("profile.orders_count == 0", lambda env: env["profile"]["orders_count"] == 0),
    Case("event.cart.total >= 100", lambda env: float(env["event"]["cart"]["total"]) >= 100),
    Case('"vip" in profile.tags', lambda env: "vip" in env["profile"]["tags"]),
    Case("spent(365 days) >= 3000", lambda env: float(env["calls"][YEAR]) >= 3000),
    Case(
        "now - event.placed_at > 36 hours",
        lambda env: env["now"] - datetime.fromisoformat(env["event"]["placed_at"]) > timedelta(hours=36),
    ),
    Case(
        'event.total >= 200 && profile.orders_count == 0 && "vip" in profile.tags'
        ' && event.items.exists(i, i.category == "shoes")',
        lambda env: (
            env["event"]["total"] >= 200
            and env["profile"]["orders_count"] == 0
            and "vip" in env["profile"]["tags"]
            and any(item["category"] == "shoes" for item in env["event"]["items"])
        ),
    ),
    Case("event.total < 200 && profile.orders_count == 0", lambda env: env["event"]["total"] < 200),
)


def rate(evaluate: Callable[[Mapping[str, Any]], Any]) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        start = process_time()
        for _ in range(TIMES):
            evaluate(ENV)
        best = min(best, process_time() - start)
    return TIMES / best


def main() -> None:
    print(f"{'million a second':>16}  {'ratio to lambda':>15}  condition")
    ratios = []
    for case in CASES:
        evaluate = compile_condition(case.text, SCOPE).evaluate
        assert evaluate(ENV) == case.by_hand(ENV), case.text
        compiled, by_hand = rate(evaluate), rate(case.by_hand)
        ratios.append(compiled / by_hand)
        print(f"{compiled / 1e6:16.2f}  {compiled / by_hand:15.2f}  {case.text}")
    note = f"{len(CASES)} conditions, from {min(ratios):.2f} to {max(ratios):.2f}"
    bound = "checks that the lambda leaves out: missing fields, types, money"
    results.show([Row("conditions beside a hand-written lambda", median(ratios), "of it", note=note, bound=bound)])


if __name__ == "__main__":
    main()
