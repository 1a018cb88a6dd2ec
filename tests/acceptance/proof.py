"""A load whose every message can be told apart, and the verdict on what came of it.

Each event causes one message, whose subject is its order's id; every fourth event is a customer's second, whose message
must come after the first.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import asyncpg
import msgspec

from services.cli.connect import bus
from services.contracts import topics
from services.contracts.message import State
from services.kit.bus.everything import everything
from services.kit.clock import SystemClock
from services.kit.database.pool import prepare
from services.kit.dev.files import locked
from services.kit.settings import from_environment
from tests.acceptance.callbacks import SENDGRID_KEY
from tests.acceptance.installation import MAIL_CALLBACK, Installation, event, write_files
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually

Provider = Literal["resend", "sendgrid"]
PROVIDERS: tuple[Provider, ...] = ("resend", "sendgrid")
POST = 50  # events of one request
APART = 2 * POST + 1  # events between a customer's first and second: never of one request
PATIENCE = 180  # seconds

WICI_YAML = """\
shop: {{name: Sklep, url: "https://sklep.example", locale: pl, currency: PLN, time_zone: Europe/Warsaw}}
sources:
  backend: {{storefront: http, keys: [$BACKEND_KEY]}}
providers:
  email: [{{name: main, provider: {provider}, api_key: $MAIL_KEY, callback_key: $HOOK, base_url: "{sink}"{more}}}]
"""
JOURNEY = """\
journey: receipt
enter: {on: order.placed, key: event.order.id, again: always}
class: transactional
steps:
  - {send: receipt, via: email}
"""
MAIL = """\
---
subject: "{{ event.order.id }}"
from: "Sklep <sklep@sklep.example>"
---
<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ event.order.total }}</mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
_MORE = {"resend": "", "sendgrid": ", settle_after: 3 seconds"}
_HOOKS = {"resend": MAIL_CALLBACK, "sendgrid": SENDGRID_KEY}


def write_workspace(folder: Path, sink: str, provider: Provider) -> dict[str, str]:
    """A workspace that answers every order with one e-mail over `provider`; the environment that it wants."""
    settings = WICI_YAML.format(provider=provider, sink=sink, more=_MORE[provider])
    files = {"wici.yaml": settings, "journeys/receipt.yaml": JOURNEY, "templates/receipt/email.mjml": MAIL}
    write_files(folder, files)
    return {"HOOK": _HOOKS[provider]}


class Load:
    """`size` events, of which `posted` are taken by the gateway; it posts no more than `allowed`."""

    def __init__(self, wici: Installation, size: int) -> None:
        self._wici = wici
        self.allowed = 0
        self._customers = [n - APART if n % 4 == 0 and n > APART else n for n in range(size)]
        self.orders: list[str] = []
        self.posted = 0

    async def post(self, number: int) -> None:
        """Post the next `number` events as far as allowed, each request again until it is taken."""
        end = self.posted + number
        for first in range(self.posted, end, POST):
            made = [self._order(n) for n in range(first, min(first + POST, end))]
            await eventually(lambda: self.posted < self.allowed, PATIENCE, message="no more events are allowed")
            await eventually(lambda made=made: self._taken(made), PATIENCE)  # type: ignore[misc]
            self.posted = first + len(made)

    def records(self, number: int) -> list[dict[str, Any]]:
        """The next `number` orders as a shop's own back end writes them to its topic, as posted from now on."""
        made = [self._order(n) for n in range(self.posted, self.posted + number)]
        self.posted += number
        return [
            {"kind": "Placed", "buyer": one["subject"], "email": one["data"]["customer"]["email"], "at": one["time"],
             **one["data"]["order"]}
            for one in made
        ]  # fmt: skip

    async def _taken(self, made: Sequence[dict[str, Any]]) -> bool:
        return await asyncio.to_thread(self._wici.post, *made) == 202

    def _order(self, n: int) -> dict[str, Any]:
        customer = self._customers[n]
        order = f"o-{customer}-{1 if customer == n else 2}"
        self.orders.append(order)
        return event("order.placed", f"c-{customer}", order={"id": order, "total": "10.00", "currency": "PLN"})


