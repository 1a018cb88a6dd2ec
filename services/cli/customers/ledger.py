"""`wici customers erased`: who was erased, as digests in a file of its own, and erased again after a restore.

A backup knows nothing of the erasures made after it; the ledger, kept apart, does. It is applied to the restored
database before the services start, by the engine's own statements, under the locks that the engine takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from services.cli.connect import bus, connection, database
from services.cli.customers.erase import empty_log, region
from services.cli.customers.search import Sought
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer
from services.contracts import ids
from services.contracts.workspace import current
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings
from services.trigger_engine.erasure import digest
from services.trigger_engine.profiles.identifiers import STRENGTH
from services.trigger_engine.profiles.state import Identifier
from services.trigger_engine.store import erased as store

AT_ONCE = 200
"""Customers that one transaction erases."""
_PAGE = 10_000
_ERASED = "SELECT identifier, erased_at FROM engine.erased"
_SOME = """
    SELECT kind, source, value, profile_id FROM engine.identifiers
    WHERE (kind, source, value) > ($1, $2, $3) ORDER BY kind, source, value LIMIT $4"""
_ALL_OF = "SELECT profile_id, kind, source, value FROM engine.identifiers WHERE profile_id = ANY($1)"
_LOCK = "SELECT 1 FROM engine.profiles WHERE id = ANY($1) ORDER BY id FOR UPDATE"
_DOUBTFUL = (
    "These share a name with somebody erased, but have a stronger one that was not. Look at each with"
    " wici customers show, and erase who is meant:"
)
_NOT_A_LEDGER = "{}:{} is no line of a ledger. Give the file that wici customers erased --out has written."

Ledger = dict[bytes, datetime]
"""When the bearer of a name was erased, by the name's digest."""


class Line(msgspec.Struct, frozen=True):
    """A line of the file, in JSON: the digest in hex, and RFC 3339."""

    name: str
    erased_at: datetime


class Found(msgspec.Struct):
    """Who bears a name of the ledger: those who are back, and those who share only a weaker name with somebody erased.

    A phone may have been another's before; only who bears none of the erased names but weak ones is told apart by hand.
    """

    back: dict[bytes, list[Identifier]] = {}
    doubtful: dict[bytes, list[Identifier]] = {}


async def erased(settings: Settings, out: Path | None, reapply: Path | None) -> Answer:
    """Add the erasures to the file `out`; or erase again whom the file `reapply` lists; or say how many there are."""
    keys = keys_in_use(settings)
    ledger = read(reapply) if reapply else {}
    with database(settings) as found:
        async with connection(found) as opened:
            known: Ledger = {row[0]: row[1] for row in await opened.fetch(_ERASED)}
            if reapply:
                return await _reapplied(opened, found, _newer(ledger, known), keys)
    if out is None:
        last = max(known.values(), default=None)
        when = f", the last at {last:%Y-%m-%d %H:%M} UTC" if last else ""
        return Answer(f"{len(known)} names of customers were erased{when}.", {"names": len(known), "last": last})
    whole = add(out, known)
    return Answer(f"{out} lists {whole} names. Keep it apart from the database.", {"names": whole})


def read(file: Path) -> Ledger:
    """The ledger in a file. Misconfigured where a line is none."""
    found: Ledger = {}
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        try:
            one = msgspec.json.decode(line, type=Line)
            name = bytes.fromhex(one.name)
        except ValueError:
            raise Misconfigured(_NOT_A_LEDGER.format(file, number)) from None
        found[name] = max(one.erased_at, found.get(name, one.erased_at))
    return found


def add(file: Path, known: Mapping[bytes, datetime]) -> int:
    """Add to the ledger in a file; how many names it has then. It forgets none: the database may be a restored one."""
    ledger = read(file) if file.exists() else {}
    ledger |= _newer(known, ledger)
    write(file, ledger)
    return len(ledger)


