"""A published workspace and queued messages, as the notifier finds them."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
import msgspec
from standardwebhooks import Webhook

from services.contracts import ids
from services.contracts.message import Message
from services.contracts.settings import Account, Sender, Settings, Shop
from services.contracts.workspace import EmailTemplate, Template, Workspace
from services.kit.clock import Clock
from services.kit.database.pool import open_pool
from services.kit.runner import Runner
from services.kit.service import Context
from services.kit.settings import Settings as ProcessSettings
from services.notifier.attempts import SETTLE_AFTER
from services.notifier.service import Notifier

SECRET_KEY = "a-secret-key-of-tests-with-32-characters"
ENVIRON = {"RESEND_KEY": "re_test", "RESEND_SECRET": "whsec_dGVzdC1zZWNyZXQtdGVzdC1zZWNyZXQ=", "SMSAPI_TOKEN": "t0ken",
           "SENDGRID_KEY": "SG.test", "SMS_PATH": "path-token",
           "HOOK_SECRET": "whsec_c2VjcmV0LW9mLXdlYmhvb2tzLW9mLXRlc3Rz"}  # fmt: skip
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SHOP = Shop(name="Sklep", url="https://shop.example", locale="pl", currency="PLN", time_zone="Europe/Warsaw")
SENDERS = {
    "marketing": Sender(email="Sklep <nowosci@news.shop.example>", sms="Sklep"),
    "transactional": Sender(email="Sklep <zamowienia@shop.example>", sms="Sklep"),
}
THANKS = {
    "pl": Template(
        name="thanks", locale="pl", digest="1",
        email=EmailTemplate(
            subject="Dziękujemy, {{ profile.first_name }}", html="<p>Zażółć {{ event.order.number }}</p>", text="Zażółć"
        ),
        sms="Dziekujemy {{ profile.first_name }}",
    )
}  # fmt: skip


def resend(url: str, name: str = "main", **options: Any) -> Account:
    """A Resend account at the sink."""
    return Account(name, "resend", "email", {"api_key": "$RESEND_KEY", "callback_key": "$RESEND_SECRET",
                                             "base_url": url, **options})  # fmt: skip


def sendgrid(url: str, name: str = "main") -> Account:
    """A SendGrid account at the sink: no idempotency."""
    return Account(name, "sendgrid", "email", {"api_key": "$SENDGRID_KEY", "base_url": url})


def smsapi(url: str, name: str = "pl") -> Account:
    """An SMSAPI account at the sink."""
    return Account(name, "smsapi", "sms", {"token": "$SMSAPI_TOKEN", "callback_token": "$SMS_PATH", "base_url": url})


def workspace(*accounts: Account, templates: Mapping[str, dict[str, Template]] | None = None) -> Workspace:
    """A small shop with these accounts and the template `thanks`."""
    settings = Settings(shop=SHOP, accounts=accounts, senders=SENDERS)
    return Workspace(settings=settings, templates=dict(templates or {"thanks": THANKS}))


def context(pool: asyncpg.Pool, url: str, clock: Clock, *, instance: str = "notifier-1", **settings: Any) -> Context:
    """What a notifier is built from. The bus is none of its business."""
    given: dict[str, Any] = {
        "database_url": url, "port": 8082, "public_url": "https://wici.shop.example", "secret_keys": (SECRET_KEY,),
    } | settings  # fmt: skip
    ours = ProcessSettings(**given)
    return Context(ours, pool, None, clock, instance, ENVIRON)  # type: ignore[arg-type]


async def publish(pool: asyncpg.Pool, what: Workspace) -> int:
    """Publish a version; its number."""
    document = msgspec.json.encode(what)
    version: int = await pool.fetchval(
        "INSERT INTO workspace.versions (published_at, author, digest, document) VALUES ($1, 'test', $2, $3)"
        " RETURNING id", AT, hashlib.sha256(document).digest(), document,
    )  # fmt: skip
    return version


def message(n: int, *, customer: int | None = None, **fields: Any) -> Message:
    """The n-th message, by default to customer n, transactional, by e-mail."""
    who = n if customer is None else customer
    entry = ids.entry("thanks", b"%016d" % n)
    given: dict[str, Any] = {
        "send_key": ids.send_key(entry, "send:thanks:1", "email"), "profile_id": b"profile-%08d" % who,
        "entry_id": entry, "journey": "thanks", "step": "send:thanks:1", "klass": "transactional", "channel": "email",
        "template": "thanks", "recipient": f"customer{who}@example.com", "created_at": AT,
        "context": {"profile": {"first_name": "Łucja"}, "event": {"order": {"number": str(n)}}},
    } | fields  # fmt: skip
    return Message(**given)


_COLUMNS = (
    "send_key", "profile_id", "entry_id", "journey", "step", "class", "topic", "channel", "template", "locale",
    "recipient", "context", "on_unknown", "created_at", "expires_at", "quiet",
)  # fmt: skip


async def enqueue(pool: asyncpg.Pool, messages: Iterable[Message]) -> None:
    """Queue messages in this order, as the engine does."""
    rows = [
        (m.send_key, m.profile_id, m.entry_id, m.journey, m.step, m.klass, m.topic, m.channel, m.template, m.locale,
         m.recipient, msgspec.json.encode(m.context), m.on_unknown, m.created_at, m.expires_at,
         [asyncpg.Range(*span) for span in m.quiet] or None)
        for m in messages
    ]  # fmt: skip
    await pool.copy_records_to_table("outbound", schema_name="queue", columns=_COLUMNS, records=rows)


async def consent(pool: asyncpg.Pool, customer: int, state: str, *, topic: str = "", at: datetime = AT) -> None:
    """A customer's consent to e-mail."""
    await pool.execute(
        "INSERT INTO engine.consents (profile_id, channel, topic, state, at, evidence)"
        " VALUES ($1, 'email', $2, $3, $4, '{}')"
        " ON CONFLICT (profile_id, channel, topic) DO UPDATE SET state = excluded.state, at = excluded.at",
        b"profile-%08d" % customer, topic, state, at,
    )  # fmt: skip


