"""`wici log`: who changed what customers hear, when, and from which commit."""

from __future__ import annotations

import msgspec

from services.cli.audit import Entry, newest
from services.cli.connect import connection, database
from services.cli.terminal import Answer, table
from services.kit.settings import Settings

HEADER = ("when (UTC)", "who", "what", "version", "commit", "digest")
SHORT = 12


async def log(settings: Settings, most: int) -> Answer:
    """The newest lines, the newest first."""
    with database(settings) as found:
        async with connection(found) as opened:
            entries = await newest(opened, most)
    if not entries:
        return Answer("Nothing was published yet. Publish with: wici apply", {"log": []})
    rows = [_row(entry) for entry in entries]
    return Answer(table(rows, HEADER), {"log": [_data(entry) for entry in entries]})


def _row(entry: Entry) -> tuple[str, ...]:
    commit = "" if entry.commit_id is None else entry.commit_id[:SHORT] + (" and changes" if entry.dirty else "")
    return (
        f"{entry.at:%Y-%m-%d %H:%M:%S}",
        entry.who,
        f"{entry.act} {entry.scope}" if entry.scope else entry.act,
        "" if entry.version is None else str(entry.version),
        commit,
        "" if entry.digest is None else entry.digest.hex()[:SHORT],
    )


def _data(entry: Entry) -> dict[str, object]:
    return {**msgspec.structs.asdict(entry), "digest": None if entry.digest is None else entry.digest.hex()}
