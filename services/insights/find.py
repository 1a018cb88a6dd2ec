"""Who is meant: a customer by any name that he goes by, or by the id of his profile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from services.contracts import ids
from services.kit.errors import Misconfigured
from services.trigger_engine.erasure import digest
from services.trigger_engine.profiles.identifiers import normal_email, normal_phone
from services.trigger_engine.profiles.state import Identifier

_FIND = (
    "SELECT DISTINCT profile_id FROM engine.v_identifiers"
    " WHERE (kind IN ('customer', 'anonymous', 'cart') AND value = $1) OR (kind = 'email' AND value = $2)"
    " OR (kind = 'phone' AND value = $3) OR (kind = 'customer' AND source = $4 AND value = $5)"
)
_NOW = "SELECT new FROM engine.v_aliases WHERE old = $1"
_FORMER = "SELECT old FROM engine.v_aliases WHERE new = $1"
_NAMES = "SELECT kind, source, value FROM engine.v_identifiers WHERE profile_id = $1 ORDER BY kind, source, value"
_ERASED = "SELECT max(erased_at) FROM engine.v_erased WHERE identifier = ANY($1)"


class Person(msgspec.Struct, frozen=True):
    """A customer: his profile, those that became it, and his names."""

    profile: bytes
    every: list[bytes]
    names: list[Identifier]


class Nobody(Misconfigured):
    """Nobody goes by this name."""


async def find(opened: asyncpg.Connection[Any], who: str) -> Person:
    """The customer with this shop's id (also as `source:id`), e-mail, phone, anonymous id or profile id. Nobody."""
    profile = await _profile(opened, who)
    former = [row["old"] for row in await opened.fetch(_FORMER, profile)]
    names = [Identifier(*row) for row in await opened.fetch(_NAMES, profile)]
    return Person(profile, [profile, *former], names)


async def _profile(opened: asyncpg.Connection[Any], who: str) -> bytes:
    rows = await opened.fetch(_FIND, *_words(who))
    if len(rows) > 1:
        named = ", ".join(ids.text(row["profile_id"]) for row in rows)
        raise Misconfigured(f"{who!r} names several customers. Write one of their profile ids: {named}.")
    if rows:
        return bytes(rows[0]["profile_id"])
    try:
        given = ids.parse(who)
    except ValueError:
        raise Nobody(
            f"No customer is known as {who!r}. Write the shop's customer id, an e-mail or a phone (+48…)."
        ) from None
    given = await opened.fetchval(_NOW, given) or given
    if not await opened.fetchval("SELECT 1 FROM engine.v_profiles WHERE id = $1", given):
        raise Nobody(f"There is no profile {who}. It may have been erased.")
    return given


def _words(who: str) -> tuple[str, ...]:
    source, _, value = who.partition(":")
    return who, normal_email(who) or "", normal_phone(who) or "", source, value


def possible(who: str, sources: Sequence[str]) -> list[Identifier]:
    """Every name that `who` may be, in a shop with these sources."""
    _, email, phone, source, value = _words(who)
    found = [Identifier(kind, one, who) for one in sources for kind in ("customer", "anonymous", "cart")]
    found += [Identifier("customer", source, value)] if value else []
    found += [Identifier("email", "", email)] if email else []
    return found + ([Identifier("phone", "", phone)] if phone else [])


async def erased(
    opened: asyncpg.Connection[Any], who: str, sources: Sequence[str], keys: Sequence[str]
) -> datetime | None:
    """When somebody who went by this name was erased last."""
    digests = [digest(name, key) for name in possible(who, sources) for key in keys]
    found: datetime | None = await opened.fetchval(_ERASED, digests)
    return found
