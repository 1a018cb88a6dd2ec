"""`wici preview`: what a template says, with sample data that fits its journey or with a real customer's facts."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from services.cli import data_folder
from services.cli.connect import connection, database
from services.cli.samples import sample
from services.cli.terminal import Answer
from services.cli.workspace.command import report
from services.cli.workspace.findings import write_instead
from services.cli.workspace.load import load
from services.contracts.journey import Alert, Journey, Send
from services.contracts.message import CHANNELS, Channel, Message, MessageClass
from services.contracts.workspace import Template, Workspace
from services.insights.find import find
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.settings import Settings
from services.notifier.compose.compose import Composed, compose
from services.notifier.compose.locales import choose_locale
from services.notifier.compose.sms import encoding_of
from services.notifier.voices import voice
from services.trigger_engine.journeys.compiled import pick
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.env import environment
from services.trigger_engine.journeys.scopes import template_scope
from services.trigger_engine.profiles.state import load as load_profile

_EXAMPLE: dict[Channel, str] = {"email": "anna@example.com", "sms": "+48600100200"}
_PROFILE = "SELECT version, state FROM engine.profiles WHERE id = $1"
_PUBLIC_URL = "https://wici.example"
_KEY = "a preview signs its links with no secret"


@dataclass(frozen=True)
class Wanted:
    """What to look at: a template, and where to take its language and data from."""

    template: str
    journey: str | None = None
    locale: str | None = None
    channel: Channel | None = None
    customer: str | None = None
    data: Path | None = None


def wanted(
    template: str, journey: str | None, locale: str | None, channel: str | None, customer: str | None, data: Path | None
) -> Wanted:
    """What a command line asks for. Misconfigured for a channel that there is not."""
    chosen = next((one for one in CHANNELS if one == channel), None)
    if channel and chosen is None:
        raise Misconfigured(f"There is no channel {channel!r}. Channels are: {', '.join(CHANNELS)}.")
    return Wanted(template, journey, locale, chosen, customer, data)


async def preview(settings: Settings, asked: Wanted, out: Path | None, *, browse: bool) -> Answer:
    """Render, say it, and write the page to `out` or to WICI_DATA/preview/. Misconfigured for what is not there."""
    workspace = workspace_of(settings)
    facts = await _customer(settings, asked, asked.customer, workspace) if asked.customer else {}
    said = [one for one, _ in rendered(workspace, asked, facts, None, settings)]
    mail = next((one for one in said if one.channel == "email"), None)
    page = None
    if mail is not None:
        page = out or data_folder.made(settings.data) / "preview" / f"{asked.template}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(mail.html, encoding="utf-8")
        if browse:
            webbrowser.open(page.resolve().as_uri())
    return Answer(_text(said, page), {"messages": [_data(one) for one in said], "page": str(page) if page else None})


def workspace_of(settings: Settings) -> Workspace:
    """The workspace's files. Misconfigured, with the findings, where they have errors."""
    loaded = load(settings.workspace)
    if loaded.workspace is None:
        raise Misconfigured(f"The workspace has errors.\n{report(loaded)}")
    return loaded.workspace


def rendered(
    workspace: Workspace, asked: Wanted, facts: dict[str, Any], recipient: str | None, settings: Settings
) -> Iterator[tuple[Composed, Message]]:
    """Each channel of the template, composed as the notifier does it. Misconfigured for what is not there."""
    locales = workspace.templates.get(asked.template)
    if not locales:
        hint = write_instead(asked.template, workspace.templates, "templates are")
        raise Misconfigured(f"There is no template {asked.template!r}. {hint}".strip())
    locale = choose_locale(asked.locale, tuple(locales), workspace.settings.shop.locale)
    template = locales[locale]
    journey, klass = _journey(workspace, asked)
    context = _context(workspace, journey, locale, asked, facts)
    speaks = voice(workspace.settings, klass, settings.public_url or _PUBLIC_URL, settings.secret_keys or (_KEY,))
    at = SystemClock().real()
    for channel in _channels(template, asked):
        key = sha256(f"{asked.template} {channel} {at.isoformat()}".encode()).digest()[:16]
        message = Message(
            key, key, key, journey.name if journey else "preview", "preview", klass, channel, asked.template,
            recipient or _EXAMPLE[channel], context, at, asked.locale or locale, journey.topic if journey else None,
        )  # fmt: skip
        yield compose(message, template, composed_at=at, voice=speaks), message


