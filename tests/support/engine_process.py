"""A trigger engine as a process of its own, to be killed: `python -m tests.support.engine_process URL`.

It reads the log of the database at URL under the name that `Town.engine` gives, so that the next one takes its seat;
its clock stands still.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from services.kit.telemetry import logs
from tests.support.town import town


async def main(url: str) -> None:
    """Run until SIGTERM."""
    logs.configure("json")
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with town(url) as place, place.engine():
        await told.wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
