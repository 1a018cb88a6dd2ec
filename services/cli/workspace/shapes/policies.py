"""`policies:` of `wici.yaml`: one layer of rules for all journeys."""

from __future__ import annotations

from typing import get_args

from services.cli.workspace.shapes.vocabulary import (
    Anything,
    ByKind,
    Choice,
    Duration,
    ListOf,
    Number,
    Shape,
    Table,
    Text,
)
from services.contracts.message import CHANNELS, MessageClass
from services.contracts.policies import MONEY

CLASSES: tuple[str, ...] = get_args(MessageClass)
# A class without a sender of its own speaks as this one.
SPEAKS_AS = {"service": "transactional", "opinion": "marketing"}
CLASS = Choice(CLASSES, "decides which consent a message needs", what="message class")
CHANNEL = Choice(CHANNELS, "how it is said", rule="unknown-channel", what="channel")
THEN = Choice(("wait", "drop"), "what becomes of a message that may not leave now")
HOLDOUT = Text("a share of customers that gets nothing, so that the effect can be measured", r"\d{1,2}(\.\d+)?%", "5%")
OFF = ("off",)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOLIDAYS = "public_holidays"
MOST_AT_MOST = 100
"""A customer's profile remembers each message that a cap counts."""
_HOURS = r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)"

_QUIET = ByKind(
    scalar=Text("none, or hours", rf"none|{_HOURS}", "20:00-09:00", "bad-cron-or-time"),
    mapping=Table(
        {
            "hours": Text("from-to, where the customer lives", _HOURS, "20:00-09:00", "bad-cron-or-time"),
            "also": ListOf(Choice((*WEEKDAYS, HOLIDAYS), what="day"), "whole days", alone=True),
            "then": THEN,
            "classes": ListOf(CLASS, "which keep to it; all but transactional if absent", alone=True, at_least=1),
        },
        required=("hours",),
        like="{hours: 20:00-09:00, then: wait}",
    ),
    wanted="none or hours",
    like="{hours: 20:00-09:00, then: wait}",
)
_CAP = Table(
    {
        "channel": CHANNEL,
        "class": CLASS,
        "topic": Text("a line in the preference centre", like="cart-reminders"),
        "at_most": Number("messages, 100 at most", least=0, whole=True),
        "per": Duration("in any such span", "7 days"),
        "then": THEN,
    },
    required=("at_most", "per"),
    like="{class: marketing, at_most: 1, per: 1 day, then: wait}",
)

THRESHOLD = Table(
    {
        "steps": ListOf(Number(least=0), "amounts, ascending", at_least=1),
        "currency": Text("ISO 4217; the shop's if absent", r"[A-Z]{3}", "PLN"),
        "per": Choice(("lifetime", "year", "month"), "in which time it adds up, by the shop's calendar"),
        "counts": Choice(("paid", "placed"), "which orders count"),
        "without": ListOf(Choice(("shipping",)), "what is taken off an order's total"),
    },
    like="{steps: [500, 2000, 5000], currency: PLN}",
)
_DELAY = ByKind(
    scalar=Text("a duration, or off", like="45 minutes"),
    mapping=Table({"after": Duration(like="2 hours")}, ("after",)),
    wanted="a duration or off",
    like="45 minutes",
)
_UNPAID = ByKind(
    scalar=Text("a duration, or off", like="2 hours"),
    mapping=Table({
        "after": Duration(like="2 hours"),
        "except": ListOf(Text(like="cash_on_delivery"), "payment methods that are paid later"),
    }),
    wanted="a duration or off",
    like="{after: 2 hours, except: [cash_on_delivery]}",
)  # fmt: skip
_ON_OFF = ("on", "off")
_AT = Text("a time of the customer's day", r"([01]\d|2[0-3]):[0-5]\d", "09:00", "bad-cron-or-time")
_OFF_OR_ANYTHING = ByKind(scalar=Choice(OFF), mapping=Anything(), items=ListOf(Anything()), like="off")

