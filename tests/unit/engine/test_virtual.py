"""The virtual world's own habits: its clock, its queue, who comes and goes. What it decides, properties compare."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.contracts.journey import Goal, Rule, Wait, WaitFor
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.contracts.receipt import Statement
from services.contracts.segment import Segment
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.reaction import Derived, EntryRow, Note, Walked
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile, dump, load
from services.trigger_engine.virtual import Watcher, World, arrival
from tests.support.engine import AT, DAY, HOUR, MINUTE, anna, journey, say, until, workspace

WAITS = journey("waits", "page.viewed", Wait("w", 45, "minutes"), say(), exits=until("order.placed"), again_after=0)
ALSO = journey("also", "page.viewed", say(), again_after=0)


class Notes(Watcher):
    """Everything that happens, as short lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.messages: list[Message] = []

    def sent(self, message: Message, at: datetime) -> None:
        self.messages.append(message)
        self.lines.append(f"{at:%d %H:%M} sent {message.journey}")

    def stopped(self, message: Message, reason: Reason, at: datetime) -> None:
        self.lines.append(f"{at:%d %H:%M} stopped {message.journey} {reason}")

    def entered(self, entry: EntryRow, at: datetime) -> None:
        self.lines.append(f"{at:%d %H:%M} entered {entry.journey}")

    def ended(self, entry: EntryRow, at: datetime) -> None:
        self.lines.append(f"{at:%d %H:%M} ended {entry.journey} {entry.reason}")

    def walked(self, entry_id: bytes, steps: list[Walked], at: datetime) -> None:  # noqa: ARG002
        self.lines += [f"{at:%d %H:%M} {step.reason}" for step in steps if step.reason]

    def reached(self, entry_id: bytes, goal_at: datetime, at: datetime) -> None:  # noqa: ARG002
        self.lines.append(f"{at:%d %H:%M} reached")

    def noted(self, note: Note, event: Arrival | Derived, profile_id: bytes, at: datetime) -> None:  # noqa: ARG002
        self.lines.append(f"{at:%d %H:%M} {event.type} {note.journey} {note.reason}")

    def derived(self, one: Derived, at: datetime) -> None:
        self.lines.append(f"{at:%d %H:%M} {one.type}")


class Stage:
    """A world, its notes, and events that number themselves."""

    def __init__(self, made: Workspace, **fields: Any) -> None:
        self.notes = Notes()
        self.world = World(define(made), AT, self.notes, **fields)
        self._number = 0

    def happens(self, kind: str, at: datetime = AT, *, told: datetime | None = None, **data: Any) -> Profile | None:
        self._number += 1
        data.setdefault("customer", anna())
        one = arrival(self.world.definitions, kind, data, at, identity=f"e{self._number}", received=told)
        return self.world.tell(one, told or at)


def test_a_timer_fires_at_its_moment_and_whoever_watches_hears_in_order() -> None:
    stage = Stage(workspace(WAITS))
    stage.happens("page.viewed")
    stage.world.advance(AT + DAY)
    assert stage.notes.lines == ["22 10:00 entered waits", "22 10:45 sent waits", "22 10:45 ended waits completed"]
    assert stage.world.now == AT + DAY
    assert stage.world.next_timer() is None


def test_what_happens_at_the_moment_of_a_timer_comes_before_it() -> None:
    stage = Stage(workspace(WAITS))
    stage.happens("page.viewed")
    stage.happens("order.placed", AT + 45 * MINUTE, order={"id": "o1"})
    stage.world.advance(AT + DAY)
    assert stage.notes.lines == ["22 10:00 entered waits", "22 10:45 ended waits exited"]


def test_an_event_told_twice_takes_effect_once() -> None:
    stage = Stage(workspace(ALSO))
    one = arrival(stage.world.definitions, "page.viewed", {"customer": anna()}, AT, identity="same")
    assert stage.world.tell(one) is not None
    assert stage.world.tell(one) is None
    assert len(stage.notes.messages) == 1


