"""What every provider keeps to when it calls back: proof first, then a table, and nothing that arrives can crash it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.receipt import ReceiptKind
from services.contracts.settings import Account
from services.kit.errors import BadRecord
from services.notifier.providers.base import Callback, CallbackRefused, CallbackRequest
from services.notifier.providers.settings import read
from tests.contract.provider_cases import CASES, ENVIRON, JSON, NOW, Case, callback, calling_back, every

SIGNING = [case for case in CASES if case.name in ("resend", "sendgrid", "twilio")]


@calling_back
def test_a_genuine_callback_is_verified_and_translated(case: Case) -> None:
    request = callback(case, case.statuses)
    case.provider.verify(case.settings(), request)
    found = case.provider.translate(request)
    assert found
    assert all(one.dedupe for one in found)
    assert len({one.dedupe for one in found}) == len(found)


@calling_back
def test_a_callback_of_another_key_is_refused(case: Case) -> None:
    request = callback(case, case.statuses)
    headers = {name: value[:-6] + "AAAAA=" if "signature" in name else value for name, value in request.headers.items()}
    token = request.path_token and request.path_token[:-1]
    for forged in (
        msgspec.structs.replace(request, headers=headers, path_token=token),
        msgspec.structs.replace(request, headers={}, path_token=None),
        msgspec.structs.replace(request, headers=dict.fromkeys(headers, "ż☃"), path_token="ż☃"),
    ):
        with pytest.raises(CallbackRefused):
            case.provider.verify(case.settings(), forged)


@calling_back
def test_without_a_key_every_callback_is_refused(case: Case) -> None:
    keyless = {name: value for name, value in case.options.items() if not name.startswith("callback")}
    account = Account("main", case.name, case.provider.channels[0], keyless)
    request = callback(case, case.statuses)
    for one in (request, msgspec.structs.replace(request, path_token="")):
        with pytest.raises(CallbackRefused):
            case.provider.verify(read(case.provider.settings, account, ENVIRON), one)


@pytest.mark.parametrize("case", [c for c in SIGNING if c.name != "twilio"], ids=lambda case: case.name)
def test_an_old_signature_is_refused(case: Case) -> None:
    """Twilio's says no time."""
    request = callback(case, case.statuses)
    for forged in (
        msgspec.structs.replace(request, received=NOW.replace(year=2027)),
        msgspec.structs.replace(request, received=NOW.replace(hour=9)),
    ):
        with pytest.raises(CallbackRefused):
            case.provider.verify(case.settings(), forged)


@pytest.mark.parametrize("case", SIGNING, ids=lambda case: case.name)
def test_a_changed_body_is_refused(case: Case) -> None:
    request = callback(case, case.statuses)
    with pytest.raises(CallbackRefused):
        case.provider.verify(case.settings(), msgspec.structs.replace(request, body=request.body + b" "))


OLD_SENDGRID = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1"
    "flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)


@calling_back
def test_two_keys_are_good_while_one_replaces_the_other(case: Case) -> None:
    (name, new) = next((k, v) for k, v in case.options.items() if k.startswith("callback"))
    old = {"resend": "$OLD_RESEND", "sendgrid": "$OLD_SENDGRID", "smsapi": "$API_KEY", "twilio": "$PATH_TOKEN"}[
        case.name
    ]
    environ = ENVIRON | {"OLD_RESEND": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "OLD_SENDGRID": OLD_SENDGRID}
    for keys in ([old, new], [new, old]):
        account = Account("main", case.name, case.provider.channels[0], case.options | {name: keys})
        case.provider.verify(read(case.provider.settings, account, environ), callback(case, case.statuses))


@calling_back
def test_an_unknown_status_survives_under_its_own_word(case: Case) -> None:
    (found,) = case.provider.translate(callback(case, case.strange))
    assert found.kind is None
    assert "teleported" in found.status.lower()


@calling_back
def test_the_same_callback_twice_has_the_same_dedupe_ids(case: Case) -> None:
    later = msgspec.structs.replace(callback(case, case.statuses), received=NOW.replace(day=23))
    once = case.provider.translate(callback(case, case.statuses))
    assert [one.dedupe for one in case.provider.translate(later)] == [one.dedupe for one in once]


