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
def machine() -> Iterator[Machine]:
    """Start both, or take those that WICI_TEST_DATABASE_URL and WICI_TEST_KAFKA name."""
    with tempfile.TemporaryDirectory(prefix="wici-bench-") as folder:
        stops = []
        database, kafka = os.environ.get("WICI_TEST_DATABASE_URL", ""), os.environ.get("WICI_TEST_KAFKA", "")
        try:
            if not database:
                server = start_postgres(Path(folder, "postgres"))
                stops.append(server.stop)
                database = server.url
            if not kafka:
                broker = start_kafka(Path(folder, "kafka"))
                stops.append(broker.stop)
                kafka = broker.bootstrap
            yield Machine(database, kafka)
        finally:
            for stop in reversed(stops):
                stop()
