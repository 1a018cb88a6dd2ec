"""`wici customers erase`: everything known of customers goes, at once; `--verify` says what is left, and until when.

It says `customer.deleted` on the log, as a shop may itself, so that there is one way and one order in which it happens;
then it deletes what the log itself holds, where that is a table of ours. A record in Kafka cannot be deleted: it goes
with its segment.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.cli.connect import bus, connection, database
from services.cli.customers import search
from services.cli.customers.search import Place, Sought
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer, confirm
from services.contracts import stamp, topics
from services.contracts.workspace import Workspace, current
from services.insights.find import Nobody, Person, find, possible
from services.kit.bus import Bus, Outgoing
from services.kit.bus.postgres import PostgresBus
from services.kit.clock import SystemClock, monotonic
from services.kit.errors import Misconfigured
from services.kit.settings import Settings
from services.trigger_engine.profiles.identifiers import STRENGTH, country
from services.trigger_engine.profiles.state import Identifier

PATIENCE_SECONDS = 60.0
NOTIFIER_SECONDS = 5.0
SEGMENT = timedelta(days=1)
_WORDS = {"customer": "id", "email": "email", "phone": "phone", "anonymous": "anonymous_id"}
_LEFT = "SELECT count(*) FROM engine.profiles WHERE id = ANY($1)"
_WAITING = "SELECT count(*) FROM queue.erasures WHERE profile_id = ANY($1)"
_READ = "SELECT partition, position FROM engine.positions WHERE topic = $1"


class Gone(msgspec.Struct, frozen=True):
    """What an erasure came to: whether a provider has a message in hand, and records of the log that nobody has read.

    A record that is not read yet is not deleted: it may be about others too.
    """

    waiting: bool
    unread: int


async def erase(
    settings: Settings, who: Sequence[str], *, verify: bool, yes: bool, texts: Sequence[str] = ()
) -> Answer:
    """Erase customers and wait until it is done; with `verify` then search everything, for `texts` too.

    Somebody who is not there any more is an error without `verify`; with it, the log is emptied of him again.
    """
    keys = keys_in_use(settings)
    with database(settings) as found:
        async with connection(found) as opened, bus(found, SystemClock()) as log:
            workspace = await current(opened)
            people, names = await _meant(opened, who, workspace, absent=verify)
            meant = who[0] if len(who) == 1 else f"{len(who)} customers"
            confirm(f"Erase everything that is known of {meant}, for good?", yes=yes)
            sought = Sought(frozenset(names), tuple(one for person in people for one in person.every),
                            tuple(texts), region(workspace))  # fmt: skip
            gone = await erase_people(opened, log, found, people, sought, keys)
            if verify:
                return await _verified(opened, log, found, sought, keys)
    more = " What a provider has in hand goes once it answers." if gone.waiting else ""
    more += f" {gone.unread} records of the log are not read yet: erase again in a while." if gone.unread else ""
    return Answer(f"Erased.{more}", {"erased": len(people), "waiting": gone.waiting, "unread": gone.unread})


async def _meant(
    opened: asyncpg.Connection[Any], who: Sequence[str], workspace: Workspace | None, *, absent: bool
) -> tuple[list[Person], list[Identifier]]:
    """Customers, and all names that are looked for: their own, and what those who are not there may have gone by."""
    sources = sorted(workspace.settings.sources) if workspace else []
    people: dict[bytes, Person] = {}
    names: list[Identifier] = []
    for one in who:
        try:
            person = await find(opened, one)
        except Nobody:
            if not absent:
                raise
            names += possible(one, sources)
        else:
            people[person.profile] = person
            names += person.names
    return list(people.values()), names


def region(workspace: Workspace | None) -> str:
    """The shop's country, by which phones without a country's code are read."""
    return country(workspace.settings.shop.time_zone, workspace.settings.shop.locale) if workspace else ""


async def erase_people(
    opened: asyncpg.Connection[Any],
    log: Bus,
    settings: Settings,
    people: Sequence[Person],
    sought: Sought,
    keys: tuple[str, ...],
) -> Gone:
    """Have the services erase these customers, and empty our own log of whom is sought."""
    now = SystemClock().real()
    producer = await log.producer()
    if people:
        await producer.publish([deleted(person.names, settings, now, keys) for person in people])
    every = [one for person in people for one in person.every]
    until = monotonic() + PATIENCE_SECONDS
    while await opened.fetchval(_LEFT, every):
        if monotonic() > until:
            raise Misconfigured("It was asked for, but is not done yet: the trigger engine must be running. Start it.")
        await asyncio.sleep(0.1)
    unread = await empty_log(opened, log, settings, sought, keys)
    return Gone(await _waits_for_notifier(opened, every), unread)


async def empty_log(
    opened: asyncpg.Connection[Any], log: Bus, settings: Settings, sought: Sought, keys: tuple[str, ...]
) -> int:
    """Delete the records about whom is sought, where the log is ours; how many the engine has not read, which stay."""
    if not isinstance(log, PostgresBus):
        return 0
    places = [one for one in await search.in_log(log, settings, sought, keys) if one.certain]
    events = settings.topic(topics.EVENTS)
    read = {row["partition"]: row["position"] for row in await opened.fetch(_READ, events)}
    old = [one for one in places if one.topic != events or one.offset < read.get(one.partition, 0)]
    await log.delete([(one.topic, one.partition, one.offset) for one in old])
    return len(places) - len(old)


async def _waits_for_notifier(opened: asyncpg.Connection[Any], profiles: Sequence[bytes]) -> bool:
    """Whether the notifier is not done after a while: a provider may have a message in hand."""
    until = monotonic() + NOTIFIER_SECONDS
    while monotonic() < until:
        if not await opened.fetchval(_WAITING, profiles):
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


async def _verified(
    opened: asyncpg.Connection[Any], log: Bus, settings: Settings, sought: Sought, keys: tuple[str, ...]
) -> Answer:
    tables = await search.in_tables(opened, sought)
    places = await search.in_log(log, settings, sought, keys)
    about, perhaps = [one for one in places if one.certain], [one for one in places if not one.certain]
    last = max((one.at for one in places), default=None)
    gone = last + timedelta(days=topics.RETENTION_DAYS) + SEGMENT if last else None
    lines = [f"{column}: {number} rows" for column, number in tables.items()]
    lines += [f"{topic}: {number} records" for topic, number in _by_topic(about)]
    lines += [f"{topic}: {number} records that may be another's" for topic, number in _by_topic(perhaps)]
    if gone:
        lines.append(f"The last record goes with its segment, by {gone:%Y-%m-%d %H:%M} UTC.")
    data = {"tables": tables, "records": len(about), "perhaps": len(perhaps), "log_gone_by": gone}
    return Answer("\n".join(lines) or "Nothing is left.", data, 1 if tables else 0)


def _by_topic(places: Iterable[Place]) -> list[tuple[str, int]]:
    return sorted(Counter(one.topic for one in places).items())
