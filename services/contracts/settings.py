"""`wici.yaml` as it is published: the shop, its sources, providers, senders and policies.

`$NAME` stays a reference; the service that uses a secret resolves it (services/kit/secrets.py).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from services.contracts.message import Channel, MessageClass, Route
from services.contracts.policies import Brake, Cap, QuietHours

WEBHOOK_ACCOUNT = "webhook"
"""The account that sends webhooks: it is there where `webhooks.secret` is written."""


class Shop(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shop that speaks. `currency` is ISO 4217, `locale` BCP 47, `time_zone` IANA, `country` ISO 3166-1 alpha-2.

    An empty `country` is the one that time zone or locale name; `colour` is #rrggbb, or empty.
    """

    name: str
    url: str
    locale: str
    currency: str
    time_zone: str
    country: str = ""
    address: str = ""
    address_form: Literal["first_name", "pan_pani", "neutral"] = "first_name"
    legal: dict[str, str] = {}
    free_delivery_from: Decimal | None = None
    return_days: int | None = None
    brands: dict[str, Any] = {}
    colour: str = ""


class Topic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the preference centre: texts by language, under the empty one where it is the same in all."""

    title: dict[str, str] = {}
    about: dict[str, str] = {}


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
    channel: Route
    options: dict[str, Any] = {}


class Sender(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who a message class comes from: an RFC 5322 mailbox, where answers go, an SMS sender name."""

    email: str | None = None
    reply_to: str | None = None
    sms: str | None = None


class Threshold(msgspec.Struct, frozen=True, omit_defaults=True):
    """`spend.threshold_crossed`: the steps, ascending, in `currency`; years and months are the shop's calendar's."""

    steps: tuple[Decimal, ...] = (Decimal(500), Decimal(2000), Decimal(5000))
    currency: str | None = None
    per: Literal["lifetime", "year", "month"] = "lifetime"
    counts: Literal["paid", "placed"] = "paid"
    without: tuple[str, ...] = ("shipping",)


class Unpaid(msgspec.Struct, frozen=True, omit_defaults=True):
    """`order.unpaid`: after so many seconds, except for these payment methods."""

    after: float = 7_200.0
    excluded: tuple[str, ...] = ("cash_on_delivery",)


class Browse(msgspec.Struct, frozen=True, omit_defaults=True):
    """`browse.abandoned`: something looked at `views` times `within` seconds; `after` seconds without another look."""

    after: float = 14_400.0
    views: int = 3
    within: float = 604_800.0


class Lapsed(msgspec.Struct, frozen=True, omit_defaults=True):
    """`customer.lapsed`: so many usual gaps, but `at_least` so long; `default` for who has ordered once. Seconds."""

    usual_gap_times: float = 2.0
    at_least: float = 5_184_000.0
    default: float = 10_368_000.0


class Yearly(msgspec.Struct, frozen=True, omit_defaults=True):
    """What comes back every year: `at` HH:MM on the customer's clock."""

    at: str = "09:00"


class Anniversary(msgspec.Struct, frozen=True, omit_defaults=True):
    """`customer.anniversary`: of the first order, of signing up, or of both."""

    of: tuple[Literal["first_order", "signup"], ...] = ("first_order",)
    at: str = "09:00"


class Derive(msgspec.Struct, frozen=True, omit_defaults=True):
    """Derived events. None, False or nothing at all switches one off; times are in seconds.

    `price_dropped` is by how many percent at least.
    """

    cart_abandoned: float | None = 2_700.0
    spend_threshold: Threshold | None = Threshold()
    first_order: bool = True
    cart_emptied: float | None = 300.0
    checkout_abandoned: float | None = 3_600.0
    browse_abandoned: Browse | None = Browse()
    order_unpaid: Unpaid | None = Unpaid()
    order_milestone: tuple[int, ...] = (2, 5, 10)
    customer_lapsed: Lapsed | None = Lapsed()
    customer_birthday: Yearly | None = Yearly()
    customer_anniversary: Anniversary | None = Anniversary()
    price_dropped: float | None = 5.0
    back_in_stock: bool = True


class Links(msgspec.Struct, frozen=True, omit_defaults=True):
    """Links of messages: `domain` is where tracked ones and those in SMS lead to (None: the public address).

    `track` says whose opens and clicks are told: advertisements' (marketing, opinion), everybody's, or nobody's. `utm`
    maps source, medium, campaign, … to values with {channel} and {journey} in them.
    """

    domain: str | None = None
    track: Literal["marketing", "all", "off"] = "marketing"
    utm: dict[str, str] = {}


class Webhooks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Webhooks that leave: `secret` (`$NAME`) signs them; `allow` names hosts, with port, inside the own network."""

    secret: str | None = None
    allow: tuple[str, ...] = ()


class Team(msgspec.Struct, frozen=True, omit_defaults=True):
    """People who are told of customers: by e-mail, by a webhook to an address or `$NAME`, or by both."""

    email: str | None = None
    webhook: str | None = None


class Policies(msgspec.Struct, frozen=True, omit_defaults=True):
    """One layer for all journeys; `holdout` is in percent, `plain_sms` is `sms: transliterate`.

    Above `sms_parts` parts of an SMS `wici check` warns. What has no engine yet is kept and warned about.

    `classes` says as which class another one counts, in everything.
    """

    classes: dict[MessageClass, MessageClass] = {}
    quiet_hours: dict[Channel, QuietHours] = {}
    caps: tuple[Cap, ...] = ()
    brake: Brake | None = None
    derive: Derive = Derive()
    holdout: float = 0.0
    plain_sms: bool = False
    sms_parts: int = 2
    sms_opt_out: Literal["append", "off"] = "append"
    other: dict[str, Any] = {}


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole of `wici.yaml`."""

    shop: Shop
    sources: dict[str, Source] = {}
    accounts: tuple[Account, ...] = ()
    senders: dict[str, Sender] = {}
    policies: Policies = Policies()
    links: Links = Links()
    webhooks: Webhooks = Webhooks()
    teams: dict[str, Team] = {}
    topics: dict[str, Topic] = {}