class Figures(msgspec.Struct):
    """What came of a load. `unknown` messages may have been sent or not; `miscounted` are receipts and deliveries."""

    provider: str
    events: int
    accepted: int
    unknown: int
    lost: int
    duplicated: int
    out_of_order: int
    miscounted: int
    seconds: float = 0.0
    crashes: dict[str, int] = {}

    @property
    def faults(self) -> dict[str, int]:
        """What must be zero."""
        return {
            "lost": self.lost,
            "duplicated": self.duplicated,
            "out of order": self.out_of_order,
            "miscounted": self.miscounted,
        }


async def verdict(wici: Installation, sink: ProviderSink, load: Load, provider: Provider) -> Figures:
    """Wait until every message is settled and told, then compare events, rows, receipts and what the provider took."""
    await eventually(lambda: _is_over(wici, len(load.orders)), PATIENCE, every=0.2, message="not all is settled")
    rows = await ask(wici, "SELECT send_key, state FROM queue.outbound")
    told = await ask(wici, "SELECT send_key, status FROM notifier.deliveries")
    fates = {row["send_key"].hex(): State(row["state"]) for row in rows}
    accepted = {key for key, state in fates.items() if state == State.ACCEPTED}
    unknown = {key for key, state in fates.items() if state == State.UNKNOWN}
    taken = sink.messages
    keys, orders = {one.send_key for one in taken}, Counter(one.subject or "" for one in taken)
    # An event whose message nobody has is lost, unless it is among the unknown that nobody has.
    silent = set(load.orders) - orders.keys()
    heard, stands = Counter(await _outcomes(wici)), Counter(row["status"] for row in told)
    return Figures(
        provider=provider,
        events=len(load.orders),
        accepted=len(accepted),
        unknown=len(unknown),
        lost=len(accepted - keys) + len(fates.keys() - accepted - unknown) + abs(len(silent) - len(unknown - keys)),
        duplicated=sum(orders.values()) - len(orders) + max(0, len(fates) - len(load.orders)),
        out_of_order=_out_of_order(one.subject or "" for one in taken),
        miscounted=abs(len(accepted) - heard["message.accepted"])
        + abs(len(unknown) - heard["message.unknown"])
        + abs(len(unknown) - stands["unknown"])
        + abs(len(fates) - len(told)),
    )


async def ask(wici: Installation, query: str) -> Sequence[Any]:
    """The rows of a query. A database that is away is no answer yet: AssertionError, which `eventually` asks again."""
    try:
        connection = await asyncpg.connect(wici.environ["WICI_DATABASE_URL"])
        try:
            await prepare(connection)
            rows: Sequence[Any] = await connection.fetch(query)
            return rows
        finally:
            connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise AssertionError(f"the database is away: {error!r}") from error


class Progress(NamedTuple):
    """Messages made by the engine, settled by the notifier; receipts and outcomes that are still under way."""

    made: int
    settled: int
    under_way: int


async def progress(wici: Installation) -> Progress:
    """How far the messages are."""
    (row,) = await ask(
        wici,
        "SELECT count(*), count(*) FILTER (WHERE state >= 10),"
        " (SELECT count(*) FROM queue.receipts) + (SELECT count(*) FROM engine.outcomes) FROM queue.outbound",
    )
    return Progress(*row)


async def _is_over(wici: Installation, size: int) -> bool:
    now = await progress(wici)
    assert now.settled >= size, now
    assert (now.made, now.under_way) == (now.settled, 0), now
    return True


def _out_of_order(subjects: Iterable[str]) -> int:
    turns: defaultdict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        customer, _, turn = subject.rpartition("-")
        turns[customer].append(turn)
    return sum(mine != sorted(mine) for mine in turns.values())


async def _outcomes(wici: Installation) -> list[str]:
    """The type of every event on `wici.outcomes`; one that was published again after a crash counts once."""
    settings = from_environment(wici.environ)
    found: dict[str, str] = {}
    async with bus(settings, SystemClock()) as opened:
        async for record in everything(opened, settings.topic(topics.OUTCOMES)):
            said = json.loads(record.value or b"{}")
            found[said["id"]] = said["type"]
    return list(found.values())


def keep(figures: Figures) -> None:
    """Write the figures into `build/proof.json`, beside those of the other providers."""
    file = Path(__file__).parents[2] / "build" / "proof.json"
    file.parent.mkdir(exist_ok=True)
    with locked(file.with_suffix(".lock")):
        known = json.loads(file.read_text()) if file.exists() else {}
        known[figures.provider] = msgspec.to_builtins(figures)
        file.write_text(json.dumps(known, indent=2) + "\n")
