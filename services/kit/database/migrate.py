"""Bring a database to the newest schema, with Alembic: each service keeps its own branch of migrations.

The statements are PostgreSQL's own SQL: partitions, partial indexes, fill factors and views are the schema here, and
one description of it is enough. A newer database than this code is refused, never changed.

Every process asks at its start whether anything is missing, and mostly nothing is: that is seen without Alembic.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import asyncpg

from services.kit.database.pool import unreachable
from services.kit.errors import Misconfigured

_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_FOLLOWS = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)


async def migrate(url: str) -> None:
    """Upgrade the database at `url` to the newest schema. Misconfigured when it cannot be reached or is newer."""
    if not await _is_newest(url):
        from services.kit.database.upgrade import upgrade  # noqa: PLC0415 -- seldom needed, and slow

        await upgrade(url)


async def pending(url: str) -> list[str]:
    """The revisions that `migrate` would still apply, oldest first. Misconfigured as there."""
    if await _is_newest(url):
        return []
    from services.kit.database.upgrade import pending as missing  # noqa: PLC0415 -- seldom needed, and slow

    return await missing(url)


def heads() -> set[str]:
    """The newest revision of each branch."""
    texts = [path.read_text() for path in Path(__file__).parents[2].glob("*/migrations/*.py")]
    return {found for text in texts for found in _REVISION.findall(text)} - {
        found for text in texts for found in _FOLLOWS.findall(text)
    }


async def _is_newest(url: str) -> bool:
    """Whether every branch is at its end. A migration under way commits the schema and its revision together."""
    try:
        connection = await asyncpg.connect(url)
        try:
            done = await connection.fetch("SELECT version_num FROM alembic_version")
        finally:
            await connection.close()
    except asyncpg.UndefinedTableError:
        return False
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise Misconfigured(unreachable(url, error)) from error
    return {row["version_num"] for row in done} == heads()


def main() -> None:
    """Migrate the database that WICI_DATABASE_URL names: `python -m services.kit.database.migrate URL`."""
    import sys  # noqa: PLC0415 -- only this entry point needs it

    asyncio.run(migrate(sys.argv[1]))


if __name__ == "__main__":
    main()
