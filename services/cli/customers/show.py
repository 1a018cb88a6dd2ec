"""`wici customers show`: all that is known of one customer."""

from __future__ import annotations

from typing import Any

import asyncpg
import msgspec

from services.cli.connect import connection, database
from services.cli.terminal import Answer, table
from services.contracts import ids
from services.contracts.message import State
from services.insights.find import find
from services.kit.errors import Misconfigured
from services.kit.settings import Settings
from services.trigger_engine.profiles.state import Profile, load

_PROFILE = "SELECT version, state FROM engine.profiles WHERE id = $1"
_IDENTIFIERS = "SELECT kind, source, value FROM engine.identifiers WHERE profile_id = $1 ORDER BY kind, source, value"
_CONSENTS = "SELECT channel, topic, state, at FROM engine.consents WHERE profile_id = $1 ORDER BY channel, topic"
_ENTRIES = (
    "SELECT journey, revision, key, entered_at, step, ended_at, reason FROM engine.entries"
    " WHERE profile_id = $1 ORDER BY entered_at DESC LIMIT 50"
)
_MESSAGES = (
    "SELECT o.created_at, o.channel, o.template, o.journey, o.state, o.reason, d.status FROM queue.outbound o"
    " LEFT JOIN notifier.deliveries d USING (send_key) WHERE o.profile_id = $1 ORDER BY o.seq DESC LIMIT 50"
)


async def show(settings: Settings, who: str) -> Answer:
    """The customer with this shop's id, e-mail, phone or profile id. Misconfigured if there is none."""
    with database(settings) as found:
        async with connection(found) as opened:
            data = await _collect(opened, (await find(opened, who)).profile)
    return Answer(_text(data), data)


async def _collect(opened: asyncpg.Connection[Any], profile_id: bytes) -> dict[str, Any]:
    row = await opened.fetchrow(_PROFILE, profile_id)
    if row is None:
        raise Misconfigured(
            f"There is no profile {ids.text(profile_id)}. It may have become another one, or been erased."
        )
    profile = load(row["state"], row["version"])
    messages = [dict(r) | {"state": State(r["state"]).name.lower()} for r in await opened.fetch(_MESSAGES, profile_id)]
    return {
        "profile": ids.text(profile_id),
        "identifiers": [dict(r) for r in await opened.fetch(_IDENTIFIERS, profile_id)],
        "facts": _facts(profile),
        "consents": [dict(r) for r in await opened.fetch(_CONSENTS, profile_id)],
        "entries": [dict(r) for r in await opened.fetch(_ENTRIES, profile_id)],
        "messages": messages,
    }


def _facts(profile: Profile) -> dict[str, Any]:
    spent = {currency: amount / 10_000 for currency, amount in profile.spent.items()}
    known = {name: fact.value for name, fact in sorted(profile.facts.items())}
    cart = profile.cart.data if profile.cart else None
    facts = {**known, "orders": profile.orders, "spent": spent, "cart": cart, "created_at": profile.created_at}
    return msgspec.to_builtins(facts)  # type: ignore[no-any-return]


def _text(data: dict[str, Any]) -> str:
    parts = [f"profile {data['profile']}"]
    for name in ("identifiers", "consents", "entries", "messages"):
        rows = data[name]
        body = table([[_cell(v) for v in row.values()] for row in rows], list(rows[0])) if rows else "none"
        parts.append(f"{name}\n{_indented(body)}")
    facts = "\n".join(f"{name}: {value}" for name, value in data["facts"].items() if value not in (None, {}, []))
    parts.insert(2, f"facts\n{_indented(facts)}")
    return "\n\n".join(parts)


def _cell(value: object) -> str:
    isoformat = getattr(value, "isoformat", None)
    return isoformat(timespec="seconds") if isoformat else "" if value is None else str(value)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
