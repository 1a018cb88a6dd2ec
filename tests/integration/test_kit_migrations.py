"""Whether a database has the newest schema: most starts find it so, without Alembic."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from services.kit.database import upgrade
from services.kit.database.migrate import heads, migrate, pending
from services.kit.errors import Misconfigured
from tests.support.databases import execute

_OF_KIT = "version_num = 'kit_0002'"


def test_the_newest_revisions_are_those_that_alembic_finds() -> None:
    assert heads() == set(ScriptDirectory.from_config(upgrade.configuration()).get_heads())


async def test_a_database_with_the_newest_schema_needs_nothing(database_url: str) -> None:
    assert await pending(database_url) == await upgrade.pending(database_url) == []
    await migrate(database_url)


async def test_what_is_missing_is_named(database_url: str) -> None:
    await execute(database_url, f"UPDATE alembic_version SET version_num = 'kit_0001' WHERE {_OF_KIT}")
    assert await pending(database_url) == ["kit_0002"]


async def test_a_newer_database_is_refused_and_not_changed(database_url: str) -> None:
    await execute(database_url, f"UPDATE alembic_version SET version_num = 'kit_9999' WHERE {_OF_KIT}")
    for asked in (pending, migrate):
        with pytest.raises(Misconfigured, match="made by a newer wici"):
            await asked(database_url)


async def test_two_that_migrate_at_once_do_so_one_after_the_other(database_url: str) -> None:
    """The second waits for the first and finds nothing to do."""
    await execute(database_url, "DROP SCHEMA bus CASCADE")
    await execute(database_url, f"UPDATE alembic_version SET version_num = 'kit_0001' WHERE {_OF_KIT}")
    await asyncio.gather(migrate(database_url), migrate(database_url))
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM bus.topics") == 0
    await connection.close()