def test_time_never_runs_backwards() -> None:
    stage = Stage(workspace(ALSO))
    stage.happens("page.viewed", AT - HOUR, told=AT - HOUR)
    assert stage.world.now == AT
    assert stage.notes.lines[0].startswith("22 10:00")


def test_the_gate_stops_a_message_which_counts_under_no_cap_then() -> None:
    stage = Stage(workspace(ALSO), gate=lambda message, _: Reason.SUPPRESSED if message.journey == "also" else None)
    stage.happens("page.viewed")
    assert stage.notes.lines == [
        "22 10:00 entered also", f"22 10:00 stopped also {Reason.SUPPRESSED}", "22 10:00 ended also completed",
    ]  # fmt: skip


def test_what_is_held_waits_until_it_is_released_or_taken_back() -> None:
    stage = Stage(workspace(journey("also", "page.viewed", again_after=0, exits=until("order.placed"))), holds=True)
    stage.happens("page.viewed")
    assert [m.journey for m in stage.world.queue.values()] == ["also"]
    stage.happens("order.placed", AT + HOUR, order={"id": "o1"})
    assert stage.notes.lines[-1] == "22 11:00 stopped also exited"
    stage.happens("page.viewed", AT + 2 * HOUR)
    stage.world.release()
    assert stage.notes.lines[-1] == "22 12:00 sent also"


def test_accepted_is_heard_of_every_message_and_the_rest_is_told() -> None:
    thanks = journey("thanks", "message.accepted", again_after=0)
    clicked = journey("clicked", "message.clicked", again_after=0)
    stage = Stage(workspace(ALSO, thanks, clicked))
    stage.happens("page.viewed")
    assert [m.journey for m in stage.notes.messages] == ["also", "thanks"]
    stage.world.receipt(stage.notes.messages[0], "clicked", AT + HOUR, url="https://x.example")
    assert [m.journey for m in stage.notes.messages] == ["also", "thanks", "clicked", "thanks"]
    stage.world.receipt(stage.notes.messages[0], "clicked", AT + HOUR, url="https://x.example", machine=True)
    assert len(stage.notes.messages) == 4


def test_what_is_heard_of_two_messages_ends_an_entry_once() -> None:
    asks = journey("asks", "page.viewed", say(), WaitFor("w", (Rule("message.accepted"),), DAY.total_seconds()))
    stage = Stage(workspace(ALSO, asks))  # of the first message nothing follows
    stage.happens("page.viewed")
    assert stage.notes.lines.count("22 10:00 ended asks completed") == 1
    assert stage.world.live == {}


def test_a_statement_on_a_page_changes_the_consent() -> None:
    stage = Stage(workspace(ALSO))
    profile = stage.happens("page.viewed")
    assert profile is not None
    said = Statement("preferences", {"email": "unsubscribed"}, "anna@example.com", "", "t", "…")
    stage.world.state(stage.notes.messages[0], said, AT + HOUR)
    assert profile.consents["email"].state == "unsubscribed"
    stage.happens("page.viewed", AT + 2 * HOUR, customer={"id": "c-1"})
    assert stage.notes.lines[-2] == f"22 12:00 {Reason.NO_CONSENT}"


def test_who_is_erased_is_somebody_new_and_an_older_word_takes_no_effect() -> None:
    stage = Stage(workspace(WAITS))
    first = stage.happens("page.viewed")
    assert stage.happens("customer.deleted", AT + MINUTE) is None
    assert stage.world.profiles == {}
    assert stage.happens("page.viewed", AT, told=AT + HOUR) is None
    assert stage.notes.lines[-1] == f"22 11:00 page.viewed  {Reason.ERASED}"
    again = stage.happens("page.viewed", AT + 2 * HOUR)
    assert again is not None
    assert first is not None
    assert again.id != first.id
    stage.world.advance(AT + DAY)
    assert [m.profile_id for m in stage.notes.messages] == [again.id]


def test_who_is_dropped_leaves_nothing_behind() -> None:
    stage = Stage(workspace(WAITS), keeps_all=True)
    profile = stage.happens("page.viewed", customer=anna(anonymous_id="a1"))
    assert profile is not None
    stage.world.drop(profile.id)
    world = stage.world
    assert (world.profiles, world.live, world.next_timer()) == ({}, {}, None)
    assert (world._crowd.rows, world._crowd.merged, world._record._events) == ({}, {}, {})


