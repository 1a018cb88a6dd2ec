"""One timer per customer and kind, set as often as one likes."""

from __future__ import annotations

from services.contracts import ids
from services.trigger_engine.journeys import alarms
from services.trigger_engine.journeys.reaction import Reaction
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, DAY, HOUR, MINUTE, REMINDER, Run, anna, happened, workspace

ANNA, EWA = Profile(b"a" * 16, AT), Profile(b"e" * 16, AT)


def copies() -> tuple[Profile, Profile, Reaction]:
    return load(dump(ANNA), 0), load(dump(EWA), 0), Reaction()


def test_an_alarm_set_to_the_same_moment_is_not_set_anew() -> None:
    anna_, _, into = copies()
    alarms.set_alarm(anna_, "some", AT, into)
    again = Reaction()
    alarms.set_alarm(anna_, "some", AT, again)
    assert (again.timers, anna_.alarms["some"].generation) == ({}, 1)


def test_only_the_generation_set_last_fires_and_fires_once() -> None:
    anna_, _, into = copies()
    alarms.set_alarm(anna_, "some", AT, into)
    alarms.set_alarm(anna_, "some", AT + HOUR, into)
    timer = into.timers[ids.alarm("some", anna_.id)]
    assert alarms.fire(anna_, timer.id, 1) is None
    assert alarms.fire(anna_, timer.id, timer.generation) == ("some", AT + HOUR)
    assert alarms.fire(anna_, timer.id, timer.generation) is None


def test_a_generation_never_comes_back_after_an_alarm_was_taken_away() -> None:
    anna_, _, into = copies()
    alarms.set_alarm(anna_, "some", AT, into)
    alarms.set_alarm(anna_, "some", None, into)
    assert (anna_.alarms, into.timers[ids.alarm("some", anna_.id)].due) == ({}, None)
    alarms.set_alarm(anna_, "some", AT, into)
    assert anna_.alarms["some"].generation == 2


def test_alarms_of_two_kinds_do_not_fire_for_each_other() -> None:
    anna_, _, into = copies()
    alarms.set_alarm(anna_, "some", AT, into)
    assert alarms.fire(anna_, ids.alarm("other", anna_.id), 1) is None


def test_of_two_alarms_of_one_kind_the_earlier_is_kept_when_profiles_join() -> None:
    for first, second in ((0, 1), (1, 0)):
        anna_, ewa, into = copies()
        alarms.set_alarm(anna_, "some", AT + first * HOUR, into)
        alarms.set_alarm(ewa, "some", AT + second * HOUR, into)
        alarms.set_alarm(ewa, "hers", AT, into)
        alarms.join(anna_, ewa, into)
        assert {kind: alarm.due for kind, alarm in anna_.alarms.items()} == {"some": AT, "hers": AT}
        rows = {timer.id: timer.due for timer in into.timers.values() if timer.due}
        assert rows == {ids.alarm("some", anna_.id): AT, ids.alarm("hers", anna_.id): AT}


def test_an_alarm_is_set_anew_by_what_is_known_of_both_after_a_merge() -> None:
    """The customer's own cart is newer and empty; the visitor's was full."""
    run = Run(workspace(REMINDER))
    run.take(happened("cart.updated", customer={"anonymous_id": "a1"}, cart={"id": "k1", "total": "150"}))
    run.take(happened("cart.updated", AT + MINUTE, customer=anna(), cart={"id": "k2", "total": "0"}))
    assert len(run.timers) == 1
    run.take(happened("customer.updated", AT + MINUTE, customer=anna(anonymous_id="a1")))
    assert (run.timers, run.profile.alarms) == ({}, {})
    assert run.reload().wait(DAY).said == []
