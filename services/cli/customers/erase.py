"""`wici customers erase`: everything known of a customer goes, at once; `--verify` says what is left, and until when.

It says `customer.deleted` on the log, as a shop may itself, so that there is one way and one order in which it happens;
then it deletes what the log itself holds, where that is a table of ours. A record in Kafka cannot be deleted: it goes
with its segment.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.cli.connect import bus, connection, database
from services.cli.customers import search
from services.cli.customers.find import Nobody, Person, find, possible
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer, confirm
from services.contracts import stamp, topics
from services.contracts.workspace import current
from services.kit.bus import Bus, Outgoing
from services.kit.bus.postgres import PostgresBus
from services.kit.clock import SystemClock, monotonic
from services.kit.errors import Misconfigured
from services.kit.settings import Settings
from services.trigger_engine.profiles.identifiers import STRENGTH
from services.trigger_engine.profiles.state import Identifier

PATIENCE_SECONDS = 60.0
NOTIFIER_SECONDS = 5.0
SEGMENT = timedelta(days=1)
_WORDS = {"customer": "id", "email": "email", "phone": "phone", "anonymous": "anonymous_id"}
_LEFT = "SELECT 1 FROM engine.profiles WHERE id = ANY($1)"
_WAITING = "SELECT count(*) FROM queue.erasures WHERE profile_id = ANY($1)"


async def erase(settings: Settings, who: str, *, verify: bool, yes: bool) -> Answer:
    """Erase a customer and wait until it is done; with `verify` then search everything. Without him, only search."""
    keys = keys_in_use(settings)
    with database(settings) as found:
        async with connection(found) as opened, bus(found, SystemClock()) as log:
            try:
                person = await find(opened, who)
            except Nobody:
                if not verify:
                    raise
                return await _verified(opened, log, found, Person(b"", [], await _guesses(opened, who)), keys)
            confirm(f"Erase everything that is known of {who}, for good?", yes=yes)
            waiting = await erase_person(opened, log, found, person, keys)
            if verify:
                return await _verified(opened, log, found, person, keys)
    more = " What a provider has in hand goes once it answers." if waiting else ""
    return Answer(f"Erased.{more}", {"erased": True, "waiting": waiting})


async def erase_person(
    opened: asyncpg.Connection[Any], log: Bus, settings: Settings, person: Person, keys: tuple[str, ...]
) -> bool:
    """Have the services erase a customer, and empty our own log of him. Whether a message is still in hand."""
    producer = await log.producer()
    await producer.publish([deleted(person.names, settings, SystemClock().real(), keys)])
    until = monotonic() + PATIENCE_SECONDS
    while await opened.fetchval(_LEFT, person.every):
        if monotonic() > until:
            raise Misconfigured("It was asked for, but is not done yet: the trigger engine must be running. Start it.")
        await asyncio.sleep(0.1)
    if isinstance(log, PostgresBus):
        places = await search.in_log(log, settings, person.names, person.every, keys)
        await log.delete([(one.topic, one.partition, one.offset) for one in places])
    return await _waits_for_notifier(opened, person)


async def _waits_for_notifier(opened: asyncpg.Connection[Any], person: Person) -> bool:
    """Whether the notifier is not done after a while: a provider may have a message in hand."""
    until = monotonic() + NOTIFIER_SECONDS
    while monotonic() < until:
        if not await opened.fetchval(_WAITING, person.every):
            return False
        await asyncio.sleep(0.1)
    return True


def deleted(names: Sequence[Identifier], settings: Settings, now: datetime, keys: tuple[str, ...]) -> Outgoing:
    """The event `customer.deleted`, under the strongest of these names."""
    name = min((one for one in names if one.kind in _WORDS), key=lambda one: STRENGTH.index(one.kind), default=None)
    if name is None:
        raise Misconfigured("The customer has no name but a cart's: it says nothing of a person.")
    data = {"customer": {_WORDS[name.kind]: name.value}}
    identity = uuid.uuid4()
    value = msgspec.json.encode({
        "specversion": "1.0", "id": str(identity), "source": name.source or "wici", "type": "customer.deleted",
        "time": now, "data": data,
    })  # fmt: skip
    mark = stamp.make(stamp.Stamp(identity.bytes, name.source or "wici", "server"), value, keys)
    key = identity.hex.encode()  # not the name: the record outlives him in Kafka
    return Outgoing(settings.topic(topics.EVENTS), key, value, ((stamp.HEADER, mark),))


async def _guesses(opened: asyncpg.Connection[Any], who: str) -> list[Identifier]:
    workspace = await current(opened)
    return possible(who, sorted(workspace.settings.sources) if workspace else [])


async def _verified(
    opened: asyncpg.Connection[Any], log: Bus, settings: Settings, person: Person, keys: tuple[str, ...]
) -> Answer:
    tables = await search.in_tables(opened, person.names)
    places = await search.in_log(log, settings, person.names, person.every, keys)
    last = max((one.at for one in places), default=None)
    gone = last + timedelta(days=topics.RETENTION_DAYS) + SEGMENT if last else None
    lines = [f"{column}: {number} rows" for column, number in tables.items()]
    in_topics = Counter(one.topic for one in places)
    lines += [f"{topic}: {number} records" for topic, number in sorted(in_topics.items())]
    if gone:
        lines.append(f"The last record goes with its segment, by {gone:%Y-%m-%d %H:%M} UTC.")
    data = {"tables": tables, "records": len(places), "log_gone_by": gone}
    return Answer("\n".join(lines) or "Nothing is left.", data, 1 if tables else 0)
