"""Policies that limit what is said: what is written is what is published, and what cannot be meant is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.contracts.policies import Brake, Cap, QuietHours
from tests.unit.workspace.folder import JOURNEY, SETTINGS, journey, loaded, said, the

PLACE = "wici.yaml:7:"
ALL_DAYS = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"


def policies(home: Path, text: str) -> Any:
    found = loaded(home, {"wici.yaml": f"{SETTINGS}policies: {{{text}}}\n"})
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace.settings.policies


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("none", None),
        ("20:00-09:00", QuietHours(1200, 540)),
        ("{hours: 22:30-24:00, then: drop}", QuietHours(1350, 0, then="drop")),
        ("{hours: 20:00-09:00, also: sunday}", QuietHours(1200, 540, (6,))),
        ("{hours: 20:00-09:00, also: [public_holidays, saturday]}", QuietHours(1200, 540, (5,), holidays=True)),
        (
            "{hours: 20:00-09:00, classes: [marketing, transactional]}",
            QuietHours(1200, 540, classes=("marketing", "transactional")),
        ),
    ],
)
def test_quiet_hours_are_minutes_of_the_local_day(tmp_path: Path, written: str, read: QuietHours | None) -> None:
    found = policies(tmp_path, f"quiet_hours: {{sms: {written}, email: none}}").quiet_hours
    assert found == ({"sms": read} if read else {})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("caps: [{at_most: 1, per: 1 day}]", (Cap(1, 86_400.0),)),
        (
            "caps: [{channel: sms, class: marketing, topic: news, at_most: 2, per: 7 days, then: drop}]",
            (Cap(2, 604_800.0, "sms", "marketing", "news", "drop"),),
        ),
    ],
)
def test_caps_are_published_as_written(tmp_path: Path, written: str, read: tuple[Cap, ...]) -> None:
    assert policies(tmp_path, written).caps == read


def test_what_is_not_written_limits_nothing(tmp_path: Path) -> None:
    found = policies(tmp_path, "derive: {}")
    assert (found.classes, found.quiet_hours, found.caps, found.brake) == ({}, {}, (), None)
    assert policies(tmp_path, "brake: {per_journey_and_hour: 10}").brake == Brake(10)
    named = policies(tmp_path, "brake: {per_journey_and_hour: 10, classes: [transactional, marketing]}").brake
    assert named == Brake(10, classes=("transactional", "marketing"))
    assert policies(tmp_path, "classes: {opinion: service}").classes == {"opinion": "service"}


@pytest.mark.parametrize(
    ("written", "column", "rule", "hint"),
    [
        ("quiet_hours: {sms: 9:00-20:00}", 31, "bad-cron-or-time", "20:00-09:00"),
        ("quiet_hours: {sms: 25:00-09:00}", 31, "bad-cron-or-time", "20:00-09:00"),
        ("quiet_hours: {sms: 08:00-08:00}", 31, "never-said", "none"),
        ("quiet_hours: {sms: {hours: 00:00-24:00}}", 39, "never-said", "20:00-09:00"),
        (
            f"quiet_hours: {{sms: {{hours: 20:00-09:00, also: [{ALL_DAYS}]}}}}",
            58, "never-said", "leave out",
        ),
        ("quiet_hours: {sms: {hours: 20:00-09:00, also: [sundays]}}", 59, "bad-value", "sunday"),
        ("quiet_hours: {sms: {hours: 20:00-09:00, classes: [marketin]}}", 62, "bad-value", "marketing"),
        ("caps: [{at_most: 101, per: 1 day}]", 29, "bad-value", "100"),
        ("caps: [{at_most: 1, per: 0 days}]", 37, "bad-duration", ""),
        ("caps: [{at_most: 1}]", 19, "missing-key", "at_most"),
        ("classes: {marketing: service}", 33, "bad-value", "class"),
        ("classes: {opinion: marketin}", 31, "bad-value", "marketing"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error_with_its_place(
    tmp_path: Path, written: str, column: int, rule: str, hint: str
) -> None:
    found = the(loaded(tmp_path, {"wici.yaml": f"{SETTINGS}policies: {{{written}}}\n"}).findings)
    assert (found.place, found.rule, found.severity) == (f"{PLACE}{column}", rule, "error")
    assert hint in found.hint


def test_quiet_hours_that_leave_less_than_an_hour_are_warned_about(tmp_path: Path) -> None:
    text = f"{SETTINGS}policies: {{quiet_hours: {{sms: 09:30-09:00}}}}\n"
    found = the(loaded(tmp_path, {"wici.yaml": text}).findings)
    assert (found.rule, found.severity) == ("never-said", "warning")


def test_a_step_that_no_cap_lets_speak_is_warned_about_where_it_stands(tmp_path: Path) -> None:
    text = f"{SETTINGS}policies: {{caps: [{{channel: email, class: transactional, at_most: 0, per: 1 day}}]}}\n"
    found = loaded(tmp_path, {"wici.yaml": text}).findings
    assert said(found) == [("journeys/hello.yaml:5:11", "never-said"), (f"{PLACE}67", "never-said")]
    assert {finding.severity for finding in found} == {"warning"}
    other = JOURNEY.replace("via: email", "via: {first: [email, sms]}")
    found = loaded(tmp_path, {"wici.yaml": text, "journeys/hello.yaml": other}).findings
    assert said(found) == [(f"{PLACE}67", "never-said")]


@pytest.mark.parametrize(
    ("zone", "country", "finds"),
    [("Europe/Warsaw", "", False), ("UTC", "", True), ("UTC", ", country: PL", False), ("UTC", ", country: XX", True)],
)
def test_public_holidays_need_a_country_that_is_known(tmp_path: Path, zone: str, country: str, finds: bool) -> None:
    text = SETTINGS.replace("time_zone: Europe/Warsaw", f"time_zone: {zone}{country}")
    text += "policies: {quiet_hours: {sms: {hours: 20:00-09:00, also: public_holidays}}}\n"
    found = loaded(tmp_path, {"wici.yaml": text}).findings
    assert [(finding.rule, finding.line) for finding in found] == ([("bad-value", 1)] if finds else [])


def test_an_opinion_that_counts_as_marketing_has_its_sender(tmp_path: Path) -> None:
    mail = "---\nsubject: Hello\n---\n<mjml><mj-body></mj-body></mjml>\n"
    senders = "senders: {transactional: {email: a@sklep.example}}\n"
    text = SETTINGS + senders + "policies: {classes: {opinion: service}}\n"
    changed = {"wici.yaml": text, "templates/hello/pl/email.mjml": mail,
               "journeys/hello.yaml": JOURNEY.replace("transactional", "opinion")}  # fmt: skip
    assert loaded(tmp_path, dict(changed)).findings == []
    changed["wici.yaml"] = text.replace("opinion: service", "opinion: marketing")
    assert said(loaded(tmp_path, dict(changed)).findings) == [("journeys/hello.yaml:5:11", "no-sender")]


def test_a_journey_has_a_priority_and_may_ignore_quiet_hours(tmp_path: Path) -> None:
    text = JOURNEY.replace("class:", "policy: {priority: 90, quiet_hours: ignore}\nclass:")
    found = loaded(tmp_path, {"journeys/hello.yaml": text}).workspace
    assert found is not None
    assert [(one.priority, one.quiet_hours) for one in found.journeys] == [(90, "ignore")]
    plain = loaded(tmp_path, {"journeys/hello.yaml": JOURNEY}).workspace
    assert plain is not None
    assert [(one.priority, one.quiet_hours) for one in plain.journeys] == [(50, "inherit")]


@pytest.mark.parametrize(
    ("policy", "rule"),
    [("priority: 1.5", "bad-value"), ("quiet_hours: off", "bad-value")],
)
def test_a_journeys_policy_is_one_that_there_is(tmp_path: Path, policy: str, rule: str) -> None:
    found = the(journey(tmp_path, JOURNEY.replace("class:", f"policy: {{{policy}}}\nclass:")))
    assert (found.rule, found.line) == (rule, 3)
