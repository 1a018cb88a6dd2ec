"""Who belongs to a segment: entered and left as it happens, by time alone, and by a visit to whom nothing happens."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.segment import Segment
from services.contracts.workspace import Workspace
from services.trigger_engine.journeys import react
from services.trigger_engine.journeys.conditions import ConditionError
from services.trigger_engine.journeys.definitions import define
from services.trigger_engine.journeys.env import ProfileView
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.journeys.turn import Turn
from services.trigger_engine.profiles.arrival import Arrival
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, DAY, Run, anna, happened, journey, workspace

VIP = Segment("vip", "spent(30 days) >= 300", tag="VIP")
WELCOME = journey("welcome", "segment.entered", condition='event.segment == "vip"', again_after=0)
FAREWELL = journey("farewell", "segment.left", again_after=0)


def shop(*segments: Segment) -> Workspace:
    return workspace(WELCOME, FAREWELL, segments=segments or (VIP,))


def bought(number: int, days: float = 0, total: str = "300.00", **who: Any) -> Arrival:
    order = {"id": f"o{number}", "total": total, "currency": "PLN"}
    return happened("order.placed", AT + days * DAY, id=f"p{number}", customer=anna(**who), order=order)


def kinds(run: Run) -> list[str]:
    return [kind for kind, _ in run.derived if kind.startswith("segment.")]


def known(profile: Profile, fact: str) -> Any:
    return ProfileView(profile, "PLN")[fact]


def test_who_fulfils_the_condition_enters_bears_the_tag_and_is_welcomed_once() -> None:
    run = Run(shop()).take(bought(1, 0, "200"), bought(2, 0, "100"), bought(3, 0, "100"))
    assert kinds(run) == ["segment.entered"]
    assert (known(run.profile, "segments"), known(run.profile, "tags")) == (["vip"], ["VIP"])
    assert [message.journey for message in run.queue] == ["welcome"]


def test_a_member_leaves_by_time_alone_when_the_window_has_moved_on() -> None:
    run = Run(shop()).take(bought(1))
    assert kinds(run.reload().wait(30 * DAY)) == ["segment.entered"]
    assert kinds(run.wait(DAY)) == ["segment.entered", "segment.left"]
    assert (run.profile.segments, known(run.profile, "tags"), run.timers) == ({}, [], {})
    assert [message.journey for message in run.queue] == ["welcome", "farewell"]


def test_leave_after_keeps_a_member_for_so_long_and_what_comes_back_meanwhile_stays() -> None:
    run = Run(shop(Segment("vip", "spent(30 days) >= 300", leave_after=10 * 86_400.0))).take(bought(1))
    run.wait(35 * DAY)
    assert known(run.profile, "segments") == ["vip"]
    run.take(bought(2, 35))
    assert kinds(run.wait(30 * DAY)) == ["segment.entered"]
    assert kinds(run.wait(12 * DAY)) == ["segment.entered", "segment.left"]


def test_a_cancellation_takes_its_customer_out_at_once() -> None:
    run = Run(shop()).take(bought(1))
    run.take(happened("order.cancelled", customer=anna(), order={"id": "o1"}))
    assert kinds(run) == ["segment.entered", "segment.left"]


def test_a_condition_on_the_present_is_looked_at_every_day() -> None:
    lapsed = Segment("lapsed", "now - profile.last_order_at > 10 days")
    run = Run(shop(lapsed)).take(bought(1))
    assert kinds(run.wait(10 * DAY)) == []
    assert kinds(run.wait(DAY)) == ["segment.entered"]
    run.take(bought(2, 11))
    assert kinds(run) == ["segment.entered", "segment.left"]


def test_segments_may_build_on_tags_of_others_and_a_circle_of_them_ends() -> None:
    gold = Segment("gold", '"VIP" in profile.tags')
    assert known(Run(shop(gold, VIP)).take(bought(1)).profile, "segments") == ["gold", "vip"]
    odd = Segment("odd", 'not ("odd" in profile.segments)')
    run = Run(shop(odd))
    for number in range(4):
        run.take(bought(number))
    assert kinds(run) == ["segment.entered", "segment.left"] * 2


def test_two_profiles_that_become_one_stay_in_their_segments_and_enter_none_twice() -> None:
    run = Run(shop())
    run.take(bought(1, who="x", id="c-1", email="a@example.com"), bought(2, id="c-2", email="b@example.com"))
    run.take(happened("customer.updated", source="other", customer={"id": "d-1", "email": "a@example.com"}))
    assert kinds(run) == ["segment.entered"] * 2
    run.take(happened("page.viewed", customer={"id": "c-1", "anonymous_id": "a1"}))
    assert kinds(run) == ["segment.entered"] * 2


def test_anonymous_orders_make_their_customer_a_member_when_he_is_known() -> None:
    run = Run(shop())
    run.take(bought(1, total="200", id=None, email="a@example.com"), bought(2, total="200", id="c-1", email=None))
    assert kinds(run) == []
    run.take(happened("customer.updated", customer={"id": "c-1", "email": "a@example.com"}))
    assert kinds(run) == ["segment.entered"]


def test_a_visit_makes_members_of_those_who_were_there_before_the_segment() -> None:
    profile = Run(workspace()).take(bought(1, total="400")).profile
    rich = define(shop(Segment("rich", "profile.total_spent >= 300")))
    for _ in range(2):
        turn = Turn(rich, AT, Reaction())
        react.on_visit(profile, turn)
    assert (list(profile.segments), turn.into.derived) == (["rich"], [])
    assert load(dump(profile), profile.version) == profile


def test_a_segment_that_is_gone_has_no_members() -> None:
    run = Run(shop()).take(bought(1))
    react.on_visit(run.profile, Turn(define(workspace()), AT, Reaction()))
    assert (run.profile.segments, run.profile.alarms) == ({}, {})


@pytest.mark.parametrize(
    "condition", ["event.order.total > 5", "entry.key == 'x'", "profile.nothing", "spent(30 days)"]
)
def test_a_segment_asks_for_nothing_but_the_customer(condition: str) -> None:
    with pytest.raises(ConditionError):
        define(shop(Segment("wrong", condition)))
