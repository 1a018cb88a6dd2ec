"""How many events a second the gateway's own code takes: `python benchmarks/gateway.py [SECONDS]`.

Input: one order event of 641 bytes a request, structured mode, and the same in batches of 100. Measured is CPU time of
this process from the ASGI call to the answer: routing, key, body, checks, ids, stamp, answer. Not measured are the HTTP
server and the bus: the producer here takes records and forgets them. Target: 5,000 single events per CPU second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.gateway.cloudevents import BATCH
from services.gateway.openapi import EXAMPLE
from tests.unit.gateway.served import SERVER, Served

EVENT_BYTES = 641
BATCH_SIZE = 100
TARGET = 5_000


def event(number: int) -> dict[str, object]:
    """An order event that is exactly EVENT_BYTES long."""
    made: dict[str, object] = EXAMPLE | {"id": f"{number:08d}"}
    padding = EVENT_BYTES - len(json.dumps(made)) - len(', "shop": ""')
    return made | {"shop": "x" * padding}


async def measure(body: bytes, headers: dict[str, str], events: int, seconds: float) -> float:
    """Events per CPU second over about `seconds` seconds."""
    served = Served()
    began = time.process_time()
    taken = 0
    while (spent := time.process_time() - began) < seconds:
        answer = await served.ask(body, headers)
        assert answer.status == 202, answer.body
        taken += events
        served.bus.records.clear()
    return taken / spent


async def main(seconds: float) -> None:
    single = json.dumps(event(1)).encode()
    batch = json.dumps([event(number) for number in range(BATCH_SIZE)]).encode()
    assert len(single) == EVENT_BYTES
    one = await measure(single, SERVER, 1, seconds)
    many = await measure(batch, SERVER | {"content-type": BATCH}, BATCH_SIZE, seconds)
    print(f"single events: {one:,.0f} per CPU second (target {TARGET:,})")
    print(f"batches of {BATCH_SIZE}: {many:,.0f} events per CPU second")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
