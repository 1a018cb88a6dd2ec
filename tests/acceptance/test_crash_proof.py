"""Nothing lost, nothing doubled, whatever is killed: processes, the broker, the database.

`WICI_TEST_PROOF=long` (`make proof`) has 20,000 events and kills each service 20 times; otherwise it is shorter. The
broker and the database belong to the test alone, because it kills them too.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from services.kit.clock import monotonic
from services.kit.database.embedded import start_postgres
from services.kit.dev.kafka import Broker, start_kafka
from services.kit.dev.leash import Leash
from tests.acceptance import proof
from tests.acceptance.installation import Installation
from tests.support.examples import LONG
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

EVENTS, KILLS = (20_000, 20) if LONG else (1_000, 2)
SHARE = EVENTS // (2 * KILLS + 4)
"""Events from one step to the next."""
PROVIDER_SECONDS = 0.01
JOINED = "trigger-engine-2"
SEED = 20_261_122


class Database:
    """A PostgreSQL of this test's own, which ends with this process."""

    def __init__(self, folder: Path) -> None:
        self._server = start_postgres(folder)
        self._leash = Leash(self._server.pid)
        self.url = self._server.url

    def kill(self) -> None:
        """End it as a crash does."""
        self._leash.release()
        self._server.kill()

    def crash(self) -> None:
        """End it as a crash does, and start it again."""
        self.kill()
        self._server.restart()
        self._leash = Leash(self._server.pid)


@contextmanager
def servers() -> Iterator[tuple[Broker, Database]]:
    # Not under tmp_path: pytest shuts that to the account that runs PostgreSQL whenever another run of it begins.
    with tempfile.TemporaryDirectory(prefix="wici-proof-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        broker = start_kafka(folder / "kafka", heap="256m")
        stack.callback(broker.kill)
        database = Database(folder / "postgres")
        stack.callback(database.kill)
        yield broker, database


def plan() -> list[str]:
    """What is killed, in which order: the services in turn, and the rest spread between them."""
    steps = ["trigger-engine", "notifier"] * KILLS
    for place, step in ((1 / 4, "join"), (2 / 5, "broker"), (3 / 5, "database"), (3 / 4, "leave")):
        steps.insert(int(len(steps) * place), step)
    return steps


class Killer:
    """Takes the steps of the plan, each after new messages have been made and taken since the last."""

    def __init__(
        self, wici: Installation, sink: ProviderSink, load: proof.Load, broker: Broker, database: Database
    ) -> None:
        self._wici, self._sink, self._load, self._broker, self._database = wici, sink, load, broker, database
        self._random = random.Random(SEED)
        self._seen: dict[str, tuple[int, int]] = {}
        self._last = 0
        self.crashes: Counter[str] = Counter()

    async def take(self, step: str) -> None:
        """Once all work and new messages flow, take `step`."""
        await asyncio.to_thread(self._wici.wait_until_ready)
        self._load.allowed += SHARE
        growth = self._random.randint(1, SHARE // 2)
        await eventually(lambda: self._flows(step, growth), proof.PATIENCE, message=f"no new messages before: {step}")
        self._seen[step] = ((await proof.progress(self._wici)).made, len(self._sink.ledger.messages))
        self._last = len(self._sink.ledger.messages)
        match step:
            case "join":
                self._wici.run("trigger-engine", name=JOINED)
                address = f"http://127.0.0.1:{self._wici.ports[JOINED]}"
                await eventually(lambda: asyncio.to_thread(self._wici.is_ready, address), 60, every=0.1)
            case "leave":
                assert await asyncio.to_thread(self._wici.end, JOINED) == 0
            case "broker":
                await asyncio.to_thread(self._broker.kill)
                await asyncio.to_thread(self._broker.restart)
            case "database":
                await asyncio.to_thread(self._database.crash)
            case service:
                assert await asyncio.to_thread(self._wici.end, service, signal.SIGKILL) == -signal.SIGKILL
                self._wici.run(service)
        self.crashes[step] += 1

    async def _flows(self, step: str, growth: int) -> bool:
        """New messages since the last step, made and taken since this same step was last taken."""
        made, taken = self._seen.get(step, (0, 0))
        now = await proof.progress(self._wici)
        reached = len(self._sink.ledger.messages)
        return now.made > made and reached > taken and reached >= self._last + growth


@pytest.mark.parametrize("provider", proof.PROVIDERS)
async def test_kills_everywhere_lose_and_double_nothing(
    provider: proof.Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With idempotency each message is sent once; without, what a kill left open is `unknown`, and never sent again."""
    with servers() as (broker, database), ProviderSink(keep=False) as sink:
        sink.delay = PROVIDER_SECONDS
        shared = {"WICI_DATABASE_URL": database.url, "WICI_KAFKA": broker.bootstrap, "WICI_CLOCK": "real"}
        shared |= proof.write_workspace(tmp_path / "workspace", sink.url, provider)
        with Installation(tmp_path, shared) as wici:
            wici.start_apart()
            wici.wait_until_ready()
            began = monotonic()
            load = proof.Load(wici, EVENTS)
            killer = Killer(wici, sink, load, broker, database)
            feeding = asyncio.create_task(load.post(EVENTS))
            for step in plan():
                await killer.take(step)
            load.allowed = EVENTS
            await feeding
            figures = await proof.verdict(wici, sink, load, provider)
            figures.seconds, figures.crashes = round(monotonic() - began, 1), dict(killer.crashes)
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 -- what a proof is for
    if LONG:
        proof.keep(figures)
    assert not any(figures.faults.values()), figures
    assert figures.accepted + figures.unknown == EVENTS
    assert figures.crashes["notifier"] == figures.crashes["trigger-engine"] == KILLS
    # Only a killed notifier can leave a call open, and without idempotency it has at most 16 in hand.
    assert figures.unknown <= (16 * KILLS if provider == "sendgrid" else 0)