# Derived events that this version makes; all others that wici knows are accepted with a warning.
DERIVED: dict[str, Shape] = {
    "order.first_placed": Choice(_ON_OFF, "the first order of a customer"),
    "order.milestone": ByKind(
        scalar=Choice(OFF), items=ListOf(Number(least=1, whole=True), "which orders, by number"), like="[2, 5, 10]"
    ),
    "order.unpaid": _UNPAID,
    "cart.abandoned": _DELAY,
    "cart.emptied": _DELAY,
    "checkout.abandoned": _DELAY,
    "browse.abandoned": ByKind(
        scalar=Text("a duration, or off", like="4 hours"),
        mapping=Table(
            {
                "views": Number("looks at the same product or category", least=2, whole=True),
                "within": Duration("in any such span", "7 days"),
                "after": Duration("since the last look", "4 hours"),
            }
        ),
        wanted="a duration or off",
        like="{views: 3, within: 7 days, after: 4 hours}",
    ),
    "spend.threshold_crossed": ByKind(scalar=Choice(OFF), mapping=THRESHOLD, like="{steps: [500, 2000]}"),
    "customer.lapsed": ByKind(
        scalar=Choice(OFF),
        mapping=Table(
            {
                "usual_gap_times": Number(least=0),
                "at_least": Duration(like="60 days"),
                "default": Duration("of who has ordered once", "120 days"),
            }
        ),
        like="{usual_gap_times: 2, at_least: 60 days, default: 120 days}",
    ),
    "customer.birthday": ByKind(scalar=Choice(_ON_OFF), mapping=Table({"at": _AT}), like="{at: 09:00}"),
    "customer.anniversary": ByKind(
        scalar=Choice(_ON_OFF),
        mapping=Table({"of": ListOf(Choice(("first_order", "signup")), "of what", alone=True), "at": _AT}),
        like="{of: [first_order], at: 09:00}",
    ),
    "product.back_in_stock": Choice(
        _ON_OFF, "whoever asked for a product, put it into a cart or looked at it hears of it"
    ),
    "product.price_dropped": ByKind(
        scalar=Choice(OFF),
        mapping=Table({"at_least": Text("a share of the price before", r"\d{1,2}(\.\d+)?%", "5%")}, ("at_least",)),
        like="{at_least: 5%}",
    ),
}
DERIVED_LATER: dict[str, Shape] = {
    "product.running_out": _OFF_OR_ANYTHING,
    "purchase.due": _OFF_OR_ANYTHING,
}

POLICIES = Table(
    {
        "classes": Table(dict.fromkeys(CLASSES, CLASS), about="which class counts as which"),
        "quiet_hours": ByKind(
            scalar=Choice(("none",)),
            mapping=Table(dict.fromkeys(CHANNELS, _QUIET)),
            like="{sms: {hours: 20:00-09:00, then: wait}, email: none}",
        ),
        "caps": ListOf(_CAP, "how many messages a customer gets"),
        "brake": Table(
            {
                "per_journey_and_hour": Number("sends of one journey in an hour", least=1, whole=True),
                "sms_cost_per_day": Text("an amount and its currency", MONEY, "200 PLN"),
                "classes": ListOf(CLASS, "the classes that it counts and holds", at_least=1),
            },
            about="pauses and alarms when more is sent",
        ),
        "derive": Table({**DERIVED, **DERIVED_LATER}, about="events that wici derives; off switches one off"),
        "holdout": HOLDOUT,
        "sms": Choice(("as_written", "transliterate"), "SMS in the cheaper GSM letters only"),
        "sms_parts": Number("parts of an SMS, above which wici check warns; 2 if absent", least=1, whole=True),
        "sms_opt_out": Choice(("append", "off"), "the opt-out line of marketing SMS"),
    },
    about="one layer for all journeys",
)
