"""`wici test`: what holds, what does not and how it differs, and which ways no test goes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.terminal import Answer
from services.cli.testing.command import play
from tests.docs.markdown import ROOT, block
from tests.unit.workspace.folder import SETTINGS, write

RECIPES = ROOT / "recipes"
MAIL = """---
subject: "Hello, {{ profile.first_name }}"
from: "Sklep <sklep@sklep.example>"
---
Dear {{ profile.first_name }},
your order {{ event.order.id }}.
"""
JOURNEY = """\
journey: hello
enter: {on: order.placed, again: always, key: event.order.id}
class: marketing
exit: [{on: order.cancelled}]
steps:
  - send: hello
    via: {first: [email, sms]}
    otherwise: exit
  - wait: 1 day
  - branch:
      - if: event.order.total > 100
        do: [{tag: big}]
  - split: {a: {share: 50, do: [{tag: a}]}, b: {share: 50, do: []}}
  - wait_for: {on: message.clicked, within: 2 days}
    then: [{send: hello, via: email}]
    else: [stop]
"""
ASKS = """\
journey: hello
enter: {on: order.placed, again: always, key: event.order.id}
class: transactional
topic: news
steps:
  - send: hello
    via: email
  - wait_for: {on: consent.changed, if: received.customer.consents.email.state == "subscribed", within: 40 days}
    then: [{tag: sure}]
    else: [{tag: unsure}]
