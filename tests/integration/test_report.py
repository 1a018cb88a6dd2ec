"""The report over a database: every number is that of a plain count over the same rows, made here in Python."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any

import pytest

from services.contracts import ids
from services.contracts.journey import Share, Split, Start, Wait
from services.contracts.message import State
from services.insights.report.model import Arm, Attribution, JourneyReport, Report
from services.insights.report.reading import NoJourney, Wanted, report
from services.kit.errors import Misconfigured
from tests.support.engine import AT, DAY, HOUR, MINUTE, THANKS, anna, event, goal, journey, say, workspace
from tests.support.town import STATEMENTS, Town, town

GOAL = goal("order.paid", within=5 * 86_400.0)
SHOP = workspace(
    journey("carts", "order.placed", goals=GOAL, holdout=20.0),
    journey("news", "page.viewed", goals=goal("order.paid")),
    journey("followed", "page.viewed", Start("start-1", "started"), goals=GOAL),
    journey("started", "page.viewed", goals=GOAL),
    journey("clicks", "message.clicked", goals=GOAL, again_after=7 * 86_400.0),
    journey("silent", "page.viewed"),
    THANKS,
    holdout=10.0,
)
NAMES = ("carts", "news", "started", "clicks", "thanks")


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP) as made:
        yield made


async def told(place: Town, **wanted: Any) -> Report:
    async with place.pool.acquire() as opened:
        return await report(opened, Wanted(**wanted))


async def of(place: Town, name: str, **wanted: Any) -> JourneyReport:
    (found,) = [one for one in (await told(place, **wanted)).journeys if one.journey == name]
    return found


@dataclass
class Entry:
    """One row of engine.entries, and its messages: when each was handed over, and its delivery's status."""

    id: bytes
    profile: bytes
    journey: str
    entered_at: datetime
    held: bool | None
    reason: str
    drawn: str | None
    goal_at: datetime | None = None
    key: bytes | None = None
    amount: int | None = None
    currency: str | None = None
    said: list[tuple[bytes, datetime, str, State]] = field(default_factory=list)

    @property
    def arm(self) -> str:
        if self.held is None:
            return "no_holdout"
        return "told" if not self.held else "held_out_globally" if "global" in self.reason else "held_out"


def lived(number: int, seed: int) -> list[Entry]:
    """Entries of 250 customers, at random: arms that mix, orders that reach several goals, messages of every fate."""
    rng = random.Random(seed)
    made = []
    for n in range(number):
        profile = b"profile-%08d" % rng.randrange(250)
        held, reason, drawn = rng.choice(
            [(None, "completed", None), (False, "completed", None), (False, "completed", "told"),
             (False, "completed", "told"), (True, "holdout", None), (True, "holdout", "told"),
             (True, "global_holdout", "held")]
        )  # fmt: skip
        one = Entry(b"entry-%010d" % n, profile, rng.choice(NAMES), AT + rng.randrange(400) * HOUR, held, reason, drawn)
        if rng.random() < 0.5:
            one.goal_at = one.entered_at + rng.randrange(1, 200) * HOUR
            order = rng.randrange(4)
            one.key = ids.bought(f"{profile.hex()}-{order}")
            one.amount, one.currency = (
                (None, None) if order == 3 else (order * 12_345 + 10_000, rng.choice(["PLN", "EUR"]))
            )
        if not held:
            for m in range(rng.randrange(3)):
                at = one.entered_at + rng.randrange(240) * HOUR
                status = rng.choice(["accepted", "delivered", "clicked", "bounced", "refused", "unknown"])
                state = {"refused": State.REFUSED, "unknown": State.UNKNOWN}.get(status, State.ACCEPTED)
                one.said.append((ids.send_key(one.id, f"s{m}", "email"), at, status, state))
        made.append(one)
    return made