async def states(pool: asyncpg.Pool) -> list[tuple[int, str | None]]:
    """State and reason of every message, oldest first."""
    return [(r[0], r[1]) for r in await pool.fetch("SELECT state, reason FROM queue.outbound ORDER BY seq")]


async def receipts(pool: asyncpg.Pool) -> list[tuple[bytes, str]]:
    """Send key and kind of every receipt, oldest first."""
    return [(r[0], r[1]) for r in await pool.fetch("SELECT send_key, kind FROM queue.receipts ORDER BY id")]


async def kinds(pool: asyncpg.Pool) -> Sequence[str]:
    """The kinds of all receipts, oldest first."""
    return [kind for _, kind in await receipts(pool)]


@asynccontextmanager
async def database(url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool for the test itself."""
    pool = await open_pool(url)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def running(
    url: str, clock: Clock, *, instance: str = "notifier-1", settle_after: timedelta = SETTLE_AFTER, **settings: Any
) -> AsyncIterator[Notifier]:
    """A notifier at work, drained at the end."""
    async with database(url) as pool:
        notifier = Notifier(context(pool, url, clock, instance=instance, **settings), settle_after=settle_after)
        await notifier.start()
        try:
            yield notifier
        finally:
            await notifier.stop()


@dataclass(frozen=True)
class Server:
    """A notifier that serves HTTP, and a client of it."""

    notifier: Notifier
    client: aiohttp.ClientSession
    port: int = 0

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        """Status and body of the answer."""
        async with self.client.request(method, path, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def call_back(self, event: dict[str, Any], at: datetime, *, dedupe: str = "msg_1") -> tuple[int, str]:
        """Deliver a webhook of Resend's to the account `main`, signed as Resend signs."""
        return await self.call_back_raw(msgspec.json.encode(event), at, dedupe=dedupe)

    async def call_back_raw(self, body: bytes, at: datetime, *, dedupe: str = "msg_1") -> tuple[int, str]:
        """The same, whatever the body is."""
        signature = Webhook(ENVIRON["RESEND_SECRET"]).sign(dedupe, at, body.decode("utf-8", "replace"))
        stamp = {"svix-id": dedupe, "svix-timestamp": str(int(at.timestamp())), "svix-signature": signature}
        return await self.ask("POST", "/callbacks/main", body, **stamp)


@asynccontextmanager
async def serving(url: str, clock: Clock, **settings: Any) -> AsyncIterator[Server]:
    """A notifier as it is deployed, behind its HTTP server."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    async with database(url) as pool:
        notifier = Notifier(context(pool, url, clock, **settings))
        runner = Runner([notifier], port=port, host="127.0.0.1")
        await runner.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
                yield Server(notifier, client, port)
        finally:
            await runner.stop()