"""
LINKS = "[Yes]({{ links.confirm }}) [Choose]({{ links.preferences }})\n"
POLICIES = (
    "policies: {quiet_hours: {sms: {hours: 20:00-09:00}}, caps: [{channel: sms, at_most: 1, per: 7 days, then: drop}]}"
)
GIVEN = "given: {profile: {id: anna, email: anna@example.com, first_name: Anna, consents: {email: subscribed}}%s}"


def shop(home: Path, *tests: str, **changed: str) -> Path:
    """A workspace with these tests of its only journey."""
    body = "".join(f"- test: t{number}\n{indented(text)}" for number, text in enumerate(tests, 1))
    files: dict[str, str | bytes] = {
        "wici.yaml": SETTINGS + POLICIES, "journeys/hello.yaml": JOURNEY, "journeys/hello.test.yaml": body,
        "templates/hello/pl/email.md": MAIL, "templates/hello/pl/sms.txt": "Hello!\n",
        "templates/hello/pl/email.mjml": b"",
    }  # fmt: skip
    write(home, files | {name.replace("__", "/"): text for name, text in changed.items()})
    (home / "templates/hello/pl/email.mjml").unlink()
    return home


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip().splitlines())


def order(then: str, given: str = GIVEN % ", arms: {split-1: a}", at: str = "2026-11-24 13:00", more: str = "") -> str:
    """A test of one order of 150 złotys."""
    placed = f'{{at: {at}, event: order.placed, data: {{order: {{id: o1, total: "150.00", currency: PLN}}}}}}'
    return f"{given}\nwhen:\n  - {placed}\n{more}then:\n{indented(then)}"


PENDING = "given: {profile: {id: anna, email: anna@example.com, first_name: Anna, consents: {email: pending}}}"


def asking(home: Path, *tests: str, mail: str = MAIL + LINKS) -> Path:
    """A workspace whose only journey asks to confirm."""
    return shop(home, *tests, **{"journeys/hello.yaml": ASKS, "templates/hello/pl/email.md": mail})


def came(answer: Answer) -> list[tuple[str, str]]:
    """What was expected and what came, of every failure."""
    return [(f["expected"], f["came"]) for one in answer.data["tests"] for f in one["failures"]]


def test_a_test_that_holds_says_so_with_its_milliseconds(tmp_path: Path) -> None:
    answer = play(
        shop(tmp_path, order("- {at: 2026-11-24 13:00, send: hello, via: email, text has: 'Dear Anna, your'}"))
    )
    assert answer.code == 0, answer.text
    assert "  ok   t1  (" in answer.text
    assert "1 test passed" in answer.text


@pytest.mark.parametrize(
    ("then", "failures"),
    [
        ("- nothing: true", [("no other message", "email hello at 2026-11-24 13:00"),
                             ("no message at all", "email hello at 2026-11-24 13:00")]),
        ("- {at: 2026-11-24 13:01, send: hello}",
         [("send hello at 2026-11-24 13:01", "email hello at 2026-11-24 13:00")]),
        ("- {send: hello, via: sms}", [("send hello, via sms", "email hello at 2026-11-24 13:00")]),
        ("- {send: hello}\n- {send: hello}", [("send hello", "nothing of it")]),
        ("- {send: hello}\n- {ended: exited}", [("hello ended exited", "stopped at 2026-11-27 13:00")]),
        ("- {send: hello}\n- {enrolled: hello, at: 2026-11-24 14:00}",
         [("hello enrolled at 2026-11-24 14:00", "entered at 2026-11-24 13:00")]),
        ("- {send: hello}\n- {skipped: no_consent}", [("hello skipped no_consent", "nothing of the kind")]),
        ("- {send: hello}\n- profile: {tags: [small], orders_count: 1, consents: {email: subscribed}}",
         [('profile.tags: ["small"]', 'profile.tags: ["big","a"]')]),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_said_beside_what_came(tmp_path: Path, then: str, failures: list[Any]) -> None:
    answer = play(shop(tmp_path, order(then)))
    assert answer.code == 1
    assert came(answer) == failures
    assert "  FAIL t1" in answer.text
    assert "journeys/hello.test.yaml:" in answer.text


def test_words_that_are_missing_are_said_with_the_words_that_came(tmp_path: Path) -> None:
    answer = play(shop(tmp_path, order("- {send: hello, subject has: Anna, text has: [Dear, Bye]}")))
    ((_, said),) = came(answer)
    assert said.startswith("email hello at 2026-11-24 13:00, without 'Bye'; it says:\n    Hello, Anna\n    Dear Anna,")


def test_a_receipt_is_of_the_newest_message_and_opens_its_way(tmp_path: Path) -> None:
    click = '  - {at: 2026-11-25 15:00, receipt: clicked, of: send-hello, data: {url: "https://x.example"}}\n'
    answer = play(shop(tmp_path, order("- send: hello\n- {at: 2026-11-25 15:00, send: hello}", more=click)))
    assert answer.code == 0, answer.text


def test_a_receipt_of_what_never_left_fails(tmp_path: Path) -> None:
    click = "  - {at: 2026-11-24 14:00, receipt: clicked, of: goodbye}\n"
    answer = play(shop(tmp_path, order("- send: hello", more=click)))
    assert came(answer) == [("a test that can be played", "clicked of goodbye: no such message had left by then")]


def test_after_a_hard_bounce_nothing_goes_to_the_address(tmp_path: Path) -> None:
    bounce = "  - {at: 2026-11-24 13:30, receipt: bounced, of: hello, data: {hard: true}}\n"
    click = "  - {at: 2026-11-25 15:00, receipt: clicked, of: hello}\n"
    answer = play(shop(tmp_path, order("- send: hello\n- skipped: suppressed", more=bounce + click)))
    assert answer.code == 0, answer.text


def test_after_a_complaint_only_what_is_transactional_goes_to_the_address(tmp_path: Path) -> None:
    complaint = "  - {at: 2026-11-24 13:30, receipt: complained, of: hello}\n"
    again = '  - {at: 2026-11-24 15:00, event: order.placed, data: {order: {id: o2, total: "1.00", currency: PLN}}}\n'
    once = order("- send: hello\n- skipped: suppressed", more=complaint + again)
    twice = order("- send: hello\n- send: hello", more=complaint + again)
    assert play(shop(tmp_path / "a", once)).code == 0
    assert play(shop(tmp_path / "b", twice)).code == 1
    paid = {"journeys/hello.yaml": JOURNEY.replace("class: marketing", "class: transactional")}
    assert play(shop(tmp_path / "c", twice, **paid)).code == 0


@pytest.mark.parametrize(
    ("acts", "tags", "consents"),
    [
        ("confirm: hello", ["sure"], {"email:news": "subscribed"}),
        ("confirm: send-hello", ["sure"], {"email:news": "subscribed"}),
        ("preferences: {email: subscribed}, of: hello", ["sure"], {"email": "subscribed"}),
        ("preferences: {email: unsubscribed, email:news: subscribed}, of: hello", ["sure"],
         {"email": "unsubscribed", "email:news": "subscribed"}),
        ("preferences: {email: unsubscribed}, of: hello", ["unsure"], {"email": "unsubscribed"}),
    ],
)  # fmt: skip
def test_what_a_customer_states_on_a_page_counts_as_in_production(
    tmp_path: Path, acts: str, tags: list[str], consents: dict[str, str]
) -> None:
    then = f"- send: hello\n- profile: {json.dumps({'tags': tags, 'consents': consents})}"
    more = f"  - {{at: 2026-11-25 09:00, {acts}}}\n"
    answer = play(asking(tmp_path, order(then, PENDING, more=more) + "until: 2027-01-30 10:00\n"))
    assert answer.code == 0, answer.text


def test_a_link_confirms_once_and_for_thirty_days(tmp_path: Path) -> None:
    late = "  - {at: 2026-12-24 13:01, confirm: hello}\n"
    twice = "".join(
        f"  - {{at: 2026-11-{day}, {act}}}\n"
        for day, act in (
            ("25 09:00", "confirm: hello"), ("25 10:00", "preferences: {email:news: unsubscribed}, of: hello"),
            ("25 11:00", "confirm: hello"),
        )
    )  # fmt: skip
    home = asking(
        tmp_path,
        order("- send: hello\n- profile: {consents: {email: pending}}", PENDING, more=late),
        order('- send: hello\n- profile: {consents: {"email:news": unsubscribed}}', PENDING, more=twice),
    )
    answer = play(home)
    assert answer.code == 0, answer.text


@pytest.mark.parametrize("page", ["confirm", "preferences"])
def test_a_page_to_which_a_message_has_no_link_is_not_reached(tmp_path: Path, page: str) -> None:
    act = "confirm: hello" if page == "confirm" else "preferences: {email: unsubscribed}, of: hello"
    more = f"  - {{at: 2026-11-25 09:00, {act}}}\n"
    home = asking(tmp_path, order("- send: hello", PENDING, more=more), mail=MAIL)
    said = f"{page} of hello: the message has no link to it: links.{page}"
    assert came(play(home)) == [("a test that can be played", said)]


def test_who_may_not_be_written_to_leaves_by_the_otherwise(tmp_path: Path) -> None:
    nobody = "given: {profile: {id: anna, email: anna@example.com}}"
    answer = play(shop(tmp_path, order("- nothing: true\n- skipped: no_consent\n- ended: no_address", nobody)))
    assert answer.code == 0, answer.text
    assert answer.data["coverage"][0]["missing"][0]["at"] == "journeys/hello.yaml:11"


def test_quiet_hours_and_caps_are_kept_at_the_customers_clock(tmp_path: Path) -> None:
    phone = (
        'given: {profile: {id: anna, phone: "+48600100200", time_zone: America/New_York, consents: {sms: subscribed}}}'
    )
    night = order("- {at: 2026-11-25 09:00, send: hello, via: sms}", phone, "2026-11-24 21:00")
    twice = order(
        "- {at: 2026-11-24 13:00, send: hello}\n- skipped: capped", phone,
        more='  - {at: 2026-11-24 15:00, event: order.placed, data: {order: {id: o2, total: "1.00", currency: PLN}}}\n',
    )  # fmt: skip
    answer = play(shop(tmp_path, night, twice))
    assert answer.code == 0, answer.text


@pytest.mark.parametrize(
    ("zone", "ordered", "ended"),
    [
        # A day is the calendar's; the two days of a `within` are 48 hours, whatever clocks do meanwhile.
        ("Europe/Warsaw", "2026-03-28 13:00", "2026-03-31 13:00"),
        ("Europe/Warsaw", "2026-03-27 13:00", "2026-03-30 14:00"),
        ("Europe/Warsaw", "2026-10-24 13:00", "2026-10-27 13:00"),
        ("Europe/Warsaw", "2026-10-23 13:00", "2026-10-26 12:00"),
        ("America/New_York", "2026-03-07 13:00", "2026-03-10 13:00"),
        ("America/New_York", "2026-03-06 13:00", "2026-03-09 14:00"),
        ("America/New_York", "2026-10-31 13:00", "2026-11-03 13:00"),
        ("America/New_York", "2026-10-30 13:00", "2026-11-02 12:00"),
        ("Australia/Lord_Howe", "2026-10-03 13:00", "2026-10-06 13:00"),
        ("Australia/Lord_Howe", "2026-10-02 13:00", "2026-10-05 13:30"),
        ("Australia/Lord_Howe", "2026-04-04 13:00", "2026-04-07 13:00"),
        ("Australia/Lord_Howe", "2026-04-03 13:00", "2026-04-06 12:30"),
        ("Asia/Kolkata", "2026-03-28 13:00", "2026-03-31 13:00"),
        ("Europe/Warsaw", "2028-02-28 13:00", "2028-03-02 13:00"),
        ("America/New_York", "2027-02-28 13:00", "2027-03-03 13:00"),
        # From the second of two equal times on a clock, and onto one that is skipped.
        ("Europe/Warsaw", "2026-10-25 02:30 +01:00", "2026-10-28 02:30"),
        ("Europe/Warsaw", "2026-03-28 02:30", "2026-03-31 03:30"),
        ("Australia/Lord_Howe", "2026-10-03 02:15", "2026-10-06 02:45"),
    ],
)
def test_times_are_those_of_the_customers_clock_over_every_change_of_it(
    tmp_path: Path, zone: str, ordered: str, ended: str
) -> None:
    given = (GIVEN % ", arms: {split-1: a}").replace("first_name: Anna", f"first_name: Anna, time_zone: {zone}")
    answer = play(shop(tmp_path, order(f"- send: hello\n- {{at: {ended}, ended: stopped}}", given, ordered)))
    assert answer.code == 0, answer.text


def test_of_a_time_that_comes_twice_it_is_said_which(tmp_path: Path) -> None:
    second = order("- {at: 2026-10-25 02:30, send: hello}", at="2026-10-25 02:30 +01:00")
    answer = play(shop(tmp_path, second))
    assert came(answer) == [("send hello at 2026-10-25 02:30 +02:00", "email hello at 2026-10-25 02:30 +01:00")]


def test_what_happened_before_counts_and_enters_nothing(tmp_path: Path) -> None:
    before = ', happened: [{at: 2026-01-02 10:00, event: order.placed, data: {order: {id: o0, total: "1.00"}}}]}'
    given = GIVEN.removesuffix("%s}") + before
    answer = play(shop(tmp_path, order("- send: hello\n- profile: {orders_count: 2}", given)))
    assert answer.code == 0, answer.text


def test_who_is_held_out_hears_nothing(tmp_path: Path) -> None:
    settings = SETTINGS + "policies: {holdout: 5%}\n"
    silent = order("- nothing: true\n- ended: global_holdout", GIVEN % ", held_out: true")
    answer = play(shop(tmp_path, silent, order("- send: hello"), **{"wici.yaml": settings}))
    assert answer.code == 0, answer.text


def test_a_mail_whose_subject_is_on_trial_is_called_by_its_templates_name(tmp_path: Path) -> None:
    send = "- {send: hello, via: email, subjects: [One, Two], try: 20%, winner: {by: opened, after: 4 hours}}"
    journey = (
        f"journey: hello\nclass: transactional\nenter: {{on: order.placed, key: event.order.id}}\nsteps:\n  {send}\n"
    )
    opened = "  - {at: 2026-11-25 14:00, receipt: opened, of: hello}\n"
    test = order("- send: hello", GIVEN % "", more=opened)
    answer = play(shop(tmp_path, test, **{"journeys/hello.yaml": journey}))
    assert answer.code == 0, answer.text


def test_ways_that_no_test_goes_are_named_by_file_and_line(tmp_path: Path) -> None:
    answer = play(shop(tmp_path, order("- send: hello")))
    assert [(one["at"], one["way"]) for one in answer.data["coverage"][0]["missing"]] == [
        ("journeys/hello.yaml:8", "send-hello: it may not be said"),
        ("journeys/hello.yaml:10", "none of the conditions holds"),
        ("journeys/hello.yaml:13", "b of split-1"),
        ("journeys/hello.yaml:15", "wait-for-1: it comes"),
    ]
    assert "hello: 3 of 7 ways are tested" in answer.text
    assert "journeys/hello.yaml:13: no test goes this way: b of split-1" in answer.text


def test_a_step_with_an_if_of_its_own_has_two_ways(tmp_path: Path) -> None:
    steps = "- {tag: big, if: event.order.total > 100}\n  - wait: 1 day\n    if: 'false'"
    journey = JOURNEY.replace("- wait: 1 day", steps)
    journeys = {"journeys/hello.yaml": journey}
    answer = play(shop(tmp_path, order("- send: hello"), **journeys))
    assert [(one["at"], one["way"]) for one in answer.data["coverage"][0]["missing"]][1:3] == [
        ("journeys/hello.yaml:9", "tag-1: passed over, without event.order.total > 100"),
        ("journeys/hello.yaml:11", "wait-1: if false"),
    ]
    assert "hello: 5 of 11 ways are tested" in answer.text


def test_a_template_that_cannot_be_composed_fails_the_test(tmp_path: Path) -> None:
    broken = MAIL.replace("{{ event.order.id }}", "{{ event.order.total / 0 }}")
    answer = play(shop(tmp_path, order("- send: hello"), **{"templates__hello__pl__email.md": broken}))
    assert answer.code == 1
    assert "hello cannot be composed" in answer.text


def test_errors_in_the_workspace_are_findings(tmp_path: Path) -> None:
    answer = play(shop(tmp_path, order("- sned: hello")))
    assert answer.code == 1
    assert "write instead: send" in answer.text
    assert answer.data["findings"][0]["file"] == "journeys/hello.test.yaml"


def test_only_some_are_played_and_a_word_that_names_none_is_wrong_use(tmp_path: Path) -> None:
    home = shop(tmp_path, order("- send: hello"), order("- nothing: true"))
    assert play(home, "T1").code == 0
    assert play(home, "t2").code == 1
    assert play(home, "t3").code == 2


def test_a_workspace_without_tests_says_where_to_write_them(tmp_path: Path) -> None:
    (shop(tmp_path, order("- send: hello")) / "journeys/hello.test.yaml").unlink()
    answer = play(tmp_path)
    assert (answer.code, "journeys/hello.test.yaml" in answer.text) == (0, True)


def test_a_ci_server_reads_the_junit_report(tmp_path: Path) -> None:
    report = tmp_path / "out/report.xml"
    play(shop(tmp_path / "shop", order("- send: hello"), order("- nothing: true")), junit=report)
    (suite,) = ET.fromstring(report.read_text())  # noqa: S314 -- our own
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["failures"] == "1"
    first, second = suite
    assert (first.attrib["name"], list(first)) == ("t1", [])
    assert second[0].tag == "failure"
    assert "email hello at 2026-11-24 13:00" in (second[0].text or "")


def test_the_command_line_answers_in_json_and_with_its_exit_code(tmp_path: Path) -> None:
    home = shop(tmp_path, order("- nothing: true"))
    answer = CliRunner().invoke(app, ["test", str(home), "-k", "t1", "--json"])
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["failed"] == 1


def test_the_page_about_testing_shows_tests_that_hold(tmp_path: Path) -> None:
    shutil.copytree(RECIPES / "en", tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("journeys/*.test.yaml"):
        path.unlink()
    (tmp_path / "journeys/cart-recovery.test.yaml").write_text(block("docs/testing.md", "yaml", "- test: reminds"))
    answer = play(tmp_path)
    assert answer.code == 0, answer.text
    assert len(answer.data["tests"]) == 2
