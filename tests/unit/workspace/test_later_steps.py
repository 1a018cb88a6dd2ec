"""Steps that are written ahead: read and checked like any other, published with a warning, and passed over."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from services.contracts.journey import Coupon, Later, Onsite, Points, Send, Survey
from services.contracts.reasons import Reason
from tests.support.engine import Run, anna, happened, journey, say, workspace
from tests.unit.workspace.folder import JOURNEY, MAIL, loaded, said

HEAD = JOURNEY[: JOURNEY.index("  - send")]
FILES: dict[str, str | bytes] = {
    "coupons.yaml": "cart-10: {give: {percent: 10}}\nwelcome: {}\n",
    "surveys.yaml": "why-left: {title: Why did you leave?}\n",
}
WRITTEN = """\
  - {survey: why-left, via: {first: [sms, email]}}
  - {coupon: {pool: cart-10, valid: 48 hours}, if: event.order.total > 5}
  - points: {give: 50, for: survey}
  - {onsite: exit-offer, id: offer}
  - {send: hello, via: email, otherwise: onsite}
"""
READ = (
    Survey("survey-why-left", "why-left", ("sms", "email")),
    Coupon("coupon-1", "cart-10", 172_800.0, condition="event.order.total > 5"),
    Points("points-1", 50, "survey"),
    Onsite("offer", "exit-offer"),
    Send("send-hello", "hello", ("email",), otherwise="onsite"),
)


def test_they_are_published_with_a_warning_at_each_word(tmp_path: Path) -> None:
    found = loaded(tmp_path, {**FILES, "journeys/hello.yaml": HEAD + WRITTEN})
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    assert found.workspace.journeys[0].steps == READ
    places = [f"journeys/hello.yaml:{place}" for place in ("5:6", "6:6", "7:5", "8:6", "9:42")]
    assert said(found.findings) == [(place, "not-yet-applied") for place in places]
    assert {finding.severity for finding in found.findings} == {"warning"}


@pytest.mark.parametrize(
    ("text", "place", "rule", "hint"),
    [
        ("- coupon: {pool: cart-01}", "5:20", "unknown-pool", "cart-10"),
        ("- coupon: {pool: nothing-like-it}", "5:20", "unknown-pool", "pools are: cart-10, welcome"),
        ("- {survey: why-lef, via: email}", "5:14", "unknown-survey", "why-left"),
        ("- {survey: why-left}", "5:5", "missing-key", "via"),
        ("- {coupon: {valid: 1 day}}", "5:14", "missing-key", "pool"),
        ("- {coupon: cart-10}", "5:14", "wrong-kind", "pool"),
        ("- {points: {give: 0}}", "5:21", "bad-value", "larger"),
        ("- {points: 50}", "5:14", "wrong-kind", "give"),
    ],
)
def test_a_mistake_in_one_is_named_where_it_stands(tmp_path: Path, text: str, place: str, rule: str, hint: str) -> None:
    found = loaded(tmp_path, {**FILES, "journeys/hello.yaml": f"{HEAD}  {text}\n"}).findings
    wrong = [finding for finding in found if finding.severity == "error"]
    assert said(wrong) == [(f"journeys/hello.yaml:{place}", rule)]
    assert hint in wrong[0].hint


def test_without_the_file_it_is_said_where_to_write_the_name(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"journeys/hello.yaml": HEAD + "  - coupon: {pool: cart-10}\n"}).findings
    assert [finding.hint for finding in found if finding.severity == "error"] == ["write it into coupons.yaml"]


def test_a_file_that_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    files = {**FILES, "coupons.yaml": "- cart-10\n", "journeys/hello.yaml": HEAD + "  - coupon: {pool: x}\n"}
    found = loaded(tmp_path, files).findings
    assert [finding.place for finding in found if finding.severity == "error"] == ["coupons.yaml:1:1"]


def test_no_text_may_promise_a_code_that_nothing_gives(tmp_path: Path) -> None:
    mail = MAIL.replace("Zażółć gęślą jaźń.", "{{ coupon.code }}")
    steps = HEAD + "  - coupon: {pool: cart-10}\n  - {send: hello, via: email}\n"
    found = loaded(tmp_path, {**FILES, "templates/hello/pl/email.mjml": mail, "journeys/hello.yaml": steps})
    assert found.workspace is None
    wrong = [finding for finding in found.findings if finding.severity == "error"]
    assert [(finding.file, finding.rule) for finding in wrong] == [("templates/hello/pl/email.mjml", "template")]
    assert "no code is given yet" in wrong[0].hint


@pytest.mark.parametrize("step", READ[:4], ids=lambda step: type(step).__name__)
def test_each_is_passed_over_with_its_reason(step: Later) -> None:
    run = Run(workspace(journey("orders", "order.placed", step, say())))
    run.take(happened("order.placed", customer=anna(), placed="o1"))
    assert run.said == ["hello"]
    assert [reason for _, reason in run.reasons] == [Reason.NO_ENGINE]
    assert {type(one) for one in READ[:4]} == set(get_args(Later))


def test_otherwise_onsite_skips_and_says_why() -> None:
    run = Run(workspace(journey("views", "page.viewed", say(otherwise="onsite"), say(id="x", klass="transactional"))))
    run.take(happened("page.viewed", customer=anna(consents={})))
    assert [message.step for message in run.queue] == ["x"]
    assert [reason for _, reason in run.reasons] == [Reason.NO_CONSENT, Reason.NO_ENGINE]
