"""`wici migrate`: the newest schema, and the topics."""

from __future__ import annotations

from services.cli.connect import bus, database, topic_specs
from services.cli.terminal import Answer
from services.kit.clock import SystemClock
from services.kit.database.migrate import migrate as upgrade
from services.kit.database.migrate import pending
from services.kit.settings import Settings


async def migrate(settings: Settings) -> Answer:
    """Bring the database to this version's schema and create the topics that do not exist. Safe to repeat."""
    with database(settings, make=True) as found:
        waiting = await pending(found.database_url)
        await upgrade(found.database_url)
        specs = topic_specs(found)
        async with bus(found, SystemClock()) as opened:
            await opened.create_topics(specs)
            counts = {spec.name: await opened.partitions(spec.name) for spec in specs}
    where = "Kafka" if settings.kafka else "PostgreSQL bus"
    text = f"Migrations applied: {', '.join(waiting) or 'none, the schema is the newest'}.\n{where}: {_topics(counts)}."
    return Answer(text, {"migrations": waiting, "bus": where, "topics": counts})


def _topics(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count} partitions)" for name, count in counts.items())
