"""What a customer looks at, buys and answers on: short lists with counts and last times, only where they are used."""

from __future__ import annotations

from typing import Any

from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Fact, Profile, Tally
from services.trigger_engine.profiles.uses import Uses
from services.trigger_engine.profiles.windows import category_words

MOST_TALLIED = 30  # of one list; what was met longest ago is forgotten first
MOST_VIEWED = 5
MOST_TOP = 5
BOUGHT_WEIGHS = 3  # a purchase says as much of a category as so many views
CLICKED_WEIGHS = 3  # a click says as much of a channel as so many opens
LONGEST = 128  # characters of a name
_SHOWN = ("id", "sku", "name", "price", "regular_price", "currency", "url", "image_url", "category")


def apply(profile: Profile, event: Arrival, uses: Uses) -> None:
    """Take in a product or category that was viewed, or an order that was placed."""
    if event.type == "order.placed" and event.data.order is not None:
        for item in event.data.order.items or ():
            _tally(profile, uses, "bought_products", item.product_id or item.sku, event)
            _tally(profile, uses, "bought_categories", item.category, event)
    elif event.type == "product.viewed" and event.data.product is not None:
        _tally(profile, uses, "viewed_products", event.data.product.id, event)
        _tally(profile, uses, "viewed_categories", event.data.product.category, event)
        if uses.last_viewed:
            _view(profile, event)
    elif event.type == "category.viewed":
        name = next((word for word in category_words(event) if isinstance(word, str) and word), None)
        _tally(profile, uses, "viewed_categories", name, event)


def hear(profile: Profile, receipt: Arrival, uses: Uses) -> None:
    """Take in that a message was opened or clicked."""
    if "channels" in uses.tallies and receipt.type in ("message.opened", "message.clicked"):
        weight = CLICKED_WEIGHS if receipt.type == "message.clicked" else 1
        _tally(profile, uses, "channels", receipt.fields["message"].get("channel"), receipt, weight)


def join(keeper: Profile, other: Profile) -> None:
    """Add up the lists of two profiles that become one."""
    for name, theirs in other.tallies.items():
        mine = keeper.tallies.setdefault(name, {})
        for key, tally in theirs.items():
            known = mine.get(key)
            mine[key] = tally if known is None else Tally(known.number + tally.number, max(known.last, tally.last))
        _forget(mine)
    for key, viewed in other.viewed.items():
        known_view = keeper.viewed.get(key)
        if known_view is None or (viewed.at, repr(viewed.value)) > (known_view.at, repr(known_view.value)):
            keeper.viewed[key] = viewed
    _forget_views(keeper)


def most(profile: Profile, name: str) -> list[str]:
    """The names of a list, those met most often first; of equals the one met last."""
    tallies = profile.tallies.get(name, {})
    return sorted(tallies, key=lambda key: (-tallies[key].number, -tallies[key].last.timestamp(), key))


def latest(profile: Profile, name: str) -> list[str]:
    """The names of a list, the one met last first."""
    tallies = profile.tallies.get(name, {})
    return sorted(tallies, key=lambda key: (-tallies[key].last.timestamp(), key))


def top_categories(profile: Profile) -> list[str]:
    """The categories that a customer cares for most, by what was bought and viewed."""
    scores: dict[str, int] = {}
    for name, weight in (("bought_categories", BOUGHT_WEIGHS), ("viewed_categories", 1)):
        for key, tally in profile.tallies.get(name, {}).items():
            scores[key] = scores.get(key, 0) + weight * tally.number
    return sorted(scores, key=lambda key: (-scores[key], key))[:MOST_TOP]


def preferred_channel(profile: Profile) -> str | None:
    """The channel whose messages are opened and clicked most; None while nothing is known."""
    return next(iter(most(profile, "channels")), None)


def last_viewed(profile: Profile) -> list[dict[str, Any]]:
    """The products viewed last, the latest first."""
    return [profile.viewed[key].value for key in _latest_views(profile)]


def _tally(profile: Profile, uses: Uses, name: str, key: str | None, event: Arrival, weight: int = 1) -> None:
    if not key or name not in uses.tallies or len(key) > LONGEST:
        return
    tallies = profile.tallies.setdefault(name, {})
    known = tallies.get(key)
    if known is None:
        tallies[key] = Tally(weight, event.time)
        _forget(tallies)
    else:
        tallies[key] = Tally(known.number + weight, max(known.last, event.time))


def _forget(tallies: dict[str, Tally]) -> None:
    while len(tallies) > MOST_TALLIED:
        del tallies[min(tallies, key=lambda key: (tallies[key].last, key))]


def _view(profile: Profile, event: Arrival) -> None:
    product = event.fields["product"]
    shown = {word: product[word] for word in _SHOWN if product.get(word) is not None}
    known = profile.viewed.get(product["id"])
    if known is None or (event.time, repr(shown)) > (known.at, repr(known.value)):
        profile.viewed[product["id"]] = Fact(shown, event.time)
        _forget_views(profile)


def _latest_views(profile: Profile) -> list[str]:
    return sorted(profile.viewed, key=lambda key: (-profile.viewed[key].at.timestamp(), key))


def _forget_views(profile: Profile) -> None:
    for key in _latest_views(profile)[MOST_VIEWED:]:
        del profile.viewed[key]
