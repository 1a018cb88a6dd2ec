"""How many events a second the gateway's own code takes: `python -m benchmarks.gateway [SECONDS]`.

Input: one order event of 641 bytes a request, structured mode, and the same in batches of 100. Measured is CPU time of
this process from the ASGI call to the answer: routing, key, body, checks, ids, stamp, answer. Not measured are the HTTP
server and the bus: the producer here takes records and forgets them. Target: 5,000 single events per CPU second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks.support import results
from benchmarks.support.results import Row
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
    unit, bound = "events per CPU second", "Python: reading, checks and the record of each event"
    results.show(
        [
            Row("gateway's own code, single events", one, unit, TARGET, bound=bound),
            Row(f"gateway's own code, batches of {BATCH_SIZE}", many, unit, bound=bound),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