def test_a_stored_customer_goes_on_where_the_profile_says() -> None:
    one = Stage(workspace(WAITS))
    profile = one.happens("page.viewed")
    assert profile is not None
    other = Stage(workspace(WAITS))
    other.world.admit(load(dump(profile), 1))
    assert [row.journey for row in other.world.live.values()] == ["waits"]
    other.world.advance(AT + DAY)
    assert other.notes.lines == ["22 10:45 sent waits", "22 10:45 ended waits completed"]
    assert other.happens("page.viewed", AT + 2 * DAY) is not None
    assert len(other.world.profiles) == 1


def test_a_new_version_leaves_entries_with_theirs_and_is_entered_from_now_on() -> None:
    stage = Stage(workspace(WAITS))
    stage.happens("page.viewed")
    stage.world.follow(define(workspace(journey("waits", "page.viewed", say(), again_after=0, revision=2))))
    stage.happens("page.viewed", AT + MINUTE, customer=anna(id="c-2", email="ewa@example.com"))
    stage.world.advance(AT + DAY)
    assert [line for line in stage.notes.lines if "sent" in line] == ["22 10:01 sent waits", "22 10:45 sent waits"]


def test_numbers_that_come_into_use_are_counted_from_what_is_remembered() -> None:
    stage = Stage(workspace(ALSO), keeps_all=True)
    for hour in range(3):
        stage.happens("order.placed", AT + hour * HOUR, order={"id": f"o{hour}", "total": "10.00", "currency": "PLN"})
    rich = Segment("rich", "orders(7 days) >= 3", tag="rich")
    stage.world.follow(define(workspace(ALSO, segments=[rich])))
    (profile,) = stage.world.profiles.values()
    assert list(profile.segments) == ["rich"]
    assert stage.notes.lines[-1] == "22 12:00 segment.entered"


def test_a_product_that_is_cheaper_is_told_to_whom_it_interests() -> None:
    made = workspace(journey("cheaper", "product.price_dropped", again_after=0))
    stage = Stage(made)
    for kind, price in (("product.viewed", "10.00"), ("product.updated", "10.00"), ("product.updated", "5.00")):
        who = {"customer": anna()} if kind == "product.viewed" else {"customer": None}
        stage.happens(kind, product={"id": "p1", "price": price, "currency": "PLN"}, **who)
    assert [m.journey for m in stage.notes.messages] == ["cheaper"]


def test_a_goal_is_told() -> None:
    stage = Stage(workspace(journey("also", "page.viewed", say(), goals=(Goal("order.placed"),))))
    stage.happens("page.viewed")
    stage.happens("order.placed", AT + HOUR, order={"id": "o1"})
    assert stage.notes.lines[-1] == "22 11:00 reached"


def test_rules_are_noted_with_the_event_that_they_refused() -> None:
    stage = Stage(workspace(journey("also", "page.viewed", condition="profile.orders_count > 3")))
    stage.happens("page.viewed")
    assert stage.notes.lines == [f"22 10:00 page.viewed also {Reason.CONDITION_FALSE}"]


class Seen(Watcher):
    """What notes say that conditions have seen."""

    def __init__(self, *, explains: bool) -> None:
        self.explains = explains
        self.notes: list[dict[str, Any] | None] = []

    def noted(self, note: Note, event: Arrival | Derived, profile_id: bytes, at: datetime) -> None:  # noqa: ARG002
        self.notes.append(note.seen)


def test_notes_say_what_conditions_have_seen_only_to_who_asks() -> None:
    definitions = define(workspace(journey("also", "page.viewed", condition="profile.orders_count > 3")))
    asks, does_not = Seen(explains=True), Seen(explains=False)
    for watcher in (asks, does_not):
        event = arrival(definitions, "page.viewed", {"customer": anna()}, AT, identity="e1")
        World(definitions, AT, watcher).tell(event)
    assert asks.notes == [{"profile.orders_count": 0}]
    assert does_not.notes == [None]
