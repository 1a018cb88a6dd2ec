"""`wici dead-letters`: records that could not be processed, and timers that failed by themselves.

A letter is named by its place in the topic, `PARTITION/OFFSET`; a parked timer by `timer/ID`. What was replayed or
dropped is marked by a record of its own in the same topic, so that the log remains the only truth.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.cli.connect import bus, connection, database
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer, confirm, table
from services.contracts import ids, topics
from services.contracts.workspace import current
from services.gateway.records import Destination
from services.gateway.replay import originals
from services.kit.bus import Bus, Outgoing, Record
from services.kit.bus.dead_letters import Origin, origin, replay
from services.kit.bus.everything import everything
from services.kit.clock import SystemClock
from services.kit.errors import BadRecord, Misconfigured
from services.kit.settings import Settings

SETTLES = "wici-settles"
_PARKED = "SELECT id, reason, due, parked_at FROM engine.parked ORDER BY parked_at, id"
_RELEASE = (
    "WITH gone AS (DELETE FROM engine.parked WHERE id = $1 RETURNING id, profile_id, due, generation)"
    " INSERT INTO engine.timers (id, profile_id, due, generation) SELECT * FROM gone"
)
_FORGET = "DELETE FROM engine.parked WHERE id = $1"


@dataclass(frozen=True)
class Letter:
    """One dead letter that is still open."""

    name: str
    record: Record
    origin: Origin


@dataclass(frozen=True)
class _Desk:
    """What the commands work with."""

    bus: Bus
    topic: str
    connection: asyncpg.Connection[Any]


async def list_letters(settings: Settings) -> Answer:
    """What waits for somebody to look at it."""
    async with _desk(settings) as desk:
        letters = await _open_letters(desk)
        parked = await desk.connection.fetch(_PARKED)
    rows = [(one.name, one.origin.reason, one.origin.failed_at, one.origin.error) for one in letters]
    rows += [(_timer(row["id"]), row["reason"], row["parked_at"].isoformat(), "a timer failed") for row in parked]
    data = [dict(zip(("name", "reason", "failed_at", "error"), row, strict=True)) for row in rows]
    if not rows:
        return Answer("No dead letters.", data)
    return Answer(table(rows, ("name", "reason", "failed at", "error")), data)


async def show(settings: Settings, name: str) -> Answer:
    """One letter with all that is known of it."""
    async with _desk(settings) as desk:
        if name.startswith("timer/"):
            return _show_timer(await _parked(desk, name))
        return _show_letter(_named(await _open_letters(desk), name))


async def replay_letters(settings: Settings, name: str) -> Answer:
    """Append a letter's original at the end of its topic, or arm a parked timer again; `all` for every one.

    What came from outside is translated anew instead, under the workspace that is published now.
    """
    async with _desk(settings) as desk:
        letters, timers = await _chosen(desk, name)
        for letter in letters:
            originals = await _originals(settings, desk, letter)
            await _publish(desk, *originals, _mark(desk, letter, b"replayed"))
        for timer in timers:
            await desk.connection.execute(_RELEASE, timer)
    return _done("Replayed", letters, timers)


async def _originals(settings: Settings, desk: _Desk, letter: Letter) -> list[Outgoing]:
    if "/" not in letter.origin.topic:
        return [replay(letter.record)]
    destination = Destination(settings.topic(topics.EVENTS), keys_in_use(settings))
    try:
        return originals(letter.record, letter.origin, await current(desk.connection), destination)
    except Misconfigured as problem:
        raise Misconfigured(f"{letter.name}: {problem}") from None
    except BadRecord as problem:
        raise Misconfigured(
            f"{letter.name} still cannot be translated: {problem} Correct its cause or drop it."
        ) from None


async def drop(settings: Settings, name: str, *, yes: bool) -> Answer:
    """Mark a letter as done with, or forget a parked timer; `all` for every one."""
    async with _desk(settings) as desk:
        letters, timers = await _chosen(desk, name)
        confirm(f"Give up {len(letters) + len(timers)} dead letters for good?", yes=yes)
        for letter in letters:
            await _publish(desk, _mark(desk, letter, b"dropped"))
        for timer in timers:
            await desk.connection.execute(_FORGET, timer)
    return _done("Dropped", letters, timers)


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[_Desk]:
    with database(settings) as found:
        async with bus(found, SystemClock()) as opened, connection(found) as connected:
            yield _Desk(opened, found.topic(topics.DEAD_LETTERS), connected)


async def _open_letters(desk: _Desk) -> list[Letter]:
    records = [record async for record in everything(desk.bus, desk.topic)]
    settled = {value.decode() for record in records for name, value in record.headers if name == SETTLES}
    letters = []
    for record in records:
        name = f"{record.partition}/{record.offset}"
        if name in settled or any(header == SETTLES for header, _ in record.headers):
            continue
        letters.append(Letter(name, record, _origin(record)))
    return letters


def _origin(record: Record) -> Origin:
    try:
        return origin(record)
    except BadRecord as error:
        # Somebody else wrote into the topic: it is shown all the same.
        return Origin(error.reason, "not written by wici", "", 0, 0, "")


async def _chosen(desk: _Desk, name: str) -> tuple[list[Letter], list[bytes]]:
    if name == "all":
        return await _open_letters(desk), [row["id"] for row in await desk.connection.fetch(_PARKED)]
    if name.startswith("timer/"):
        return [], [(await _parked(desk, name))["id"]]
    return [_named(await _open_letters(desk), name)], []


def _named(letters: list[Letter], name: str) -> Letter:
    for letter in letters:
        if letter.name == name:
            return letter
    raise Misconfigured(
        f"There is no open dead letter {name!r}. `wici dead-letters list` names them: PARTITION/OFFSET."
    )


async def _parked(desk: _Desk, name: str) -> dict[str, Any]:
    for row in await desk.connection.fetch(_PARKED):
        if _timer(row["id"]) == name:
            return dict(row)
    raise Misconfigured(f"There is no parked timer {name!r}. `wici dead-letters list` names them.")


def _timer(identity: bytes) -> str:
    return f"timer/{ids.text(identity)}"


def _mark(desk: _Desk, letter: Letter, what: bytes) -> Outgoing:
    return Outgoing(desk.topic, letter.record.key, None, ((SETTLES, letter.name.encode()), ("wici-how", what)))


async def _publish(desk: _Desk, *records: Outgoing) -> None:
    producer = await desk.bus.producer()
    await producer.publish(records)


def _show_letter(letter: Letter) -> Answer:
    value = (letter.record.value or b"").decode("utf-8", "backslashreplace")
    headers = {name: raw.decode("utf-8", "backslashreplace") for name, raw in letter.record.headers}
    data = {"name": letter.name, **letter.origin._asdict(), "headers": headers, "value": value}
    came = f"{letter.origin.topic}[{letter.origin.partition}]@{letter.origin.offset}"
    lines = [
        f"{letter.name}  {letter.origin.reason}: {letter.origin.error}",
        f"came from {came}, failed at {letter.origin.failed_at}",
        *(f"{name}: {text}" for name, text in headers.items()),
        "",
        _pretty(value),
    ]
    return Answer("\n".join(lines), data)


def _show_timer(row: dict[str, Any]) -> Answer:
    data = {"name": _timer(row["id"]), "reason": row["reason"], "due": row["due"], "parked_at": row["parked_at"]}
    return Answer("\n".join(f"{name}: {value}" for name, value in data.items()), data)


def _pretty(value: str) -> str:
    try:
        return json.dumps(json.loads(value), ensure_ascii=False, indent=2)
    except ValueError:
        return value


def _done(what: str, letters: list[Letter], timers: list[bytes]) -> Answer:
    names = [*(letter.name for letter in letters), *(_timer(timer) for timer in timers)]
    return Answer(f"{what}: {', '.join(names) or 'nothing'}.", {what.casefold(): names})
