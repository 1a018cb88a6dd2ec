"""SendGrid's words: what goes out, and what its events mean."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from services.kit.http import HttpResponse
from services.notifier.providers.base import Answered, Callback, Rejected
from services.notifier.providers.sendgrid import KINDS, PROVIDER
from tests.contract.provider_cases import CASES, DATA, SEND_KEY, sendgrid_callback

CASE = next(case for case in CASES if case.name == "sendgrid")


def sent(**changes: Any) -> dict[str, Any]:
    body = PROVIDER.request(CASE.call(CASE.outgoing(**changes)), CASE.settings()).body
    return msgspec.json.decode(body, type=dict[str, Any])


@pytest.fixture(scope="module")
def events() -> dict[str, Callback]:
    found = PROVIDER.translate(sendgrid_callback((DATA / "sendgrid_events.json").read_bytes()))
    return {one.dedupe: one for one in found}


def test_a_mail_is_written_as_the_v3_api_wants_it() -> None:
    assert sent() == {
        "personalizations": [
            {
                "to": [{"email": "anna@example.com"}],
                "custom_args": {"class": "transactional", "journey": "thanks", "wici": SEND_KEY.hex()},
            }
        ],
        "from": {"email": "sklep@sklep.example", "name": "Sklep Próbny"},
        "reply_to": {"email": "pomoc@sklep.example"},
        "subject": "Dziękujemy, Łucjo!",
        "content": [
            {"type": "text/plain", "value": "Zażółć gęślą jaźń"},
            {"type": "text/html", "value": "<p>Zażółć gęślą jaźń</p>"},
        ],
        "headers": {
            "List-Unsubscribe": "<https://l.example/u/t>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }


def test_headers_that_sendgrid_sets_itself_are_left_to_it() -> None:
    assert sent(headers={"Reply-To": "x@y", "DKIM-Signature": "z", "List-Id": "<news>"})["headers"] == {
        "List-Id": "<news>"
    }
    assert "headers" not in sent(headers={"Subject": "x"})


def test_a_part_that_is_missing_is_not_sent_empty() -> None:
    assert [part["type"] for part in sent(text=None)["content"]] == ["text/html"]


def test_an_error_names_the_field_at_fault() -> None:
    assert PROVIDER.interpret(CASE.call(), CASE.invalid) == Answered((Rejected("subject", "The subject is required."),))


def test_statuses_are_receipts(events: dict[str, Callback]) -> None:
    assert [events[f"e-{n}"].kind for n in (1, 2, 3, 5, 6, 13, 14, 16)] == [
        *("accepted", "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed", "deferred")
    ]
    assert all(one.send_key == SEND_KEY for one in (events["e-1"], events["e-5"]))
    assert events["e-1"].provider_id == "m1"
    assert events["e-1"].recipient == "anna@example.com"
    assert events["e-2"].at.isoformat() == "2026-11-22T10:00:01+00:00"
    assert events["e-5"].data == {"url": "https://sklep.example/buty"}


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "14c5d75ce93.dfd.64b469"),
        ("Lli-03HcQ5-JLybO9fXsJg.recvd-6c8-x-1-0", "Lli-03HcQ5-JLybO9fXsJg"),
        ("bare", "bare"),
    ],
)
def test_an_events_message_id_begins_with_the_one_that_sending_gave(foreign: str, ours: str) -> None:
    body = json.dumps([{"event": "delivered", "sg_message_id": foreign}]).encode()
    assert PROVIDER.translate(sendgrid_callback(body))[0].provider_id == ours


def test_an_open_by_a_machine_is_flagged(events: dict[str, Callback]) -> None:
    assert events["e-3"].data == {"machine": True}
    assert events["e-4"].data == {"machine": False}


def test_only_a_bad_address_bounces_hard(events: dict[str, Callback]) -> None:
    """A block for now and a failed authentication (5.7) are not the address's fault."""
    assert [events[f"e-{n}"].data["hard"] for n in (6, 7, 8)] == [True, False, False]


def test_a_dropped_message_copies_sendgrids_suppression(events: dict[str, Callback]) -> None:
    dropped = {one.data["code"]: one for one in events.values() if one.status == "dropped"}
    assert {code: one.kind for code, one in dropped.items()} == {
        "Bounced Address": "bounced",
        "Unsubscribed Address": "unsubscribed",
        "Spam Reporting Address": "complained",
        "Spam Content": "refused",
    }
    assert dropped["Bounced Address"].data == {"hard": True, "dropped": True, "code": "Bounced Address"}


def test_an_event_without_an_id_has_one_made_of_itself(events: dict[str, Callback]) -> None:
    (found,) = [one for one in events.values() if one.data.get("code") == "Unsubscribed Address"]
    shuffled = json.loads((DATA / "sendgrid_events.json").read_bytes())[9]
    again = PROVIDER.translate(sendgrid_callback(json.dumps([dict(reversed(shuffled.items()))]).encode()))
    assert again[0].dedupe == found.dedupe
    assert len(found.dedupe) == 64


def test_a_resubscription_changes_nothing_by_itself(events: dict[str, Callback]) -> None:
    assert events["e-15"].kind is None
    assert "group_resubscribe" not in KINDS


@pytest.mark.parametrize(
    ("field", "message", "fault"),
    [
        ("personalizations.0.to.0.email", "Does not contain a valid address.", "bounced"),
        ("from.email", "Does not contain a valid address.", None),
        ("personalizations.0.to.0.email", "Each email address must be unique.", None),
    ],
)
def test_a_recipient_that_is_no_address_is_named_as_its_fault(field: str, message: str, fault: str | None) -> None:
    body = json.dumps({"errors": [{"message": message, "field": field, "help": None}]}).encode()
    result = PROVIDER.interpret(CASE.call(), HttpResponse(400, {}, body))
    assert result == Answered((Rejected(field, message, fault),))  # type: ignore[arg-type]
