"""The decision alone: `python -m benchmarks.react [EVENTS]`.

Input: the shop's 641-byte events, ten a customer, with its twenty journeys; customers are new. Measured is CPU time of
this process in `react`: facts, exits, conditions, entries, messages; not the reading of the record, not the finding of
the customer, the database, the bus. The best of the rounds counts, and their median is said: other guests of the
machine's processor take up to half of its speed for minutes at a time, and a round is short so that some find it free.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.support import results, shop
from benchmarks.support.results import Row
from services.kit import collector
from services.trigger_engine.intake import decode
from services.trigger_engine.journeys import react
from services.trigger_engine.journeys.definitions import Definitions, define
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Identifier, Profile

EVENTS, ROUNDS = 20_000, 15
BATCH = 2_000
STARTED = datetime(2026, 11, 22, 23, tzinfo=UTC)


class Kept(NamedTuple):
    """A record as a consumer gives it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def records(events: int) -> list[Kept]:
    """The shop's events, in order, of one partition."""
    at = int(STARTED.timestamp() * 1_000)
    story = shop.events(events // shop.EVENTS_A_CUSTOMER)
    return [Kept("wici.events", 0, n, at, key, value) for n, (key, value) in enumerate(story)]


def arrivals(given: list[Kept]) -> list[Arrival]:
    """The same, decoded."""
    return [decode(record, (), {}, STARTED) for record in given]


def customers(given: list[Arrival]) -> list[tuple[Profile, Arrival]]:
    """Each event with its customer, who is new with the first."""
    profiles: dict[Identifier, Profile] = {}
    found = []
    for arrival in given:
        name = arrival.identifiers[0]
        profile = profiles.get(name)
        if profile is None:
            profile = profiles[name] = Profile(arrival.id, created_at=arrival.time)
        found.append((profile, arrival))
    return found


def decide(given: list[tuple[Profile, Arrival]], definitions: Definitions, *, explains: bool = False) -> int:
    """React to everything, a batch after the other; returns how many messages that makes.

    A backtest needs no notes of what conditions saw; the engine keeps them, and `explains`.
    """
    messages = 0
    for first in range(0, len(given), BATCH):
        turn = Turn(definitions, STARTED, Reaction(), explains=explains)
        for profile, arrival in given[first : first + BATCH]:
            react.on_event(profile, arrival, turn)
        messages += sum(map(len, turn.into.messages.values()))
    return messages


def measure(events: int) -> list[Row]:
    """All rows: the decision as a backtest asks for it, with its notes, and with the record's decoding."""
    definitions = define(shop.workspace())
    given = records(events)
    collector.settle()
    alone: list[float] = []
    explained: list[float] = []
    both: list[float] = []
    for _ in range(ROUNDS):
        for explains, rates in ((False, alone), (True, explained)):
            began = time.process_time()
            taken = arrivals(given)
            decoded = time.process_time()
            whose = customers(taken)
            found = time.process_time()
            messages = decide(whose, definitions, explains=explains)
            ended = time.process_time()
            assert messages == events // shop.EVENTS_A_CUSTOMER, messages
            rates.append(events / (ended - found))
            if not explains:
                both.append(events / (ended - found + decoded - began))
    unit, count = "events/s a core", f"; {messages:,} messages"
    return [
        Row(
            "react alone, as a backtest asks it, twenty journeys",
            max(alone),
            unit,
            50_000,
            note=_rounds(alone) + count,
            bound="Python: facts, then conditions",
        ),
        Row("react with notes of what conditions saw, as the engine keeps them", max(explained), unit,
            note=_rounds(explained)),
        Row("react with the record's decoding", max(both), unit, note=_rounds(both),
            bound="of it, a third is JSON and ids"),
    ]  # fmt: skip


def _rounds(rates: list[float]) -> str:
    lowest, median = min(rates), statistics.median(rates)
    return f"{len(rates)} rounds, median {median:,.0f}, lowest {lowest:,.0f}"


def main() -> None:
    results.show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))


if __name__ == "__main__":
    main()
