"""What messages cost, by the price that an account states for one part of an SMS (`price: 0.09 PLN`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from services.cli.backtest.sums import Sums
from services.contracts.message import Message, MessageClass
from services.contracts.workspace import Workspace
from services.notifier.compose.compose import Voice, compose
from services.notifier.compose.errors import RenderError
from services.notifier.compose.locales import choose_locale
from services.notifier.voices import voice

_URL, _KEY = "https://wici.example", "a backtest signs its links with no secret"


class Prices:
    """The first account of each channel is the one that is charged. An SMS is composed to count its parts."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.shop = workspace.settings.shop
        self._voices: dict[MessageClass, Voice] = {}
        self._prices: dict[str, tuple[Decimal, str]] = {}
        for account in reversed(workspace.settings.accounts):
            if price := account.options.get("price"):
                amount, currency = str(price).split()
                self._prices[account.channel] = Decimal(amount), currency

    def charge(self, message: Message, at: datetime, into: Sums) -> None:
        """Add what a message costs, or count it as one without a price."""
        price = self._prices.get(message.channel)
        if price is None:
            into.unpriced[message.channel] += 1
            return
        amount, currency = price
        parts = self._parts(message, at) if message.channel == "sms" else 1
        into.cost[currency] = into.cost.get(currency, Decimal(0)) + amount * parts

    def _parts(self, message: Message, at: datetime) -> int:
        locales = self._workspace.templates.get(message.template, {})
        if not locales:
            return 0
        template = locales[choose_locale(message.locale, tuple(locales), self.shop.locale)]
        if message.klass not in self._voices:
            self._voices[message.klass] = voice(self._workspace.settings, message.klass, _URL, (_KEY,))
        try:
            return compose(message, template, composed_at=at, voice=self._voices[message.klass]).parts
        except RenderError:
            return 0
