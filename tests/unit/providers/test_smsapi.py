"""SMSAPI's words: what goes out, its errors under HTTP 200, its parallel lists and its inbound messages."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from services.kit.errors import BadRecord
from services.kit.http import HttpResponse
from services.notifier.providers.base import (
    Accepted,
    Answered,
    CallbackRequest,
    Rejected,
    Result,
    Unanswered,
    Unauthorized,
)
from services.notifier.providers.smsapi import PROVIDER
from services.notifier.providers.stop_words import STOP_WORDS, is_stop
from tests.contract.provider_cases import ATTEMPT, CASES, DATA, NOW, SEND_KEY, smsapi_callback

CASE = next(case for case in CASES if case.name == "smsapi")


def answer(error: int, status: int = 200) -> Result:
    body = json.dumps({"error": error, "message": "…"}).encode()
    return PROVIDER.interpret(CASE.call(), HttpResponse(status, {}, body))


def test_an_sms_is_written_as_the_api_wants_it() -> None:
    request = PROVIDER.request(CASE.call(), CASE.settings())
    assert dict(parse_qsl(request.body.decode())) == {
        "to": "48500600700",
        "message": "Zażółć & 100% = koniec",
        "from": "Sklep",
        "format": "json",
        "encoding": "utf-8",
        "details": "1",
        "idx": ATTEMPT.hex(),
        "check_idx": "1",
    }


def test_the_messages_sender_comes_before_the_accounts() -> None:
    body = PROVIDER.request(CASE.call(CASE.outgoing(sender="Promocje")), CASE.settings()).body
    assert dict(parse_qsl(body.decode()))["from"] == "Promocje"
    body = PROVIDER.request(CASE.call(), CASE.settings(**{"from": None})).body
    assert "from" not in dict(parse_qsl(body.decode()))


@pytest.mark.parametrize("repeat", [False, True])
def test_an_idx_used_before_is_accepted_without_an_id(repeat: bool) -> None:
    body = HttpResponse(200, {}, b'{"error":53,"message":"Idx is not unique"}')
    assert PROVIDER.interpret(CASE.call(repeat=repeat), body) == Answered((Accepted(None),))


@pytest.mark.parametrize("error", [14, 101, 102, 103, 105, 110, 1000, 1001])
def test_key_credit_rights_and_sender_name_are_the_accounts_trouble(error: int) -> None:
    assert isinstance(answer(error), Unauthorized)


@pytest.mark.parametrize("error", [8, 201, 666, 999])
def test_smsapis_own_faults_leave_the_call_unanswered(error: int) -> None:
    assert isinstance(answer(error), Unanswered)


@pytest.mark.parametrize("error", [11, 12, 52, 12_345])
def test_any_other_error_is_final(error: int) -> None:
    result = answer(error)
    assert isinstance(result, Answered)
    assert result.outcomes == (Rejected(str(error), "…"),)


def test_a_number_that_is_none_is_named_as_the_addresss_fault() -> None:
    result = answer(13)
    assert isinstance(result, Answered)
    assert result.outcomes == (Rejected("13", "…", "bounced"),)


def test_an_error_beside_the_number_counts_too() -> None:
    body = HttpResponse(200, {}, b'{"count":1,"list":[{"id":"1","error":13}]}')
    result = PROVIDER.interpret(CASE.call(), body)
    assert isinstance(result, Answered)
    assert isinstance(result.outcomes[0], Rejected)


def test_an_answer_without_an_item_is_unanswered() -> None:
    for body in (b'{"count":0,"list":[]}', b"{}", b"OK", b""):
        assert isinstance(PROVIDER.interpret(CASE.call(), HttpResponse(200, {}, body)), Unanswered)


def test_parallel_lists_are_one_status_each() -> None:
    """The trailing list of idx is shorter: the third status has none."""
    one, two, three = PROVIDER.translate(smsapi_callback((DATA / "smsapi_statuses.txt").read_bytes()))
    assert [s.kind for s in (one, two, three)] == ["delivered", "bounced", None]
    assert (one.attempt_id, two.attempt_id, three.attempt_id) == (SEND_KEY, None, None)
    assert [s.recipient for s in (one, two, three)] == ["+48500600700", "+48500600701", "+48500600702"]
    assert one.dedupe == "5F1B3C2A1D4E5F6071829304:404:1795341600"
    assert one.at.isoformat() == "2026-11-22T10:00:00+00:00"
    assert two.data == {"code": "UNDELIVERED", "hard": False}
    assert three.status == "NEW_ONE"


def test_statuses_by_post_are_read_from_the_body() -> None:
    body = (DATA / "smsapi_statuses.txt").read_bytes()
    by_post = PROVIDER.translate(CallbackRequest("POST", None, {}, "", body, NOW))
    assert by_post == PROVIDER.translate(smsapi_callback(body))


def test_a_status_without_id_or_word_is_a_bad_record() -> None:
    for query in ("", "MsgId=1", "status=404", "&".join(f"f{n}=1" for n in range(200))):
        with pytest.raises(BadRecord):
            PROVIDER.translate(CallbackRequest("GET", None, {}, query, b"", NOW))


def test_only_ok_ends_a_callback() -> None:
    assert PROVIDER.acknowledgement == b"OK"


def test_a_customer_who_answers_stop_leaves() -> None:
    (found,) = PROVIDER.translate(smsapi_callback((DATA / "smsapi_inbound.txt").read_bytes()))
    assert (found.kind, found.recipient, found.send_key) == ("unsubscribed", "+48500600700", None)


def test_a_customer_who_answers_anything_else_does_not() -> None:
    query = "sms_from=48500600700&sms_text=nie+dziękuję,+ale+stop+by&sms_date=1795341600&MsgId=2"
    (found,) = PROVIDER.translate(CallbackRequest("GET", None, {}, query, b"", NOW))
    assert (found.kind, found.status) == (None, "inbound")


@pytest.mark.parametrize(
    "text", ["stop", " STOP! ", "Rezygnuję", "wypisz.", "\uff33\uff34\uff2f\uff30", *sorted(STOP_WORDS)]
)
def test_a_stop_word_is_known_in_any_case_and_with_accents(text: str) -> None:
    assert is_stop(text)


@pytest.mark.parametrize("text", ["", "start", "stop spam", "non-stop", "nie wiem"])
def test_other_words_do_not_stop(text: str) -> None:
    assert not is_stop(text)
