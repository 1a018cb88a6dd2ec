"""Alembic at work. It is imported only where there is something to do: it takes longer than the rest of a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.kit.database.pool import unreachable
from services.kit.errors import Misconfigured

SERVICES = Path(__file__).parents[2]
LOCK = 0x77696369  # one migration at a time: an advisory lock of this key


def configuration() -> Config:
    """Alembic's configuration: the environment beside this file, the versions in every service's `migrations`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "environment"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(p) for p in sorted(SERVICES.glob("*/migrations"))))
    return config


async def upgrade(url: str) -> None:
    """Apply what is missing. Misconfigured when the database cannot be reached or is newer."""
    await _with_connection(url, _upgrade)


async def pending(url: str) -> list[str]:
    """The revisions that `upgrade` would apply, oldest first. Misconfigured as there."""
    found: list[str] = await _with_connection(url, _pending)
    return found


async def _with_connection(url: str, work: Any) -> Any:
    async def connect(*_: Any, **__: Any) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(url)

    engine = create_async_engine("postgresql+asyncpg://", poolclass=NullPool, async_creator=connect)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            return await connection.run_sync(work)
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise Misconfigured(unreachable(url, error)) from error
    except (CommandError, ResolutionError) as error:
        raise Misconfigured(f"This database was made by a newer wici ({error}). Install that version.") from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")


def _pending(connection: Connection) -> list[str]:
    script = ScriptDirectory.from_config(configuration())
    done = set(MigrationContext.configure(connection).get_current_heads())
    applied = {r.revision for head in done for r in script.iterate_revisions(head, "base")}
    return [r.revision for r in script.walk_revisions() if r.revision not in applied][::-1]
