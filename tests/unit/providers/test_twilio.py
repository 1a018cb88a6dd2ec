"""Twilio's words: what goes out, its error codes, its signature over a public address, its statuses and inbound SMS."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from services.contracts.settings import Account
from services.kit.errors import BadRecord
from services.kit.http import HttpResponse
from services.kit.secrets import Secret
from services.notifier.providers.base import (
    Answered,
    Callback,
    CallbackRefused,
    CallbackRequest,
    Fault,
    Rejected,
    Result,
    Throttled,
    Unauthorized,
)
from services.notifier.providers.settings import read
from services.notifier.providers.twilio import ACCOUNT, BUSY, FORM, MESSAGE, PROVIDER, TwilioSettings, verify
from tests.contract.provider_cases import CASES, DATA, ENVIRON, NOW, SEND_KEY, TWILIO_URL, twilio_callback

CASE = next(case for case in CASES if case.name == "twilio")
VECTORS: list[dict[str, Any]] = [
    one for one in msgspec.json.decode((DATA / "signatures.json").read_bytes()) if one["scheme"] == "twilio"
]
PAYLOADS = list(DATA.glob("twilio*"))


def form(**changes: Any) -> dict[str, str]:
    member = CASE.outgoing(**changes)
    return dict(parse_qsl(PROVIDER.request(CASE.call(member), CASE.settings()).body.decode()))


def answer(status: int, code: int, **headers: str) -> Result:
    return PROVIDER.interpret(CASE.call(), HttpResponse(status, headers, json.dumps({"code": code}).encode()))


def status(**fields: str) -> Callback:
    (found,) = PROVIDER.translate(
        twilio_callback(urlencode({"MessageSid": "SM1", "To": "+48500600700"} | fields).encode())
    )
    return found


# --- the request -----------------------------------------------------------------------------------------------------


def test_an_sms_is_written_as_the_api_wants_it() -> None:
    assert form() == {
        "To": "+48500600700",
        "Body": "Zażółć & 100% = koniec",
        "From": "Sklep",
        "StatusCallback": f"{TWILIO_URL}?wici={SEND_KEY.hex()}",
    }


def test_the_login_is_the_account_or_an_api_key_of_it() -> None:
    for options, user in (({}, "AC0db966d80e9f1662da09c61287f8bba1"), ({"api_key": "SK1"}, "SK1")):
        request = PROVIDER.request(CASE.call(), CASE.settings(**options))
        kind, _, login = request.headers["Authorization"].partition(" ")
        assert (kind, base64.b64decode(login).decode()) == ("Basic", f"{user}:{ENVIRON['API_KEY']}")
        assert "/Accounts/AC0db966d80e9f1662da09c61287f8bba1/" in request.url


def test_the_messages_sender_comes_before_the_accounts_and_may_be_a_messaging_service() -> None:
    service = "MG4d9d720b38f7892254869fabdca51e69"
    assert form(sender="Promocje")["From"] == "Promocje"
    assert form(sender=service)["MessagingServiceSid"] == service
    assert "From" not in form(sender=service)


def test_statuses_are_asked_for_at_the_accounts_own_address_unless_another_is_written() -> None:
    """Without a public address, nothing is asked for."""
    options = {name: value for name, value in CASE.options.items() if name != "callback_url"}
    account = Account("pl", "twilio", "sms", options)
    assert read(TwilioSettings, account, ENVIRON, "https://a.example").callback_url == "https://a.example/callbacks/pl"
    written = Account("pl", "twilio", "sms", options | {"callback_url": "https://b.example/x"})
    assert read(TwilioSettings, written, ENVIRON, "https://a.example").callback_url == "https://b.example/x"
    silent = PROVIDER.request(CASE.call(), read(TwilioSettings, account, ENVIRON))
    assert b"StatusCallback" not in silent.body


# --- the answer ------------------------------------------------------------------------------------------------------


AT_FAULT: dict[int, Fault] = {
    21211: "bounced", 21214: "bounced", 21217: "bounced", 21614: "bounced", 21610: "unsubscribed",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(MESSAGE))
@pytest.mark.parametrize("http", [400, 403])
def test_a_bad_number_or_an_opted_out_one_is_final_and_named_as_such(code: int, http: int) -> None:
    result = answer(http, code)
    assert isinstance(result, Answered)
    assert result.outcomes == (Rejected(str(code), "", AT_FAULT.get(code)),)


@pytest.mark.parametrize("code", sorted(ACCOUNT))
def test_key_sender_and_suspension_are_the_accounts_trouble(code: int) -> None:
    assert isinstance(answer(400, code), Unauthorized)


@pytest.mark.parametrize("code", sorted(BUSY))
@pytest.mark.parametrize("http", [400, 429])
def test_a_full_queue_is_waited_for(code: int, http: int) -> None:
    assert answer(http, code, **{"retry-after": "3"}) == Throttled(3.0, str(code))


def test_a_code_that_nobody_knows_is_final_for_the_message() -> None:
    result = answer(400, 99_999)
    assert isinstance(result, Answered)


def test_nothing_promises_that_a_repeat_sends_once() -> None:
    assert PROVIDER.idempotency is None


# --- the signature ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["name"])
def test_published_vectors_and_twilios_own_library_agree(vector: dict[str, Any]) -> None:
    address, _, query = vector["url"].partition("?")
    headers = {"x-twilio-signature": vector["signature"], "content-type": vector["content_type"]}
    request = CallbackRequest("POST", None, headers, query, vector["body"].encode(), NOW, address)
    plain = vector["content_type"] != FORM
    theirs = RequestValidator(vector["key"]).validate(
        vector["url"], vector["body"] if plain else dict(parse_qsl(vector["body"])), vector["signature"]
    )
    assert theirs is vector["valid"]
    assert good(vector["key"], request) is vector["valid"]


def good(key: str, request: CallbackRequest) -> bool:
    settings = TwilioSettings(account_sid="AC1", token=Secret("t"), callback_keys=(Secret(key),))
    try:
        verify(settings, request)
    except CallbackRefused:
        return False
    return True


FIELDS = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), min_size=1, max_size=6)


@given(
    fields=FIELDS, query=st.sampled_from(["", "wici=00", "a=1&b=%C5%81"]), port=st.sampled_from(["", ":443", ":8443"])
)
def test_what_the_official_library_signs_is_good(fields: list[tuple[str, str]], query: str, port: str) -> None:
    """Also with fields that stand twice, with letters of any script, and under a port that is not the scheme's."""
    public = f"https://wici.example{port}/callbacks/pl"
    url = f"{public}?{query}" if query else public
    signature = RequestValidator("k").compute_signature(url, MultiDict(fields))
    headers = {"x-twilio-signature": signature, "content-type": FORM}
    request = CallbackRequest("POST", None, headers, query, urlencode(fields).encode(), NOW, public)
    assert good("k", request)
    assert not good("another", request)
    for forged in (
        msgspec.structs.replace(request, query=query + "&wici=11"),
        msgspec.structs.replace(request, public_url="https://other.example/callbacks/pl"),
        msgspec.structs.replace(request, body=request.body + b"&added=1"),
    ):
        assert not good("k", forged)


