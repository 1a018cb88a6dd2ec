"""A send or alert step against the workspace: its template, the channels it speaks, and what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from services.cli.workspace.findings import Place, short, write_instead
from services.cli.workspace.reading.row import Row
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.surroundings import Surroundings, TemplateFolder
from services.contracts.message import Channel, MessageClass
from services.trigger_engine.journeys.conditions import ListOf, Record, Type
from services.trigger_engine.journeys.scopes import template_scope
from services.trigger_engine.policies.caps import counts

FILES: Mapping[Channel, str] = {"email": "email.md", "sms": "sms.txt"}


class SendCheck:
    """Checks the send steps of one journey of class `klass` and topic `topic`, entered by `event`."""

    def __init__(self, sheet: Sheet, around: Surroundings, event: str, klass: str, topic: str | None = None) -> None:
        self._sheet = sheet
        self._around = around
        self._event = event
        self._klass = klass
        self._topic = topic
        self._said: list[tuple[Row, TemplateFolder]] = []

    def check(self, row: Row, template: str, via: tuple[Channel, ...]) -> None:
        """Template known, a text for every channel, somebody to deliver it, nothing read that will not be there."""
        self._accounts(row, via)
        self._room(row, via)
        folder = self._folder(row.at("send"), template)
        if folder is None:
            return
        self._channels(row.at("via"), folder, via)
        self._variables(row.at("send"), folder)
        self._said.append((row, folder))
        if "email" in via:
            self._sender(row.at("send"), folder, row.text("class", self._klass))

    def check_alert(self, row: Row, team: str, template: str) -> None:
        """Team known and somebody to carry what it is sent; template known, and an e-mail, of which webhooks tell."""
        teams, at = self._around.teams, row.at("template")
        found = teams.get(team) if teams else None
        if team and found is None and teams is not None:
            hint = write_instead(team, teams, "teams are") or f"write teams: {{{team[:60]}: {{email: …}}}} in wici.yaml"
            self._sheet.error(row.at("team"), "unknown-team", f"there is no team {short(team)}", hint)
        mailed = found is not None and found.email is not None
        if mailed and "email" not in self._around.channels:
            hint = "add one under providers.email in wici.yaml"
            self._sheet.error(row.at("team"), "no-account", f"no provider sends the team {short(team)} e-mail", hint)
        folder = self._folder(at, template)
        if folder is None:
            return
        self._channels(at, folder, ("email",))
        self._variables(at, folder, alerts=True)
        if mailed:
            self._sender(at, folder, "service")

    def _folder(self, at: Place, template: str) -> TemplateFolder | None:
        folder = self._around.templates.get(template)
        if folder is None and template:
            hint = write_instead(template, self._around.templates, "templates are")
            hint = hint or f"write templates/{template[:60]}/email.md"
            self._sheet.error(at, "unknown-template", f"there is no template {short(template)}", hint)
        return folder

    def check_locales(self) -> None:
        """A customer of one language hears every template of the journey in it, or none: what is missing is said."""
        wanted = {self._around.locale, *(locale for _, folder in self._said for locale in folder.channels)} - {""}
        for row, folder in self._said:
            spoken = {_language(locale) for locale in folder.channels}
            for locale in sorted(wanted):
                if not spoken or _language(locale) in spoken:
                    continue
                spoken.add(_language(locale))
                why = "the shop's language" if locale == self._around.locale else "as others of this journey are"
                message = f"the template {short(folder.name)} is not written in {locale}, {why}"
                name = "email.md" if folder.speaks("email") else "sms.txt"
                hint = f"write templates/{folder.name}/{locale}/{name}"
                self._sheet.warning(row.at("send"), "missing-locale", message, hint)

    def _accounts(self, row: Row, via: tuple[Channel, ...]) -> None:
        missing = [channel for channel in via if channel not in self._around.channels]
        if not missing:
            return
        message = f"no provider sends {' or '.join(missing)}"
        hint = f"add one under providers.{missing[0]} in wici.yaml"
        if len(missing) == len(via):
            self._sheet.error(row.at("via"), "no-account", message, hint)
        else:
            self._sheet.warning(row.at("via"), "no-account", message, hint)

    def _room(self, row: Row, via: tuple[Channel, ...]) -> None:
        """A step that no channel can ever say anything for, because caps leave no room."""
        klass = cast("MessageClass", row.text("class", self._klass))
        counts_as = self._around.counts_as.get(klass, klass)
        if via and all(any(counts(cap, one, counts_as, self._topic) for cap in self._around.never) for one in via):
            hint = "raise at_most of the cap in wici.yaml, or remove the step"
            self._sheet.warning(row.at("send"), "never-said", "a cap with at_most: 0 keeps this step silent", hint)

    def _channels(self, at: Place, folder: TemplateFolder, via: tuple[Channel, ...]) -> None:
        for channel in via:
            for locale in [one for one, spoken in folder.channels.items() if channel not in spoken]:
                if folder.speaks(channel):
                    message = f"the template {short(folder.name)} has no text for {channel} in {locale}"
                    hint = f"write templates/{folder.name}/{locale}/{FILES[channel]}"
                    self._sheet.warning(at, "missing-locale", message, hint)
            if not folder.speaks(channel):
                message = f"the template {short(folder.name)} has no text for {channel}"
                locale = next(iter(folder.channels), "")
                hint = f"write {'/'.join(part for part in ('templates', folder.name, locale, FILES[channel]) if part)}"
                self._sheet.error(at, "unknown-channel", message, hint)

    def _sender(self, at: Place, folder: TemplateFolder, klass: str) -> None:
        if klass in self._around.classes_with_sender:
            return
        for locale, template in folder.compiled.items():
            if template.email and not template.email.sender:
                message = f"nobody sends the {klass} e-mail {short(folder.name)} ({locale})"
                hint = f"write senders.{klass}.email in wici.yaml, or from: at the top of the template"
                self._sheet.error(at, "no-sender", message, hint)

    def _variables(self, at: Place, folder: TemplateFolder, *, alerts: bool = False) -> None:
        if self._event not in self._around.events:
            return
        scope = template_scope(self._event, self._around.own_events, self._around.facts, alerts=alerts)
        paths = {path for template in folder.compiled.values() for path in template.reads}
        for path in sorted(paths):
            known = missing(path, scope)
            if known is not None:
                message = (
                    f"the template {short(folder.name)} reads {'.'.join(path)[:80]}, which {self._event} does not bring"
                )
                hint = write_instead(path[len(known[0])], known[1], "known there")
                self._sheet.warning(at, "template-variable", message, hint)


def _language(locale: str) -> str:
    return locale.replace("_", "-").partition("-")[0].lower()


def missing(path: tuple[str, ...], scope: Mapping[str, Type]) -> tuple[tuple[str, ...], Iterable[str]] | None:
    """The part of a variable's path that is known and the names that could follow it; None if all of it is known."""
    kind: Type = Record(scope)
    for depth, name in enumerate(path):
        while isinstance(kind, ListOf):
            kind = kind.item
        if not isinstance(kind, Record):
            return None
        if name not in kind.fields:
            return None if kind.open else (path[:depth], kind.fields)
        kind = kind.fields[name]
    return None
