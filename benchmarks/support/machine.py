"""The real parts that a benchmark needs, on this machine: a broker and a database of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from services.kit.database.embedded import start_postgres
from services.kit.dev.kafka import start_kafka


class Machine(NamedTuple):
    """Where they are."""

    database: str
    kafka: str


@contextmanager
def postgres() -> Iterator[Machine]:
    """The database alone: a durable one of its own, or the one that WICI_TEST_DATABASE_URL names."""
    if named := os.environ.get("WICI_TEST_DATABASE_URL"):
        yield Machine(named, "")
        return
    with tempfile.TemporaryDirectory(prefix="wici-bench-") as folder:
        server = start_postgres(Path(folder, "postgres"))
        try:
            yield Machine(server.url, "")
        finally:
            server.stop()


@contextmanager
def machine() -> Iterator[Machine]:
    """Both: a broker of its own, or the one that WICI_TEST_KAFKA names."""
    with postgres() as parts:
        if named := os.environ.get("WICI_TEST_KAFKA"):
            yield Machine(parts.database, named)
            return
        with tempfile.TemporaryDirectory(prefix="wici-bench-") as folder:
            broker = start_kafka(Path(folder))
            try:
                yield Machine(parts.database, broker.bootstrap)
            finally:
                broker.stop()