@pytest.mark.parametrize(
    "signed", ["https://wici.example:443/callbacks/pl?a=1", "https://wici.example/callbacks/pl?a=1"]
)
@pytest.mark.parametrize("public", ["https://wici.example:443/callbacks/pl", "https://wici.example/callbacks/pl"])
def test_it_does_not_matter_which_side_writes_the_schemes_own_port(signed: str, public: str) -> None:
    signature = RequestValidator("k").compute_signature(signed, {"MessageSid": "SM1"})
    headers = {"x-twilio-signature": signature, "content-type": FORM}
    assert good("k", CallbackRequest("POST", None, headers, "a=1", b"MessageSid=SM1", NOW, public))


@pytest.mark.parametrize("query", ["", "bodySHA256=00", "&".join(f"a{n}=1" for n in range(200))])
def test_a_body_that_nothing_signs_is_refused(query: str) -> None:
    """The address alone is signed rightly."""
    url = TWILIO_URL + (f"?{query}" if query else "")
    headers = {"x-twilio-signature": RequestValidator("k").compute_signature(url, {}), "content-type": "text/plain"}
    assert not good("k", CallbackRequest("POST", None, headers, query, b"MessageSid=SM1", NOW, TWILIO_URL))


def test_a_form_of_too_many_fields_is_refused_unread() -> None:
    assert not good("API_KEY", twilio_callback("&".join(f"a{n}=1" for n in range(200)).encode()))


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *((word, "accepted") for word in ("accepted", "scheduled", "queued", "sending", "sent")),
        ("delivered", "delivered"),
        ("read", "opened"),
        ("undelivered", "bounced"),
        ("failed", "refused"),
        ("canceled", "refused"),
        ("partially_delivered", None),
    ],
)
def test_a_status_is_a_receipt(word: str, kind: str | None) -> None:
    found = status(MessageStatus=word)
    assert (found.kind, found.status, found.dedupe) == (kind, word, f"SM1:{word}")
    assert (found.send_key, found.provider_id, found.recipient) == (SEND_KEY, "SM1", "+48500600700")