def _journey(workspace: Workspace, asked: Wanted) -> tuple[Journey | None, MessageClass]:
    """The journey that sends the template, and the class it does so in."""
    if asked.journey and asked.journey not in {one.name for one in workspace.journeys}:
        hint = write_instead(asked.journey, [one.name for one in workspace.journeys], "journeys are")
        raise Misconfigured(f"There is no journey {asked.journey!r}. {hint}".strip())
    for journey in workspace.journeys:
        if asked.journey not in (None, journey.name):
            continue
        for step in _steps(journey.steps):
            if isinstance(step, Send) and step.template == asked.template:
                return journey, step.klass or journey.klass
            if isinstance(step, Alert) and step.template == asked.template:
                return journey, "service"
        if asked.journey:
            return journey, journey.klass
    return None, "marketing"


def _steps(value: Any) -> Iterator[Any]:
    """Every step, also within branches."""
    if isinstance(value, tuple | list):
        for one in value:
            yield from _steps(one)
    elif hasattr(value, "__struct_fields__"):
        yield value
        for field in value.__struct_fields__:
            yield from _steps(getattr(value, field))


def _context(
    workspace: Workspace, journey: Journey | None, locale: str, asked: Wanted, facts: dict[str, Any]
) -> dict[str, Any]:
    scope = template_scope(journey.enter.on if journey else "checkout.started", workspace.event_schemas, alerts=True)
    context = sample(scope, locale.replace("_", "-").split("-")[0].lower(), workspace.settings.shop.url)
    given = _read(asked.data) if asked.data else {}
    return {**context, **facts, **given}


def _read(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Misconfigured(f'{path} is not a JSON object such as {{"profile": {{"first_name": "Anna"}}}}.')
    return given


async def _customer(settings: Settings, asked: Wanted, who: str, workspace: Workspace) -> dict[str, Any]:
    """What a message of the template would carry of this customer: what the engine picks from its environment."""
    with database(settings) as found:
        async with connection(found) as opened:
            row = await opened.fetchrow(_PROFILE, (await find(opened, who)).profile)
    profile, definitions = load_profile(row["state"], row["version"]), define(workspace)
    paths = [path for path in definitions.template_paths.get(asked.template, ()) if path[0] in ("profile", "cart")]
    picked = pick(environment(profile, definitions, SystemClock().real()), tuple(paths))
    carried: dict[str, Any] = json.loads(msgspec.json.encode(picked))
    return {"profile": {}, "cart": {}, **carried}


def _channels(template: Template, asked: Wanted) -> list[Channel]:
    has = {"email": template.email, "sms": template.sms}
    spoken = [channel for channel in CHANNELS if has[channel] is not None]
    if asked.channel and asked.channel not in spoken:
        raise Misconfigured(f"The template {template.name} has no text for {asked.channel} in {template.locale}.")
    return [asked.channel] if asked.channel else spoken


def _data(one: Composed) -> dict[str, Any]:
    return {
        "channel": one.channel, "sender": one.sender, "subject": one.subject, "text": one.text, "html": one.html,
        "headers": one.headers, "parts": one.parts,
    }  # fmt: skip


def _text(said: list[Composed], page: Path | None) -> str:
    parts = []
    for one in said:
        if one.channel == "email":
            parts.append(f"From:    {one.sender}\nSubject: {one.subject}\n\n{one.text}")
        else:
            size = f"{len(one.text)} characters, {encoding_of(one.text)}"
            parts.append(f"SMS in {one.parts} part{'s' * (one.parts != 1)} ({size})\n\n{one.text}")
    return "\n\n".join([*parts, *([f"The page: {page}"] if page else [])])
