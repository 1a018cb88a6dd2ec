"""Real servers for tests: PostgreSQL and Apache Kafka, shared by one run, started when first needed.

`WICI_TEST_DATABASE_URL` and `WICI_TEST_KAFKA` name running ones instead. A server that cannot be had fails the test
with what to install; nothing is skipped.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from typing import IO

import pytest
import structlog

from tests.support import databases, keeper

_HELD = pytest.StashKey[IO[str]]()
_DATABASE = "WICI_TEST_DATABASE_URL"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # xdist's workers inherit the run of the process that started them
        config.stash[_HELD] = keeper.begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _HELD not in config.stash:
        return
    named = os.environ.get(_DATABASE)
    if named and (keeper.run_folder() / "template.done").exists():
        asyncio.run(databases.drop_template(named))
    keeper.end_run(config.stash[_HELD])


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A command under test writes its log to a stream that ends with the test; the next one must not."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL server's url, as a user who may create databases."""
    return os.environ.get(_DATABASE) or keeper.address("postgres")


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh database with the newest schema."""
    url = asyncio.run(databases.copy_template(postgres_url))
    yield url
    asyncio.run(databases.drop_database(postgres_url, url))


@pytest.fixture(scope="session")
def kafka() -> str:
    """Bootstrap servers of an Apache Kafka. Topics are made by the test, under its `topic_prefix`."""
    return os.environ.get("WICI_TEST_KAFKA") or keeper.address("kafka")


@pytest.fixture
def topic_prefix() -> str:
    """A beginning for topic names and groups that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}."