@pytest.mark.parametrize(("code", "hard"), [("30005", True), ("30006", True), ("30003", False), ("30007", False)])
def test_only_a_number_that_does_not_exist_bounces_hard(code: str, hard: bool) -> None:
    found = status(MessageStatus="undelivered", ErrorCode=code)
    assert (found.kind, found.data) == ("bounced", {"code": code, "hard": hard})


@pytest.mark.parametrize("word", ["failed", "undelivered"])
def test_a_message_dropped_because_the_customer_opted_out_there_is_that_suppression(word: str) -> None:
    found = status(MessageStatus=word, ErrorCode="21610")
    assert (found.kind, found.data) == ("unsubscribed", {"code": "21610", "dropped": True})


def test_a_message_that_never_left_is_refused_unless_its_number_is_at_fault() -> None:
    assert status(MessageStatus="failed", ErrorCode="30001").kind == "refused"
    assert status(MessageStatus="failed", ErrorCode="21614").data == {"code": "21614", "hard": True}


def test_a_status_whose_address_bears_no_key_of_ours_is_known_by_twilios_id() -> None:
    (found,) = PROVIDER.translate(twilio_callback(b"MessageSid=SM1&MessageStatus=sent", query=""))
    assert (found.send_key, found.provider_id) == (None, "SM1")


def test_a_status_by_get_is_signed_by_its_address_alone() -> None:
    query = "MessageSid=SM1&MessageStatus=sent"
    signature = RequestValidator("k").compute_signature(f"{TWILIO_URL}?{query}", {})
    request = CallbackRequest("GET", None, {"x-twilio-signature": signature}, query, b"", NOW, TWILIO_URL)
    assert good("k", request)
    (found,) = PROVIDER.translate(request)
    assert found.kind == "accepted"


@pytest.mark.parametrize("body", [b"", b"MessageSid=SM1", b"MessageStatus=sent", b'{"MessageSid":"SM1"}', b"Body=Stop"])
def test_what_names_no_message_or_no_status_is_a_bad_record(body: bytes) -> None:
    with pytest.raises(BadRecord, match="Twilio"):
        PROVIDER.translate(twilio_callback(body))


# --- inbound ---------------------------------------------------------------------------------------------------------


def test_a_customer_who_answers_stop_leaves() -> None:
    (found,) = PROVIDER.translate(twilio_callback((DATA / "twilio_inbound.txt").read_bytes(), query=""))
    assert (found.kind, found.status, found.recipient) == ("unsubscribed", "inbound", "+48500600700")
    assert (found.send_key, found.provider_id) == (None, None)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Body": "Basta", "OptOutType": "STOP"}, "unsubscribed"),
        ({"Body": "start", "OptOutType": "START"}, None),
        ({"Body": "help", "OptOutType": "HELP"}, None),
        ({"Body": "dziękuję"}, None),
        ({"Body": ""}, None),
    ],
)
def test_twilios_own_reading_of_an_answer_counts_beside_ours(fields: dict[str, str], kind: str | None) -> None:
    """A START brings nobody back: consent is given where it can be proved."""
    found = status(From="+48500600700", SmsStatus="received", **fields)
    assert (found.kind, found.status) == (kind, "inbound")


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.name)
def test_every_published_payload_is_translated(path: Path) -> None:
    (found,) = PROVIDER.translate(twilio_callback(path.read_bytes()))
    assert found.kind in ("delivered", "bounced", "unsubscribed")
    assert found.recipient
