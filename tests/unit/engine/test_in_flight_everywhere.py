"""Every word about those inside, with a customer at every kind of step: what she hears, and how her entry ends.

Steps of a group are published as the journey's own, so they are no kind of their own. What waits in the queue has not
left when the change comes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.journey import (
    Arm,
    Branch,
    Clock,
    Journey,
    Rule,
    Share,
    Split,
    Start,
    Step,
    Trial,
    Wait,
    WaitFor,
    Webhook,
    every_step,
)
from services.contracts.message import Message
from services.contracts.policies import Cap, QuietHours
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.reaction import EntryRow
from services.trigger_engine.virtual import Watcher, World, arrival
from tests.support.engine import AT, DAY, HOUR, MINUTE, SUBSCRIBED, anna, goal, journey, say, until, workspace

FIRST, NEXT, BETTER = say(id="first"), say(id="next"), say(id="better")
NOTICE = say(id="first", klass="transactional")
HERE = Wait("here", 2, "days")
PAID, UPDATED = Rule("order.paid"), Rule("customer.updated")
REST = Wait("rest", 1, "hours")
TRIED = Split("here", (Share("a", 50.0), Share("b", 50.0)), Trial(1e-9, "clicked", after=2 * 86_400.0))
STEPS: dict[str, tuple[Step, ...]] = {
    "a wait": (FIRST, HERE, NEXT),
    "a wait with an if": (FIRST, replace(HERE, condition="profile.orders_count == 0"), NEXT),
    "a wait until a time": (FIRST, Wait("here", until=Clock(600)), NEXT),
    "a wait until a moment": (FIRST, Wait("here", until="entry.entered_at + 2 days"), NEXT),
    "a wait for one": (FIRST, WaitFor("here", (PAID,), 86_400.0), NEXT),
    "a wait for any of two": (FIRST, WaitFor("here", (PAID, Rule("review.submitted")), 86_400.0), NEXT),
    "a wait for both, one heard": (FIRST, WaitFor("here", (PAID, UPDATED), 86_400.0, every=True), NEXT),
    "a wait in an arm": (FIRST, Branch("which", (Arm((HERE,)),)), NEXT),
    "a wait in a split": (FIRST, Split("way", (Share("a", 100.0, (HERE,)),)), NEXT),
    "a wait in a then": (FIRST, WaitFor("heard", (UPDATED,), 86_400.0, then=(HERE,)), NEXT),
    "a wait after a webhook": (Webhook("first", "https://crm.example"), HERE, NEXT),
    "a wait of what was started": (FIRST, HERE, NEXT),
    "a wait that was over in a pause": (FIRST, HERE, NEXT),
    "a message held by quiet hours": (NOTICE, say(id="here"), NEXT),
    "two channels held by quiet hours": (NOTICE, say(id="here", via=("email", "sms"), every=True), NEXT),
    "a message held by a cap": (FIRST, say(id="here"), NEXT),
    "a message held by a pause": (say(id="here"), NEXT),
    "a message held by the brake": (NOTICE, say(id="here"), NEXT),
    "a split on trial": (FIRST, TRIED, NEXT),
    "the end": (FIRST,),
}
WAITS = ("first next", "first", "", "first better", "first better", "first next")
SAYS = ("first here next", "first here", "", "first here better", "first better", "first here next")
COLUMNS = ("stays", "drained", "cancelled", "keeps its id", "moved", "moved and back")
HEARD: dict[str, tuple[str, ...]] = {
    **{kind: WAITS for kind in STEPS if kind.startswith("a wait")},
    **{kind: SAYS for kind in STEPS if kind.startswith("a message")},
    "two channels held by quiet hours": tuple(said.replace("here", "here here") for said in SAYS),
    "a message held by a pause": ("here next", "here", "", "here better", "better", "here next"),
    "a split on trial": WAITS,
    "the end": ("first", "first", "", "first", "first", "first"),
}
ENDS = {
    "stays": ("completed", 1), "drained": ("drained", 1), "cancelled": ("cancelled", 1),
    "keeps its id": ("completed", 2), "moved": ("completed", 2), "moved and back": ("completed", 1),
}  # fmt: skip


class Inside(Watcher):
    """A world with one customer, who has come to `here` in the journey `views`; `said` are the steps that she hears."""

    def __init__(self, *steps: Step, paused: str = "", **fields: Any) -> None:
        policies = {name: fields.pop(name) for name in ("caps", "quiet_hours") if name in fields}
        self.on = fields.pop("on", "page.viewed")
        self.fields = fields
        self.old = self.version(1, *steps)
        self.shop = workspace(journey("opens", "page.viewed", Start("go", "views"), again_after=0), **policies)
        self.said: list[str] = []
        self.ends: list[tuple[str, int]] = []
        self.goals = 0
        self.world = World(define(self.with_(self.old)), AT, self, holds=True, keeps_all=True)
        if paused:
            self.world.pause((paused,))
        consents = {**SUBSCRIBED, "sms": SUBSCRIBED["email"]}
        self.tell("page.viewed", AT, customer=anna(phone="+48600100200", consents=consents))
        self.tell("customer.updated", AT + MINUTE)

    def version(self, revision: int, *steps: Step, **fields: Any) -> Journey:
        return journey("views", self.on, *steps, revision=revision, **self.fields, **fields)

    def with_(self, *journeys: Journey, removed: Any = None) -> Workspace:
        """The shop with `views` as it is now; where something starts it, with that."""
        others = self.shop.journeys if self.on != "page.viewed" else ()
        return replace(self.shop, journeys=(*others, *journeys), removed=removed or {})

    def tell(self, kind: str, at: datetime, **data: Any) -> None:
        told = {"customer": anna(), **data}
        self.world.tell(arrival(self.world.definitions, kind, told, at, identity=f"{kind} {at}"), at)

    def follow(self, *journeys: Journey, removed: Any = None) -> None:
        self.world.follow(define(self.with_(*journeys, removed=removed)))

    def change(self, in_flight: Any, *steps: Step, **fields: Any) -> None:
        self.follow(self.version(2, *(steps or (say(id="other"),)), in_flight=in_flight, **fields))

    def move(self) -> None:
        self.change("migrate", REST, BETTER, moves={"here": "rest"})

    def go_on(self) -> None:
        """Lift what is paused, and let time pass until nobody waits for anything."""
        self.world.pause(())
        self.world.advance(self.world.now + 60 * DAY)
        self.world.release()

    def sent(self, message: Message, at: datetime) -> None:  # noqa: ARG002
        self.said.append(message.step)

    def ended(self, entry: EntryRow, at: datetime) -> None:  # noqa: ARG002
        if entry.journey == "views":
            self.ends.append((str(entry.reason), entry.revision))

    def reached(self, entry_id: bytes, goal_at: datetime, at: datetime) -> None:  # noqa: ARG002
        self.goals += 1


def _over_in_a_pause(*steps: Step) -> Inside:
    made = Inside(*steps)
    made.world.pause(("journey:views",))
    made.world.advance(AT + 3 * DAY)
    return made


QUIET = {name: QuietHours(start=600, end=1200) for name in ("email", "sms")}  # it is 11:00 where she lives
SPECIAL: dict[str, Callable[..., Inside]] = {
    "a wait of what was started": lambda *steps: Inside(*steps, on="survey.answered"),
    "a wait that was over in a pause": _over_in_a_pause,
    "a message held by quiet hours": lambda *steps: Inside(*steps, quiet_hours=QUIET),
    "two channels held by quiet hours": lambda *steps: Inside(*steps, quiet_hours=QUIET),
    "a message held by a cap": lambda *steps: Inside(*steps, caps=(Cap(at_most=1, per=7 * 86_400.0),)),
    "a message held by a pause": lambda *steps: Inside(*steps, paused="journey:views"),
    "a message held by the brake": lambda *steps: Inside(*steps, paused="brake:views"),
    "the end": lambda *steps: Inside(*steps, exits=until("order.cancelled")),
}


def inside(kind: str) -> Inside:
    return SPECIAL.get(kind, Inside)(*STEPS[kind])


def _pinned(it: Inside) -> None:
    it.change("pin")


def _gone(it: Inside) -> None:
    it.follow()


def _paused(it: Inside) -> None:
    """Whatever comes due in a pause says nothing."""
    queued = list(it.world.queue)
    it.world.pause(("journey:views",))
    it.world.advance(it.world.now + 3 * DAY)
    assert list(it.world.queue) == queued


def _rolled_back(it: Inside) -> None:
    it.change("drain")
    it.follow(it.old)


def _drained(it: Inside) -> None:
    it.change("drain")


def _gone_and_drained(it: Inside) -> None:
    it.follow(removed={"views": "drain"})


def _cancelled(it: Inside) -> None:
    it.change("cancel")


def _gone_and_cancelled(it: Inside) -> None:
    it.follow(removed={"views": "cancel"})


def _cancelled_and_rolled_back(it: Inside) -> None:
    it.change("cancel")
    it.follow(it.old)


def _keeps_its_id(it: Inside) -> None:
    here = [step for step in every_step(it.old.steps) if step.id == "here"]
    it.change("migrate", *here, BETTER)


def _moved(it: Inside) -> None:
    it.move()


def _moved_and_rolled_back(it: Inside) -> None:
    """The version before says `pin`: who has come into another stays there."""
    it.move()
    it.follow(it.old)


def _moved_and_back(it: Inside) -> None:
    it.move()
    it.world.advance(it.world.now + MINUTE)
    it.follow(replace(it.old, in_flight="migrate", moves={"rest": "here"}))


def name_of(change: Any) -> str:
    return str(change.__name__).strip("_")


CHANGES: dict[Callable[[Inside], None], str] = {
    _pinned: "stays", _gone: "stays", _paused: "stays", _rolled_back: "stays",
    _drained: "drained", _gone_and_drained: "drained",
    _cancelled: "cancelled", _gone_and_cancelled: "cancelled", _cancelled_and_rolled_back: "cancelled",
    _keeps_its_id: "keeps its id", _moved: "moved", _moved_and_rolled_back: "moved", _moved_and_back: "moved and back",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=name_of)
@pytest.mark.parametrize("kind", STEPS)
def test_whoever_stands_at_any_kind_of_step_fares_as_the_change_says(
    kind: str, change: Callable[[Inside], None]
) -> None:
    it, column = inside(kind), CHANGES[change]
    stands = [one.step for one in it.world.live.values() if one.journey == "views"]
    assert stands == ([] if kind == "the end" else ["here"])
    change(it)
    it.go_on()
    end = ("completed", 1) if kind == "the end" else ENDS[column]
    assert (" ".join(it.said), it.ends) == (HEARD[kind][COLUMNS.index(column)], [end])
    assert (dict(it.world.live), it.world.next_timer()) == ({}, None)


@pytest.mark.parametrize("change", [one for one in CHANGES if one is not _paused], ids=name_of)
@pytest.mark.parametrize("kind", ["a wait for one", "a wait for any of two", "a wait for both, one heard"])
def test_what_is_waited_for_and_comes_after_the_change_leads_on_at_once(
    kind: str, change: Callable[[Inside], None]
) -> None:
    """Who was moved waits for nothing now; who was moved back waits anew, for both of two."""
    it, column = inside(kind), CHANGES[change]
    change(it)
    it.tell("order.paid", AT + HOUR / 2, order={"id": "o1", "total": "9.00", "currency": "PLN"})
    waits = column == "moved" or (column == "moved and back" and "both" in kind)
    assert [one.journey for one in it.world.live.values()] == ["views"] * waits
    it.go_on()
    assert (" ".join(it.said), it.ends) == (WAITS[COLUMNS.index(column)], [ENDS[column]])


@pytest.mark.parametrize(
    ("change", "end"),
    [(_pinned, ("goal_reached", 1)), (_gone, ("goal_reached", 1)), (_drained, ("goal_reached", 1)),
     (_cancelled, ("cancelled", 1)), (_gone_and_cancelled, ("cancelled", 1)), (_moved, ("goal_reached", 2))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["a wait", "a wait until a moment", "a wait for one", "a split on trial"])
def test_what_she_has_heard_counts_for_the_goal_whatever_became_of_the_journey(
    kind: str, change: Callable[[Inside], None], end: tuple[str, int]
) -> None:
    it = Inside(*STEPS[kind], goals=goal("order.placed"))
    it.world.release()
    change(it)
    it.tell("order.placed", AT + HOUR / 2, order={"id": "o1", "total": "9.00", "currency": "PLN"})
    it.go_on()
    assert (it.said, it.ends, it.goals) == (["first"], [end], 1)


@pytest.mark.parametrize("in_flight", ["pin", "drain", "cancel", "migrate"])
@pytest.mark.parametrize("kind", ["a wait", "the end"])
def test_an_exit_takes_back_what_has_not_left_whatever_became_of_the_journey(kind: str, in_flight: str) -> None:
    it = Inside(*STEPS[kind], exits=until("order.cancelled"))
    it.change(in_flight)
    it.tell("order.cancelled", AT + HOUR, order={"id": "o1"})
    it.go_on()
    ended = "completed" if kind == "the end" else "cancelled" if in_flight == "cancel" else "exited"
    assert (it.said, it.ends) == ([], [(ended, 1)])


@pytest.mark.parametrize("in_flight", ["pin", "drain", "cancel", "migrate", None])
def test_whoever_stands_before_a_start_enters_the_version_that_is_in_force_then(in_flight: Any) -> None:
    """Where the journey is gone, nothing is entered, and what would have started it goes on."""
    it = Inside(FIRST, on="survey.answered", again_after=0)
    opens = journey("opens", "customer.signed_up", HERE, Start("go", "views"), say(id="after"), again_after=0)
    it.shop = replace(it.shop, journeys=(opens,))
    it.go_on()
    it.said.clear()
    it.ends.clear()
    it.follow(it.old)
    it.tell("customer.signed_up", it.world.now)
    it.follow(*([] if in_flight is None else [it.version(2, BETTER, in_flight=in_flight)]))
    it.go_on()
    assert sorted(it.said) == (["after"] if in_flight is None else ["after", "better"])
    assert it.ends == ([] if in_flight is None else [("completed", 2)])
