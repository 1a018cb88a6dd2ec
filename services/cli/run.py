"""`wici run SERVICE`: one service in this process, over a named PostgreSQL and Kafka."""

from __future__ import annotations

from collections.abc import Mapping

from services.cli.connect import context
from services.cli.services import PORTS, builder
from services.cli.terminal import Answer
from services.kit.database.migrate import pending
from services.kit.errors import Misconfigured
from services.kit.runner import Runner
from services.kit.settings import Settings
from services.kit.telemetry.logs import Log, Logger, configure

_log = Logger()


async def run(service: str, settings: Settings, environ: Mapping[str, str], host: str) -> Answer:
    """Serve until a signal comes."""
    build = builder(service)
    require(settings)
    configure(settings.log)
    await _refuse_old_schema(settings)
    async with context(settings.serving(PORTS[service]), service, environ) as made:
        runner = Runner([build(made)], port=made.settings.port, host=host)
        _log.info(Log.PROCESS_STARTED, services=[service], port=made.settings.port, instance=made.instance)
        await runner.run()
    return Answer("", None)


def require(settings: Settings) -> None:
    """Refuse to run apart without what the processes share. Misconfigured, with what to write."""
    if not settings.database_url:
        raise Misconfigured(
            "`wici run` needs WICI_DATABASE_URL. Write postgresql://user:password@host:5432/database, the same for "
            "every service; `wici up` brings a database of its own."
        )
    if not settings.kafka:
        raise Misconfigured(
            "`wici run` needs WICI_KAFKA. Write its bootstrap servers, host:9092, the same for every service; "
            "`wici up` does without Kafka."
        )
    if not settings.secret_keys:
        raise Misconfigured(
            "`wici run` needs WICI_SECRET_KEY, the same for every service. Write a random one: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )


async def _refuse_old_schema(settings: Settings) -> None:
    waiting = await pending(settings.database_url)
    if waiting:
        raise Misconfigured(f"The database lacks {len(waiting)} migrations ({waiting[0]}, …). Run: wici migrate")
