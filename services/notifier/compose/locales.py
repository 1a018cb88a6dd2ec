"""Which language version of a template a customer gets."""

from __future__ import annotations

from collections.abc import Collection, Iterator


def _normal(tag: str) -> str:
    return tag.replace("_", "-").lower()


def _chain(tag: str) -> Iterator[str]:
    """The tag, then what is left when subtags are cut from its end (RFC 4647 §3.4, lookup)."""
    parts = _normal(tag).split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        while parts and len(parts[-1]) == 1:
            parts.pop()


def choose_locale(wanted: str | None, available: Collection[str], shop_locale: str) -> str:
    """The best of `available`: pl-PL, pl, another pl-…, then the same for the shop's locale, else the first by name.

    Tags are BCP 47; case does not matter, nor `_` for `-`. Returns the entry as it is written in `available`.
    ValueError if there is none.
    """
    if not available:
        raise ValueError("a template has at least one locale")
    known = {_normal(tag): tag for tag in sorted(available, reverse=True)}
    for tag in (wanted, shop_locale):
        chain = list(_chain(tag)) if tag else []
        for candidate in chain:
            if candidate in known:
                return known[candidate]
        relatives = [known[name] for name in known if chain and name.startswith(chain[-1] + "-")]
        if relatives:
            return min(relatives)
    return min(available)
