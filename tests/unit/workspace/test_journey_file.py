"""A journey's file becomes the published journey: short forms spelled out, defaults filled in, every name checked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.cli.workspace.journeys.journey_file import read_journey
from services.cli.workspace.reading.positions import read_yaml
from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.surroundings import Surroundings
from services.contracts.journey import Enter, Goal, Journey, Rule
from tests.unit.workspace.folder import JOURNEY, journey, loaded, said, the

STEPS = JOURNEY[JOURNEY.index("steps:") :]


def read(home: Path, head: str) -> Journey:
    vip = "vip: {if: profile.orders_count > 1}"
    found = loaded(home, {"journeys/hello.yaml": head + STEPS, "segments.yaml": vip})
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace.journeys[0]


def test_the_shortest_journey_gets_every_default(tmp_path: Path) -> None:
    found = read(tmp_path, "journey: hello\nenter: {on: order.placed}\n")
    assert found.enter == Enter(on="order.placed", condition=None, key=None, again_after=None, max_age=86_400.0)
    assert (found.klass, found.late, found.max_lateness) == ("marketing", "recheck", 7_200.0)
    assert (found.goals, found.exits, found.topic) == ((), (), None)


def test_a_full_journey_is_kept_word_for_word(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
journey: hello
title: Cześć
about: says hello
owner: marketing@sklep.example
class: service
topic: greetings
enter: {on: cart.abandoned, if: event.cart.total >= 100, key: event.cart.id, again: after 7 days, max_age: 2 hours}
goal: {on: order.placed, if: received.order.cart_id == event.cart.id, within: 5 days, stay: true}
exit: [{on: order.placed}, {on: cart.updated, if: received.cart.total == 0}]
policy: {late: drop, max_lateness: 30 minutes}
in_flight: pin
""",
    )
    assert (found.title, found.about, found.owner) == ("Cześć", "says hello", "marketing@sklep.example")
    assert (found.klass, found.topic, found.late, found.max_lateness) == ("service", "greetings", "drop", 1_800.0)
    assert found.enter == Enter("cart.abandoned", "event.cart.total >= 100", "event.cart.id", 604_800.0, 7_200.0)
    assert found.goals == (Goal("order.placed", "received.order.cart_id == event.cart.id", 432_000.0, stay=True),)
    assert found.exits == (Rule("order.placed"), Rule("cart.updated", "received.cart.total == 0"))


@pytest.mark.parametrize(("again", "seconds"), [("never", None), ("always", 0.0), ("after 2 hours", 7_200.0)])
def test_again_is_never_always_or_after_a_duration(tmp_path: Path, again: str, seconds: float | None) -> None:
    assert read(tmp_path, f"journey: hello\nenter: {{on: order.placed, again: {again}}}\n").enter.again_after == seconds


def test_a_transactional_journey_sends_late_rather_than_never(tmp_path: Path) -> None:
    assert read(tmp_path, "journey: hello\nclass: transactional\nenter: {on: order.placed}\n").late == "send"


