"""Message, template revision and time make what a provider is handed. Pure: the same three give the same bytes."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import msgspec

from services.contracts.message import ALERTS, Message, Route
from services.contracts.settings import Sender, Shop
from services.contracts.workspace import Template
from services.kit.errors import Misconfigured
from services.notifier.compose.errors import RenderError
from services.notifier.compose.footer import OptOut, WayOut, sms_closing, with_html_footer, with_text_footer
from services.notifier.compose.headers import LISTED, address_of, mail_headers, one_line
from services.notifier.compose.links import Form, confirm_url, make_token, preferences_url, unsubscribe_url
from services.notifier.compose.render import Audience, render_email, render_sms
from services.notifier.compose.tracking import Trail, followed


class Composed(msgspec.Struct, frozen=True, gc=False):
    """What is sent. An e-mail has subject, HTML, text and headers; an SMS has text and the `parts` it takes.

    `sender` is a mailbox (RFC 5322) or an SMS sender name, None where the account's own is used.
    """

    channel: Route
    recipient: str
    sender: str | None
    text: str
    subject: str = ""
    html: str = ""
    reply_to: str | None = None
    headers: dict[str, str] = {}
    parts: int = 0

    @property
    def digest(self) -> bytes:
        """Its SHA-256: equal digests, equal bytes."""
        return sha256(msgspec.msgpack.encode(self)).digest()


class Voice(msgspec.Struct, frozen=True, dict=True):
    """What is the same for all messages of a class: who speaks, under which address, signed with which keys.

    `public_url` is where the notifier's pages are reached, `secret_keys` newest first, `mailbox` an optional address
    that takes unsubscriptions by mail, `plain_sms` asks for GSM 7-bit only. `trail` says what becomes of links (None:
    they stay), `sms_opt_out` how an SMS lets its reader leave (None: it says nothing of it).
    """

    shop: Shop
    sender: Sender
    public_url: str
    secret_keys: tuple[str, ...]
    mailbox: str | None = None
    plain_sms: bool = False
    trail: Trail | None = None
    sms_opt_out: OptOut | None = None

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What a template may read of the shop."""
        facts: dict[str, Any] = msgspec.to_builtins(self.shop)
        return facts

    @cached_property
    def mailbox_of_sender(self) -> str:
        """From whom mails are whose template names nobody, as a header has it."""
        return one_line(self.sender.email or "")


def compose(message: Message, template: Template, *, composed_at: datetime, voice: Voice) -> Composed:
    """The message as it leaves. `composed_at` is stored with the claim and given again for a repeat.

    Raises RenderError for this message alone, Misconfigured where no message of the class can leave.
    """
    audience = _audience(message, template, voice)
    context = _context(message, template, audience, composed_at, voice)
    if message.channel == "sms":
        way_out = context["links"]["unsubscribe"]
        closing = sms_closing(voice.sms_opt_out, audience.locale, way_out) if voice.sms_opt_out else ""
        sms = render_sms(template, context, audience, plain=voice.plain_sms, closing=closing, unless=way_out)
        return _sendable(Composed("sms", message.recipient, voice.sender.sms, sms.text, parts=sms.segments))
    return _sendable(_email(message, template, context, audience, voice))


def alert_words(message: Message, template: Template, *, composed_at: datetime, voice: Voice) -> tuple[str, str]:
    """Subject and text of an alert, for a team that is told of it by a webhook. Raises RenderError."""
    audience = _audience(message, template, voice)
    mail = render_email(template, _context(message, template, audience, composed_at, voice), audience)
    return mail.subject, mail.text


def _audience(message: Message, template: Template, voice: Voice) -> Audience:
    return Audience(_language(message, template), voice.shop.currency, voice.shop.time_zone)


def _context(
    message: Message, template: Template, audience: Audience, composed_at: datetime, voice: Voice
) -> dict[str, Any]:
    """All that a template may read. An alert has no links: a team must not leave in the customer's name."""
    return {
        **message.context,
        "shop": voice.facts,
        "links": {} if message.channel in ALERTS else _links(message, template, voice),
        "message": _about(message, audience.locale),
        "now": composed_at,
    }


def _email(message: Message, template: Template, context: dict[str, Any], audience: Audience, voice: Voice) -> Composed:
    mail = render_email(template, context, audience)
    sender = mail.sender or voice.mailbox_of_sender
    address = address_of(sender)
    if address is None:
        raise Misconfigured(
            f"nobody to send template {template.name} from: write `from:` in it, or senders: in wici.yaml"
        )
    url: str = context["links"].get("unsubscribe", "")
    html, text = mail.html, mail.text
    ours = message.channel in ALERTS
    if not ours and (message.klass in LISTED or voice.shop.legal):
        way_out = WayOut(url, lambda: _preferences(message, voice)) if message.klass in LISTED else None
        closing = (way_out, audience.locale, voice.shop)
        html, text = with_html_footer(html, *closing), with_text_footer(text, *closing)
    if not ours and voice.trail is not None:
        html, text = followed(html, text, message, voice.secret_keys, voice.trail)
    headers = mail_headers(
        message,
        sender_domain=address.rpartition("@")[2],
        shop_name=voice.shop.name,
        unsubscribe=url,
        token=url.rpartition("/")[2],
        mailbox=voice.mailbox,
    )
    return Composed("email", message.recipient, sender, text, mail.subject, html, voice.sender.reply_to, headers)


def _links(message: Message, template: Template, voice: Voice) -> dict[str, str]:
    """The way out, and what else the template reads: signing is what composing spends most on."""
    form: Form = "unsubscribe_sms" if message.channel == "sms" else "unsubscribe"
    base = voice.trail.base if voice.trail and message.channel == "sms" else voice.public_url
    links = {"unsubscribe": unsubscribe_url(base, make_token(form, message.send_key, voice.secret_keys))}
    if _reads(template, "preferences"):
        links["preferences"] = _preferences(message, voice)
    if _reads(template, "confirm"):
        links["confirm"] = confirm_url(voice.public_url, make_token("confirm", message.send_key, voice.secret_keys))
    return links


def _preferences(message: Message, voice: Voice) -> str:
    return preferences_url(voice.public_url, make_token("preferences", message.send_key, voice.secret_keys))


def _reads(template: Template, link: str) -> bool:
    return ("links", link) in template.reads or ("links",) in template.reads


def _about(message: Message, locale: str) -> dict[str, Any]:
    return {
        "class": message.klass,
        "channel": message.channel,
        "journey": message.journey,
        "topic": message.topic,
        "language": locale.partition("-")[0].lower(),
    }


def _language(message: Message, template: Template) -> str:
    """The customer's regional form of the template's language (en-GB for en), else the template's own."""
    wanted = (message.locale or "").replace("_", "-")
    own = template.locale.replace("_", "-")
    return wanted if wanted.split("-")[0].lower() == own.split("-")[0].lower() else own


def _sendable(composed: Composed) -> Composed:
    try:
        msgspec.msgpack.encode(composed)
    except UnicodeEncodeError:
        raise RenderError("half of a surrogate pair stands in the data; it cannot be sent as UTF-8") from None
    return composed
