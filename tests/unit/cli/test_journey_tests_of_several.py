"""`wici test` in a workspace of several journeys: which take part, and whose tests are meant."""

from __future__ import annotations

from pathlib import Path

from services.cli.testing.command import play
from tests.unit.cli.test_journey_tests import GIVEN, JOURNEY, came, indented, order, shop


def test_a_message_of_another_journey_counts_only_where_it_takes_part(tmp_path: Path) -> None:
    other = JOURNEY.replace("journey: hello", "journey: other").split("  - wait: 1 day")[0]
    journeys = {"journeys__other.yaml": other}
    assert play(shop(tmp_path, order("- send: hello"), **journeys)).code == 0
    answer = play(shop(tmp_path, "with: all\n" + order("- send: hello"), **journeys))
    assert came(answer) == [("no other message", "email hello at 2026-11-24 13:00")]
    assert play(shop(tmp_path, "with: [other]\n" + order("- send: hello\n- send: hello"), **journeys)).code == 0


def test_a_day_of_the_customers_belongs_to_journeys_that_take_part(tmp_path: Path) -> None:
    enter = "enter: {date: profile.birthday, at: 09:00}\nsteps: [{send: hello, via: email}]\n"
    files = {"journeys__other.yaml": f"journey: other\nclass: transactional\n{enter}"}
    born = GIVEN.replace("first_name: Anna", "birthday: 1990-11-26") % ", arms: {split-1: a}"
    alone, both = "- send: hello", "- send: hello\n- {send: hello, at: 2026-11-26 09:00}"
    tests = (order(alone, born), "with: [other]\n" + order(both, born))
    answer = play(shop(tmp_path, *tests, **files))
    assert answer.code == 0, answer.text


def test_a_journeys_name_means_its_own_tests_and_not_those_of_others_that_contain_it(tmp_path: Path) -> None:
    files = {
        "journeys/hello-again.yaml": JOURNEY.replace("journey: hello", "journey: hello-again"),
        "journeys/hello-again.test.yaml": f"- test: t1\n{indented(order('- nothing: true'))}",
    }
    home = shop(tmp_path, order("- send: hello"), **files)
    assert play(home, "hello").code == 0
    assert play(home, "hello-").code == 1
