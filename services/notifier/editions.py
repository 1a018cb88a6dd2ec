"""Editions: one published version of the workspace, ready to send with; the newest, and older ones for repeats.

An account whose secret is missing keeps the version before in force: a good edition is never replaced by a broken one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec

from services.contracts.journey import Webhook, every_step
from services.contracts.message import Message, MessageClass, Route
from services.contracts.settings import WEBHOOK_ACCOUNT
from services.contracts.settings import Account as Configured
from services.contracts.workspace import Template, Workspace, current
from services.kit.errors import Misconfigured
from services.kit.secrets import is_reference, resolve
from services.kit.service import Context
from services.kit.telemetry import metrics
from services.kit.telemetry.logs import Log, Logger
from services.notifier.compose.compose import Voice
from services.notifier.compose.locales import choose_locale
from services.notifier.pace import SLOTS, SLOTS_WITHOUT_IDEMPOTENCY, Pace
from services.notifier.providers import PROVIDERS, webhook
from services.notifier.providers.base import Provider
from services.notifier.providers.settings import AccountSettings, read
from services.notifier.voices import voice

ALERTED_BY: Mapping[Route, Route] = {"email": "alert_email", "webhook": "alert_webhook"}
"""On which route an account of a route alerts teams."""
SLOTS_OF_ALERTS, RATE_OF_ALERTS = 2, 1.0
"""How many alerts an account has under way at once, and how many a second where it has a rate, beside its own."""
_OLDER = "SELECT document FROM workspace.versions WHERE id = $1"
_OLDER_KEPT = 8
_log = Logger()


@dataclass(frozen=True)
class Account:
    """One account that can be called, on one route. `pace` outlives editions: what was asked for stays asked."""

    name: str
    channel: Route
    provider: Provider[Any]
    settings: AccountSettings
    pace: Pace

    @property
    def members_per_call(self) -> int:
        """How many messages one call takes."""
        return self.provider.members_per_call(self.settings)


@dataclass(frozen=True)
class Edition:
    """One version of the workspace. `accounts` are in failover order; `told` holds what was said about it already.

    `environ` resolves the addresses of webhooks: an entry may post to one that the newest version no longer names.
    """

    version: int
    workspace: Workspace
    accounts: tuple[Account, ...]
    voices: dict[MessageClass, Voice] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    environ: Mapping[str, str] = field(default_factory=dict)

    def account(self, name: str, route: Route | None = None) -> Account | None:
        """The account of that name, on that route where it has several."""
        return next((one for one in self.accounts if one.name == name and route in (None, one.channel)), None)

    def template(self, message: Message) -> Template | None:
        """The template in the customer's language, or None where it was removed or lacks the channel."""
        locales = self.workspace.templates.get(message.template)
        if not locales:
            return None
        found = locales[_locale(message.locale, tuple(locales), self.workspace.settings.shop.locale)]
        return found if (found.sms if message.channel == "sms" else found.email) is not None else None


@lru_cache(maxsize=4096)
def _locale(wanted: str | None, available: tuple[str, ...], shop: str) -> str:
    return choose_locale(wanted, available, shop)


class Editions:
    """Follows the published workspace.

    `now` is the edition in force, None before the first; `problem` says what is wrong with a newer one.
    """

    def __init__(self, context: Context) -> None:
        self.now: Edition | None = None
        self.problem: str | None = None
        self.hinted = asyncio.Event()
        self._context = context
        self._paces: dict[tuple[str, str, Route], Pace] = {}
        self._older: dict[int, Edition] = {}
        self._refused = 0

    def hint(self) -> None:
        """A version may have been published."""
        self.hinted.set()

    async def refresh(self) -> None:
        """Take the newest version, if there is a newer one and it is good."""
        seen = max(self._refused, self.now.version if self.now else 0)
        newest = await current(self._context.pool, seen)
        if newest is None:
            return
        try:
            self.now = self._edition(newest)
            self.problem = None
        except Misconfigured as problem:
            self.problem = str(problem)
            self._refused = newest.version
            _log.error(Log.SECRET_MISSING, version=newest.version, problem=self.problem)
        else:
            metrics.WORKSPACE_VERSION.set(newest.version)
            names = list(dict.fromkeys(one.name for one in self.now.accounts))
            _log.info(Log.WORKSPACE_APPLIED, version=newest.version, accounts=names)

    async def of(self, version: int) -> Edition | None:
        """The edition that an attempt was composed with, None if it cannot be had any more."""
        if self.now is not None and self.now.version == version:
            return self.now
        if version not in self._older:
            edition = await self._load(version)
            if edition is None:
                return None
            while len(self._older) >= _OLDER_KEPT:
                del self._older[next(iter(self._older))]
            self._older[version] = edition
        return self._older[version]

    async def _load(self, version: int) -> Edition | None:
        document = await self._context.pool.fetchval(_OLDER, version)
        if document is None:
            return None
        workspace = msgspec.json.decode(document, type=Workspace)
        try:
            return self._edition(msgspec.structs.replace(workspace, version=version))
        except Misconfigured as problem:
            _log.error(Log.SECRET_MISSING, version=version, problem=str(problem))
            return None

    def _edition(self, workspace: Workspace) -> Edition:
        known = [one for one in workspace.settings.accounts if one.provider in PROVIDERS]
        accounts = tuple(self._account(one, PROVIDERS[one.provider]) for one in known)
        if workspace.settings.webhooks.secret:
            accounts += (self._webhooks(workspace),)
        accounts += tuple(self._alerting(one) for one in accounts if one.channel in ALERTED_BY)
        classes: tuple[MessageClass, ...] = ("transactional", "service", "opinion", "marketing")
        ours = self._context.settings
        return Edition(
            workspace.version,
            workspace,
            accounts,
            {k: voice(workspace.settings, k, ours.public_url, ours.secret_keys) for k in classes},
            environ=self._context.environ,
        )

    def _webhooks(self, workspace: Workspace) -> Account:
        """The account that sends webhooks. Misconfigured where one of their addresses is not set."""
        ours = workspace.settings.webhooks
        steps = [step for journey in workspace.journeys for step in every_step(journey.steps)]
        urls = [step.url for step in steps if isinstance(step, Webhook)]
        for url in (*urls, *(team.webhook for team in workspace.settings.teams.values())):
            if url is not None and is_reference(url):
                resolve(url, self._context.environ)
        options = {"secret": ours.secret, "allow": ours.allow}
        return self._account(Configured(WEBHOOK_ACCOUNT, "webhook", "webhook", options), webhook.PROVIDER)

    def _alerting(self, account: Account) -> Account:
        """The same account as it alerts teams: with a little pace of its own, so that neither waits for the other."""
        route = ALERTED_BY[account.channel]
        own = Pace(SLOTS_OF_ALERTS, many=account.provider is webhook.PROVIDER)
        pace = self._paces.setdefault((account.name, account.provider.name, route), own)
        rate = account.settings.rate
        pace.rate = None if rate is None else min(rate, RATE_OF_ALERTS)
        return replace(account, channel=route, pace=pace)

    def _account(self, configured: Configured, provider: Provider[Any]) -> Account:
        settings = read(provider.settings, configured, self._context.environ, self._context.settings.public_url)
        slots = SLOTS if provider.idempotency else SLOTS_WITHOUT_IDEMPOTENCY
        key = (configured.name, configured.provider, configured.channel)
        pace = self._paces.setdefault(key, Pace(slots, many=provider is webhook.PROVIDER))
        pace.rate = settings.rate
        return Account(configured.name, configured.channel, provider, settings, pace)
