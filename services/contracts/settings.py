"""`wici.yaml` as it is published: the shop, its sources, providers, senders and policies.

`$NAME` stays a reference; the service that uses a secret resolves it (services/kit/secrets.py).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from services.contracts.message import Channel, MessageClass


class Shop(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shop that speaks. `currency` is ISO 4217, `locale` BCP 47, `time_zone` IANA."""

    name: str
    url: str
    locale: str
    currency: str
    time_zone: str
    address: str = ""
    address_form: Literal["first_name", "pan_pani", "neutral"] = "first_name"
    legal: dict[str, str] = {}
    free_delivery_from: Decimal | None = None
    return_days: int | None = None
    brands: dict[str, Any] = {}


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where events come from. Keys and secrets are `$NAME` references."""

    storefront: str
    keys: tuple[str, ...] = ()
    browser_keys: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    map: dict[str, str] = {}
    options: dict[str, Any] = {}


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """One account at a provider; `options` holds that provider's own settings (api_key, from, base_url, …)."""

    name: str
    provider: str
    channel: Channel
    options: dict[str, Any] = {}


class Sender(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who a message class comes from: an RFC 5322 mailbox, where answers go, an SMS sender name."""

    email: str | None = None
    reply_to: str | None = None
    sms: str | None = None


class Threshold(msgspec.Struct, frozen=True, omit_defaults=True):
    """`spend.threshold_crossed`: the steps, ascending, in `currency`."""

    steps: tuple[Decimal, ...] = (Decimal(500), Decimal(2000), Decimal(5000))
    currency: str | None = None
    per: str = "lifetime"
    counts: Literal["paid", "placed"] = "paid"
    without: tuple[str, ...] = ("shipping",)


class Derive(msgspec.Struct, frozen=True, omit_defaults=True):
    """Derived events with an engine of their own. None switches one off; times are in seconds."""

    cart_abandoned: float | None = 2_700.0
    spend_threshold: Threshold | None = Threshold()
    first_order: bool = True


class Policies(msgspec.Struct, frozen=True, omit_defaults=True):
    """One layer for all journeys; `holdout` is in percent. What has no engine yet is kept and warned about."""

    classes: dict[str, MessageClass] = {}
    derive: Derive = Derive()
    holdout: float = 0.0
    other: dict[str, Any] = {}


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole of `wici.yaml`."""

    shop: Shop
    sources: dict[str, Source] = {}
    accounts: tuple[Account, ...] = ()
    senders: dict[str, Sender] = {}
    policies: Policies = Policies()
    links: dict[str, Any] = {}
    teams: dict[str, Any] = {}
