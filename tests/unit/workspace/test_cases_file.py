"""Tests of journeys are read like the journeys: every mistake has its place, and says what to write."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest

from services.cli.workspace.journeys.cases import Case, Event, Reply, Statement
from services.cli.workspace.reading.positions import plain, read_yaml
from services.cli.workspace.shapes.json_schema import documents
from tests.unit.workspace.folder import JOURNEY, loaded, said, the

FILE = "journeys/hello.test.yaml"
RIGHT = """\
- test: thanks
  given:
    profile: {email: anna@example.com, consents: {email: subscribed}}
  when:
    - {at: 2026-11-24 13:00, event: order.placed, data: {order: {id: o1}}}
    - {at: 2026-11-24 14:00, receipt: clicked, of: hello, data: {url: "https://x.example"}}
  then:
    - {at: 2026-11-24 13:00, send: hello, text has: [Zażółć, jaźń]}
"""
RECEIPT = 'receipt: clicked, of: hello, data: {url: "https://x.example"}}'
RECIPES = sorted(Path(__file__).parents[3].glob("recipes/*/journeys/*.test.yaml"))


def read(home: Path, text: str = RIGHT) -> Case:
    found = loaded(home, {FILE: text})
    assert found.findings == []
    (case,) = found.cases
    return case


def wrong(home: Path, old: str, new: str) -> tuple[str, str, str]:
    """Place, rule and hint of the only finding, with one part of the test replaced."""
    assert old in RIGHT
    found = the(loaded(home, {FILE: RIGHT.replace(old, new)}).findings)
    return found.place.removeprefix(f"{FILE}:"), found.rule, found.hint


def test_times_are_the_shops_and_events_are_about_the_given_customer(tmp_path: Path) -> None:
    case = read(tmp_path)
    event, reply = case.when
    assert isinstance(event, Event)
    assert event.at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert event.data == {"order": {"id": "o1"}, "customer": {"email": "anna@example.com"}}
    assert isinstance(reply, Reply)
    assert (reply.kind, reply.of, reply.data) == ("clicked", "hello", {"url": "https://x.example"})
    assert case.then[0].text == ("Zażółć", "jaźń")
    assert (case.where, set(case.journeys)) == (f"{FILE}:1", {"hello"})


def test_a_customer_abroad_has_a_clock_of_his_own(tmp_path: Path) -> None:
    case = read(tmp_path, RIGHT.replace("{email: anna", "{time_zone: America/New_York, email: anna"))
    assert case.when[0].at == datetime(2026, 11, 24, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "moment"),
    [("2026-10-25 02:30", "2026-10-25T00:30:00+00:00"), ("2026-10-25 02:30 +01:00", "2026-10-25T01:30:00+00:00"),
     ("2026-10-25 02:30:15", "2026-10-25T00:30:15+00:00"), ("2026-03-29 03:30", "2026-03-29T01:30:00+00:00"),
     ("2028-02-29T12:00Z", "2028-02-29T12:00:00+00:00")],
)  # fmt: skip
def test_a_time_that_comes_twice_is_the_first_unless_it_names_its_offset(
    tmp_path: Path, written: str, moment: str
) -> None:
    text = RIGHT.replace("2026-11-24 13:00, event", f"{written}, event").replace("2026-11-24 14:00", "2028-03-01 00:00")
    assert read(tmp_path, text).when[0].at == datetime.fromisoformat(moment)


def test_what_a_customer_states_on_a_page_names_the_message_that_led_there(tmp_path: Path) -> None:
    at = datetime(2026, 11, 24, 13, tzinfo=UTC)
    _, said = read(tmp_path / "confirm", RIGHT.replace(RECEIPT, "confirm: hello}")).when
    assert said == Statement(at, "hello")
    _, said = read(tmp_path / "save", RIGHT.replace(RECEIPT, "preferences: {sms: unsubscribed}, of: hello}")).when
    assert said == Statement(at, "hello", {"sms": "unsubscribed"})


@pytest.mark.parametrize(
    ("zone", "written", "moment"),
    [
        ("America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00+00:00"),
        ("America/New_York", "2026-11-01 01:30 -05:00", "2026-11-01T06:30:00+00:00"),
        ("America/New_York", "2026-03-08 03:30", "2026-03-08T07:30:00+00:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00+00:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45 +10:30", "2026-04-04T15:15:00+00:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03T15:30:00+00:00"),
        ("Asia/Kolkata", "2026-03-29 02:30", "2026-03-28T21:00:00+00:00"),
        ("Asia/Kolkata", "2028-02-29 00:00", "2028-02-28T18:30:00+00:00"),
    ],
)
def test_times_are_those_of_the_given_customers_clock(tmp_path: Path, zone: str, written: str, moment: str) -> None:
    text = RIGHT.replace("2026-11-24 13:00, event", f"{written}, event").replace("2026-11-24 14:00", "2028-03-01 00:00")
    case = read(tmp_path, text.replace("{email: anna", f"{{time_zone: {zone}, email: anna"))
    assert case.when[0].at == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("zone", "written"), [("America/New_York", "2026-03-08 02:30"), ("Australia/Lord_Howe", "2026-10-04 02:15")]
)
def test_a_time_that_the_customers_clock_skips_is_refused(tmp_path: Path, zone: str, written: str) -> None:
    text = RIGHT.replace("2026-11-24 13:00, event", f"{written}, event")
    found = the(loaded(tmp_path, {FILE: text.replace("{email: anna", f"{{time_zone: {zone}, email: anna")}).findings)
    assert (found.rule, zone in found.message) == ("bad-cron-or-time", True)


def test_who_names_a_customer_means_that_one(tmp_path: Path) -> None:
    event, _ = read(tmp_path, RIGHT.replace("{order: {id: o1}}", "{order: {id: o1}, customer: {id: c-2}}")).when
    assert isinstance(event, Event)
    assert event.data["customer"] == {"id": "c-2"}


@pytest.mark.parametrize(
    ("old", "new", "place", "rule", "hint"),
    [
        ("given:", "givne:", "2:3", "unknown-key", "write instead: given"),
        ("email: anna", "emial: anna", "3:15", "unknown-key", "write instead: email"),
        ("{email: subscribed}", "{email: 7}", "3:14", "bad-value", "write it like"),
        ("2026-11-24 13:00, event", "2026-03-29 02:30, event", "5:12", "bad-cron-or-time", "summer time skips it"),
        ("2026-11-24 13:00, event", "2026-02-30 13:00, event", "5:12", "bad-cron-or-time", "write it like"),
        ("2026-11-24 13:00, event", "soon, event", "5:12", "bad-cron-or-time", "write it like"),
        ("2026-11-24 14:00", "2026-11-24 12:00", "6:12", "bad-value", "in the order of time"),
        ("order.placed", "order.palced", "5:37", "unknown-event", "write instead: order.placed"),
        ("{order: {id: o1}}", "{order: 7}", "5:57", "bad-value", "docs/api.md"),
        ("receipt: clicked", "receipt: clickt", "6:39", "bad-value", "write instead: clicked"),
        ('{url: "https://x.example"}', "[1]", "6:65", "wrong-kind", "write it like"),
        ("send: hello", "send: helo", "8:36", "unknown-template", "write instead: hello"),
        ("{at: 2026-11-24 13:00, send: hello, text has: [Zażółć, jaźń]}", "{ended: complete}", "8:15", "bad-value",
         "write instead: completed"),
        ("{at: 2026-11-24 13:00, send: hello, text has: [Zażółć, jaźń]}", "{enrolled: helo}", "8:18",
         "unknown-journey", "write instead: hello"),
        ("send: hello", "coupon: X, send: hello", "8:30", "reserved-word", "remove it"),
        ("send: hello", "send: hello, with: x", "8:43", "unknown-key", ""),
        *((RECEIPT, f"preferences: {wrong}, of: hello}}", place, rule, hint) for wrong, place, rule, hint in (
            ("{}", "6:43", "bad-value", "write it like: {email: unsubscribed}"),
            ("{e-mail: unsubscribed}", "6:44", "bad-name", "email:newsletter"),
            ("{email: unsubscribd}", "6:51", "bad-value", "write instead: unsubscribed"),
            ("{email:news: subscribed}", "6:44", "bad-value", "give a journey this topic"),
        )),
        (RECEIPT, "preferences: {email: subscribed}}", "6:7", "missing-key", "write instead: {at"),
        (RECEIPT, "confirm: hello, of: hello}", "6:46", "unknown-key", ""),
        ("  when:", "  with: [bye]\n  when:", "4:10", "unknown-journey", ""),
        ("  when:", "  until: x\n  when:", "4:10", "bad-cron-or-time", "write it like"),
        ("{email: anna@example.com", "{time_zone: Mars, email: anna@example.com", "3:14", "bad-value", "Europe/Warsaw"),
        ("  given:", "  given:\n    arms: {split-1: a}", "3:21", "unknown-step", ""),
    ],
)  # fmt: skip
def test_every_mistake_has_its_place_and_says_what_to_write(
    tmp_path: Path, old: str, new: str, place: str, rule: str, hint: str
) -> None:
    found = wrong(tmp_path, old, new)
    assert found[:2] == (place, rule)
    assert hint in found[2]


def test_how_a_split_on_trial_falls_is_not_given(tmp_path: Path) -> None:
    trial = JOURNEY.replace(
        "via: email", "via: email\n    subjects: [One, Two]\n    try: 20%\n    winner: {by: opened}"
    )
    text = RIGHT.replace("  when:", "    arms: {send-hello: a}\n  when:", 1)
    found = loaded(tmp_path, {"journeys/hello.yaml": trial, FILE: text})
    assert (f"{FILE}:4:24", "bad-value") in said(found.findings)


def test_tests_of_no_journey_are_named(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"journeys/helo.test.yaml": RIGHT})
    assert said(found.findings) == [("journeys/helo.test.yaml:1:1", "unknown-journey")]
    assert found.workspace is None


def test_of_a_journey_that_cannot_be_read_nothing_is_said_twice(tmp_path: Path) -> None:
    other = RIGHT.replace("  when:", "  with: [hello]\n  when:")
    enter = "enter: {on: order.placed, key: event.order.id}"
    bye = f"journey: bye\nclass: transactional\n{enter}\nsteps: [{{start: hello}}]\n"
    files: dict[str, str | bytes] = {
        "journeys/hello.yaml": "steps: [",
        "journeys/bye.yaml": bye,
        "journeys/bye.test.yaml": other,
        FILE: RIGHT,
    }
    assert [rule for _, rule in said(loaded(tmp_path, files).findings)] == ["bad-yaml"]


def test_a_tests_mistakes_can_be_several_and_keep_none_of_the_others_from_being_said(tmp_path: Path) -> None:
    text = RIGHT.replace("order.placed", "order.palced").replace("send: hello", "sned: hello")
    assert said(loaded(tmp_path, {FILE: text}).findings) == [
        (f"{FILE}:5:37", "unknown-event"), (f"{FILE}:8:8", "unknown-key"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_tests_that_the_reader_takes_the_schema_takes(path: Path) -> None:
    schema = jsonschema_rs.validator_for(documents()["journey-test.schema.json"])
    assert schema.is_valid(plain(read_yaml(path.read_text())))
    assert not schema.is_valid(plain(read_yaml(path.read_text().replace("then:", "tehn:"))))
