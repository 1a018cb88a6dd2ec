"""Rules about what journeys, templates and policies mean together: where they speak, and where they keep silent.

Each rule's plainest case is its example in docs/rules/, which tests/docs/test_rule_pages.py tries.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.workspace.folder import MAIL, SETTINGS, loaded

HEAD = "journey: hello\nclass: transactional\nenter: {on: order.placed, again: always, key: event.order.id}\n"
SEND = "  - send: hello\n    via: email\n"
SMS = "  - send: hello\n    via: sms\n"
ADVERTISES = HEAD.replace("transactional", "marketing")


def rules(home: Path, text: str, **changed: str) -> list[str]:
    """The rules that a journey breaks, with other files changed: dots and slashes of their names are __ and ___."""
    files: dict[str, str | bytes] = {
        name.replace("___", "/").replace("__", "."): written for name, written in changed.items()
    }
    return [one.rule for one in loaded(home, {"journeys/hello.yaml": text, **files}).findings]


def branch(*arms: str) -> str:
    return HEAD + "steps:\n  - branch:\n" + "".join(f"      - {arm}\n" for arm in arms)


@pytest.mark.parametrize(
    ("arms", "found"),
    [
        (["{if: event.order.total >= 9, do: [{send: hello, via: sms}]}"], []),
        (["{if: event.order.total >= 9, do: [stop]}", "{if: not (event.order.total >= 9), do: [stop]}"], []),
        (["{if: profile.tags == null, do: [stop]}", "{if: not profile.tags == null, do: [stop]}"], []),
        (["{if: event.order.total >= 9, do: [stop]}", "{if: event.order.total < 9, do: [stop]}"], ["open-branch"]),
        (["{if: event.order.total >= 9, do: [stop]}", "{if: event.order.total > 5, do: [stop]}", "else: []"], []),
    ],
    ids=["an if", "its contrary", "its contrary without brackets", "nothing compares with nothing", "an else"],
)
def test_a_choice_is_open_where_none_of_its_conditions_need_hold(
    tmp_path: Path, arms: list[str], found: list[str]
) -> None:
    assert [one for one in rules(tmp_path, branch(*arms)) if one != "unused-template"] == found


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        (f"{SEND}  - wait: 3 days\n{SEND}", True),
        (f"{SEND}  - wait: 8 days\n{SEND}", False),
        (f"{SEND}  - wait: until event.order.pay_before\n{SEND}", False),
        (f"{SEND}  - wait: 3 days\n{SMS}", False),
        (f"{SEND}    if: event.order.total >= 9\n  - wait: 3 days\n{SEND}", False),
        (f"  - branch:\n      - if: event.order.total >= 9\n        do: [{{send: hello, via: email}}]\n{SEND}", False),
        (f"{SEND}  - branch:\n      - if: event.order.total >= 9\n        do: [{{send: hello, via: email}}]\n", True),
    ],
    ids=["too soon", "late enough", "nobody knows when", "over another channel", "perhaps not said", "only for some",
         "in a branch"],
)  # fmt: skip
def test_a_cap_drops_what_comes_too_soon_after_what_was_said_for_certain(
    tmp_path: Path, steps: str, found: bool
) -> None:
    caps = SETTINGS + "policies: {caps: [{class: marketing, at_most: 1, per: 7 days, then: drop}]}\n"
    mail = MAIL.replace("---\n<", "---\n<")
    broken = rules(tmp_path, f"{ADVERTISES}steps:\n{steps}", wici__yaml=caps, templates___hello___pl___email__mjml=mail)
    assert ("cap-too-small" in broken) is found


def test_a_cap_that_lets_wait_makes_nothing_impossible_but_two_channels_at_once(tmp_path: Path) -> None:
    caps = SETTINGS + "policies: {caps: [{class: marketing, at_most: 1, per: 7 days}]}\n"
    assert rules(tmp_path / "row", f"{ADVERTISES}steps:\n{SEND}{SEND}", wici__yaml=caps) == []
    both = "  - {send: hello, via: {all: [email, sms]}}\n"
    assert rules(tmp_path / "both", f"{ADVERTISES}steps:\n{both}", wici__yaml=caps)[0] == "cap-too-small"


@pytest.mark.parametrize(
    ("journey", "found"),
    [
        (f"{ADVERTISES}steps:\n  - wait: until 21:00\n{SMS}", True),
        (f"{ADVERTISES}steps:\n  - wait: until 09:00\n{SMS}", False),
        (f"{ADVERTISES}steps:\n  - wait: until sunday 12:00\n{SMS}", True),
        (f"{ADVERTISES}steps:\n  - wait: until 21:00\n  - tag: late\n{SMS}", True),
        (f"{ADVERTISES}steps:\n  - wait: until 21:00\n  - wait: 12 hours\n{SMS}", False),
        (f"{ADVERTISES}steps:\n  - wait: until 21:00\n  - {{send: hello, via: {{first: [sms, email]}}}}\n", False),
        (f"{HEAD}steps:\n  - wait: until 21:00\n{SMS}", False),
        (f"{ADVERTISES}policy: {{quiet_hours: ignore}}\nsteps:\n  - wait: until 21:00\n{SMS}", False),
        (f"{ADVERTISES}live: {{from: 2026-11-27 20:00, until: 2026-11-28 06:00}}\nsteps:\n{SMS}", True),
        (f"{ADVERTISES}live: {{from: 2026-11-27 20:00, until: 2026-11-28 12:00}}\nsteps:\n{SMS}", False),
    ],
    ids=["at night", "as it ends", "on a quiet day", "after a tag", "after a wait", "over another channel",
         "transactional", "ignored", "live by night only", "live by day, too"],
)  # fmt: skip
def test_quiet_hours_swallow_a_moment_of_which_every_channel_is_quiet(
    tmp_path: Path, journey: str, found: bool
) -> None:
    quiet = SETTINGS + "policies: {quiet_hours: {sms: {hours: 20:00-09:00, also: sunday, then: drop}}}\n"
    assert ("quiet-window" in rules(tmp_path, journey, wici__yaml=quiet)) is found


@pytest.mark.parametrize(
    ("enter", "found"),
    [
        ('every: "0 21 * * tue"', True), ('every: "0 10 * * tue"', False), ('every: "0 10 * * sun"', True),
        ("at: 2026-12-01 21:30", True), ("at: 2026-12-06 12:00", True), ("at: 2026-12-01 12:00", False),
    ],
)  # fmt: skip
def test_a_schedule_that_falls_into_quiet_hours_is_named(tmp_path: Path, enter: str, found: bool) -> None:
    quiet = SETTINGS + "policies: {quiet_hours: {sms: {hours: 20:00-09:00, also: sunday}}}\n"
    text = f"journey: hello\nclass: marketing\nenter: {{{enter}, who: all}}\nsteps:\n{SMS}"
    assert ("quiet-window" in rules(tmp_path, text, wici__yaml=quiet)) is found


def test_a_birthday_that_is_noticed_in_quiet_hours_is_told_late(tmp_path: Path) -> None:
    quiet = SETTINGS + "policies: {quiet_hours: {sms: 20:00-09:00}, derive: {customer.birthday: {at: '08:00'}}}\n"
    text = f"journey: hello\nclass: marketing\nenter: {{on: customer.birthday, again: always}}\nsteps:\n{SMS}"
    assert rules(tmp_path, text, wici__yaml=quiet)[0] == "quiet-window"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Masz u nas rabat na start.", True), ("Kod rabatowy: WIOSNA", True), ("Wszystko -20% do niedzieli", True),
        ("Enjoy 15% off your next order", True), ("Here is your voucher", True), ("You may also like", True),
        ("Kod paczkomatu: 1234", False), ("100% bawełny", False), ("Parz w 95°C", False), ("Recoupons", False),
        ("See https://shop.example/vouchers", False), ("{{ event.order.total }}", False),
    ],
)  # fmt: skip
def test_a_transactional_sms_with_an_offer_is_advertising(tmp_path: Path, words: str, found: bool) -> None:
    text = f"{HEAD}steps:\n{SEND}{SMS}"
    assert ("offer-without-consent" in rules(tmp_path, text, templates___hello___pl___sms__txt=words)) is found
    advertises = f"{ADVERTISES}steps:\n{SEND}{SMS}"
    assert "offer-without-consent" not in rules(tmp_path, advertises, templates___hello___pl___sms__txt=words)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Zostawiłeś coś w koszyku", True), ("Gdybyś chciała", False), ("Mogłabyś zajrzeć", True),
        ("Powinnaś to zobaczyć", True), ('{{ gendered("zrobiłeś", "zrobiłaś", "masz") }}', False),
        ('{{ gendered("zrobiłeś", "zrobiłaś") }}', True), ("Dziękujemy za zamówienie", False),
    ],
)  # fmt: skip
def test_polish_that_speaks_to_one_sex_is_named(tmp_path: Path, words: str, found: bool) -> None:
    text = f"{HEAD}steps:\n{SEND}{SMS}"
    assert ("gendered" in rules(tmp_path, text, templates___hello___pl___sms__txt=words)) is found


def test_a_letter_is_costly_only_where_the_sms_becomes_shorter_without_it(tmp_path: Path) -> None:
    text = f"{HEAD}steps:\n{SEND}{SMS}"
    assert rules(tmp_path / "short", text, templates___hello___pl___sms__txt="Dziękujemy!") == []
    words = "Dziękujemy za zakupy. Paczka wyjedzie jutro rano i dotrze w dwa dni robocze."
    assert rules(tmp_path / "long", text, templates___hello___pl___sms__txt=words) == ["costly-letter"]
    plain = SETTINGS + "policies: {sms: transliterate}\n"
    assert rules(tmp_path / "plain", text, templates___hello___pl___sms__txt=words, wici__yaml=plain) == []


def test_how_many_parts_an_sms_may_take_is_a_policy(tmp_path: Path) -> None:
    words, text = "Thank you. " * 30, f"{HEAD}steps:\n{SEND}{SMS}"
    assert rules(tmp_path / "two", text, templates___hello___pl___sms__txt=words) == ["long-sms"]
    three = SETTINGS + "policies: {sms_parts: 3}\n"
    assert rules(tmp_path / "three", text, templates___hello___pl___sms__txt=words, wici__yaml=three) == []


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("untag: dormant", "tag: dormant", True), ("tag: dormant", "tag: dormant", False),
        ("untag: other", "tag: dormant", False), ("set: {asleep: false}", "set: {asleep: true}", True),
    ],
)  # fmt: skip
def test_journeys_go_in_a_circle_where_one_takes_what_the_other_gives(
    tmp_path: Path, first: str, second: str, found: bool
) -> None:
    segments = """dormant: {if: '"dormant" in profile.tags or profile.asleep'}\n"""
    enters = f"journey: hello\nclass: transactional\nenter: {{segment: dormant, again: always}}\nsteps:\n{SEND}"
    leaves = "journey: asleep\nenter: {on: segment.left, again: always}\nsteps:\n"
    broken = rules(
        tmp_path, f"{enters}  - {first}\n", segments__yaml=segments,
        journeys___asleep__yaml=f"{leaves}  - {second}\n  - set: {{asleep: profile.asleep}}\n".replace(
            "  - set: {asleep: profile.asleep}\n", "" if "set" in first else "  - set: {awake: true}\n"
        ),
    )  # fmt: skip
    assert ("segment-circle" in broken) is found


def test_a_step_of_a_group_is_named_in_the_groups_file(tmp_path: Path) -> None:
    group = "group: later\nsteps:\n  - wait: 500 days\n  - send: hello\n    via: sms\n"
    found = loaded(
        tmp_path, {"journeys/hello.yaml": f"{HEAD}steps:\n{SEND}  - use: later\n", "groups/later.yaml": group}
    )
    assert [(one.place, one.rule) for one in found.findings] == [("groups/later.yaml:3:11", "long-wait")]


def test_a_hundred_journeys_are_looked_at_in_no_time(tmp_path: Path) -> None:
    steps = "".join(f"  - wait: 1 hour\n  - tag: t{n}\n{SEND}" for n in range(10))
    files: dict[str, str | bytes] = {
        f"journeys/j{n}.yaml": f"journey: j{n}\nenter: {{segment: s{n}, again: always}}\nsteps:\n{steps}"
        for n in range(100)
    }
    files["segments.yaml"] = "".join(f"s{n}: {{if: '\"t{n % 10}\" in profile.tags'}}\n" for n in range(100))
    began = time.process_time()
    found = loaded(tmp_path, files)
    assert time.process_time() - began < 5
    assert {one.severity for one in found.findings} <= {"warning"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Byłaś u nas {{ event.shop }}", True), ("{{ event.day }}", False), ("{{ event.shop or shop.name }}", False),
        ("{% if event.shop %}{{ event.shop }}{% endif %}", False), ('{{ event.shop | default("u nas") }}', False),
        ("{% if event.day %}{{ event.shop }}{% endif %}", True), ("{{ event.shop if event.shop else 1 }}", False),
        ("{% for one in event.seen %}{{ one }}{% endfor %}", False), ("{{ profile.first_name | vocative }}", True),
        ("{{ greeting() }}", False), ("{% if profile.first_name | name %}{{ profile.first_name }}{% endif %}", False),
    ],
)  # fmt: skip
def test_what_may_be_missing_is_printed_only_where_the_template_asks(tmp_path: Path, words: str, found: bool) -> None:
    schema = """{"type": "object", "required": ["day"], "properties": {
        "day": {"type": "string"}, "shop": {"type": "string"}, "seen": {"type": "array"}}}"""
    text = f"journey: hello\nclass: transactional\nenter: {{on: shop.visited, again: always}}\nsteps:\n{SEND}{SMS}"
    broken = rules(tmp_path, text, templates___hello___pl___sms__txt=words, events___shop__visited__schema__json=schema)
    assert ("optional-variable" in broken) is found


def test_a_language_that_lacks_a_channel_is_named(tmp_path: Path) -> None:
    found = rules(tmp_path, f"{HEAD}steps:\n{SEND}{SMS}", templates___hello___en___sms__txt="Thank you!")
    assert found == ["missing-locale"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("Weź udział w losowaniu ekspresu", True), ("Zdrapka czeka: możesz wygrać ekspres", True),
        ("Losowanie ekspresu, regulamin: {{ shop.url }}, zezwolenie nr 7/2026", False),
        ("Losowanie ekspresu, regulamin: {{ shop.url }}", True), ("W paczce jest upominek", False),
        ("Wygrana walka z chwastami", False),
    ],
)  # fmt: skip
def test_a_prize_by_chance_for_buyers_names_permit_and_terms(tmp_path: Path, words: str, found: bool) -> None:
    text = f"{ADVERTISES}steps:\n{SEND}{SMS}"
    assert ("prize-without-permit" in rules(tmp_path, text, templates___hello___pl___sms__txt=words)) is found
    signs_up = text.replace("order.placed", "customer.signed_up").replace(", key: event.order.id", "")
    assert "prize-without-permit" not in rules(tmp_path, signs_up, templates___hello___pl___sms__txt=words)


@pytest.mark.parametrize(
    ("on", "rule", "found"),
    [
        ("order.placed", "{on: order.placed, if: received.order.id == event.order.id}", True),
        ("order.placed", "{on: order.placed, if: event.order.id == received.order.id}", True),
        ("order.placed", "{on: order.placed, if: received.order.id != event.order.id}", False),
        ("order.placed", "{on: order.placed}", False),
        ("order.first_placed", "{on: order.first_placed}", True),
        ("order.fulfilled", "{on: order.fulfilled, if: received.order.id == event.order.id}", False),
    ],
    ids=["the same order", "the other way round", "another order", "the next order", "once in life", "another parcel"],
)
def test_what_comes_once_is_waited_for_in_vain(tmp_path: Path, on: str, rule: str, found: bool) -> None:
    head = HEAD.replace("order.placed", on)
    assert ("never-happens" in rules(tmp_path / "exit", f"{head}exit: {rule}\nsteps:\n{SEND}")) is found
    assert ("never-happens" in rules(tmp_path / "goal", f"{head}goal: [{rule}]\nsteps:\n{SEND}")) is found
    waits = f"  - wait_for: {rule[:-1]}, within: 2 days}}\n"
    assert ("never-happens" in rules(tmp_path / "wait", f"{head}steps:\n{waits}{SEND}")) is found


CODE = "  - send: code\n    via: sms\n"
SOME = "  - branch:\n      - if: profile.orders_count > 1\n        do: [{wait: 3 days}%s]\n"


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        (f"  - wait: 3 days\n{CODE}", True),
        (f"  - wait: 1 day\n{CODE}", False),
        (f"  - wait: 3 days\n  - coupon: {{pool: back, valid: 48 hours}}\n{CODE}", False),
        (f"{CODE}  - wait: 3 days\n{SEND}", False),
        (SOME % "" + CODE, False),
        (SOME % ", {send: code, via: sms}", True),
    ],
    ids=["too late", "in time", "a newer code", "a message without a code", "late only for some", "late on its way"],
)
def test_a_reminder_of_a_code_comes_while_it_is_good(tmp_path: Path, steps: str, found: bool) -> None:
    text = f"{ADVERTISES}steps:\n  - coupon: {{pool: back, valid: 48 hours}}\n{steps}"
    words = {"templates___code___pl___sms__txt": "Twój kod czeka.", "coupons__yaml": "back: {}\n"}
    assert ("code-expires" in rules(tmp_path, text, **words)) is found
