"""Journeys of every kind of step, made at random, and lives lived through them: what holds for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.journey import (
    Alert,
    Arm,
    Branch,
    Clock,
    Coupon,
    Enter,
    Goal,
    Journey,
    Onsite,
    Points,
    Rule,
    Send,
    Set,
    Share,
    Split,
    Start,
    Step,
    Stop,
    Survey,
    Tag,
    Trial,
    Wait,
    WaitFor,
    Webhook,
    every_step,
)
from services.contracts.reasons import Reason
from services.contracts.settings import Team
from services.contracts.workspace import Workspace
from services.trigger_engine.profiles.arrival import Arrival
from tests.support.engine import AT, DAY, HOUR, MINUTE, SUBSCRIBED, Run, happened, whole_state, workspace
from tests.support.examples import examples

TYPES = ("page.viewed", "order.placed", "order.paid", "survey.answered")
CONDITIONS = (
    None,
    "profile.orders_count > 0",
    '"hot" in profile.tags',
    "profile.seen_at <= now",
    "event.order.total > 5",
)
EXPRESSIONS = ("now + 2 hours", "profile.seen_at", "event.order.placed_at", "profile.last_order_at - 1 day")
RULES = (Rule("order.paid", "received.order.id == event.order.id"), Rule("survey.answered"), Rule("message.clicked"),
         Rule("page.viewed", "profile.orders_count > 0"))  # fmt: skip
NAMES = ("a", "b", "c")
BY_TIME: tuple[Mapping[str, Any], ...] = ({"after": 60.0}, {"after": 86_400.0})
TRIALS = (*BY_TIME, {"customers": 1})


class Maker:
    """Makes journeys; every step gets an id of its own, as `wici check` sees to."""

    def __init__(self, chance: Random, trials: Sequence[Mapping[str, Any]] = TRIALS) -> None:
        self._chance = chance
        self._trials = trials
        self._number = 0

    def journey(self, name: str) -> Journey:
        """A journey of any kind of step, nested three deep."""
        chance = self._chance
        return Journey(
            name=name,
            enter=Enter(chance.choice(TYPES), chance.choice(CONDITIONS), chance.choice([None, "event.order.id"]),
                        chance.choice([None, 0.0, 3_600.0])),
            steps=self.steps(3, least=1),
            revision=1,
            klass=chance.choice(["marketing", "service"]),
            goals=(Goal("order.paid", within=86_400.0),) if chance.random() < 0.3 else (),
            exits=(Rule("order.placed", "profile.orders_count > 1"),) if chance.random() < 0.3 else (),
            late=chance.choice(["drop", "recheck", "send"]),
            holdout=chance.choice([0.0, 0.0, 50.0]),
            priority=chance.randint(0, 100),
        )  # fmt: skip

    def steps(self, deep: int, least: int = 0) -> tuple[Step, ...]:
        """Some steps."""
        return tuple(self.step(deep) for _ in range(self._chance.randint(least, 3)))

    def step(self, deep: int) -> Step:
        """A step of any kind."""
        self._number += 1
        name, chance = f"s{self._number}", self._chance
        flat = (Send, Wait, Tag, Set, Start, Webhook, Alert, Survey, Coupon, Points, Onsite, Stop)
        kind = chance.choice(get_args(Step) if deep else flat)
        inner = deep - 1
        makers: dict[Any, Any] = {
            Send: lambda: Send(name, "hello", ("email", "sms"), every=chance.random() < 0.5,
                               otherwise=chance.choice(["skip", "exit", "onsite"])),
            Wait: lambda: self._wait(name),
            WaitFor: lambda: WaitFor(name, tuple(chance.sample(RULES, chance.randint(1, 3))),
                                     chance.choice([60.0, 86_400.0]), chance.random() < 0.4,
                                     self.steps(inner), self.steps(inner)),
            Branch: lambda: Branch(name, tuple(Arm(self.steps(inner), chance.choice(CONDITIONS)) for _ in range(2))),
            Split: lambda: Split(name, (Share("x", 50.0, self.steps(inner)), Share("y", 50.0, self.steps(inner))),
                                 self._trial() if self._trials and chance.random() < 0.4 else None),
            Tag: lambda: Tag(name, chance.choice(["hot", "new"]), away=chance.random() < 0.3),
            Set: lambda: Set(name, {"seen_at": "now", "kind": chance.choice(["event.order.id", "'x'"])}),
            Start: lambda: Start(name, chance.choice(NAMES)),
            Webhook: lambda: Webhook(name, "$CRM", {"of": chance.choice(["event.order.id", "profile"]), "at": "now"}),
            Alert: lambda: Alert(name, chance.choice(["support", "gone"]), "hello", chance.choice([None, 3_600.0])),
            Survey: lambda: Survey(name, "why", ("email",)),
            Coupon: lambda: Coupon(name, "ten", chance.choice([None, 60.0])),
            Points: lambda: Points(name, 50),
            Onsite: lambda: Onsite(name, "offer"),
            Stop: lambda: Stop(name),
        }  # fmt: skip
        made: Step = makers[kind]()
        return msgspec.structs.replace(made, condition=chance.choice(CONDITIONS)) if chance.random() < 0.3 else made

    def _trial(self) -> Trial:
        chance = self._chance
        by: Any = chance.choice(["clicked", "goal", *RULES[:2]])
        return Trial(chance.choice([30.0, 80.0]), by, **chance.choice(self._trials))

    def _wait(self, name: str) -> Wait:
        chance = self._chance
        until = chance.choice([None, Clock(600), Clock(0, 2), chance.choice(EXPRESSIONS)])
        return (
            Wait(name, until=until)
            if until
            else Wait(name, chance.choice([0.5, 1, 30]), chance.choice(["days", "minutes"]))
        )


def shop(chance: Random, trials: Sequence[Mapping[str, Any]] = TRIALS) -> Workspace:
    """A workspace of three journeys that may start one another, with such splits on trial among them."""
    maker = Maker(chance, trials)
    sets = Journey("sets", Enter("customer.updated"), (Set("set", {"seen_at": "now"}),), 1)
    return workspace(sets, *(maker.journey(name) for name in NAMES), holdout=chance.choice([0.0, 30.0]),
                     teams={"support": Team("help@shop.example", "$TEAM_URL")})  # fmt: skip


def life(chance: Random, number: int) -> list[Arrival]:
    """What one customer does within two days, told late at times."""
    who = {"id": f"c-{number}", "email": f"c{number}@example.com", "consents": SUBSCRIBED}
    if chance.random() < 0.3:
        who["phone"] = "+4860010020" + str(number)
    told = []
    for place in range(chance.randint(1, 12)):
        kind = chance.choice(TYPES)
        data: dict[str, Any] = {"customer": {**who, **({"tags": ["new"]} if chance.random() < 0.2 else {})}}
        if kind.startswith("order."):
            data["order"] = {"id": f"o{number}-{chance.randint(1, 3)}", "total": "10.00", "currency": "PLN"}
        told.append(happened(kind, AT + chance.randint(0, 2_880) * MINUTE, id=f"{number}-{place}", **data))
    return told


def lived(run: Run, chance: Random, events: list[Arrival]) -> Iterator[Run]:
    """Events as they happen, a few of them late, clicks and timers between them."""
    for one in sorted(events, key=lambda e: e.time + timedelta(minutes=chance.choice([0, 0, 0, 600]))):
        if one.time > run.now:
            run.wait(one.time - run.now)
        yield run.take(one)
        if run.queue and chance.random() < 0.3:
            message = chance.choice(run.queue)
            profile = run._people.find(message.profile_id)
            assert profile is not None
            yield run.hear(profile, "clicked", message)
        run.reload()


def check(run: Run, names: set[str]) -> None:
    """Every live entry sleeps with its timer at one of its steps; nobody else has one."""
    timers = {timer.id: timer for timer in run.timers.values()}
    live = [(profile, entry) for profile in run.profiles.values() for entry in profile.entries if entry.until is None]
    for profile, entry in live:
        timer = timers.pop(entry.id)
        assert (timer.due, timer.generation, timer.profile_id) == (entry.wake, entry.generation, profile.id)
        assert entry.step in names
        assert entry.wake is not None
    assert not [key for key in timers if key in run.entries]
    inside = [(profile.id, entry.journey, entry.key) for profile, entry in live]
    assert len(inside) == len(set(inside))
    for row in run.entries.values():
        assert (row.ended_at is None) == (row.reason is None)
        if row.reason in (Reason.HOLDOUT, Reason.GLOBAL_HOLDOUT):
            assert not [m for m in run.messages.values() if m.entry_id == row.id]


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_every_entry_ends_or_sleeps_with_a_timer_and_says_nothing_twice(seed: int) -> None:
    """That no send key is used twice, the runner sees to. A month later, who still waits does so for a reason."""
    chance = Random(seed)
    made = shop(chance)
    names = {step.id for journey in made.journeys for step in every_step(journey.steps)}
    run = Run(made)
    for number in range(2):
        for _ in lived(run, chance, life(chance, number)):
            check(run, names)
    for _ in range(40):
        run.wait(10 * DAY).reload()
        check(run, names)
        if not run.timers:
            break
    assert run.wait(HOUR).timers == {} or any(isinstance(s, Start) for j in made.journeys for s in every_step(j.steps))


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_customers_do_not_meet_so_that_their_order_plays_no_part(seed: int) -> None:
    """Each customer's events in their order, the customers' anyhow between them. Only by trials do they meet."""
    chance = Random(seed)
    made, lives = shop(chance, ()), [life(chance, number) for number in range(3)]
    one, other = Run(made, now=AT + 2 * DAY), Run(made, now=AT + 2 * DAY)
    one.take(*(event for events in lives for event in events))
    left = [list(events) for events in lives]
    while any(left):
        other.take(chance.choice([events for events in left if events]).pop(0))
    assert whole_state(one) == whole_state(other)
    assert whole_state(one.wait(3 * DAY)) == whole_state(other.wait(3 * DAY))


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_the_same_life_twice_is_the_same_life(seed: int) -> None:
    """Nothing is decided by a clock, by chance, or by what only memory holds."""
    made, events = shop(Random(seed)), life(Random(seed + 1), 1)
    runs = []
    for _ in range(2):
        run = Run(made)
        for _ in lived(run, Random(seed + 2), events):
            pass
        runs.append(whole_state(run.wait(3 * DAY)))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("kind", get_args(Step))
def test_every_kind_of_step_is_made(kind: Any) -> None:
    """A new kind of step must come into these journeys too."""
    made = (shop(Random(seed)) for seed in range(50))
    assert any(isinstance(step, kind) for one in made for journey in one.journeys for step in every_step(journey.steps))
