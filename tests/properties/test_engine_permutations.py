"""One person under a cookie's, an e-mail's and a customer's name: every order of what happens, on a real database.

Two engines read two partitions. `in turn` tells every customer's next event only when the one before is taken in, so
that the engines see exactly this order; `at once` lets both logs run, so that the events of one customer meet.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any, Literal, NamedTuple

import pytest

from services.contracts.journey import Rule, WaitFor
from services.contracts.policies import Cap, QuietHours
from services.contracts.segment import Segment
from services.contracts.settings import Derive, Threshold
from services.contracts.workspace import Workspace
from services.trigger_engine.profiles.state import load
from tests.support.engine import (
    AT,
    HOUR,
    MINUTE,
    REMINDER,
    SUBSCRIBED,
    THANKS,
    event,
    journey,
    known,
    say,
    until,
    workspace,
)  # fmt: skip
from tests.support.town import Town, town
from tests.support.waiting import eventually

SPLITS = 4  # ways in which an order of up to four events is laid over the two partitions; of five one
CHUNK = 200
REWARD = journey("reward", "spend.threshold_crossed", again_after=0)
JOURNEYS = (
    REMINDER,
    THANKS,
    REWARD,
    journey("welcome", "customer.signed_up"),
    journey("first", "order.first_placed", exits=until("order.cancelled")),
    journey("second", "order.milestone", again_after=0),
    journey("unpaid", "order.unpaid", key="event.order.id", again_after=0),
    journey("rich", "order.placed", condition="spent(30 days) >= 1000"),
    journey("vip", "segment.entered"),
    journey("help", "checkout.started", WaitFor("w", (Rule("order.placed"),), 1800.0, otherwise=(say(),))),
)  # fmt: skip
DERIVED = Derive(order_milestone=(2,), spend_threshold=Threshold((Decimal(500),)))
SEGMENTS = (Segment("vip", "spent(30 days) >= 1000", tag="VIP"),)
SHOP = workspace(*JOURNEYS, derive=DERIVED, segments=SEGMENTS)
# One advertisement a day, and none from 11 to 12 o'clock in Warsaw, which is when all this happens.
POLICIES = workspace(
    *JOURNEYS, derive=DERIVED, segments=SEGMENTS, caps=(Cap(1, 86_400.0, klass="marketing", then="drop"),),
    quiet_hours={"email": QuietHours(11 * 60, 12 * 60)},
)  # fmt: skip

TWICE = ["first", "rich", "second", "thanks", "thanks", "unpaid", "unpaid", "vip"]
# What happens, in source time; and which messages may leave in the end.
STORIES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "buys": (("cart", "checkout", "identify", "order"), ["first", "thanks", "unpaid"]),
    "buys and withdraws": (("cart", "checkout", "identify", "order", "withdrawal"), ["thanks"]),
    "buys and pays": (("cart", "checkout", "signup", "order", "payment"), ["first", "reward", "thanks", "welcome"]),
    "is paid back": (("cart", "signup", "order", "payment", "refund"), ["first", "thanks", "welcome"]),
    "does not buy": (("cart", "checkout", "identify"), ["help", "reminder"]),
    "signs up": (("cart", "checkout", "signup", "withdrawal"), []),
    "comes back": (
        ("cart", "order", "second", "identify"),
        TWICE,
    ),
    "is two at first": (("order", "guest", "identify"), TWICE),
}
# Two customers who turn out to be one after both have ordered: docs/derived-events.md, "Two who turn out to be one".
AS_TWO = ("first", "first", "thanks", "thanks", "unpaid", "unpaid", "vip")


class Told(NamedTuple):
    """One customer: what he does, in the order in which it is told, and on which partitions."""

    story: str
    names: tuple[str, ...]
    split: tuple[int, ...]


End = tuple[str, tuple[str, ...], Told]


def steps(number: str) -> dict[str, bytes]:
    """What this customer does, each under the names that the shop knows there."""
    cookie, mail = {"anonymous_id": f"a{number}"}, {"email": f"c{number}@example.com", "consents": SUBSCRIBED}
    customer, cart = {"id": f"c{number}", **mail}, {"id": f"k{number}", "total": "600.00"}
    order = {"id": f"o{number}", "cart_id": f"k{number}", "total": "600.00", "currency": "PLN"}
    gone = {"email": {"state": "unsubscribed", "at": AT + 5 * MINUTE}}
    things: list[tuple[str, str, dict[str, Any]]] = [
        ("cart", "cart.updated", {"customer": cookie, "cart": cart}),
        ("checkout", "checkout.started", {"customer": {**cookie, **mail}, "cart": cart}),
        ("identify", "customer.updated", {"customer": {**customer, **cookie}}),
        ("signup", "customer.signed_up", {"customer": customer}),
        ("order", "order.placed", {"customer": customer, "order": order}),
        ("payment", "order.paid", {"customer": customer, "order": order}),
        ("refund", "order.refunded", {"customer": customer, "order": order,
                                      "refund": {"id": f"r{number}", "amount": "600.00"}}),
        ("withdrawal", "consent.changed", {"customer": {"email": mail["email"], "consents": gone}}),
        ("second", "order.placed", {"customer": {**cookie, **mail}, "order": {**order, "id": f"p{number}"}}),
        ("guest", "order.placed", {"customer": {**cookie, "email": f"d{number}@example.com", "consents": SUBSCRIBED},
                                   "order": {"id": f"g{number}", "total": "600.00", "currency": "PLN"}}),
    ]  # fmt: skip
    return {
        name: event(kind, AT + place * 30 * timedelta(seconds=1), id=f"{name}{number}", **data)
        for place, (name, kind, data) in enumerate(things)
    }


def everybody(chance: Random) -> Iterator[Told]:
    """A customer for each order of each story, on some splits."""
    for story, (words, _) in STORIES.items():
        for names in permutations(words):
            for _ in range(SPLITS if len(words) < 5 else 1):
                yield Told(story, names, tuple(chance.choice((0, 1)) for _ in names))


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        made.clock.move(5 * MINUTE)
        yield made


@pytest.mark.parametrize("how", ["in turn", "at once"])
async def test_every_order_over_two_partitions_and_two_engines_ends_in_the_same_facts_and_messages(
    place: Town, how: Literal["in turn", "at once"]
) -> None:
    ends = await live(place, SHOP, how)
    for ending in ends.values():
        assert all(said in expected(one, how) for _, said, one in ending), differing(ending, 1)
        assert len({facts for facts, _, _ in ending}) == 1, differing(ending, 0)


async def test_under_a_cap_every_order_ends_in_the_same_facts_and_as_many_messages(place: Town) -> None:
    """Which advertisement the cap lets through hangs on which came first; that it is one does not."""
    ends = await live(place, POLICIES, "at once")
    for story, ending in ends.items():
        whole = STORIES[story][1]
        most = len([name for name in whole if name != "thanks"])
        for _, said, _ in ending:
            assert said.count("thanks") == whole.count("thanks"), differing(ending, 1)
            assert len(said) - said.count("thanks") == min(most, 1), differing(ending, 1)
            assert set(said) <= set(whole), differing(ending, 1)
        assert len({facts for facts, _, _ in ending}) == 1, differing(ending, 0)


async def live(place: Town, shop: Workspace, how: str) -> dict[str, list[End]]:
    """Let two engines take everything in, and three hours pass; how it ended for everybody, by story."""
    await place.publish(shop)
    told = list(everybody(Random(7)))
    async with place.engine("engine-1") as one, place.engine("engine-2") as two:
        await eventually(lambda: all(e._consumer is not None and e._consumer.assigned() for e in (one, two)))
        for logs in rounds(told) if how == "in turn" else [whole(told)]:
            await tell(place, logs)
            await place.read()
        for _ in range(3):  # never so far that a timer is late
            place.clock.move(HOUR)
            await place.no_timer()
    assert await place.profiles() == len(told)
    assert await place.deadlocks() == 0
    return await outcomes(place, told)


def expected(one: Told, how: str) -> set[tuple[str, ...]]:
    """What this customer may have heard in the end: one way, unless it hangs on what the engines heard first."""
    same = tuple(STORIES[one.story][1])
    if one.story != "is two at first":
        return {same}
    if how == "in turn":
        return {AS_TWO if one.names[-1] == "identify" else same}
    return {same, AS_TWO}


Logs = tuple[list[bytes], list[bytes]]


def rounds(told: Sequence[Told]) -> Iterator[Logs]:
    """Everybody's first event, then everybody's second, …"""
    for turn in range(max(len(one.names) for one in told)):
        logs: Logs = ([], [])
        for number, one in enumerate(told):
            if turn < len(one.names):
                logs[one.split[turn]].append(steps(named(number))[one.names[turn]])
        yield logs


def whole(told: Sequence[Told]) -> Logs:
    """One customer after the other."""
    logs: Logs = ([], [])
    for number, one in enumerate(told):
        for name, partition in zip(one.names, one.split, strict=True):
            logs[partition].append(steps(named(number))[name])
    return logs


async def tell(place: Town, logs: Logs) -> None:
    """Write both partitions, piece by piece side by side."""
    for start in range(0, max(map(len, logs)), CHUNK):
        await asyncio.gather(*(place.tell(*logs[p][start : start + CHUNK], partition=p) for p in (0, 1)))


def named(number: int) -> str:
    """What stands in everything that belongs to this customer, and nowhere else."""
    return f"~{number:05}~"


async def outcomes(place: Town, told: Sequence[Told]) -> dict[str, list[End]]:
    """Facts and messages that may leave of every customer, by story, without what is only his own."""
    said: defaultdict[bytes, list[str]] = defaultdict(list)
    rows = await place.pool.fetch(
        "SELECT coalesce(a.new, profile_id) AS who, journey FROM queue.outbound"
        " LEFT JOIN engine.aliases a ON a.old = profile_id WHERE state = 0 ORDER BY journey"
    )
    for row in rows:
        said[row["who"]].append(row["journey"])
    ends: defaultdict[str, list[End]] = defaultdict(list)
    for row in await place.pool.fetch("SELECT id, version, state FROM engine.profiles"):
        profile = load(row["state"], row["version"])
        facts = repr(sorted(known(profile).items()))
        number = next(name.value.split("~")[1] for name in profile.identifiers)
        mine = told[int(number)]
        ends[mine.story].append((facts.replace(f"~{number}~", ""), tuple(said[row["id"]]), mine))
    return ends


def differing(ends: Sequence[End], what: int) -> str:
    """One customer for each different end."""
    different = {end[what]: end for end in reversed(ends)}
    return "\n".join(f"{end[2].names} {end[2].split}: {end[what]}" for end in different.values())
