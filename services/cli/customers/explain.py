"""`wici explain`: why this customer got, or did not get, this."""

from __future__ import annotations

from typing import Any

import msgspec

from services.cli.connect import connection, database
from services.cli.secret_key import keys_in_use
from services.cli.terminal import Answer
from services.insights.explain.answer import Asked, Explained, Gone, explained, moment
from services.insights.explain.moments import stamp
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings


async def explain(settings: Settings, who: str, journey: str | None, at: str | None) -> Answer:
    """Tell all that is on record, or what concerns `journey`, or what happened within a day of `at` (ISO 8601, UTC)."""
    asked = Asked(who, journey, moment(at) if at else None)
    keys = _keys(settings)
    with database(settings) as found:
        async with connection(found) as opened:
            try:
                told = await explained(opened, asked, SystemClock().real(), keys)
            except Gone as gone:
                return Answer(str(gone), {"erased_at": gone.erased_at})
    return Answer(_text(told), _data(told))


def _keys(settings: Settings) -> tuple[str, ...]:
    try:
        return keys_in_use(settings)
    except Misconfigured:
        return ()


def _text(told: Explained) -> str:
    lines = []
    for one in told.moments:
        lines.append(f"{stamp(one.at)}  {one.what}")
        lines += [f"    {line}" for line in one.then]
    return "\n".join([*lines, *told.never]) or "Nothing is on record."


def _data(told: Explained) -> dict[str, Any]:
    return msgspec.to_builtins(told, order="deterministic")  # type: ignore[no-any-return]
