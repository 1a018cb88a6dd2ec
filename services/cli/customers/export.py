"""`wici customers export`: everything that is known of a customer, as JSON (GDPR art. 15 and 20)."""

from __future__ import annotations

from typing import Any

import asyncpg
import msgspec

from services.cli.connect import connection, database
from services.cli.customers.tables import TABLES
from services.cli.terminal import Answer
from services.insights.find import Person, find
from services.kit.clock import SystemClock
from services.kit.settings import Settings
from services.trigger_engine.profiles.state import load

_PROFILE = "SELECT version, state FROM engine.profiles WHERE id = $1"
_KEYS = "SELECT send_key FROM queue.outbound WHERE profile_id = ANY($1)"
_INTERNAL = frozenset({"engine.profiles", "engine.aliases", "queue.erasures"})


async def export(settings: Settings, who: str) -> Answer:
    """One JSON object: the profile, then every row of every table that belongs to the customer."""
    with database(settings) as found:
        async with connection(found) as opened:
            person = await find(opened, who)
            data = await collect(opened, person)
    data["exported_at"] = SystemClock().real()
    plain = msgspec.to_builtins(data)
    return Answer(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode(), plain)


async def collect(opened: asyncpg.Connection[Any], person: Person) -> dict[str, Any]:
    """The profile's state by name, and rows by table."""
    row = await opened.fetchrow(_PROFILE, person.profile)
    assert row is not None  # noqa: S101 -- find() has seen it
    keys = [one["send_key"] for one in await opened.fetch(_KEYS, person.every)]
    found: dict[str, Any] = {
        "profile": _plain(msgspec.to_builtins(load(row["state"], row["version"]), builtin_types=(bytes,)))
    }
    for name, table in TABLES.items():
        if table.by is not None and name not in _INTERNAL:
            ours = keys if table.by == "send_key" else person.every
            rows = await opened.fetch(f"SELECT * FROM {name} WHERE {table.by} = ANY($1)", ours)
            found[name] = [{column: _plain(value) for column, value in one.items()} for one in rows]
    return found


def _plain(value: Any) -> Any:
    """A value as a person and a program can read it: JSON as JSON, MessagePack too, other bytes in hex."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return _bytes(value) if isinstance(value, bytes) else value


def _bytes(value: bytes) -> Any:
    if len(value) == 16:
        return value.hex()
    try:
        lines = [msgspec.json.decode(line) for line in value.splitlines()]
        return lines[0] if len(lines) == 1 else lines
    except ValueError:
        pass
    try:
        return _plain(msgspec.msgpack.decode(value))
    except ValueError:
        return value.hex()