@pytest.mark.parametrize(
    ("head", "place", "rule"),
    [
        ("journey: hello\nenter: {on: order.placed, again: after soon}\n", "2:34", "bad-duration"),
        ("journey: hello\nenter: {on: order.placed, again: sometimes}\n", "2:34", "bad-duration"),
        ("journey: hello\nenter: {on: order.placed, max_age: 0 days}\n", "2:36", "bad-duration"),
        ("journey: hello\nenter: order.placed\n", "2:8", "wrong-kind"),
        ("journey: hello\nenter: {on: [order.placed]}\n", "2:13", "wrong-kind"),
        ("journey: hello\nenter: {if: true}\n", "2:8", "missing-key"),
        ("journey: hello\nenter: {on: order.placed}\nlive: {from: tomorrow}\n", "3:14", "bad-cron-or-time"),
        ("journey: hello\nenter: {on: order.placed}\nlive: {until: 2026-02-30}\n", "3:15", "bad-cron-or-time"),
        ("journey: hello\nenter: {on: order.placed}\nlive: {from: 2026-02-02, until: 2026-02-01}\n", "3:33",
         "bad-value"),
        ("journey: hello\nenter: {on: order.placed}\ngoal: {on: order.paid}\nholdout: 100%\n", "4:10", "bad-value"),
        ("journey: hello\nenter: {on: order.placed}\npolicy: {priority: high}\n", "3:20", "wrong-kind"),
        ("journey: Hello World\nenter: {on: order.placed}\n", "1:10", "bad-name"),
        ("journey: hello\nclass: promo\nenter: {on: order.placed}\n", "2:8", "bad-value"),
        ("journey: hello\nenter: {on: order.placed, key: event.order}\n", "2:32", "bad-condition"),
        ("journey: hello\nenter: {on: order.placed}\ngoal: {on: order.paied}\n", "3:12", "unknown-event"),
        ("journey: hello\nenter: {on: order.placed}\ngoal: {on: order.paid, stay: maybe}\n", "3:30", "wrong-kind"),
        ("journey: hello\nenter: {on: order.placed}\nin_flight: drian\n", "3:12", "bad-value"),
        ("journey: hello\nenter: {on: order.placed}\nin_flight: {migrate: {gone: send-helo}}\n", "3:29",
         "unknown-step"),
        ("journey: hello\nenter: {on: order.placed}\nexit: [{on: order.paid, if: received.x == 1}]\n", "3:38",
         "bad-condition"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_head_is_named_where_it_stands(tmp_path: Path, head: str, place: str, rule: str) -> None:
    found = the(journey(tmp_path, head + STEPS))
    assert (found.place, found.rule) == (f"journeys/hello.yaml:{place}", rule)
    assert found.hint


@pytest.mark.parametrize(
    ("written", "word", "moves"),
    [
        ("drain", "drain", {}),
        ("cancel", "cancel", {}),
        ("migrate", "migrate", {}),
        ("{migrate: {first-reminder: send-hello}}", "migrate", {"first-reminder": "send-hello"}),
    ],
)
def test_what_a_change_does_to_those_inside_is_a_word_or_a_mapping(
    tmp_path: Path, written: str, word: str, moves: dict[str, str]
) -> None:
    found = read(tmp_path, f"journey: hello\nenter: {{on: order.placed}}\nin_flight: {written}\n")
    assert (found.in_flight, found.moves) == (word, moves)


def test_entering_a_segment_is_short_for_its_event(tmp_path: Path) -> None:
    for written, condition in (
        ("{segment: vip}", 'event.segment == "vip"'),
        ("{segment: vip, if: profile.orders_count > 1}", 'event.segment == "vip" && (profile.orders_count > 1)'),
    ):
        found = read(tmp_path, f"journey: hello\nenter: {written}\n").enter
        assert (found.on, found.condition) == ("segment.entered", condition)


def test_entering_a_segment_and_an_event_is_one_too_many(tmp_path: Path) -> None:
    found = journey(tmp_path, f"journey: hello\nenter: {{on: order.placed, segment: vip}}\n{STEPS}")
    assert ("journeys/hello.yaml:2:27", "bad-value") in said(found)


def test_a_segment_that_is_not_there_is_refused_where_they_are_known() -> None:
    around = Surroundings(segments=frozenset({"vip"}))
    for name, rules in (("vip", []), ("vipp", ["unknown-segment"])):
        text = f"journey: hello\nenter: {{segment: {name}}}\nsteps: [stop]\n"
        sheet, node = Sheet("journeys/hello.yaml", text), read_yaml(text)
        assert node is not None
        read_journey(node, sheet, around)
        assert [finding.rule for finding in sheet.findings] == rules


def test_holdout_live_priority_and_quiet_hours_are_read(tmp_path: Path) -> None:
    head = """\
journey: hello
enter: {on: order.placed}
goal: {on: order.paid}
holdout: 12.5%
live: {from: 2026-11-20, until: 2026-12-01}
policy: {priority: 80, quiet_hours: ignore}
"""
    found = read(tmp_path, head)
    assert (found.holdout, found.priority, found.quiet_hours) == (12.5, 80, "ignore")
    assert found.live_from == datetime(2026, 11, 19, 23, tzinfo=UTC)
    assert found.live_until == datetime(2026, 12, 1, 23, tzinfo=UTC)
    timed = read(tmp_path, head.replace("until: 2026-12-01", "until: 2026-12-01 10:00"))
    assert timed.live_until == datetime(2026, 12, 1, 9, tzinfo=UTC)
    plain = read(tmp_path, "journey: hello\nenter: {on: order.placed}\n")
    assert (plain.holdout, plain.priority, plain.quiet_hours, plain.live_from) == (0.0, 50, "inherit", None)


def test_a_holdout_without_a_goal_is_a_warning(tmp_path: Path) -> None:
    found = the(journey(tmp_path, f"journey: hello\nholdout: 5%\nenter: {{on: order.placed}}\n{STEPS}"))
    assert (found.rule, found.severity, found.place) == ("holdout-without-goal", "warning", "journeys/hello.yaml:2:10")


def test_what_became_of_a_message_may_enter_a_journey(tmp_path: Path) -> None:
    head = "journey: hello\nenter: {on: message.bounced, if: event.message.hard, again: after 90 days}\n"
    assert read(tmp_path, head).enter.on == "message.bounced"


@pytest.mark.parametrize(
    ("enter", "place"),
    [
        ("on: message.opened, again: always", "2:36"),
        ("on: message.opened, again: after 1 hour", "2:36"),
        ("on: message.opened, key: event.message.step", "2:34"),
    ],
)
def test_journeys_that_receipts_enter_cannot_answer_each_other_without_end(
    tmp_path: Path, enter: str, place: str
) -> None:
    found = the(journey(tmp_path, f"journey: hello\nenter: {{{enter}}}\n{STEPS}"))
    assert (found.rule, found.place) == ("receipt-circle", f"journeys/hello.yaml:{place}")


def test_a_journey_that_says_nothing_may_be_entered_by_every_receipt(tmp_path: Path) -> None:
    written = "journey: hello\nenter: {on: message.clicked, again: always}\nsteps: [{tag: curious}]\n"
    assert {one.rule for one in journey(tmp_path, written)} == {"unused-template"}


def test_an_event_that_nothing_derives_yet_is_a_warning(tmp_path: Path) -> None:
    found = the(journey(tmp_path, f"journey: hello\nenter: {{on: points.expiring}}\n{STEPS}"))
    assert (found.rule, found.severity) == ("not-yet-applied", "warning")


@pytest.mark.parametrize("event", ["order.milestone", "customer.birthday", "product.price_dropped"])
def test_an_event_that_is_derived_for_whoever_listens_is_none(tmp_path: Path, event: str) -> None:
    assert said(journey(tmp_path, f"journey: hello\nenter: {{on: {event}}}\n{STEPS}")) == []


def test_an_event_of_a_product_that_nothing_derives_yet_is_named(tmp_path: Path) -> None:
    found = the(journey(tmp_path, f"journey: hello\nenter: {{on: product.running_out}}\n{STEPS}"))
    assert found.message == "nothing derives 'product.running_out' in this version"


def test_two_journeys_of_one_name_are_refused(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"journeys/zz.yaml": JOURNEY}).findings
    assert said(found) == [("journeys/zz.yaml:1:10", "duplicate-name")]
    assert "journeys/hello.yaml" in found[0].hint


def test_a_journey_in_a_file_of_another_name_is_a_warning(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"journeys/other.yaml": JOURNEY.replace("journey: hello", "journey: third")})
    assert said(found.findings) == [("journeys/other.yaml:1:10", "name-mismatch")]
    assert found.workspace is not None


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("if: event.order.totl > 5", "3:19"),
        ("if: 'event.order.totl > 5'", "3:20"),
        ("if: |\n    event.order.total > 5 &&\n    event.order.totl > 5", "5:17"),
        ("if: event.order.total > 5 &&\n    event.order.totl > 5", "4:17"),
    ],
)
def test_a_mistake_in_a_condition_is_placed_inside_the_condition(tmp_path: Path, written: str, place: str) -> None:
    found = the(journey(tmp_path, f"journey: hello\nenter:\n  {written}\n  on: order.placed\n{STEPS}"))
    assert found.place == f"journeys/hello.yaml:{place}"
    assert "total" in found.hint
