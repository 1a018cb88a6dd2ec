"""Looking for a person in every column of every table, and in every record of the log."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts import ids, topics
from services.kit.bus import Bus, Record
from services.kit.errors import BadRecord
from services.kit.settings import Settings
from services.trigger_engine import intake
from services.trigger_engine.profiles.state import Identifier

SHORT = 6  # a shorter name, such as the customer id 17, counts only where it stands alone
_PAGE = 500
_COLUMNS = """
    SELECT c.table_schema || '.' || c.table_name AS name, c.column_name::text AS column, c.data_type = 'bytea' AS raw
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
      AND c.table_schema <> 'bus' AND c.table_name NOT LIKE 'events\\_%'
    ORDER BY 1, 2"""


class Place(msgspec.Struct, frozen=True):
    """A record of the log that is about the person."""

    topic: str
    partition: int
    offset: int
    at: datetime


async def in_tables(opened: asyncpg.Connection[Any], names: Iterable[Identifier]) -> dict[str, int]:
    """How many rows of which column hold one of these names, in whatever case, or in base64. Reads every table once."""
    words = sorted({name.value.lower() for name in names})
    loose = [word for word in words if len(word) >= SHORT]
    quoted = [f'"{word}"' for word in words]
    coded = [piece for word in loose for piece in _base64(word)]
    columns: dict[str, list[tuple[str, bool]]] = {}
    for row in await opened.fetch(_COLUMNS):
        columns.setdefault(row["name"], []).append((row["column"], row["raw"]))
    found: dict[str, int] = {}
    for table, mine in columns.items():
        counts = ", ".join(f"count(*) FILTER (WHERE {_holds(column, raw=raw)})" for column, raw in mine)
        statement = f"SELECT {counts} FROM {table} WHERE ($1::text[], $2::text[], $3::text[], $4::text[]) IS NOT NULL"
        row = await opened.fetchrow(statement, words, [*map(_escaped, loose)], [*map(_escaped, quoted)], coded)
        found |= {f"{table}.{column}": n for (column, _), n in zip(mine, row or (), strict=True) if n}
    return found


def _holds(column: str, *, raw: bool) -> str:
    text = f"encode(\"{column}\", 'escape')" if raw else f'"{column}"::text'
    alone = "false" if raw else f"lower({text}) = ANY($1::text[])"
    return (
        f"({alone} OR EXISTS (SELECT 1 FROM unnest($2::text[] || $3::text[]) w WHERE strpos(lower({text}), w) > 0)"
        f" OR EXISTS (SELECT 1 FROM unnest($4::text[]) w WHERE strpos({text}, w) > 0))"
    )


def _escaped(word: str) -> str:
    """A word as PostgreSQL's `escape` format shows its UTF-8 bytes."""
    return "".join(chr(b) if b < 0x80 and b != 0x5C else f"\\{b:03o}" if b >= 0x80 else "\\\\" for b in word.encode())


def _base64(word: str) -> list[str]:
    """What of a word's base64 does not depend on its neighbours, at each of the three places it may begin."""
    pieces = []
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + word.encode()).decode().rstrip("=")
        pieces.append(coded[(0, 2, 3)[before] : -1])
    return pieces


async def in_log(
    bus: Bus, settings: Settings, names: Sequence[Identifier], profiles: Sequence[bytes], keys: tuple[str, ...]
) -> list[Place]:
    """Records of every topic that name the person, in whole or in part."""
    mine, ours = set(names), {ids.text(one).encode() for one in profiles}
    words = [f'"{name.value.lower()}"'.encode() for name in names if len(name.value) >= SHORT]
    found = []
    for topic in topics.ALL:
        async for record in _records(bus, settings.topic(topic)):
            text = b"\0".join((record.key or b"", record.value or b"")).lower()
            about = any(word in text for word in words) or any(one in text for one in ours)
            if about or _named(record, keys) & mine:
                at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                found.append(Place(record.topic, record.partition, record.offset, at))
    return found


def _named(record: Record, keys: tuple[str, ...]) -> set[Identifier]:
    try:
        return set(intake.decode(record, keys, {}, datetime.fromtimestamp(record.timestamp / 1000, UTC)).identifiers)
    except BadRecord:
        return set()


async def _records(bus: Bus, topic: str) -> AsyncIterator[Record]:
    for partition in range(await bus.partitions(topic)):
        position = 0
        while page := await bus.read(topic, partition, position, _PAGE):
            for record in page:
                yield record
            position = page[-1].offset + 1
