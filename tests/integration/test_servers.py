"""The servers that wici brings itself: the embedded PostgreSQL and the development broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.kit.database.embedded import Server, start_postgres
from services.kit.dev.kafka import start_kafka
from services.kit.errors import Misconfigured
from tests.support.waiting import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wici-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def end(server: Server) -> None:
    with suppress(FileNotFoundError, ProcessLookupError):
        server.kill()


async def test_embedded_postgres_is_durable_and_listens_on_no_network(folder: Path) -> None:
    server = start_postgres(folder)
    try:
        assert await ask(server.url, "SHOW fsync") == "on"
        assert await ask(server.url, "SHOW synchronous_commit") == "on"
        assert await ask(server.url, "SHOW listen_addresses") == ""
        assert await ask(server.url, "SHOW shared_buffers") == "256MB"
        assert await ask(server.url, "SELECT lower('ŻÓŁĆ')") == "żółć"
    finally:
        end(server)


async def test_embedded_postgres_keeps_committed_rows_over_a_crash(folder: Path) -> None:
    server = start_postgres(folder)
    try:
        await ask(server.url, "CREATE TABLE kept (n int)")
        await ask(server.url, "INSERT INTO kept VALUES (7)")
        server.kill()
        server.restart()
        assert await ask(server.url, "SELECT n FROM kept") == 7
    finally:
        end(server)


async def test_embedded_postgres_is_joined_by_a_second_user_and_outlives_the_first(folder: Path) -> None:
    first = start_postgres(folder)
    second = start_postgres(folder)
    try:
        assert second.url == first.url
        first.stop()
        assert await ask(second.url, "SELECT 1") == 1
        second.stop()
        with pytest.raises(OSError):  # noqa: PT011 -- no socket, or nobody behind it
            await ask(second.url, "SELECT 1")
    finally:
        end(second)


async def test_embedded_postgres_starts_where_a_dead_pid_file_names_another_program(folder: Path) -> None:
    server = start_postgres(folder)
    server.stop()
    stale = folder / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{folder}/data\n1\n5432\n{folder}\n\n  1 1\nready\n")
    server.restart()
    try:
        assert await ask(server.url, "SELECT 1") == 1
    finally:
        end(server)


async def test_embedded_postgres_starts_in_a_folder_too_deep_for_a_socket(folder: Path) -> None:
    server = start_postgres(folder / ("a" * 60) / ("b" * 60))
    try:
        assert await ask(server.url, "SELECT 1") == 1
    finally:
        end(server)


def test_embedded_postgres_refuses_a_socket_folder_of_somebody_else(folder: Path) -> None:
    (folder / "socket").mkdir()
    os.chown(folder / "socket", 65534, 65534)
    with pytest.raises(Misconfigured, match="belongs to another user"):
        start_postgres(folder)


async def test_template_gives_each_test_its_own_migrated_database(database_url: str) -> None:
    assert await ask(database_url, "SELECT count(*) > 10 FROM pg_tables WHERE schemaname NOT LIKE 'pg_%'")


async def test_broker_keeps_records_and_port_over_a_crash(folder: Path) -> None:
    broker = start_kafka(folder)
    try:
        before = broker.bootstrap
        await _write(broker.bootstrap, b"kept")
        broker.kill()
        broker.restart()
        assert broker.bootstrap == before
        assert await _read(broker.bootstrap) == b"kept"
    finally:
        broker.kill()


async def test_broker_dies_with_a_killed_parent(folder: Path) -> None:
    program = (
        "import sys, pathlib, time; from services.kit.dev.kafka import start_kafka;"
        "print(start_kafka(pathlib.Path(sys.argv[1])).pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    await eventually(lambda: _is_gone(pid), 10, message="the broker lives on")


def _is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()


async def _write(bootstrap: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait("kept", value)


async def _read(bootstrap: str) -> bytes | None:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign([TopicPartition("kept", 0)])
        await consumer.seek_to_beginning()
        record = await consumer.getone()
        value: bytes | None = record.value
        return value
