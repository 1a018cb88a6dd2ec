"""How invented customers behave: every number of it. None is measured anywhere; docs/simulating.md states them."""

from __future__ import annotations

import msgspec


class Habits(msgspec.Struct, frozen=True):
    """Chances are from 0 to 1, times in days unless named otherwise; means are of exponential distributions."""

    known: float = 0.7  # customers before the first day; the others sign up, evenly over the days
    past_orders: int = 4  # of known customers, at most, in the year before
    has_phone: float = 0.6
    agrees_to_email: float = 0.55
    agrees_to_sms: float = 0.25  # of those with a phone
    visit_gap: float = 6.0  # mean
    rest: float = 12.0  # longer after an order, mean
    views: float = 2.5  # products seen in a visit, mean
    cart: float = 0.35  # of visits
    checkout: float = 0.55  # of carts
    order: float = 0.7  # of checkouts
    empties: float = 0.1  # of carts without an order, within the hour
    pays_at_once: float = 0.85  # of orders
    pays_later: float = 0.6  # of the others, within two days; else the order is cancelled after seven
    refund: float = 0.06  # of deliveries, 3 to 14 days later
    price_cut: float = 0.3  # of days: one product is a fifth cheaper for a week
    sold_out: float = 0.2  # of days: one product is away for 3 to 9 days
    delivered: float = 0.98  # of messages; of the others a third bounces for good
    opens: float = 0.4  # of delivered e-mails
    clicks: float = 0.15  # of opened e-mails
    clicks_sms: float = 0.08  # of delivered SMS
    unsubscribes: float = 0.004  # of delivered marketing
    complains: float = 0.0003  # of delivered marketing


HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 8, 8, 8, 9, 10, 12, 14, 16, 14, 9, 4)
"""How visits spread over the hours of the shop's clock, as weights."""
