"""SMS: how many parts they take, what makes them longer, and the way out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from services.cli.samples import sample
from services.cli.workspace.findings import short
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.rules.prose import anywhere, body_at, in_prose
from services.cli.workspace.rules.whole import Told, Whole
from services.contracts.journey import Send
from services.contracts.message import Message
from services.contracts.workspace import Template
from services.kit.errors import Problem
from services.notifier.compose.compose import compose
from services.notifier.compose.sms import GSM_BASIC, GSM_EXTENDED, segments, transliterate, with_plain_blanks
from services.notifier.gate import CONSENTED
from services.notifier.voices import voice
from services.trigger_engine.journeys.scopes import template_scope

FILE = "sms.txt"
_URL = "https://wici.example"
_KEY = bytes(16)
_AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
_STOP = re.compile(r"\bSTOP\b")
_COSTLY = re.compile(f"[^{re.escape(''.join(GSM_BASIC | GSM_EXTENDED))}]")
_MOST_LETTERS = 5


class Said(NamedTuple):
    """An SMS in one language, as one step says it."""

    told: Told
    send: Send
    locale: str
    template: Template
    sheet: Sheet


def long_sms(whole: Whole) -> None:
    """More parts than policies.sms_parts, with everyday data."""
    most = whole.settings.policies.sms_parts
    for said in _each(whole):
        text = _composed(whole, said)
        parts = segments(text)
        if parts > most:
            message = (
                f"with everyday data this SMS takes {parts} parts ({len(text)} characters), and costs as many times"
            )
            hint = f"shorten it; or write policies: {{sms_parts: {parts}}} in wici.yaml (now {most})"
            said.sheet.warning(body_at(said.sheet), "long-sms", message, hint)


def costly_letter(whole: Whole) -> None:
    """Letters outside the GSM alphabet that make an SMS take more parts."""
    for said in _each(whole):
        letters = [one for one in in_prose({FILE: said.sheet}, _COSTLY) if with_plain_blanks(one.text) == one.text]
        if not letters:
            continue
        text = _composed(whole, said)
        parts, plain = segments(text), segments(transliterate(text))
        if plain < parts:
            distinct = list(dict.fromkeys(one.text for one in letters))
            named = ", ".join(short(one) for one in distinct[:_MOST_LETTERS])
            more = " and others" if len(distinct) > _MOST_LETTERS else ""
            message = (
                f"{named}{more} {'makes' if len(distinct) == 1 else 'make'} this SMS {parts} parts instead of {plain}"
            )
            instead = ", ".join(f"{transliterate(one) or 'nothing'} for {one}" for one in distinct[:_MOST_LETTERS])
            hint = f"write {instead}, or sms: transliterate at the top of the file"
            said.sheet.warning(letters[0].at, "costly-letter", message, hint)


def sms_without_opt_out(whole: Whole) -> None:
    """An advertisement by SMS that says no way out, where the policies add none."""
    if whole.settings.policies.sms_opt_out != "off":
        return
    for said in _each(whole, advertising=True):
        files = {FILE: said.sheet}
        shown = any(path[0] == "links" for path in said.template.reads) and "links." in said.sheet.text
        if not shown and not any(anywhere(files, _STOP)):
            message = "this advertisement says no way out, and policies.sms_opt_out adds none"
            hint = "write how to leave, such as: Reply STOP to opt out, or {{ links.unsubscribe }}"
            said.sheet.warning(body_at(said.sheet), "sms-without-opt-out", message, hint)


def _each(whole: Whole, *, advertising: bool = False) -> Iterator[Said]:
    """Every SMS once in each language, as the first step says it (the first that advertises, if there is one)."""
    seen: set[tuple[str, str]] = set()
    said = [one for one in whole.said() if "sms" in one[1].via]
    said.sort(key=lambda one: whole.counts_as(one[0].klass(one[1])) not in CONSENTED)
    for told, send, folder in said:
        if advertising and whole.counts_as(told.klass(send)) not in CONSENTED:
            continue
        for locale, template, files in whole.editions(folder):
            if template.sms is not None and FILE in files and (folder.name, locale) not in seen:
                seen.add((folder.name, locale))
                yield Said(told, send, locale, template, files[FILE])


def _composed(whole: Whole, said: Said) -> str:
    """The SMS as the notifier would compose it for sample data; empty where it cannot."""
    journey, settings = said.told.journey, whole.settings
    scope = template_scope(journey.enter.on, whole.around.own_events, whole.around.facts)
    context = sample(scope, said.locale.replace("_", "-").split("-")[0].lower(), settings.shop.url)
    klass = whole.counts_as(said.told.klass(said.send))
    message = Message(
        _KEY, _KEY, _KEY, journey.name, said.send.id, klass, "sms", said.template.name, "+48600100200", context, _AT,
        said.locale, journey.topic,
    )  # fmt: skip
    try:
        speaks = voice(settings, klass, _URL, ("a check signs its links with no secret",))
        return compose(message, said.template, composed_at=_AT, voice=speaks).text
    except Problem:
        return ""


RULES = (long_sms, costly_letter, sms_without_opt_out)