def write(file: Path, ledger: Mapping[bytes, datetime]) -> None:
    """Write a ledger, the oldest erasure first; the file is the old one or the new one, whatever happens."""
    lines = [
        msgspec.json.encode(Line(name.hex(), at)) for name, at in sorted(ledger.items(), key=lambda one: one[::-1])
    ]
    new = file.with_name(f"{file.name}.new")
    with new.open("wb") as opened:
        opened.write(b"".join(line + b"\n" for line in lines))
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)


def _newer(ledger: Mapping[bytes, datetime], known: Mapping[bytes, datetime]) -> Ledger:
    """What of `ledger` is not in `known`, or later than there."""
    return {name: at for name, at in ledger.items() if name not in known or known[name] < at}


async def _reapplied(
    opened: asyncpg.Connection[Any], settings: Settings, missing: Ledger, keys: tuple[str, ...]
) -> Answer:
    if not missing:
        return Answer("This database knows of all these erasures.", {"erased": 0, "names": 0, "doubtful": []})
    found = await find(opened, missing, keys)
    waiting = iter(found.back.items())
    while some := dict(islice(waiting, AT_ONCE)):
        await erase(opened, some, missing, keys)
    kept = {one for names in found.doubtful.values() for one in _digests(names, keys) if one in missing}
    await store.remember(opened, {name: at for name, at in missing.items() if name not in kept})
    names = frozenset(name for mine in found.back.values() for name in mine)
    sought = Sought(names, tuple(found.back), (), region(await current(opened)))
    if names:
        async with bus(settings, SystemClock()) as log:
            await empty_log(opened, log, settings, sought, keys)
    doubtful = sorted(ids.text(one) for one in found.doubtful)
    text = f"{len(found.back)} customers were back and are erased again; {len(missing) - len(kept)} names are noted."
    if doubtful:
        text = "\n  ".join((f"{text}\n{_DOUBTFUL}", *doubtful))
    data = {"erased": len(found.back), "names": len(missing) - len(kept), "doubtful": doubtful}
    return Answer(text, data, 1 if doubtful else 0)


async def find(opened: asyncpg.Connection[Any], ledger: Mapping[bytes, datetime], keys: tuple[str, ...]) -> Found:
    """Who bears a name that the ledger has. Every name there is gets read once, a page at a time."""
    borne: set[Identifier] = set()
    profiles: set[bytes] = set()
    last = ("", "", "")
    while page := await opened.fetch(_SOME, *last, _PAGE):
        last = (page[-1][0], page[-1][1], page[-1][2])
        for kind, source, value, profile in page:
            name = Identifier(kind, source, value)
            if any(one in ledger for one in _digests([name], keys)):
                borne.add(name)
                profiles.add(profile)
    mine: dict[bytes, list[Identifier]] = {}
    waiting = iter(sorted(profiles))
    while some := list(islice(waiting, _PAGE)):
        for row in await opened.fetch(_ALL_OF, some):
            mine.setdefault(row[0], []).append(Identifier(*row[1:]))
    found = Found()
    for profile, names in mine.items():
        (found.back if _was_erased(names, borne) else found.doubtful)[profile] = names
    return found


def _was_erased(names: Iterable[Identifier], borne: set[Identifier]) -> bool:
    """Whether the strongest names that a profile bears are of somebody erased."""
    strongest = min(STRENGTH.index(name.kind) for name in names)
    return any(name in borne and STRENGTH.index(name.kind) == strongest for name in names)


def _digests(names: Iterable[Identifier], keys: tuple[str, ...]) -> list[bytes]:
    return [digest(name, key) for name in names if name.kind != "order" for key in keys]


async def erase(
    opened: asyncpg.Connection[Any],
    back: Mapping[bytes, list[Identifier]],
    ledger: Mapping[bytes, datetime],
    keys: tuple[str, ...],
) -> None:
    """Erase these profiles as of when the ledger says, in one transaction."""
    async with opened.transaction():
        await opened.fetch(_LOCK, list(back))
        digests: Ledger = {}
        for names in back.values():
            at = max(ledger[one] for one in _digests(names, keys) if one in ledger)
            digests |= dict.fromkeys(_digests(names, keys[:1]), at)
        await store.erase(opened, list(back), digests, SystemClock().real())
