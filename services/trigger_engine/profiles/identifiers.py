"""Which names an event gives its customer, and what becomes of profiles that share them.

Two customer ids of one source are two customers, whatever else they share: an e-mail or phone of the one that turns up
with the other moves to the other. Everything else that shares a name is one person, and the profiles become one, as far
as one person can bear so many names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache, partial

import phonenumbers
from babel.core import get_global

from services.contracts.data import Customer, Data
from services.trigger_engine.profiles.placeholders import is_filler, is_filler_phone, is_masked
from services.trigger_engine.profiles.state import Identifier, Profile

# Who keeps the profile when several are found: the strongest name first.
STRENGTH = ("customer", "email", "phone", "anonymous", "cart", "order")
# How many names of a kind one customer bears; of more the oldest are forgotten. Customer ids are never.
CAPS = {"email": 5, "phone": 5, "anonymous": 20, "cart": 20, "order": 30}

_name: Callable[[tuple[str, str, str]], Identifier] = partial(tuple.__new__, Identifier)  # no step of Python's own
_SPACES = str.maketrans("", "", " -()./\u00a0\u202a\u202c")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


def identify(
    source: str, subject: str | None, data: Data, *, trusted: bool, region: str = ""
) -> tuple[Identifier, ...]:
    """The identifiers that an event carries, strongest first; a browser's e-mail or phone is a hint, not a name.

    `region` is the shop's country (ISO 3166-1), by which phones without a country's code are read.
    """
    found = []
    customer, order, cart = data.customer, data.order, data.cart
    customer_id = subject or (customer.id if customer else None)
    if customer_id and trusted:
        found.append(_name(("customer", source, customer_id)))
    if customer and trusted:
        if customer.email and (email := normal_email(customer.email)) and not is_masked(email):
            found.append(_name(("email", "", email)))
        if customer.phone and (phone := normal_phone(customer.phone, region_of(customer, region))):
            found.append(_name(("phone", "", phone)))
    if customer and customer.anonymous_id:
        found.append(_name(("anonymous", source, customer.anonymous_id)))
    if cart is not None:
        found.append(_name(("cart", source, cart.id)))
    if order is not None:
        if order.cart_id and (cart is None or cart.id != order.cart_id):
            found.append(_name(("cart", source, order.cart_id)))
        if trusted:
            found.append(_name(("order", source, order.id)))
    return tuple(found)


def country(time_zone: str, locale: str) -> str:
    """A shop's country (ISO 3166-1): that of its time zone (CLDR), else of its locale; empty if neither tells."""
    known = get_global("zone_territories")
    _, _, region = locale.replace("_", "-").partition("-")
    return str(known.get(time_zone, "")) or (region.upper() if len(region) == 2 else "")


def region_of(customer: Customer, shop: str) -> str:
    """The country by which a customer's phone is read: his own if he has told, else the shop's."""
    return customer.country.upper() if customer.country and _COUNTRY.fullmatch(customer.country) else shop


@lru_cache(maxsize=65_536)
def normal_email(text: str) -> str | None:
    """An e-mail as it is compared: trimmed, lower case; None when it cannot be one (RFC 5321 §4.5.3 limits).

    None too for what is written where there is no e-mail: noreply@…, brak@….
    """
    email = text.strip().lower()
    local, at, domain = email.rpartition("@")
    if not at or not local or "." not in domain or " " in email or len(email) > 254:
        return None
    return None if is_filler(email) else email


@lru_cache(maxsize=65_536)
def normal_phone(text: str, region: str = "") -> str | None:
    """A phone in E.164 (ITU-T): +48600100200. Without a country's code it is read as a national one of `region`.

    None for what cannot be one, or is written where there is none: 000 000 000.
    """
    phone = text.translate(_SPACES)
    if phone.startswith("00"):
        phone = "+" + phone[2:]
    try:
        number = phonenumbers.parse(phone, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or is_filler_phone(str(number.national_number)):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def choose(
    identifiers: Iterable[Identifier], owners: dict[Identifier, Profile]
) -> tuple[Profile | None, list[Profile]]:
    """The profile that an event is about, and those that become one with it. None: it is about somebody new.

    A profile found by a weaker name does not stand for a customer id that it does not bear, nor for one more stronger
    name than a person has: a cookie that many people share names none of them. An order's number joins no two people.
    """
    strongest = next(iter(owners), None)
    if strongest is None:
        return None, []
    # Mostly he is known by his customer id, and no other name leads to anybody else.
    if strongest.kind == "customer" and all(one is owners[strongest] for one in owners.values()):
        return owners[strongest], []
    names = sorted(identifiers, key=lambda i: STRENGTH.index(i.kind))
    shops = {i.source: i.value for i in names if i.kind == "customer"}
    bears: AbstractSet[Identifier] = set(names)
    keeper: Profile | None = None
    others: list[Profile] = []
    for name in names:
        profile = owners.get(name)
        if profile is None or profile is keeper or profile in others or _another(profile, shops):
            continue
        if _is_crowded(name.kind, bears | profile.identifiers.keys()):
            continue
        if keeper is None:
            keeper = profile
            shops = {**{i.source: i.value for i in profile.identifiers if i.kind == "customer"}, **shops}
        elif name.kind == "order" and any(i.kind != "order" for i in profile.identifiers):
            continue
        else:
            others.append(profile)
            shops |= {i.source: i.value for i in profile.identifiers if i.kind == "customer"}
        bears = bears | profile.identifiers.keys()
    return keeper, others


def _another(profile: Profile, shops: dict[str, str]) -> bool:
    """Whether the profile bears another customer id of one of these shops."""
    return any(i.kind == "customer" and shops.get(i.source, i.value) != i.value for i in profile.identifiers)


def _is_crowded(found_by: str, together: AbstractSet[Identifier]) -> bool:
    """Whether so many names, of a kind stronger than the one that was found by, are those of several people."""
    strength = STRENGTH.index(found_by)
    if strength < 2:
        return False
    numbers = Counter(i.kind for i in together)
    return any(numbers[kind] > CAPS[kind] for kind in STRENGTH[1:strength])


def beyond_caps(profile: Profile, just_named: Iterable[Identifier]) -> list[Identifier]:
    """The names that a profile has too many of, oldest first; never one that was named just now."""
    if len(profile.identifiers) <= min(CAPS.values()):
        return []
    kept = frozenset(just_named)
    found: list[Identifier] = []
    for kind, cap in CAPS.items():
        mine = [i for i in profile.identifiers if i.kind == kind]
        if len(mine) > cap:
            old = sorted((i for i in mine if i not in kept), key=lambda i: (profile.identifiers[i], i))
            found += old[: len(mine) - cap]
    return found
