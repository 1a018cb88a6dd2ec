"""How the shop speaks in each class of messages, as its settings say: the same for what is sent and for a preview."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.contracts.message import MessageClass
from services.contracts.settings import Sender, Settings
from services.notifier.compose.compose import Voice
from services.notifier.compose.footer import OptOut
from services.notifier.compose.tracking import trail
from services.notifier.gate import CONSENTED

_SPEAKS_AS: Mapping[MessageClass, MessageClass] = {"service": "transactional", "opinion": "marketing"}
_ANSWERABLE = re.compile(r"\+?[0-9]{3,15}|MG[0-9a-fA-F]{32}")
"""A number, or a messaging service of Twilio's, which has some; a name takes no answers."""


def voice(settings: Settings, klass: MessageClass, public_url: str, secret_keys: tuple[str, ...]) -> Voice:
    """The voice of a class. `public_url` is where the notifier's pages are reached, `secret_keys` newest first."""
    sender = settings.senders.get(klass) or settings.senders.get(_SPEAKS_AS.get(klass, klass)) or Sender()
    return Voice(
        settings.shop, sender, public_url, secret_keys, plain_sms=settings.policies.plain_sms,
        trail=trail(settings.links, klass, public_url, settings.shop.url),
        sms_opt_out=_opt_out(settings, sender) if klass in CONSENTED else None,
    )  # fmt: skip


def _opt_out(settings: Settings, sender: Sender) -> OptOut | None:
    """How an SMS lets its reader leave: by an answer where every account's sender can take one, else by a link."""
    if settings.policies.sms_opt_out == "off":
        return None
    accounts = [one for one in settings.accounts if one.channel == "sms"]
    senders = [sender.sms or str(one.options.get("from", "")) for one in accounts]
    return "reply" if senders and all(_ANSWERABLE.fullmatch(one) for one in senders) else "link"