async def store(place: Town, made: list[Entry]) -> None:
    await place.pool.executemany(
        "INSERT INTO engine.entries (id, profile_id, journey, revision, key, entered_at, reason, held_out, arms,"
        " goal_at, goal_key, goal_amount, goal_currency) VALUES ($1, $2, $3, 1, '', $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            (e.id, e.profile, e.journey, e.entered_at, e.reason, e.held, e.drawn and f"policies.holdout={e.drawn}\n",
             e.goal_at, e.key, e.amount, e.currency)
            for e in made
        ],
    )  # fmt: skip
    said = [(key, e, at, status, state) for e in made for key, at, status, state in e.said]
    await place.pool.executemany(
        "INSERT INTO queue.outbound (send_key, profile_id, entry_id, journey, step, class, channel, template,"
        " recipient, context, created_at, state, attempt_id)"
        " VALUES ($1, $2, $3, $4, 's', 'marketing', 'email', 'hello', 'a@b.c', '', $5, $6, $1)",
        [(key, e.profile, e.id, e.journey, e.entered_at, state) for key, e, _, _, state in said],
    )
    await place.pool.executemany(
        "INSERT INTO notifier.attempts VALUES ($1, 'main', ARRAY[$1]::uuid[], '', $2, 1, 'me', $2, 1, 1, $2, $2, 'x')",
        [(key, at) for key, _, at, _, _ in said],
    )
    await place.pool.executemany(
        "INSERT INTO notifier.deliveries (send_key, profile_id, account, address, status, at, delivered_at, clicked_at,"
        " machine_opened_at, bounced_at) VALUES ($1, $2, 'main', '', $3, $4, $5, $6, $7, $8)",
        [
            (key, e.profile, status, at, at if status in {"delivered", "clicked"} else None,
             at if status == "clicked" else None, at if status == "delivered" else None,
             at if status == "bounced" else None)
            for key, e, at, status, _ in said
        ],
    )  # fmt: skip


