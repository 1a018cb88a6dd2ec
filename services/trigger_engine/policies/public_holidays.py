"""Public holidays of a country, as the `holidays` library knows them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=1024)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The nationwide public holidays of a year. `country` is ISO 3166-1 alpha-2; one that is not known has none."""
    if not is_known(country):
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=year))


@lru_cache(maxsize=1)
def _supported() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())


def is_known(country: str) -> bool:
    """Whether the holidays of this country are known."""
    return country in _supported()
