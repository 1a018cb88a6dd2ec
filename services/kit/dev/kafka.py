"""A real Apache Kafka on loopback: one KRaft node that is broker and controller, for development and tests."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.kit.clock import monotonic
from services.kit.dev.files import free_port
from services.kit.dev.jars import jars, java
from services.kit.dev.leash import Leash
from services.kit.errors import Misconfigured

# Short times for one node: a group need not wait for more members, and a killed broker comes back after its session.
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "num.partitions": "12",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class Broker:
    """A running broker; `bootstrap` is its `host:port`. It ends with this process, however that ends."""

    def __init__(self, directory: Path, port: int, heap: str) -> None:
        self.bootstrap = f"127.0.0.1:{port}"
        self._directory, self._port, self._heap = directory, port, heap
        self._start()

    @property
    def pid(self) -> int:
        """Process id of the Java process that runs now."""
        return self._process.pid

    def stop(self) -> None:
        """Shut down in order (SIGTERM), by force after 30 s."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once (SIGKILL), as a crash does."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start again, after stop() or kill() or from running, with the same data and port."""
        self.stop()
        self._start()

    def _start(self) -> None:
        command = _java_command("kafka.Kafka", self._directory, f"-Xmx{self._heap}")
        with (self._directory / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 -- our own command
        self._leash = Leash(self._process.pid)
        try:
            self._wait_until_ready(180)
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self, seconds: float) -> None:
        deadline = monotonic() + seconds
        with ThreadPoolExecutor(1) as thread:
            while not thread.submit(asyncio.run, _answers(self.bootstrap)).result():
                if self._process.poll() is not None or monotonic() > deadline:
                    said = (self._directory / "broker.log").read_text(errors="replace")[-500:]
                    raise Misconfigured(f"Kafka did not start on {self.bootstrap}; look into {self._directory}: {said}")

    def _end(self, how: signal.Signals) -> None:
        self._leash.release()
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def start_kafka(
    directory: Path,
    port: int = 0,
    controller_port: int = 0,
    settings: Mapping[str, str] | None = None,
    heap: str = "512m",
) -> Broker:
    """Start a broker whose data lives in `directory` and return when it serves requests.

    A directory used before keeps its data and its ports. Ports of 0 are chosen; `settings` add to or replace SETTINGS
    (Kafka's own names); `heap` is Java's -Xmx. Raises Misconfigured where Java or Maven is missing, or if it does not
    start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    properties = directory / "server.properties"
    if not properties.exists():
        chosen = _properties(directory, port or free_port(), controller_port or free_port()) | dict(settings or {})
        properties.write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
        _format(directory)
    lines = dict(line.split("=", 1) for line in properties.read_text().splitlines())
    return Broker(directory, int(lines["advertised.listeners"].rsplit(":", 1)[1]), heap)


def _properties(directory: Path, port: int, controller: int) -> dict[str, str]:
    return {
        **SETTINGS,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": str(directory / "data"),
    }


def _format(directory: Path) -> None:
    # Sixteen bytes; a random first letter could be "-", which would be read as an option.
    cluster = base64.urlsafe_b64encode(b"wici" + os.urandom(12)).decode().rstrip("=")
    command = _java_command("kafka.tools.StorageTool", directory, "-Xmx256m", "format", "-t", cluster, "-c")
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own command
    if result.returncode:
        (directory / "server.properties").unlink()
        raise Misconfigured(f"Kafka could not format {directory}; give it an empty folder: {result.stderr[-500:]}")


def _java_command(program: str, directory: Path, heap: str, *arguments: str) -> list[str]:
    return [java(), heap, "-cp", f"{jars()}{os.sep}*", program, *arguments, str(directory / "server.properties")]


async def _answers(bootstrap: str) -> bool:
    """Say whether a broker has registered, and wait a little if not."""
    try:
        _, writer = await asyncio.open_connection(*bootstrap.rsplit(":", 1))
        writer.close()
    except OSError:
        # aiokafka would log an error for each of these.
        await asyncio.sleep(0.1)
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        await asyncio.sleep(0.1)
        return False
    finally:
        await admin.close()
