"""Signatures against published vectors, and against the libraries of those who make them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid import EventWebhook
from standardwebhooks import Webhook

from services.kit import signatures
from services.kit.errors import Misconfigured
from services.kit.secrets import Secret
from services.kit.signatures import Signed
from services.notifier.providers.base import CallbackRefused, CallbackRequest
from services.notifier.providers.resend import ResendSettings
from services.notifier.providers.resend import verify as verify_resend
from services.notifier.providers.sendgrid import SendGridSettings
from services.notifier.providers.sendgrid import verify as verify_sendgrid
from tests.contract.provider_cases import DATA

VECTORS: list[dict[str, Any]] = msgspec.json.decode((DATA / "signatures.json").read_bytes())
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def vectors(scheme: str) -> pytest.MarkDecorator:
    found = [one for one in VECTORS if one["scheme"] == scheme]
    assert found
    return pytest.mark.parametrize("vector", found, ids=lambda one: one["name"])


def at(timestamp: str) -> datetime:
    return datetime.fromtimestamp(int(timestamp), UTC) if timestamp.isdigit() else NOW


@vectors("standard")
def test_standard_webhooks_vectors(vector: dict[str, Any]) -> None:
    signed = Signed(vector["id"], vector["timestamp"], vector["signature"], vector["body"].encode())
    assert signatures.standard([Secret(vector["key"])], signed, at(vector["timestamp"])) is vector["valid"]


@vectors("resend")
def test_resend_vectors(vector: dict[str, Any]) -> None:
    headers = {f"svix-{name}": vector[name] for name in ("id", "timestamp", "signature")}
    settings = ResendSettings(api_key=Secret("k"), callback_keys=(Secret(vector["key"]),))
    request = CallbackRequest("POST", None, headers, "", vector["body"].encode(), at(vector["timestamp"]))
    verify_resend(settings, request)
    with pytest.raises(CallbackRefused):
        verify_resend(settings, msgspec.structs.replace(request, body=request.body.replace(b"\r\n", b"\n")))


@vectors("sendgrid")
def test_sendgrid_vectors_and_sendgrids_own_library_agree(vector: dict[str, Any]) -> None:
    prefix = "x-twilio-email-event-webhook-"
    headers = {prefix + "signature": vector["signature"], prefix + "timestamp": vector["timestamp"]}
    settings = SendGridSettings(api_key=Secret("k"), callback_keys=(Secret(vector["key"]),))
    request = CallbackRequest("POST", None, headers, "", vector["body"].encode(), at(vector["timestamp"]))
    theirs = EventWebhook(vector["key"]).verify_signature(vector["body"], vector["signature"], vector["timestamp"])
    assert theirs is vector["valid"]
    if vector["valid"]:
        verify_sendgrid(settings, request)
    else:
        with pytest.raises(CallbackRefused):
            verify_sendgrid(settings, request)


@given(body=st.text(), message_id=st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1))
def test_what_the_official_library_signs_is_good(body: str, message_id: str) -> None:
    signed = Signed(message_id, str(int(NOW.timestamp())), Webhook(KEY).sign(message_id, NOW, body), body.encode())
    assert signatures.standard([Secret(KEY)], signed, NOW)
    assert not signatures.standard([Secret(KEY)], msgspec.structs.replace(signed, body=body.encode() + b"."), NOW)
    assert not signatures.standard([Secret(KEY)], msgspec.structs.replace(signed, message_id=message_id + "x"), NOW)
    assert not signatures.standard([], signed, NOW)


@pytest.mark.parametrize(("minutes", "good"), [(-6, False), (-4, True), (0, True), (4, True), (6, False)])
def test_a_signature_is_good_for_five_minutes_either_way(minutes: int, good: bool) -> None:
    signed = Signed("id", str(int(NOW.timestamp())), Webhook(KEY).sign("id", NOW, "{}"), b"{}")
    assert signatures.standard([Secret(KEY)], signed, NOW + timedelta(minutes=minutes)) is good


@pytest.mark.parametrize(
    "timestamp", ["", "-1", "1e9", "12345678901234567890", "\uff11\uff12", "1795341600.5", " 1795341600"]
)
def test_a_timestamp_is_digits_and_nothing_else(timestamp: str) -> None:
    assert signatures.signed_at(timestamp) is None
    assert not signatures.fresh(timestamp, NOW)


@given(given_=st.text(max_size=80), body=st.binary(max_size=40), message_id=st.text(max_size=10))
def test_no_forged_headers_are_good_or_raise(given_: str, body: bytes, message_id: str) -> None:
    timestamp = str(int(NOW.timestamp()))
    for signature in (given_, "v1," + given_, "v1,", "v1,AAAA v1"):
        assert not signatures.standard([Secret(KEY)], Signed(message_id, timestamp, signature, body), NOW)


@pytest.mark.parametrize("written", ["", "whsec_", "whsec_a", "ż"])
def test_a_secret_that_is_none_is_refused_without_being_shown(written: str) -> None:
    with pytest.raises(Misconfigured, match="whsec_ and base64"):
        signatures.standard_key(Secret(written))


def test_a_sendgrid_key_that_is_none_is_refused() -> None:
    for text in ("abc", "ż", base64.b64encode(b"not DER").decode()):
        with pytest.raises(ValueError, match="callback_key"):
            SendGridSettings(api_key=Secret("k"), callback_keys=(Secret(text),))
