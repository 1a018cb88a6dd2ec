"""How a customer is addressed: `name`, `vocative`, `greeting()` and `gendered()`, by language and shop.address_form."""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from services.notifier.compose.filters import language_of
from services.notifier.compose.names import Gender, first_name, gender_of, known
from services.notifier.compose.names import vocative as called

LANGUAGES = frozenset({"pl", "en"})  # those that greeting() speaks


def name(value: Any) -> str:
    """A first name made presentable: "ANNA MARIA" is Anna; what is no name is empty."""
    return first_name(value) if isinstance(value, str) else ""


@pass_context
def vocative(context: Context, value: Any) -> str:
    """The name as one calls it: Łucjo, Piotrze; the presentable name itself outside Polish or where it is unknown."""
    return called(name(value)) if language_of(context) == "pl" else name(value)


@pass_context
def greeting(context: Context, first: Any, last: Any, stated: Any) -> str:
    """The line that a message begins with, with its punctuation mark."""
    own = name(first)
    form = _form(context)
    gender = gender_of(own, stated)
    if language_of(context) == "pl":
        return _polish(own, form, gender)
    return _english(own, name(last), form, gender)


def _polish(own: str, form: str, gender: Gender | None) -> str:
    if form == "first_name" and own:
        return f"Cześć, {called(own)}!"
    found = known(own) if form == "pan_pani" else None
    if found and found.gender == gender:
        return f"Dzień dobry, {'Pani' if gender == 'female' else 'Panie'} {found.formal}!"
    return "Dzień dobry!"


def _english(own: str, last: str, form: str, gender: Gender | None) -> str:
    if form == "first_name" and own:
        return f"Hi {own},"
    if form == "pan_pani" and last and gender:
        return f"Dear {'Ms' if gender == 'female' else 'Mr'} {last},"
    return "Hello,"


def gendered(first: Any, stated: Any, *forms: Any) -> str:
    """The man's, the woman's or the neutral form; without a neutral one both, as in zrobiłeś/zrobiłaś."""
    male, female, *neutral = ("" if form is None else str(form) for form in forms)
    match gender_of(name(first), stated):
        case "male":
            return male
        case "female":
            return female
        case _:
            return neutral[0] if neutral else f"{male}/{female}"


def _form(context: Context) -> str:
    shop = context.parent.get("shop")
    return str(shop.get("address_form", "first_name")) if isinstance(shop, dict) else "first_name"
