"""What messages cost, by the price that an account states for one part of an SMS (`price: 0.09 PLN`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from services.cli.backtest.sums import Sums
from services.cli.mailroom import Mailroom
from services.contracts.message import Message
from services.contracts.workspace import Workspace
from services.notifier.compose.errors import RenderError


class Prices:
    """The first account of each channel is the one that is charged. An SMS is composed to count its parts."""

    def __init__(self, workspace: Workspace) -> None:
        self._mailroom = Mailroom(workspace)
        self.shop = workspace.settings.shop
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
        try:
            return self._mailroom.composed(message, at).parts
        except RenderError:
            return 0
