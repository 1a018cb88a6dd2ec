"""How fast an account is called."""

from __future__ import annotations

from services.notifier.pace import FIRST_PAUSE, RECENT, SILENT, Pace
from services.notifier.providers.base import (
    Accepted,
    Answered,
    NotSent,
    RateHints,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
)

GOOD = Answered((Accepted("id"),))


def test_a_throttled_account_rests_as_long_as_it_was_asked_to_with_half_of_its_slots() -> None:
    pace = Pace(64)
    pace.learn(Throttled(2.0), now=100.0)
    assert pace.free(101.9) == 0
    assert pace.wakes_in(101.0) == 1.0
    assert pace.free(102.0) == 32


def test_answers_of_one_round_halve_the_slots_once() -> None:
    pace = Pace(64)
    for _ in range(10):
        pace.learn(Throttled(2.0), now=100.0)
    assert pace.free(102.0) == 32


def test_good_answers_win_the_slots_back() -> None:
    pace = Pace(4)
    pace.learn(Throttled(1.0), now=0.0)
    for _ in range(20):
        pace.learn(GOOD, now=2.0)
    assert pace.free(2.0) == 4


def test_an_account_that_refuses_us_is_probed_with_one_call_and_passes_the_others_on() -> None:
    pace = Pace(64)
    pace.learn(Unauthorized("401", "key"), now=0.0)
    assert pace.passes(0.5)
    assert pace.free(0.5) == 0
    assert pace.free(FIRST_PAUSE) == 1
    pace.learn(GOOD, now=FIRST_PAUSE)
    assert not pace.passes(FIRST_PAUSE)
    assert pace.free(FIRST_PAUSE) == 64


def test_the_pause_of_an_unreachable_account_doubles_with_each_failed_probe() -> None:
    pace = Pace(64)
    now, pauses = 0.0, []
    for _ in range(8):
        pace.learn(NotSent("refused"), now)
        pauses.append(pace.wakes_in(now))
        now = pace.not_before
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_account_that_stays_silent_is_given_up_after_some_calls_in_a_row() -> None:
    pace = Pace(64)
    for _ in range(SILENT - 1):
        pace.learn(Unanswered("time-out"), now=0.0)
    assert not pace.passes(0.0)
    pace.learn(Unanswered("time-out"), now=0.0)
    assert pace.passes(0.0)


def test_a_short_pause_is_waited_for_and_a_long_one_passes_to_the_next_account() -> None:
    pace = Pace()
    pace.learn(Throttled(5.0), now=0.0)
    assert not pace.passes(0.0)
    pace.learn(Throttled(3600.0), now=0.0)
    assert pace.passes(0.0)


def test_a_used_up_rate_limit_is_respected_before_it_is_refused() -> None:
    pace = Pace()
    pace.learn(Answered((Accepted("id"),), RateHints(limit=10, remaining=0, reset=0.7)), now=10.0)
    assert pace.free(10.6) == 0
    assert pace.free(10.7) > 0


def test_a_configured_rate_bounds_the_calls_of_every_second() -> None:
    pace = Pace(64, rate=2.0)
    begun = 0
    for tick in range(101):
        free = pace.free(1000.0 + tick / 10)
        pace.begin(free)
        begun += free
        for _ in range(free):
            pace.end()
    assert 20 <= begun <= 22


def test_calls_in_flight_take_slots() -> None:
    pace = Pace(4)
    pace.begin(3)
    assert pace.free(0.0) == 1
    pace.end()
    assert pace.free(0.0) == 2


def test_an_account_that_leaves_every_second_call_unanswered_is_down_after_twenty() -> None:
    pace = Pace()
    for n in range(RECENT):
        assert not pace.down
        pace.learn(GOOD if n % 2 == 0 else Unanswered("reset"), float(n))
    assert pace.down
    assert pace.passes(float(RECENT))


def test_a_down_account_that_answers_its_probe_begins_anew() -> None:
    pace = Pace()
    for n in range(RECENT):
        pace.learn(GOOD if n % 2 == 0 else Unanswered("reset"), float(n))
    pace.learn(GOOD, 100.0)
    pace.learn(Unanswered("reset"), 101.0)
    assert not pace.down


def test_behind_webhooks_no_answer_of_one_host_slows_down_the_others() -> None:
    pace = Pace(64, many=True)
    results: list[Result] = [
        Throttled(9.0),
        *[Unanswered("TimeoutError")] * RECENT,
        NotSent("refused"),
        Unauthorized("401", ""),
    ]
    for result in results:
        pace.learn(result, now=0.0)
    assert (pace.free(0.0), pace.passes(0.0)) == (64, False)