WORDS = st.sampled_from(
    [
        *("event", "type", "data", "email", "to", "tags", "wici", "bounce", "click", "failed", "reason", "timestamp"),
        *("sg_event_id", "sg_message_id", "created_at", "name", "value", "email_id", "status", "url", "asm_group_id"),
    ]
)
VALUES = JSON | st.sampled_from(
    ["email.bounced", "email.clicked", "email.failed", "bounce", "dropped", "open", "click"]
)
OBJECTS = st.dictionaries(WORDS, VALUES | st.dictionaries(WORDS, VALUES, max_size=4), max_size=8)
BODIES = st.binary(max_size=300) | (OBJECTS | st.lists(OBJECTS, max_size=3)).map(msgspec.json.encode)
CUNNING = {
    "lone surrogates": b'[{"event":"\\ud800","sg_event_id":"\\udfff","email":"\\udfff"}]',
    "a lone surrogate in an object": b'{"type":"\\ud800","data":{"to":"\\ud800"}}',
    "NUL": b'[{"event":"\\u0000","sg_event_id":"a\\u0000b","wici":"\\u0000"}]',
    "NUL in a query": b"MsgId=%00&status=%00&to=%00&idx=%00",
    "NUL in a form": b"MessageSid=%00&MessageStatus=%00",
    "NUL and halves in a form": b"MessageSid=a%00&MessageStatus=failed&ErrorCode=%00&To=%ED%A0%80%00&Body=%00",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"type":"x","data":' + b'{"data":' * 50_000,
    "a number of ten thousand digits": b'[{"event":' + b"9" * 10_000 + b',"timestamp":' + b"9" * 10_000 + b"}]",
    "a time far away": b'[{"event":"open","timestamp":999999999999999}]',
    "a year before our era": b'{"type":"email.sent","created_at":"0001-01-01T00:00:00+14:00"}',
    "a batch of strings": b'["open"]',
}
QUERIES = st.text(max_size=100) | st.dictionaries(
    st.sampled_from(
        [
            *("MsgId", "status", "status_name", "idx", "donedate", "to", "from", "sms_text", "sms_from"),
            *("MessageSid", "MessageStatus", "ErrorCode", "Body", "From", "To", "wici"),
        ]
    ),
    st.text(max_size=30),
    max_size=9,
).map(lambda fields: "&".join(f"{k}={v}" for k, v in fields.items()))


def kept(case: Case, request: CallbackRequest) -> list[Callback]:
    """A translation, with BadRecord for an empty one; what comes out can be written to a database."""
    try:
        found = case.provider.translate(request)
    except BadRecord:
        return []
    for one in found:
        assert one.kind in (*ReceiptKind.__args__, None)  # type: ignore[attr-defined]
        assert b"\\u0000" not in msgspec.json.encode(one)
        assert one.at.tzinfo is not None
        assert one.dedupe
        for id_ in (one.send_key, one.attempt_id):
            assert id_ is None or len(id_) == 16
    return found


@every
@settings(max_examples=200, deadline=None)
@given(body=BODIES, query=QUERIES, method=st.sampled_from(["GET", "POST"]))
def test_no_callback_whatever_gives_anything_but_a_list_or_a_bad_record(
    case: Case, body: bytes, query: str, method: str
) -> None:
    kept(case, CallbackRequest(method, None, {"svix-id": "msg_1"}, query, body, NOW))


@every
@pytest.mark.parametrize("body", CUNNING.values(), ids=CUNNING)
def test_no_cunning_callback_gives_what_a_database_cannot_keep(case: Case, body: bytes) -> None:
    for method, query in (("POST", ""), ("GET", body.decode())):
        kept(case, CallbackRequest(method, None, {"svix-id": "msg_1"}, query, body, NOW))


@calling_back
@settings(max_examples=60, deadline=None)
@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["svix-id", "svix-timestamp", "svix-signature", "x-twilio-signature", "content-type"]
            + [f"x-twilio-email-event-webhook-{end}" for end in ("signature", "timestamp")]
        ),
        st.text(max_size=40) | st.just("1795341600") | st.text("v1,= ", max_size=9),
    ),
    body=st.binary(max_size=50),
    token=st.none() | st.text(max_size=30),
)
def test_no_forgery_whatever_gives_anything_but_a_refusal(
    case: Case, headers: dict[str, str], body: bytes, token: str | None
) -> None:
    with pytest.raises(CallbackRefused):
        case.provider.verify(case.settings(), CallbackRequest("POST", token, headers, "", body, NOW))
