"""The published workspace: what ops wrote, checked and compiled, in append-only versions in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import asyncpg
import msgspec

from services.contracts.journey import Journey
from services.contracts.segment import Segment
from services.contracts.settings import Settings

CHANNEL = "wici_workspace"  # NOTIFY hint that a version was published; polling is the truth


class EmailTemplate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An e-mail ready to render: MJML is compiled, what is left is Jinja."""

    subject: str
    html: str
    text: str
    sender: str | None = None
    preheader: str | None = None


class Template(msgspec.Struct, frozen=True, omit_defaults=True):
    """One template in one locale. `reads` lists the variable paths it uses; `digest` is its revision.

    `plain_sms` asks for an SMS in GSM 7-bit only; None leaves it to the policies.
    """

    name: str
    locale: str
    digest: str
    email: EmailTemplate | None = None
    sms: str | None = None
    plain_sms: bool | None = None
    kind: str | None = None
    reads: tuple[tuple[str, ...], ...] = ()


class Workspace(msgspec.Struct, frozen=True, omit_defaults=True):
    """One published version. Templates are in `templates[name][locale]`; event schemas are the shop's own types.

    `removed` has those journeys of earlier versions whose last word was not to let those inside go on to the end;
    `name_days` are days (`07-26`) by first name, in small letters; `version` and `published_at` (real time) are of its
    row.
    """

    settings: Settings
    journeys: tuple[Journey, ...] = ()
    templates: dict[str, dict[str, Template]] = {}
    event_schemas: dict[str, dict[str, Any]] = {}
    segments: tuple[Segment, ...] = ()
    removed: dict[str, Literal["drain", "cancel"]] = {}
    name_days: dict[str, str] = {}
    version: int = 0
    published_at: datetime | None = None


async def current(connection: asyncpg.Connection[Any] | asyncpg.Pool, after: int = 0) -> Workspace | None:
    """The newest published version, or None when there is none newer than `after`."""
    row = await connection.fetchrow(
        "SELECT id, document, published_at FROM workspace.versions WHERE id > $1 ORDER BY id DESC LIMIT 1", after
    )
    if row is None:
        return None
    found = msgspec.json.decode(row["document"], type=Workspace)
    return msgspec.structs.replace(found, version=row["id"], published_at=row["published_at"])
