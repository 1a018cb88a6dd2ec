"""Resend's words: what goes out, and what its events mean."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from services.contracts import ids
from services.kit.errors import BadRecord
from services.kit.http import HttpResponse
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Callback,
    Concurrent,
    Mismatch,
    RateHints,
    Rejected,
    Unanswered,
)
from services.notifier.providers.resend import PROVIDER
from tests.contract.provider_cases import ATTEMPT, CASES, DATA, SEND_KEY, resend_callback

CASE = next(case for case in CASES if case.name == "resend")


def translated(body: bytes | dict[str, Any]) -> Callback:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (found,) = PROVIDER.translate(resend_callback(raw))
    return found


def test_one_mail_is_written_as_the_api_wants_it() -> None:
    request = PROVIDER.request(CASE.call(), CASE.settings())
    assert request.url == "https://api.resend.com/emails"
    assert request.headers["Idempotency-Key"] == ids.text(ATTEMPT)
    assert request.headers["User-Agent"] == "wici"
    assert msgspec.json.decode(request.body) == {
        "from": "Sklep Próbny <sklep@sklep.example>",
        "to": ["anna@example.com"],
        "subject": "Dziękujemy, Łucjo!",
        "html": "<p>Zażółć gęślą jaźń</p>",
        "text": "Zażółć gęślą jaźń",
        "reply_to": "pomoc@sklep.example",
        "headers": {
            "List-Unsubscribe": "<https://l.example/u/t>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tags": [
            {"name": "wici", "value": SEND_KEY.hex()},
            {"name": "class", "value": "transactional"},
            {"name": "journey", "value": "thanks"},
        ],
    }


def test_several_mails_are_one_batch_in_order() -> None:
    request = PROVIDER.request(CASE.call(CASE.outgoing(subject="1"), CASE.outgoing(subject="2")), CASE.settings())
    assert request.url == "https://api.resend.com/emails/batch"
    assert [one["subject"] for one in msgspec.json.decode(request.body)] == ["1", "2"]


def test_tags_hold_only_what_resend_allows() -> None:
    body = PROVIDER.request(CASE.call(CASE.outgoing(tags={"journey": "życzenia 1"})), CASE.settings()).body
    assert {"name": "journey", "value": "_yczenia_1"} in msgspec.json.decode(body)["tags"]


def test_a_batchs_answer_gives_each_member_its_id() -> None:
    call = CASE.call(CASE.outgoing(), CASE.outgoing())
    headers = {"ratelimit-limit": "2", "ratelimit-remaining": "1", "ratelimit-reset": "1"}
    answer = HttpResponse(200, headers, b'{"data":[{"id":"a"},{"id":"b"}]}')
    assert PROVIDER.interpret(call, answer) == Answered((Accepted("a"), Accepted("b")), RateHints(2, 1, 1.0))


def test_an_answer_with_too_few_ids_leaves_the_whole_call_unanswered() -> None:
    call = CASE.call(CASE.outgoing(), CASE.outgoing())
    assert isinstance(PROVIDER.interpret(call, HttpResponse(200, {}, b'{"data":[{"id":"a"}]}')), Unanswered)


@pytest.mark.parametrize(
    ("name", "result"),
    [("concurrent_idempotent_requests", Concurrent), ("invalid_idempotent_request", Mismatch)],
)
def test_409_is_told_by_its_name(name: str, result: type) -> None:
    body = json.dumps({"statusCode": 409, "name": name, "message": "…"}).encode()
    assert isinstance(PROVIDER.interpret(CASE.call(), HttpResponse(409, {}, body)), result)


def test_a_permanent_bounce_is_hard_and_names_its_message() -> None:
    found = translated((DATA / "resend_bounced.json").read_bytes())
    assert (found.kind, found.data["hard"], found.send_key) == ("bounced", True, SEND_KEY)
    assert found.dedupe == "msg_1"
    assert found.provider_id == "56761188-7520-42d8-8898-ff6fc54ce618"
    assert found.recipient == "anna@example.com"
    assert found.at.isoformat() == "2026-11-22T10:00:01.123000+00:00"


@pytest.mark.parametrize(("kind", "hard"), [("Transient", False), ("Undetermined", False), ("Permanent", True)])
def test_a_bounce_is_hard_only_if_it_is_permanent(kind: str, hard: bool) -> None:
    assert translated({"type": "email.bounced", "data": {"bounce": {"type": kind}}}).data["hard"] is hard


def test_tags_are_read_as_a_list_too() -> None:
    found = translated((DATA / "resend_clicked.json").read_bytes())
    assert (found.kind, found.send_key, found.recipient) == ("clicked", SEND_KEY, "anna@example.com")
    assert found.data == {"url": "https://sklep.example/buty"}


def test_a_suppressed_message_is_a_hard_bounce_and_a_failed_one_a_refusal() -> None:
    assert translated({"type": "email.suppressed"}).data == {"hard": True, "dropped": True}
    failed = translated({"type": "email.failed", "data": {"failed": {"reason": "reached_daily_quota"}}})
    assert (failed.kind, failed.data) == ("refused", {"code": "reached_daily_quota"})


def test_an_event_without_svixs_id_is_a_bad_record() -> None:
    request = resend_callback(b'{"type":"email.sent"}')
    with pytest.raises(BadRecord):
        PROVIDER.translate(msgspec.structs.replace(request, headers={}))


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Invalid `to` field. The email address needs to follow the `email@example.com` format.", "bounced"),
        ("Invalid `to` field. Please use our testing email address instead of domains like `example.com`.", None),
        ("Missing `subject` field.", None),
    ],
)
def test_a_recipient_that_is_no_address_is_named_as_its_fault(message: str, fault: str | None) -> None:
    body = json.dumps({"statusCode": 422, "name": "validation_error", "message": message}).encode()
    result = PROVIDER.interpret(CASE.call(), HttpResponse(422, {}, body))
    assert result == Answered((Rejected("validation_error", message, fault),))  # type: ignore[arg-type]
