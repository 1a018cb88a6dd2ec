"""Which names an event gives its customer, and what becomes of profiles that share them.

Two customer ids of one source are two customers, whatever else they share: an e-mail or phone of the one that turns up
with the other moves to the other. Everything else that shares a name is one person, and the profiles become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from services.contracts.data import Data
from services.trigger_engine.profiles.state import Identifier, Profile

# Who keeps the profile when several are found: the strongest name first.
STRENGTH = ("customer", "email", "phone", "anonymous", "cart")

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_SPACES = str.maketrans("", "", " -()./\u00a0")


def identify(source: str, subject: str | None, data: Data, *, trusted: bool) -> tuple[Identifier, ...]:
    """The identifiers that an event carries, strongest first; a browser's e-mail or phone is a hint, not a name."""
    found = []
    customer, order, cart = data.customer, data.order, data.cart
    customer_id = subject or (customer.id if customer else None)
    if customer_id and trusted:
        found.append(Identifier("customer", source, customer_id))
    if customer and trusted:
        if customer.email and (email := normal_email(customer.email)):
            found.append(Identifier("email", "", email))
        if customer.phone and (phone := normal_phone(customer.phone)):
            found.append(Identifier("phone", "", phone))
    if customer and customer.anonymous_id:
        found.append(Identifier("anonymous", source, customer.anonymous_id))
    if cart is not None:
        found.append(Identifier("cart", source, cart.id))
    if order is not None and order.cart_id and (cart is None or cart.id != order.cart_id):
        found.append(Identifier("cart", source, order.cart_id))
    return tuple(found)


@lru_cache(maxsize=65_536)
def normal_email(text: str) -> str | None:
    """An e-mail as it is compared: trimmed, lower case; None when it cannot be one (RFC 5321 §4.5.3 limits)."""
    email = text.strip().lower()
    local, at, domain = email.rpartition("@")
    if not at or not local or "." not in domain or " " in email or len(email) > 254:
        return None
    return email


@lru_cache(maxsize=65_536)
def normal_phone(text: str) -> str | None:
    """A phone in E.164 (ITU-T): +48600100200. Without the country's code it names nobody."""
    phone = text.translate(_SPACES)
    if phone.startswith("00"):
        phone = "+" + phone[2:]
    return phone if _PHONE.fullmatch(phone) else None


def choose(
    identifiers: Iterable[Identifier], owners: dict[Identifier, Profile]
) -> tuple[Profile | None, list[Profile]]:
    """The profile that an event is about, and those that become one with it. None: it is about somebody new.

    A profile found by a weaker name does not stand for a customer id that it does not bear.
    """
    names = sorted(identifiers, key=lambda i: STRENGTH.index(i.kind))
    shops = {i.source: i.value for i in names if i.kind == "customer"}
    keeper: Profile | None = None
    others: list[Profile] = []
    for name in names:
        profile = owners.get(name)
        if profile is None or profile is keeper or profile in others or _another(profile, shops):
            continue
        if keeper is None:
            keeper = profile
            shops = {**{i.source: i.value for i in profile.identifiers if i.kind == "customer"}, **shops}
        else:
            others.append(profile)
            shops |= {i.source: i.value for i in profile.identifiers if i.kind == "customer"}
    return keeper, others


def _another(profile: Profile, shops: dict[str, str]) -> bool:
    """Whether the profile bears another customer id of one of these shops."""
    return any(i.kind == "customer" and shops.get(i.source, i.value) != i.value for i in profile.identifiers)
