"""Every benchmark, one after the other, on one machine: `python -m benchmarks`. Writes benchmarks/RESULTS.md.

Each runs as a process of its own over one broker and one durable PostgreSQL, which are started for them (or named by
WICI_TEST_KAFKA and WICI_TEST_DATABASE_URL). On a machine that others use, the numbers are theirs too.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

from benchmarks.support.machine import Machine, machine
from benchmarks.support.results import COLLECTED, Row, goal, number
from services.kit.dev.jars import HOME

RESULTS = Path(__file__).parent / "RESULTS.md"
RUNS = (
    ("engine",),
    ("route",),
    ("notifier", "10000", "2"),
    ("timers",),
    ("react",),
    ("gateway", "3"),
    ("conditions",),
    ("compose",),
    ("backtest",),
    ("growth",),
)
INPUT = """\
Input: 641-byte events, ten a customer, of which one says something; twenty journeys; a template of about 4 kB of MJML;
new customers for the engine, known ones for the route; the provider is a process that answers at once. CPU is that of
all processes but provider and driver. Each benchmark's first lines say more: `python -m benchmarks.NAME` runs it alone.
"""


def run(name: str, *arguments: str, parts: Machine) -> list[Row]:
    """Run one benchmark; what it prints is shown. SystemExit if it fails."""
    print(f"\n# {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        collected = Path(folder, "rows")
        named = {"WICI_TEST_DATABASE_URL": parts.database, "WICI_TEST_KAFKA": parts.kafka, COLLECTED: str(collected)}
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments], env=os.environ | named, check=False
        )
        if done.returncode:
            raise SystemExit(f"benchmarks.{name} failed")
        return [msgspec.json.decode(line, type=Row) for line in collected.read_bytes().splitlines()]


async def database(parts: Machine) -> str:
    """PostgreSQL's version and how durable it is."""
    connection = await asyncpg.connect(parts.database)
    version, *durable = [
        await connection.fetchval(f"SHOW {name}") for name in ("server_version", "fsync", "synchronous_commit")
    ]
    await connection.close()
    return f"PostgreSQL {version} (fsync {durable[0]}, synchronous_commit {durable[1]})"


def conditions(parts: Machine) -> str:
    """What the numbers were measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    kafka = re.search(r"<version>([\d.]{3,})</version>", (HOME / "pom.xml").read_text())
    return "; ".join(
        (
            f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}",
            f"Python {platform.python_version()}",
            asyncio.run(database(parts)),
            f"Apache Kafka {kafka[1] if kafka else ''}",
            f"load average before {os.getloadavg()[0]:.1f}",
        )
    )


def parts_of(row: Row) -> str:
    """Its parts and its bound, as sentences."""
    said = [row.note, row.bound and f"Bound by: {row.bound}"]
    return " ".join(f"{one}." for one in said if one)


def document(rows: list[Row], measured_on: str, took: float) -> Iterator[str]:
    """RESULTS.md, line by line."""
    yield "# Results\n"
    yield f"By `make bench`, {datetime.now(UTC):%Y-%m-%d}, in {took / 60:.0f} minutes. {measured_on}.\n"
    yield INPUT
    yield "| what | measured | target | share of it | elsewhere |\n|---|---|---|---|---|"
    for row in rows:
        share = "" if row.ratio is None else f"{row.ratio:.2f}"
        yield f"| {row.what} | {number(row.value)} {row.unit} | {goal(row)} | {share} | {row.reference} |"
    yield "\n## Their parts, and what bounds them\n"
    for row in rows:
        yield f"- {row.what}: {parts_of(row)}"


def main() -> None:
    began = time.monotonic()
    with machine() as parts:
        measured_on = conditions(parts)
        rows = [row for name, *arguments in RUNS for row in run(name, *arguments, parts=parts)]
    RESULTS.write_text("\n".join(document(rows, measured_on, time.monotonic() - began)) + "\n")
    print(f"\n{RESULTS} has it all.")


if __name__ == "__main__":
    main()
