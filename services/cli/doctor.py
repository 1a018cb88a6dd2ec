"""`wici doctor`: asks every dependency, and says what to do about what it finds."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import asyncpg

from services.cli.connect import POSTGRES_FOLDER, bus, connection, database, topic_specs
from services.cli.services import EVERYTHING_PORT
from services.cli.terminal import Answer
from services.contracts.settings import Account
from services.contracts.workspace import Workspace, current
from services.kit.bus import Bus
from services.kit.clock import SystemClock
from services.kit.database.migrate import pending
from services.kit.errors import Misconfigured, Problem
from services.kit.secrets import is_reference, resolve
from services.kit.settings import Settings, unknown
from services.notifier.providers import PROVIDERS
from services.notifier.providers.settings import read

OLDEST_POSTGRES = 15
LITTLE_SPACE = 2 * 1024**3
_SIGNS = {"ok": "✓", "warning": "!", "error": "✗"}


@dataclass(frozen=True)
class Check:
    """What one question brought."""

    name: str
    state: Literal["ok", "warning", "error"]
    said: str


async def doctor(settings: Settings, environ: Mapping[str, str]) -> Answer:
    """Every check, in the order in which things depend on each other. Errors make the exit code 1."""
    return told([check async for check in _all(settings, environ)])


def told(checks: Sequence[Check]) -> Answer:
    """The checks, one a line; errors make the exit code 1."""
    text = "\n".join(f"{_SIGNS[check.state]} {check.name}: {check.said}" for check in checks)
    failed = sum(check.state == "error" for check in checks)
    text += f"\n{failed} of {len(checks)} checks failed." if failed else f"\nAll {len(checks)} checks passed."
    return Answer(text, [vars(check) for check in checks], 1 if failed else 0)


async def _all(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Check]:
    for check in _settings(settings, environ):
        yield check
    try:
        with database(settings) as found:
            async for check in _database(found):
                yield check
            async for check in _bus(found):
                yield check
            async for check in _workspace(found, environ):
                yield check
    except Problem as error:
        yield Check("database", "error", str(error))


def _settings(settings: Settings, environ: Mapping[str, str]) -> list[Check]:
    checks = [
        Check("settings", "warning", f"{name} is no setting and is ignored. " + (f"Write {meant}." if meant else ""))
        for name, meant in unknown(environ).items()
    ]
    if settings.clock == "movable":
        checks.append(Check("clock", "warning", "Time can be moved. Remove WICI_CLOCK where customers are written to."))
    if settings.only_to:
        checks.append(
            Check("recipients", "warning", f"Only {', '.join(settings.only_to)} get messages (WICI_ONLY_TO).")
        )
    if not settings.secret_keys and settings.database_url:
        checks.append(Check("secret key", "warning", "WICI_SECRET_KEY is not set: `wici run` refuses to start."))
    if not settings.public_url:
        checks.append(
            Check("public URL", "warning", "WICI_PUBLIC_URL is not set: links in messages lead to this machine.")
        )
    if not settings.database_url:
        checks.append(_space(settings))
    return checks


def _space(settings: Settings) -> Check:
    folder = settings.data if settings.data.exists() else settings.data.absolute().parent
    free = shutil.disk_usage(folder if folder.exists() else ".").free
    said = f"{free / 1024**3:.1f} GiB are free for the embedded database in {settings.data / POSTGRES_FOLDER}"
    if free < LITTLE_SPACE:
        return Check("disk", "warning", f"{said}; PostgreSQL stops when none is left. Free some, or move WICI_DATA.")
    return Check("disk", "ok", f"{said}.")


async def _database(settings: Settings) -> AsyncIterator[Check]:
    waiting = await pending(settings.database_url)
    async with connection(settings) as opened:
        major = opened.get_server_version().major
        if major < OLDEST_POSTGRES:
            yield Check("database", "error", f"This is PostgreSQL {major}. wici needs {OLDEST_POSTGRES} or later.")
        else:
            yield Check("database", "ok", f"PostgreSQL {major} answers.")
        async for check in _durability(opened):
            yield check
    if waiting:
        yield Check(
            "schema", "error", f"{len(waiting)} migrations are missing ({', '.join(waiting)}). Run: wici migrate"
        )
    else:
        yield Check("schema", "ok", "The schema is this version's.")


async def _durability(opened: asyncpg.Connection[Any]) -> AsyncIterator[Check]:
    for name in ("fsync", "full_page_writes"):
        if await opened.fetchval(f"SHOW {name}") != "on":
            yield Check("durability", "error", f"{name} is off: a crash can lose what was acknowledged. Turn it on.")
    if await opened.fetchval("SHOW synchronous_commit") == "off":
        yield Check("durability", "error", "synchronous_commit is off: acknowledged events can be lost. Turn it on.")


async def _bus(settings: Settings) -> AsyncIterator[Check]:
    name = "Kafka" if settings.kafka else "PostgreSQL bus"
    try:
        async with bus(settings, SystemClock()) as opened:
            yield Check(name, "ok", "It answers.")
            found = [await _topic(opened, spec.name, spec.partitions) for spec in topic_specs(settings)]
        for check in found:
            yield check
        if settings.kafka and all(check.state != "error" for check in found):
            from services.cli.doctor_kafka import durability

            async for state, said in durability(settings):
                yield Check(name, state, said)
    except Problem as error:
        yield Check(name, "error", str(error))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        yield Check(name, "error", "Its tables are missing. Run: wici migrate")


async def _topic(opened: Bus, name: str, wanted: int) -> Check:
    try:
        count = await opened.partitions(name)
    except Misconfigured as error:
        return Check(f"topic {name}", "error", str(error))
    if count < wanted:
        return Check(
            f"topic {name}", "warning", f"It has {count} partitions, not {wanted}: that many engines can share it."
        )
    return Check(f"topic {name}", "ok", f"It has {count} partitions.")


async def _workspace(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Check]:
    async with connection(settings) as opened:
        try:
            workspace = await current(opened)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return
        paused = [row["scope"] for row in await opened.fetch("SELECT scope FROM queue.pauses ORDER BY scope")]
    if workspace is None:
        yield Check("workspace", "error", "None is published. Run: wici apply")
        return
    yield Check(
        "workspace", "ok", f"Version {workspace.version} is published, with {len(workspace.journeys)} journeys."
    )
    if paused:
        yield Check("pauses", "warning", f"Paused: {', '.join(paused)}. Lift them with: wici resume")
    for check in (*_secrets(workspace, environ), *_accounts(workspace, settings, environ)):
        yield check


def _secrets(workspace: Workspace, environ: Mapping[str, str]) -> list[Check]:
    sources = workspace.settings.sources.values()
    wanted = {name for source in sources for name in (*source.keys, *source.browser_keys, *source.secrets)}
    missing = [_missing(name, environ) for name in sorted(wanted)]
    return [Check("secret", "error", said) for said in missing if said] or [
        Check("secrets", "ok", "Every key of the sources is in the environment.")
    ]


def _missing(reference: str, environ: Mapping[str, str]) -> str:
    try:
        resolve(reference, environ)
    except Misconfigured as error:
        return str(error)
    return ""


def _accounts(workspace: Workspace, settings: Settings, environ: Mapping[str, str]) -> list[Check]:
    public = settings.public_url or replace(settings, public_url="").serving(EVERYTHING_PORT).public_url
    return [_account(account, public, environ) for account in workspace.settings.accounts]


def _account(account: Account, public: str, environ: Mapping[str, str]) -> Check:
    name = f"account {account.name}"
    provider = PROVIDERS.get(account.provider)
    if provider is None:
        return Check(name, "warning", f"{account.provider} has no adapter yet: its messages wait.")
    try:
        read(provider.settings, account, environ)
        urls = _callback_urls(account, public, environ)
    except Misconfigured as error:
        return Check(name, "error", str(error))
    if account.provider == "mailbox":
        return Check(name, "ok", f"What it would send is at {public}/mailbox.")
    keyed = {"callback_key", "callback_token"} & account.options.keys()
    if not keyed and account.provider == "smtp":
        return Check(name, "ok", "What bounces is not heard: docs/connect/smtp.md says how it would be.")
    if not keyed:
        return Check(
            name, "warning", f"Callbacks are refused: set callback_key or callback_token for {account.provider}."
        )
    hint = f" {provider.limits} wici follows what it answers; `rate:` keeps below." if provider.limits else ""
    return Check(name, "ok", f"Give {account.provider} as callback address: {', '.join(urls)}{hint}")


def _callback_urls(account: Account, public: str, environ: Mapping[str, str]) -> list[str]:
    """One address per token (two while a new one replaces an old one), or the plain one where callbacks are signed."""
    given = account.options.get("callback_token", ())
    tokens = given if isinstance(given, list | tuple) else (given,)
    shown = [resolve(token, environ) if is_reference(token) else token for token in tokens]
    return [f"{public}/callbacks/{account.name}/{token}" for token in shown] or [f"{public}/callbacks/{account.name}"]
