"""Sources and providers as `wici.yaml` writes them: which are known, which have an adapter, which keys each takes."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from services.cli.workspace.shapes.vocabulary import (
    ByValue,
    Choice,
    Duration,
    ListOf,
    Names,
    Number,
    Shape,
    Table,
    Text,
)
from services.cli.workspace.shapes.vocabulary import Secret as SecretShape
from services.contracts.message import Channel
from services.contracts.policies import MONEY
from services.gateway.storefronts import STOREFRONTS
from services.gateway.storefronts.places import ITEM_WORDS, WORDS
from services.kit.secrets import Secret
from services.notifier.providers import PROVIDERS as ADAPTERS
from services.notifier.providers.base import Provider

URL = Text(
    "where its interface is, if not at the vendor's own address",
    r"\$[A-Za-z_]\w*|https?://\S+",
    "https://api.example.com",
)
SECRETS = ListOf(SecretShape(), "two while one replaces the other", alone=True, at_least=1)
WORDS_MAP = Names(
    Text("where the platform keeps it", like="meta_data.lang"),
    "where the platform keeps a fact in a place of the shop's own",
    pattern="|".join(map(re.escape, WORDS)),
    like="consents.email",
)

# Storefronts whose webhooks wici knows of and cannot take yet.
STOREFRONTS_WITHOUT_ADAPTER = (
    "prestashop", "bigcommerce", "ecwid", "shoper", "magento", "saleor", "idosell", "base",
)  # fmt: skip
_PLACE = Text("a path in the record", r"[^\s.]+(\.[^\s.]+)*", "payload.number")
_TYPE = Text("a type of event", r"[a-z][a-z0-9_]{0,49}(\.[a-z][a-z0-9_]{0,49}){1,4}", "order.placed")
KAFKA = Table(
    {
        "storefront": Text(),
        "topic": Text("the topic's name", r"[A-Za-z0-9._-]{1,249}", "shop.orders"),
        "bootstrap": Text("its Kafka, if not WICI_KAFKA", r"[^\s,/]+:\d{1,5}(,[^\s,/]+:\d{1,5})*", "kafka-1:9092"),
        "event": _TYPE,
        "type": _PLACE,
        "types": Names(_TYPE, "their word, and the type that it stands for", pattern=r".+", like="OrderCreated"),
        "id": _PLACE,
        "time": _PLACE,
        "data": _PLACE,
        "items": Table(
            {"at": _PLACE, **dict.fromkeys(ITEM_WORDS, _PLACE)},
            ("at",),
            about="the lines of an order or cart",
        ),
        "map": WORDS_MAP,
    },
    required=("topic",),
    like="{storefront: kafka, topic: shop.orders, event: order.placed, map: {order.id: number}}",
    about="a topic of the shop's own",
)
HTTP = Table(
    {
        "storefront": Text(),
        "keys": ListOf(SecretShape(), "server keys: they may send everything", alone=True, at_least=1),
        "browser_keys": ListOf(SecretShape(), "keys for pages: views and carts only", alone=True),
        "map": WORDS_MAP,
    },
    required=("keys",),
    like="{storefront: http, keys: [$BACKEND_KEY]}",
    about="an own back end, over CloudEvents or with a Segment client",
)
_WEBHOOKS = Table(
    {"storefront": Text(), "secrets": SECRETS, "map": WORDS_MAP},
    required=("secrets",),
    like="{storefront: shopify, secrets: [$SHOP_SECRET]}",
    about="a shop's platform, by its webhooks",
)
_STOREFRONT = Table({"storefront": Text(), "secrets": SECRETS, "keys": SECRETS, "map": WORDS_MAP}, rest=True)
SOURCE = ByValue(
    "storefront",
    {
        "http": HTTP,
        "kafka": KAFKA,
        **dict.fromkeys(STOREFRONTS, _WEBHOOKS),
        **dict.fromkeys(STOREFRONTS_WITHOUT_ADAPTER, _STOREFRONT),
    },
    rule="unknown-storefront",
    about="where events come from",
)

_NAME = Text("the account's name, part of its callback address", r"[a-z][a-z0-9_-]{0,62}", "main", "bad-name")
_ABOUT = {
    "base_url": "where its interface is, if not at the vendor's own address",
    "rate": "at most so many calls a second",
    "settle_after": "how long an unanswered call waits for a callback, where the provider has no idempotency",
    "price": "what one part of an SMS costs; the brake counts with it",
    "batch": "at most so many messages a call; 1 sends singly",
    "from": "the sender's name, if not that of `senders`",
    "api_key": "sends",
    "token": "sends",
    "host": "the relay's name",
    "port": "its port, if not 587 (starttls), 465 (tls) or 25 (none)",
    "tls": "starttls, tls from the first byte, or none for a relay on the same machine",
    "username": "logs in",
    "password": "logs in",
    "account_sid": "the account, AC…",
    "callback_url": "where statuses go, if not to the account's address under the public one",
    "callback_key": "verifies what the provider reports; two while one replaces the other",
    "return_path": "where bounces go; {key} in it is the message's key",
    "callback_token": "the last part of the callback's address; two while one replaces the other",
}


_NAMED: dict[str, Shape] = {
    "base_url": URL,
    "settle_after": Duration(_ABOUT["settle_after"], "30 minutes"),
    "price": Text(_ABOUT["price"], MONEY, "0.09 PLN"),
}


def _option(name: str, kind: Any) -> Shape:
    """The shape of a provider's setting, by the type that the provider declares for it."""
    about = _ABOUT.get(name, "")
    if name in _NAMED:
        return _NAMED[name]
    if get_origin(kind) is Literal:
        return Choice(get_args(kind), about)
    if kind in (Secret, Secret | None):
        return SecretShape(about)
    if kind == tuple[Secret, ...]:
        return ListOf(SecretShape(), about, alone=True, at_least=1)
    if kind in (int | None, int):
        return Number(about, least=1, whole=True)
    return Number(about, least=0.001) if kind in (float | None, float) else Text(about)


