"""Looking for people in every column of every table, and in every record of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from services.cli.customers.finder import Finder
from services.cli.customers.spelling import cases, in_base64, loose, readable, small
from services.contracts import ids, topics
from services.kit.bus import Bus, Record
from services.kit.bus.everything import everything
from services.kit.errors import BadRecord
from services.kit.settings import Settings
from services.trigger_engine import intake
from services.trigger_engine.profiles.state import Identifier

_QUOTE = '"'
_PAGE = 500
_COLUMNS = """
    SELECT c.table_schema || '.' || c.table_name AS name, c.column_name::text AS column, c.data_type = 'bytea' AS raw
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
      AND c.table_schema <> 'bus' AND c.table_name NOT LIKE 'events\\_%'
      AND c.udt_name IN ('text', '_text', 'varchar', 'bpchar', 'bytea', 'json', 'jsonb')
    ORDER BY 1, 2"""


class Sought(msgspec.Struct, frozen=True):
    """Who is looked for: names, profiles, and texts that name nobody by themselves, such as a surname or an address.

    `region` is the country by which phones without a country's code are read.
    """

    names: frozenset[Identifier]
    profiles: tuple[bytes, ...] = ()
    texts: tuple[str, ...] = ()
    region: str = ""

    def words(self, *, contacts: bool) -> set[str]:
        """E-mails and phones, or the other names; an order's number is none: another shop's order may bear it."""
        kinds = {"email", "phone"} if contacts else {"customer", "anonymous", "cart"}
        return {name.value for name in self.names if name.kind in kinds}


class Place(msgspec.Struct, frozen=True):
    """A record of the log. `certain`: it is about the person; else a text of his stands in it, and may be another's."""

    topic: str
    partition: int
    offset: int
    at: datetime
    certain: bool


class _AnyType(Collection[str]):
    """Every type of an event, also those that the shop does not have any more."""

    def __contains__(self, _: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def in_tables(opened: asyncpg.Connection[Any], who: Sought) -> dict[str, int]:
    """How many rows of which column hold one of these names or texts, however it is written. Reads every table once."""
    words = who.words(contacts=True) | who.words(contacts=False) | set(who.texts)
    alone = {one for word in words for one in cases(word)}
    inside, coded = Finder(loose(words)), Finder(in_base64(words))

    def holds(value: str | bytes | None) -> bool:
        if not value:
            return False
        text = readable(value)
        small_ = small(text)
        return (isinstance(value, str) and small_ in alone) or inside.is_in(small_) or coded.is_in(text)

    columns: dict[str, list[tuple[str, bool]]] = {}
    for row in await opened.fetch(_COLUMNS):
        columns.setdefault(row["name"], []).append((row["column"], row["raw"]))
    found: Counter[str] = Counter()
    async with opened.transaction(readonly=True):
        for table, mine in columns.items():
            asked = ", ".join(f'"{column}"' if raw else f'"{column}"::text' for column, raw in mine)
            async for row in opened.cursor(f"SELECT {asked} FROM {table}", prefetch=_PAGE):
                for (column, _), value in zip(mine, row, strict=True):
                    found[f"{table}.{column}"] += holds(value)
    return {column: number for column, number in sorted(found.items()) if number}


async def in_log(bus: Bus, settings: Settings, who: Sought, keys: tuple[str, ...]) -> list[Place]:
    """Records of every topic that name the person, in whole or in part. Reads every record once."""
    certain = Finder([*(form for one in who.profiles for form in (ids.text(one), one.hex())),
                      *loose(who.words(contacts=True))])  # fmt: skip
    perhaps = Finder([*(f'"{word.strip(_QUOTE)}"' for word in loose(who.words(contacts=False))), *loose(who.texts)])
    found = []
    for topic in topics.ALL:
        async for record in everything(bus, settings.topic(topic)):
            text = small(readable(b"\0".join((record.key or b"", record.value or b""))))
            sure = certain.is_in(text) or not who.names.isdisjoint(_named(record, who.region, keys))
            if sure or perhaps.is_in(text):
                at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                found.append(Place(record.topic, record.partition, record.offset, at, sure))
    return found


def _named(record: Record, region: str, keys: tuple[str, ...]) -> tuple[Identifier, ...]:
    try:
        at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        return intake.decode(record, keys, _AnyType(), at, region).identifiers
    except BadRecord:
        return ()
