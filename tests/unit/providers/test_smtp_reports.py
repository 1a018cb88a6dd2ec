"""What comes back by mail: bounces and complaints as their writers write them, and everything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import BadRecord
from services.notifier.providers.base import Callback, CallbackRefused, CallbackRequest
from services.notifier.providers.smtp import PROVIDER
from services.notifier.suppressions import suppressed_by
from tests.contract.provider_cases import CASES, ENVIRON, NOW, SEND_KEY

KEY = SEND_KEY.hex()
CASE = next(case for case in CASES if case.name == "smtp")


def report(group: str, returned: str = f"X-Wici-Send-Key: {KEY}", to: str = "bounces@shop.example",
           kind: str = "message/delivery-status", back: str = "message/rfc822") -> bytes:  # fmt: skip
    return f"""From: MAILER-DAEMON@relay.test
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

anna@example.com could not be reached
--b
Content-Type: {kind}

Reporting-MTA: dns; relay.test

{group}
--b
Content-Type: {back}

{returned}
Subject: Oferta

--b--
""".encode()


def heard(body: bytes) -> list[Callback]:
    return PROVIDER.translate(CallbackRequest("POST", ENVIRON["PATH_TOKEN"], {}, "", body, NOW))


FAILED = "Final-Recipient: rfc822; anna@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no anna"


@pytest.mark.parametrize(
    ("group", "kind", "data", "reason"),
    [
        (FAILED, "bounced", {"hard": True, "code": "5.1.1"}, "bounced"),
        ("Action: failed\nStatus: 5.2.2 (mailbox full)", "bounced", {"hard": False, "code": "5.2.2"}, None),
        ("Action: failed\nStatus: 5.7.1", "bounced", {"hard": False, "code": "5.7.1"}, None),
        ("Action: failed\nStatus: 4.4.7", "bounced", {"hard": False, "code": "4.4.7"}, None),
        ("Action: FAILED", "bounced", {"hard": False, "code": ""}, None),
        ("Action: delayed\nStatus: 4.4.1", "deferred", {"code": "4.4.1"}, None),
        ("Action: delivered\nStatus: 2.0.0", "delivered", {}, None),
        ("Action: relayed\nStatus: 2.0.0", None, {}, None),
        ("Action: teleported", None, {}, None),
    ],
)
def test_a_report_is_what_it_says(group: str, kind: Any, data: dict[str, Any], reason: str | None) -> None:
    (found,) = heard(report(group))
    assert (found.kind, found.send_key, found.data) == (kind, SEND_KEY, data)
    assert kind is None or suppressed_by(kind, found.data) == reason


@pytest.mark.parametrize(
    ("returned", "to"),
    [
        (f"X-Wici-Send-Key: {KEY}", "bounces@shop.example"),
        (f"Message-ID: <{KEY}@news.shop.example>", "bounces@shop.example"),
        ("Subject: nothing of ours", f"bounces+{KEY}@bounces.shop.example"),
    ],
)
@pytest.mark.parametrize("back", ["message/rfc822", "text/rfc822-headers"])
def test_the_message_is_known_by_what_was_returned_or_by_the_envelope(returned: str, to: str, back: str) -> None:
    (found,) = heard(report(FAILED, returned, to, back=back))
    assert found.send_key == SEND_KEY


def test_a_complaint_is_a_complaint() -> None:
    (found,) = heard(report("Feedback-Type: abuse", kind="message/feedback-report"))
    assert (found.kind, found.send_key) == ("complained", SEND_KEY)


def test_the_same_mail_handed_over_again_is_the_same_callback_and_its_groups_are_not() -> None:
    twice = report(f"{FAILED}\n\nAction: delayed\nStatus: 4.4.1")
    first, second = heard(twice)
    assert [first.dedupe, second.dedupe] == [one.dedupe for one in heard(twice)]
    assert first.dedupe != second.dedupe


def test_nothing_of_the_recipient_is_kept() -> None:
    assert "anna" not in repr(heard(report(FAILED)))


@pytest.mark.parametrize(
    "body",
    [
        report(FAILED, "Subject: not ours"),
        b"From: anna@example.com\nSubject: Jestem na urlopie\n\nWracam w poniedzialek",
        f"From: anna@example.com\nTo: bounces+{KEY}@bounces.shop.example\nSubject: urlop\n\nWracam".encode(),
    ],
)
def test_what_is_no_report_of_a_message_of_ours_says_nothing(body: bytes) -> None:
    assert heard(body) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"\n\nno headers"])
def test_what_is_no_mail_is_a_bad_record(body: bytes) -> None:
    with pytest.raises(BadRecord):
        heard(body)


@given(st.binary(max_size=400), st.integers(min_value=0))
def test_no_mail_breaks_the_reader(noise: bytes, at: int) -> None:
    whole = report(FAILED)
    at %= len(whole)
    for found in heard(whole[:at] + noise + whole[at:] if at > 10 else b"A: b\n" + noise):
        assert found.send_key is None or len(found.send_key) == 16


@pytest.mark.parametrize(("token", "good"), [("unguessable-path-token", True), ("another", False), (None, False)])
def test_only_the_token_opens_the_door_and_without_one_it_is_shut(token: str | None, good: bool) -> None:
    asked = CallbackRequest("POST", token, {}, "", report(FAILED), NOW)
    if good:
        PROVIDER.verify(CASE.settings(callback_token="$PATH_TOKEN"), asked)
    else:
        with pytest.raises(CallbackRefused):
            PROVIDER.verify(CASE.settings(callback_token="$PATH_TOKEN"), asked)
    with pytest.raises(CallbackRefused):
        PROVIDER.verify(CASE.settings(), asked)