def arms(made: list[Entry], arm_of: Any, currency: str = "PLN") -> dict[str, tuple[int, int, int, Decimal, float]]:
    """By arm: entries, customers, converted, revenue, the same per customer; who is in two arms is in none."""
    mine: dict[bytes, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for one in made:
        mine[one.profile][arm_of(one)].append(one)
    found = {}
    for arm in {arm_of(one) for one in made}:
        people = [
            by[arm] for by in mine.values()
            if arm in by and (arm == "no_holdout" or len(by.keys() - {"no_holdout"}) == 1)
        ]  # fmt: skip
        sums = [bought(entries, currency) for entries in people]
        converted = sum(any(one.goal_at for one in entries) for entries in people)
        number = sum(len(by.get(arm, ())) for by in mine.values())
        found[arm] = (number, len(people), converted, sum(sums, Decimal(0)), fmean(map(float, sums)) if sums else 0.0)
    return found


def bought(entries: list[Entry], currency: str) -> Decimal:
    orders = {one.key: one.amount for one in entries if one.amount is not None and one.currency == currency}
    return Decimal(sum(orders.values())) / 10_000


def credit(
    made: list[Entry], windows: dict[str, timedelta], model: Attribution
) -> dict[tuple[str, Any], tuple[float, float]]:
    """By journey and currency: goals and revenue, over all goals of all customers, one after the other."""
    touches: dict[tuple[bytes, bytes], dict[tuple[str, Any], list[tuple[datetime, int]]]] = defaultdict(dict)
    for one in made:
        for _, at, status, _ in one.said:
            if one.goal_at is None or status in {"refused", "unknown", "bounced"}:
                continue
            if one.goal_at - windows[one.journey] <= at <= one.goal_at:
                goal_of = touches[one.profile, one.key or b""]
                goal_of.setdefault((one.journey, one.currency), []).append((at, one.amount or 0))
    found: dict[tuple[str, Any], tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for by in touches.values():
        last = min(by, key=lambda who: (-max(by[who])[0].timestamp(), who[0]))
        first = min(by, key=lambda who: (min(by[who])[0], who[0]))
        for who, times in by.items():
            share = {"last_touch": float(who == last), "first_touch": float(who == first), "linear": 1 / len(by)}[model]
            if share:
                goals, revenue = found[who]
                found[who] = goals + share, revenue + share * max(amount for _, amount in times) / 10_000
    return dict(found)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_number_is_that_of_a_plain_count(place: Town, seed: int) -> None:
    made = lived(900, seed)
    await store(place, made)
    since, until = AT + 3 * DAY, AT + 12 * DAY
    windows = dict.fromkeys(NAMES, 5 * DAY) | {"news": 7 * DAY, "thanks": 7 * DAY}
    for model in ("last_touch", "first_touch", "linear"):
        found = await told(place, attribution=model)
        credited = credit(made, windows, model)
        given = {
            (one.journey, c.currency): (c.goals, float(c.revenue)) for one in found.journeys for c in one.attributed
        }
        assert given.keys() == credited.keys()
        assert all(given[who] == pytest.approx(credited[who], abs=0.01) for who in credited)
    for bounds in ({}, {"since": since.isoformat(), "until": until.isoformat()}):
        mine = [e for e in made if not bounds or since <= e.entered_at < until]
        found = await told(place, **bounds)
        for one in found.journeys:
            rows = [e for e in mine if e.journey == one.journey]
            check(shown(one.arms), arms(rows, lambda e: e.arm))
            assert (one.entered, one.goals) == (len(rows), sum(e.goal_at is not None for e in rows))
            said = [status for e in rows for _, _, status, _ in e.said]
            assert sum(m.sent for m in one.messages) == sum(s not in {"refused", "unknown"} for s in said)
            assert sum(m.delivered for m in one.messages) == sum(s in {"delivered", "clicked"} for s in said)
            assert sum(m.clicked for m in one.messages) == sum(m.opened for m in one.messages) == said.count("clicked")
            assert sum(m.machine_opened for m in one.messages) == said.count("delivered")
            assert sum(m.bounced for m in one.messages) == said.count("bounced")
        assert found.global_holdout is not None
        asked = [e for e in mine if e.drawn and e.journey in {"carts", "news"}]
        check(
            shown(found.global_holdout.arms),
            arms(asked, lambda e: "held_out_globally" if e.drawn == "held" else "told"),
        )


def shown(arms: list[Arm]) -> dict[str, Any]:
    return {a.arm: (a.entries, a.customers, a.converted, a.revenue, float(a.revenue_per_customer)) for a in arms}


def check(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert given.keys() == expected.keys()
    for arm, numbers in expected.items():
        assert given[arm][:3] == numbers[:3]
        assert given[arm][3] == pytest.approx(numbers[3], abs=Decimal("0.01"))
        assert given[arm][4] == pytest.approx(numbers[4], abs=0.01)


async def test_what_the_engine_leaves_is_what_is_told(database_url: str) -> None:
    """Both holdouts and a split, with goals that orders reach: in every arm who has bought is counted."""
    ways = (Share("a", 50, (say(),)), Share("b", 50))
    shop = workspace(
        journey("carts", "page.viewed", Split("split-1", ways), Wait("w", 1, "days"), goals=GOAL, holdout=30.0),
        holdout=30.0,
    )
    people = [anna(id=f"c-{n}", email=f"c-{n}@example.com") for n in range(150)]
    async with town(database_url, shop) as place:
        async with place.engine():
            await place.tell(*(event("page.viewed", customer=one) for one in people))
            order = {"total": "100.50", "currency": "PLN"}
            await place.tell(
                *(
                    event("order.paid", AT + MINUTE, customer=one, order={**order, "id": f"o{n}"})
                    for n, one in enumerate(people)
                    if n % 2
                )
            )
            await place.read()
        found = await told(place)
        (one,) = found.journeys
        by = {arm.arm: arm for arm in one.arms}
        assert set(by) == {"told", "held_out", "held_out_globally"}
        assert (one.entered, one.goals) == (150, 75)
        assert sum(arm.customers for arm in one.arms) == 150
        assert sum(arm.converted for arm in one.arms) == 75
        assert all(0 < arm.converted < arm.customers for arm in one.arms)
        assert all(arm.revenue == arm.converted * Decimal("100.50") for arm in one.arms)
        assert {(lift.of, lift.held_out, lift.enough) for lift in one.lift} == {
            (of, held, False) for of in ("conversion", "revenue") for held in ("held_out", "held_out_globally")
        }
        assert {way.arm for way in one.splits} == {"a", "b"}
        assert sum(way.customers for way in one.splits) == by["told"].customers
        assert sum(way.converted for way in one.splits) == by["told"].converted
        assert found.global_holdout is not None
        common = {arm.arm: (arm.customers, arm.converted) for arm in found.global_holdout.arms}
        held = by["held_out_globally"]
        assert common["held_out_globally"] == (held.customers, held.converted)
        assert common["told"] == (150 - held.customers, 75 - held.converted)
        assert one.attributed == [], "nothing was sent"


async def test_the_number_of_statements_does_not_grow(place: Town) -> None:
    async def asked(**wanted: Any) -> int:
        STATEMENTS.clear()
        await told(place, **wanted)
        return STATEMENTS.total()

    before = await asked()
    await store(place, lived(300, 3))
    assert await asked() == before
    assert before <= 10, "seven, and the transaction's own"


async def test_without_a_holdout_or_goal_nothing_is_claimed(place: Town) -> None:
    silent, news = await of(place, "silent"), await of(place, "news")
    assert (silent.lift, news.lift) == ([], [])
    assert "has no goal" in silent.notes[0]
    assert "is not known" in news.notes[0]


async def test_a_journey_that_is_not_there_is_named_with_the_nearest(place: Town) -> None:
    with pytest.raises(NoJourney, match=r"Write carts\."):
        await told(place, journey="cart")
    with pytest.raises(Misconfigured, match="2026-11-22"):
        await told(place, since="soon")
