"""Databases of tests: one migrated template for a run, copied for each test."""

from __future__ import annotations

import os
import uuid
from urllib.parse import urlsplit

import asyncpg

from services.kit.dev.files import locked
from tests.support.keeper import run_folder


def with_database(url: str, name: str) -> str:
    """Return `url` with another database's name."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def copy_template(server: str) -> str:
    """Make a fresh, migrated database on `server`; return its url."""
    await _ensure_template(server)
    name = f"test_{uuid.uuid4().hex[:16]}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE {_template()}")
    return with_database(server, name)


async def drop_database(server: str, url: str) -> None:
    """Drop a database, ending what is still connected to it."""
    await execute(server, f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")


async def drop_template(server: str) -> None:
    """Leave a server that a run did not start as it was."""
    await execute(server, f"DROP DATABASE IF EXISTS {_template()} WITH (FORCE)")


def _template() -> str:
    return "template_" + run_folder().name.replace("-", "_").lower()


async def _ensure_template(server: str) -> None:
    from services.kit.database.migrate import migrate

    done = run_folder() / "template.done"
    with locked(run_folder() / "template.lock"):
        if done.exists():
            return
        await drop_template(server)
        await execute(server, f"CREATE DATABASE {_template()} TEMPLATE template0")
        await migrate(with_database(server, _template()))
        done.write_text(str(os.getpid()))
