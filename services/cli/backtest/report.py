"""The outcome for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from services.cli.backtest.play import Outcome
from services.cli.backtest.sums import Sums
from services.cli.terminal import table
from services.contracts.reasons import Reason

UNKNOWN = (
    "What no backtest can know:",
    "  customers who hear something else do something else; their history stays as it was;",
    "  what was opened, clicked or bounced is known of messages that were really sent, and of no others;",
    "  what was known of customers before the history begins is missing, and so is what a browser's key may not say;",
    "  what the notifier would still have stopped (a suppressed address, the brake) is counted as sent.",
)
_CAPS = Reason.CAPPED.value


class Told(msgspec.Struct, frozen=True):
    """What was played: `source` in words, how many events, from when to when, and what could not be told."""

    source: str
    events: int
    since: datetime | None
    until: datetime
    refused: dict[str, int] = {}
    nameless: int = 0
    compared: bool = True


def text(outcome: Outcome, told: Told) -> str:
    """For a person."""
    return "\n".join(_lines(outcome, told))


def _lines(outcome: Outcome, told: Told) -> Iterator[str]:
    after = outcome.after
    first = f" from {told.since:%Y-%m-%d %H:%M}" if told.since else ""
    span = f"{told.source},{first} until {told.until:%Y-%m-%d %H:%M} UTC"
    yield f"{told.events:,} events of {after.customers:,} customers from {span}."
    if told.refused:
        yield "Not readable: " + ", ".join(f"{n:,} {reason}" for reason, n in sorted(told.refused.items())) + "."
    if told.nameless:
        yield f"About no customer: {told.nameless:,}."
    yield ""
    yield from _table("entered", outcome.before.entered, after.entered, told)
    yield from _table("said", _by(outcome.before.sent), _by(after.sent), told)
    for name, counts in (("not said or not entered", "skipped"), ("ended", "ended")):
        yield from _table(name, _by(getattr(outcome.before, counts)), _by(getattr(after, counts)), told)
    yield from _hours(after)
    yield from _cost(outcome, told)
    if told.compared:
        yield f"{outcome.differ:,} of {after.customers:,} customers would hear something else:"
        yield f"{outcome.only_after:,} who hear nothing now, {outcome.only_before:,} who would hear nothing more."
        yield ""
    for one in outcome.told:
        yield one.name
        gone, come = set(one.before) - set(one.after), set(one.after) - set(one.before)
        for line in sorted({*one.before, *one.after}):
            yield f"  {'-' if line in gone else '+' if line in come and told.compared else ' '} {'  '.join(line)}"
    if outcome.told:
        yield ""
    yield from UNKNOWN


def _by(counts: Counter[Any]) -> Counter[str]:
    return Counter({" ".join(part or "(any)" for part in key): n for key, n in counts.items()})


def _table(title: str, before: Counter[str], after: Counter[str], told: Told) -> Iterator[str]:
    rows = [
        (
            name,
            f"{before[name]:,}",
            f"{after[name]:,}",
            f"{after[name] - before[name]:+,}" if before[name] != after[name] else "",
        )
        for name in sorted(before.keys() | after.keys())
    ]
    if rows:
        head = (title, "before", "after", "difference")
        shown = [row if told.compared else (row[0], row[2]) for row in rows]
        yield table(shown, head if told.compared else (title, "number"))
        yield ""


def _hours(sums: Sums) -> Iterator[str]:
    """When on the customers' clocks each journey speaks."""
    journeys = sorted({journey for journey, _ in sums.hours})
    hours = sorted({hour for _, hour in sums.hours})
    if journeys:
        rows = [(name, *(f"{sums.hours[name, hour]:,}" for hour in hours)) for name in journeys]
        yield table(rows, ("said at (after, local time)", *(f"{hour:02}" for hour in hours)))
        yield ""


def _cost(outcome: Outcome, told: Told) -> Iterator[str]:
    before, after = outcome.before.cost, outcome.after.cost
    for currency in sorted(before.keys() | after.keys()):
        was = f"{before.get(currency, 0)} before, " if told.compared else ""
        yield f"Cost in {currency}: {was}{after.get(currency, 0)} after."
    if outcome.after.unpriced:
        channels = ", ".join(f"{n:,} by {channel}" for channel, n in sorted(outcome.after.unpriced.items()))
        yield f"Without a price (give the account a price): {channels}."
    if before or after or outcome.after.unpriced:
        yield ""


def as_json(outcome: Outcome, told: Told) -> dict[str, Any]:
    """For a program; keys are sorted, so that equal outcomes are equal text."""
    return {
        "history": msgspec.to_builtins(told),
        "before": _sums(outcome.before) if told.compared else None,
        "after": _sums(outcome.after),
        "customers": {
            "all": outcome.after.customers, "differ": outcome.differ,
            "only_before": outcome.only_before, "only_after": outcome.only_after,
        },
        "listing": [{"customer": one.name, "before": one.before, "after": one.after} for one in outcome.told],
        "unknown": [line.strip() for line in UNKNOWN[1:]],
    }  # fmt: skip


def _sums(sums: Sums) -> dict[str, Any]:
    capped = sum(n for (_, reason), n in sums.skipped.items() if reason == _CAPS)
    return {
        "entered": dict(sorted(sums.entered.items())),
        "held_out": dict(sorted((+sums.held_out).items())),
        "capped": capped,
        "cost": {currency: str(amount) for currency, amount in sorted(sums.cost.items())},
        "unpriced": dict(sorted(sums.unpriced.items())),
        "sent": _rows(sums.sent, "journey", "step", "channel"),
        "hours": _rows(sums.hours, "journey", "hour"),
        "skipped": _rows(sums.skipped, "journey", "reason"),
        "ended": _rows(sums.ended, "journey", "reason"),
    }


def _rows(counts: Counter[Any], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True), number=n) for key, n in sorted(counts.items())]
