"""A backtest of recorded events: `python -m benchmarks.backtest [EVENTS]` (default 1,000,000, of a tenth of customers).

Input: the shop's 641-byte events as a file, ten a customer, through its twenty journeys; the version before has another
condition in one of them, so that both are played. Everything is done twice, and both answers must be the same bytes.
Rates are by CPU time of all processes, so that what else runs on the machine counts for little. Memory is that of the
largest process.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.support import results, shop
from benchmarks.support.results import Row
from services.cli.backtest import records, report
from services.cli.backtest.command import EARLIEST, LATEST
from services.cli.backtest.play import Outcome, Setup
from services.cli.backtest.report import Told
from services.cli.backtest.run import play
from services.cli.backtest.spool import Spool
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.definitions import define

EVENTS = 1_000_000
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
MEGABYTE = 1024  # of getrusage's kilobytes


class Measured(NamedTuple):
    """One backtest: CPU seconds of sorting the history and of playing it, seconds of both, and the answer."""

    sorting: float
    playing: float
    took: float
    answer: bytes
    outcome: Outcome


def before(after: Workspace) -> Workspace:
    """The version before: whose thanks were for larger orders only."""
    thanks, *others = after.journeys
    enter = msgspec.structs.replace(thanks.enter, condition="event.order.total >= 1000")
    return msgspec.structs.replace(after, journeys=(msgspec.structs.replace(thanks, enter=enter), *others))


def write(path: Path, events: int) -> None:
    """The shop's events as a file."""
    with path.open("wb") as file:
        file.writelines(value + b"\n" for _, value in shop.events(events // shop.EVENTS_A_CUSTOMER))


def backtest(path: Path, after: Workspace) -> Measured:
    """All that the command does with a file."""
    began, cpu = time.perf_counter(), _cpu()
    with tempfile.TemporaryDirectory(prefix="wici-bench-") as name:
        folder = Path(name)
        spool = Spool(folder)
        events = records.of_file(path, define(after))
        number, _, refused = asyncio.run(records.group(events, EARLIEST, LATEST, spool))
        spool.close()
        sorted_ = _cpu()
        outcome = play(folder, Setup(after, UNTIL, before(after)), _silently)
    told = Told(path.name, number, None, UNTIL, refused.reasons, refused.nameless)
    answer = (report.text(outcome, told) + "\n").encode() + msgspec.json.encode(report.as_json(outcome, told))
    return Measured(sorted_ - cpu, _cpu() - sorted_, time.perf_counter() - began, answer, outcome)


def _silently(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    return outcomes


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(events: int) -> list[Row]:
    """The rows; AssertionError if two runs differ."""
    after = shop.workspace()
    with tempfile.TemporaryDirectory(prefix="wici-bench-") as name:
        path = Path(name, "events.jsonl")
        write(path, events)
        first, second = backtest(path, after), backtest(path, after)
    assert first.answer == second.answer, "two runs differ"
    customers = events // shop.EVENTS_A_CUSTOMER
    assert sum(first.outcome.after.sent.values()) == customers == first.outcome.differ, first.answer.decode()
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / MEGABYTE
    playing = min(first.playing, second.playing)
    whole = min(one.sorting + one.playing for one in (first, second))
    note = f"{customers:,} customers; two runs of {first.took:.0f} and {second.took:.0f} s, the same to the byte"
    return [
        Row("backtest, playing through both versions", 2 * events / playing, "events/s a core and version",
            note=note, bound="Python: react, whose target is above, and who it is, timers and records around it"),
        Row("backtest as a whole, with reading and sorting", events / whole, "events/s a core",
            bound="two versions, and each event decoded twice"),
        Row("memory of its largest process", peak, "MB", bound="one bucket of 128, and two numbers a name"),
    ]  # fmt: skip


def main() -> None:
    results.show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))


if __name__ == "__main__":
    main()