def _account(provider: Provider[Any]) -> Table:
    known = msgspec.structs.fields(provider.settings)
    options = [option for option in known if option.name != "price" or "sms" in provider.channels]
    required = tuple(option.encode_name for option in options if option.required)
    example = "".join(f", {name}: ${provider.name.upper()}_{name.upper()}" for name in required)
    return Table(
        {
            "name": _NAME,
            "provider": Text("who sends"),
            **{option.encode_name: _option(option.encode_name, option.type) for option in options},
        },
        ("name", *required),
        like=f"{{name: main, provider: {provider.name}{example}}}",
    )


def _accounts(channel: Channel, without_adapter: tuple[str, ...]) -> ByValue:
    tables = {name: _account(each) for name, each in ADAPTERS.items() if channel in each.channels}
    others = dict.fromkeys(without_adapter, _WITHOUT_ADAPTER)
    return ByValue("provider", tables | others, rule="unknown-provider")


_WITHOUT_ADAPTER = Table({"name": _NAME, "provider": Text("who sends")}, ("name",), rest=True)

EMAIL_WITHOUT_ADAPTER = ("mailgun", "postmark", "ses", "brevo", "mailjet", "sparkpost")
SMS_WITHOUT_ADAPTER = ("serwersms", "vonage", "sinch", "infobip", "messagebird", "telnyx")
PROVIDERS = Table(
    {
        "email": ListOf(_accounts("email", EMAIL_WITHOUT_ADAPTER), "in the order of failover"),
        "sms": ListOf(_accounts("sms", SMS_WITHOUT_ADAPTER), "in the order of failover"),
    },
    about="who delivers",
    like="{email: [{name: main, provider: mailbox}]}",
)
