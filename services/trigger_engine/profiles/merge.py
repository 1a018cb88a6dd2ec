"""Two profiles that turn out to be one person become one; the other one's id stays as an alias.

Merging is symmetric in what is known: the same two profiles give the same facts, whichever keeps its id.
"""

from __future__ import annotations

from services.trigger_engine.profiles import consent, interests, orders, windows
from services.trigger_engine.profiles.facts import learn
from services.trigger_engine.profiles.state import Entry, Looked, Member, Profile, Seen

MOST_FORMER = 50  # ids remembered of profiles that became this one; engine.aliases has them all


def merge(keeper: Profile, other: Profile) -> list[Entry]:
    """Move everything of `other` into `keeper`. Returns the entries that end because the same one exists already.

    Of two live entries of one journey and key the older stays.
    """
    for identifier, since in other.identifiers.items():
        keeper.identifiers[identifier] = max(since, keeper.identifiers.get(identifier, since))
    keeper.created_at = min(keeper.created_at, other.created_at)
    for name, fact in other.facts.items():
        learn(keeper, name, fact.value, fact.at)
    _merge_consents(keeper, other)
    _merge_seen(keeper, other)
    windows.join(keeper, other, orders.join(keeper, other))
    interests.join(keeper, other)
    _merge_segments(keeper, other)
    keeper.stated |= other.stated
    keeper.formerly += [*other.formerly, other.id]
    del keeper.formerly[:-MOST_FORMER]
    keeper.sent = sorted((*keeper.sent, *other.sent), key=lambda one: (one.at, one.key))
    for cart_id, at in other.bought.items():
        keeper.bought[cart_id] = max(at, keeper.bought.get(cart_id, at))
    _merge_cart(keeper, other)
    _merge_visits(keeper, other)
    for journey, keys in other.entered.items():
        mine_entered = keeper.entered.setdefault(journey, {})
        for key, at in keys.items():
            mine_entered[key] = max(at, mine_entered.get(key, at))
    for draw, arm in other.arms.items():
        mine_first = keeper.arms.get(draw)
        if mine_first is None or (arm.at, arm.value) < (mine_first.at, mine_first.value):
            keeper.arms[draw] = arm
    return _merge_entries(keeper, other)


def _merge_consents(keeper: Profile, other: Profile) -> None:
    for name, theirs in other.consents.items():
        mine = keeper.consents.get(name)
        keeper.consents[name] = theirs if mine is None else consent.join(mine, theirs)


def _merge_seen(keeper: Profile, other: Profile) -> None:
    for kind, theirs in other.seen.items():
        mine = keeper.seen.get(kind)
        if mine is None:
            keeper.seen[kind] = theirs
        else:
            keeper.seen[kind] = Seen(min(mine.first, theirs.first), max(mine.last, theirs.last))


def _merge_segments(keeper: Profile, other: Profile) -> None:
    """Who is a member as either of two is one; it ends when both have ceased to belong, from the later on."""
    keeper.segments_changed = max(keeper.segments_changed, other.segments_changed)
    for name, theirs in other.segments.items():
        mine = keeper.segments.get(name)
        if mine is None:
            keeper.segments[name] = theirs
            continue
        ending = None if mine.ending is None or theirs.ending is None else max(mine.ending, theirs.ending)
        keeper.segments[name] = Member(min(mine.since, theirs.since), theirs.tag or mine.tag, ending)


def _merge_cart(keeper: Profile, other: Profile) -> None:
    mine, theirs = keeper.cart, other.cart
    if theirs is not None and (mine is None or (theirs.changed_at, theirs.id) > (mine.changed_at, mine.id)):
        keeper.cart = theirs
    if keeper.cart is not None:
        keeper.filled = keeper.cart.id if keeper.cart.id in (keeper.filled, other.filled) else ""


def _merge_visits(keeper: Profile, other: Profile) -> None:
    """What derived events remember: the last checkout, looks at products, orders to be paid."""
    mine, theirs = keeper.checkout, other.checkout
    if theirs is not None and (mine is None or (theirs.at, theirs.cart_id) > (mine.at, mine.cart_id)):
        keeper.checkout = theirs
    for name, looked in other.looked.items():
        known = keeper.looked.get(name)
        if known is None:
            keeper.looked[name] = looked
        else:
            data = max((known, looked), key=lambda one: (one.times[-1], repr(one.data))).data
            keeper.looked[name] = Looked(sorted([*known.times, *looked.times]), data)
    for name, order in other.unpaid.items():
        keeper.unpaid[name] = orders.later(order, keeper.unpaid.get(name, order))


def _merge_entries(keeper: Profile, other: Profile) -> list[Entry]:
    ended = []
    for entry in other.entries:
        twin = next((e for e in keeper.entries if (e.journey, e.key) == (entry.journey, entry.key)), None)
        if twin is None or twin.until is not None or entry.until is not None:
            keeper.entries.append(entry)
            continue
        younger = max(twin, entry, key=lambda e: (e.entered_at, e.id))
        if younger is twin:
            keeper.entries[keeper.entries.index(twin)] = entry
        ended.append(younger)
    return ended
