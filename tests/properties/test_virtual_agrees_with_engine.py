"""The virtual world decides as the engine does on PostgreSQL: random shops, random lives, the same end to the last bit.

WICI_TEST_TWINS=1000 tells so many stories; each takes about a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.contracts.journey import Enter, Journey, Rule, Wait, WaitFor
from services.contracts.policies import Cap, QuietHours
from services.contracts.schedule import Once
from services.contracts.segment import Segment
from services.contracts.settings import Derive, Threshold
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.store.events import make_partitions
from tests.properties.test_engine_database import Sequences
from tests.properties.test_journeys_at_random import BY_TIME, NAMES, Maker
from tests.support.engine import AT, DAY, MINUTE, event, say, scheduled, workspace
from tests.support.town import Town
from tests.support.two_worlds import Live, Pure

EXAMPLES = int(os.environ.get("WICI_TEST_TWINS", "6"))
LONGEST = 75 * DAY
MOVES = {"a": {"s1": "s2", "s3": "s1"}, "ask": {"ask": "w"}}
SHOP_TYPES = ("page.viewed", "product.viewed", "cart.updated", "order.placed", "order.paid", "survey.answered",
              "customer.updated", "product.asked_for", "checkout.started")  # fmt: skip
DERIVED = ("cart.abandoned", "browse.abandoned", "order.first_placed", "order.unpaid", "spend.threshold_crossed",
           "segment.entered", "segment.left", "product.price_dropped", "product.back_in_stock",
           "customer.lapsed", "consent.changed")  # fmt: skip
SEGMENTS = (
    Segment("buyers", "orders(2 days) > 0", tag="buyer", leave_after=3_600.0),
    Segment("big", "spent(30 days) >= 100", tag="VIP"),
    Segment("early", "profile.orders_count == 0 && now > profile.created_at + 1 day"),
)
DERIVE = Derive(cart_abandoned=2_700.0, spend_threshold=Threshold((50,)), first_order=True)  # type: ignore[arg-type]


class Act(NamedTuple):
    """What happens at a moment: an event, what becomes of a message, a new version, or nothing but time."""

    at: datetime
    what: str
    value: Any = None


def shop(chance: Random, revision: int = 1) -> Workspace:
    """Journeys of every kind of step, entered by what the shop tells and by what follows; policies of all kinds."""
    while True:
        try:
            made = msgspec.structs.replace(_shop(chance, revision), version=revision)
            define(made)
        except ConditionError:  # what one event has, another has not
            continue
        return made


def _shop(chance: Random, revision: int) -> Workspace:
    maker = Maker(chance, BY_TIME)  # who comes first of several at one moment plays no part
    journeys = [maker.journey(name) for name in NAMES]
    for number, kind in enumerate(chance.sample(DERIVED, 4)):
        again = chance.choice([0.0, 0.0, None])
        journeys.append(Journey(f"d{number}", Enter(kind, again_after=again), maker.steps(2, least=1), 1,
                                klass=chance.choice(["marketing", "service"]), priority=chance.randint(0, 100),
                                exits=(Rule("order.placed"),) if chance.random() < 0.5 else ()))  # fmt: skip
    journeys.append(Journey("click", Enter("message.clicked", again_after=0.0), (say(id="answer"),), 1))
    journeys.append(Journey("ask", Enter("order.placed", again_after=0.0), (
        say(id="ask"), WaitFor("w", (Rule("message.accepted"), Rule("message.clicked")), 86_400.0,
                               chance.random() < 0.5, (say(id="yes"),), (say(id="no"),))), 1))  # fmt: skip
    segments = SEGMENTS if chance.random() < 0.6 else ()
    journeys += _scheduled(chance, segments)
    return workspace(
        *(msgspec.structs.replace(one, revision=revision, **_in_flight(chance, one.name)) for one in journeys),
        derive=DERIVE,
        segments=segments,
        holdout=chance.choice([0.0, 0.0, 30.0]),
        caps=chance.choice([(), (Cap(1, 86_400.0),), (Cap(2, 7 * 86_400.0, klass="marketing", then="drop"),
                                                      Cap(1, 3_600.0, channel="email"))]),
        quiet_hours=chance.choice([{}, {"email": QuietHours(20 * 60, 8 * 60), "sms": QuietHours(weekdays=(6,))},
                                   {"email": QuietHours(11 * 60, 12 * 60, then="drop")}]),
    )  # fmt: skip


def _scheduled(chance: Random, segments: tuple[Segment, ...]) -> list[Journey]:
    """Journeys that come by themselves: on the shop's clock, on each customer's, for all or for some."""
    who, zone = chance.choice([None, "big"]) if segments else None, chance.choice(["shop", "customer"])
    membership = None if who is None else '"big" in profile.segments'
    steps = (say(id="issue"), Wait("w", 1, "days"), say(id="again"))
    made = [
        scheduled("13 10 * * *", *steps, name="news", zone=zone, who=who, condition=membership),
        scheduled(Once("2026-11-24T18:29"), say(), name="sale", zone=zone, again_after=0.0, key=None),
    ]
    return [one for one in made if chance.random() < 0.5]


def _in_flight(chance: Random, name: str) -> dict[str, Any]:
    """What is said of those inside another revision."""
    return {"in_flight": chance.choice(["pin", "pin", "drain", "cancel", "migrate"]), "moves": MOVES.get(name, {})}


class Lives:
    """What a few customers do, who turn out to be fewer, over a few days and told late at times."""

    def __init__(self, chance: Random, name: str) -> None:
        self._chance = chance
        self._name = name
        self._now = AT

    def acts(self) -> list[Act]:
        """Everything in the order in which it is heard."""
        chance = self._chance
        found = []
        for _ in range(chance.randint(3, 16)):
            self._now += chance.choice([0, 1, 7, 50, 600, 2_000]) * MINUTE
            kind = chance.random()
            if kind < 0.15:
                found.append(Act(self._now, "receipt", (chance.random(), *self._receipt())))
            elif kind < 0.2:
                found.append(Act(self._now, "publish", chance.randint(0, 2**32)))
            elif kind < 0.26:
                scopes = chance.choice([(), (), ("all",), ("journey:a", "journey:ask")])
                found.append(Act(self._now, "pause", scopes))
            else:
                found.append(Act(self._now, "event", self._event()))
        return [*found, Act(self._now, "pause", ()), Act(self._now + chance.choice([1, 5, 40]) * DAY, "wait")]

    def _receipt(self) -> tuple[str, dict[str, Any]]:
        kind = self._chance.choice(["clicked", "opened", "unsubscribed", "bounced", "delivered"])
        told: dict[str, dict[str, Any]] = {"clicked": {"url": "https://x.example"}, "bounced": {"hard": True}}
        return kind, told.get(kind, {})

    def _event(self) -> bytes:
        chance = self._chance
        late = chance.choice([0, 0, 0, 30, 3_000])
        at = self._now - late * MINUTE
        if chance.random() < 0.12:
            return event(chance.choice(["product.updated", "product.back_in_stock"]), at, product=self._product())
        kind = chance.choice(SHOP_TYPES)
        if chance.random() < 0.04:
            kind = "customer.deleted"
        data: dict[str, Any] = {"customer": self._who(at)}
        if kind.startswith("order."):
            data["order"] = {"id": f"{self._name}-o{chance.randint(1, 4)}", "total": chance.choice(["10.00", "70.00"]),
                             "currency": "PLN", "items": [self._item()]}  # fmt: skip
            if chance.random() < 0.3:
                data["order"]["cart_id"] = f"{self._name}-k{chance.randint(1, 3)}"
        if kind in ("cart.updated", "checkout.started"):
            data["cart"] = {"id": f"{self._name}-k{chance.randint(1, 3)}", "total": "20.00", "currency": "PLN",
                            "items": [self._item()] if chance.random() < 0.8 else []}  # fmt: skip
        if kind in ("product.viewed", "product.asked_for"):
            data["product"] = self._product()
        return event(kind, at, **data)

    def _who(self, at: datetime) -> dict[str, Any]:
        """One of two people, under some of the names of each; a few names are shared."""
        chance, person = self._chance, self._chance.randint(1, 2)
        who: dict[str, Any] = {}
        if chance.random() < 0.6:
            who["id"] = f"{self._name}-c{person}"
        if chance.random() < 0.5:
            who["email"] = f"{self._name}-{chance.choice([person, person, 3])}@example.com"
        if chance.random() < 0.3:
            who["phone"] = f"+4860010{int(self._name[1:]) % 1000:03}{person}"
        if chance.random() < 0.5 or not who:
            who["anonymous_id"] = f"{self._name}-a{chance.choice([person, person, 3])}"
        if chance.random() < 0.7:
            state = chance.choice(["subscribed", "subscribed", "subscribed", "unsubscribed"])
            channels = chance.choice([("email",), ("email", "sms")])
            who["consents"] = {one: {"state": state, "at": at} for one in channels}
        if chance.random() < 0.2:
            who["tags"] = ["new"]
        if chance.random() < 0.2:
            who["time_zone"] = chance.choice(["America/New_York", "Asia/Kolkata"])
        return who

    def _product(self) -> dict[str, Any]:
        chance = self._chance
        return {"id": f"{self._name}-p{chance.randint(1, 2)}", "name": "Melisa", "currency": "PLN",
                "price": chance.choice(["9.00", "5.00"]), "stock": chance.choice([0, 3])}  # fmt: skip

    def _item(self) -> dict[str, Any]:
        return {"product_id": f"{self._name}-p{self._chance.randint(1, 2)}", "name": "Melisa", "quantity": 1,
                "price": "9.00"}  # fmt: skip


@pytest.fixture
def sequences(database_url: str) -> Iterator[Sequences]:
    made = Sequences(database_url)
    made.run(_partitions(made.place))
    yield made
    made.close()


async def _partitions(place: Town) -> None:
    async with place.pool.acquire() as connection:
        await make_partitions(connection, AT.date(), LONGEST.days)


@settings(max_examples=EXAMPLES, derandomize="WICI_TEST_TWINS" not in os.environ, deadline=None,
          phases=(Phase.generate,),  # a smaller seed is no simpler
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(st.integers(0, 2**32), st.booleans())
def test_the_same_story_ends_the_same(sequences: Sequences, seed: int, holds: bool) -> None:
    sequences.run(both(sequences, seed, holds))


async def both(sequences: Sequences, seed: int, holds: bool) -> None:
    """Tell it to both, and compare after every act. With `holds` messages wait in the queue until the next act."""
    chance, place = Random(seed), sequences.place
    sequences.customers += 1
    made = shop(chance)
    place.clock.at = AT
    live = Live(place, made, first=sequences.offset, holds=holds)
    pure = Pure(made, AT, first=sequences.offset, holds=holds)
    await live.begin()
    try:
        for number, act in enumerate(Lives(chance, f"n{sequences.customers}").acts()):
            await live.until(act.at, inclusive=act.what == "wait")
            await play(act, live, pure, revision=number + 2)
            assert await live.outcome() == pure.outcome()
            if holds:
                await live.release()
                pure.world.release()
                assert await live.outcome() == pure.outcome()
    finally:
        sequences.offset = live.offset


async def play(act: Act, live: Live, pure: Pure, revision: int) -> None:
    """One act, in both."""
    world = pure.world
    if act.what == "wait":
        world.advance(act.at)
        return
    world._pass(act.at)
    if act.what == "event":
        await live.tell((act.value, ()))
        pure.tell(act.value)
    elif act.what == "publish":
        other = shop(Random(act.value), revision)
        await live.follow(other)
        pure.follow(other)
    elif act.what == "pause":
        await live.pause(act.value)
        world.pause(act.value)
    elif pure.sent_:
        place, kind, data = act.value
        message = pure.sent_[int(place * len(pure.sent_))]
        await live.receipt(message.send_key, kind, **data)
        world.receipt(message, kind, **data)
