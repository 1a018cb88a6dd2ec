"""A notifier as a process of its own, to be killed: `python -m tests.support.notifier_process URL INSTANCE SECONDS`.

SECONDS is how long it waits for callbacks where the provider has no idempotency.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta

import uvloop

from services.kit.clock import SystemClock
from services.kit.telemetry import logs
from tests.support import notifying


async def main(url: str, instance: str, seconds: float) -> None:
    """Run until SIGTERM."""
    logs.configure("json")
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    after = timedelta(seconds=seconds)
    async with notifying.running(url, SystemClock(), instance=instance, settle_after=after):
        await told.wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
