"""Payloads and signature vectors that the vendors publish, where they are beside the repository.

Every one is translated or refused with a named reason, and every vector is judged by us as by the vendor.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from services.kit.http import HttpResponse
from services.kit.secrets import Secret
from services.notifier.providers import PROVIDERS
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    CallbackRefused,
    CallbackRequest,
    Outgoing,
    Rejected,
    Unanswered,
)
from services.notifier.providers.resend import ResendSettings
from services.notifier.providers.sendgrid import SendGridSettings
from services.notifier.providers.twilio import TwilioSettings

SHARED = Path(__file__).parents[3].parent / "shared/contracts"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
KEPT = None
"""Said by the provider, and nothing to us: kept under its own word."""

CALLBACKS: dict[str, tuple[str | None, ...]] = {
    "resend__anymail_clicked_event.json": ("clicked",),
    "resend__anymail_complained_event.json": ("complained",),
    "resend__anymail_delivery_delayed_event.json": ("deferred",),
    "resend__anymail_hard_bounced_event.json": ("bounced",),
    "resend__anymail_sent_event.json": ("accepted",),
    "resend__symfony_sent.json": ("accepted",),
    "sendgrid__anymail_bounce_event.json": ("bounced",),
    "sendgrid__anymail_click_event.json": ("clicked",),
    "sendgrid__anymail_compatibility_message_id_from_smtp_id.json": ("delivered",),
    "sendgrid__anymail_deferred_event.json": ("deferred",),
    "sendgrid__anymail_open_event.json": ("opened",),
    "sendgrid__docs_all_events.json": (
        *("accepted", "deferred", "delivered", "opened", "clicked", "bounced", "bounced", "complained"),
        *("unsubscribed", "unsubscribed", KEPT),
    ),
    "sendgrid__docs_bounce_blocked.json": ("bounced",),
    "sendgrid__docs_bounce_bounce.json": ("bounced",),
    "sendgrid__docs_deferred.json": ("deferred",),
    "sendgrid__docs_delivered.json": ("delivered",),
    "sendgrid__docs_dropped.json": ("bounced",),
    "sendgrid__docs_group_resubscribe.json": (KEPT,),
    "sendgrid__docs_group_unsubscribe.json": ("unsubscribed",),
    "sendgrid__docs_open.json": ("opened",),
    "sendgrid__docs_processed.json": ("accepted",),
    "sendgrid__docs_unsubscribe.json": ("unsubscribed",),
    "sendgrid__symfony_webhook.json": ("bounced",),
    "smsapi__callback_dlr_get.txt": ("delivered", "bounced"),
    "twilio__status_undelivered.txt": ("bounced",),
    "twilio__symfony_delivered.txt": ("delivered",),
}
ANSWERS = {
    "smsapi__response_send.json": Answered((Accepted("1"),)),
    "smsapi__response_send_to_invalid_number.json": Answered((Rejected("13", "No correct phone numbers", "bounced"),)),
    # wici asks for one number a call: an answer about several says nothing of ours.
    "smsapi__response_send_to_many_recipients.json": Unanswered("an answer without the id of what was sent"),
}


@pytest.mark.parametrize(("name", "kinds"), CALLBACKS.items())
def test_a_published_callback_is_translated(name: str, kinds: tuple[str | None, ...]) -> None:
    found = PROVIDERS[name.partition("__")[0]].translate(asked(name))
    assert tuple(one.kind for one in found) == kinds
    assert all(one.dedupe and one.status for one in found)


@pytest.mark.parametrize(("name", "result"), ANSWERS.items())
def test_a_published_answer_is_understood(name: str, result: Answered | Unanswered) -> None:
    published = json.loads(published_bytes(name))
    response = HttpResponse(published["status_code"], {}, json.dumps(published["response"]).encode())
    call = Call(bytes(16), (Outgoing(bytes(16), "+48100200300", sms="x"),))
    assert PROVIDERS["smsapi"].interpret(call, response) == result


def test_no_published_payload_is_left_out() -> None:
    vectors()
    found = {file.name for each in PROVIDERS for file in (SHARED / "payloads").glob(f"{each}__*")}
    assert found == {*CALLBACKS, *ANSWERS}


def test_every_published_vector_of_a_signature_is_judged_rightly() -> None:
    ours = [one for one in vectors() if one["scheme"] in JUDGES]
    assert {one["scheme"] for one in ours} == set(JUDGES)
    for vector in ours:
        provider, settings, request = JUDGES[vector["scheme"]](vector)
        assert good(provider, settings, request) is vector["valid"], (vector["scheme"], vector["name"])


def _resend(vector: dict[str, Any]) -> tuple[str, Any, CallbackRequest]:
    headers = vector.get("headers") or {
        "svix-id": vector["id"],
        "svix-timestamp": vector["timestamp"],
        "svix-signature": vector["signature_header"],
    }
    stamp = headers["svix-timestamp"]
    at = datetime.fromtimestamp(int(stamp), UTC) if stamp.isdigit() else NOW
    settings = ResendSettings(api_key=Secret("k"), callback_keys=(Secret(vector["secret"]),))
    return "resend", settings, CallbackRequest("POST", None, headers, "", vector["body"].encode(), at)


def _sendgrid(vector: dict[str, Any]) -> tuple[str, Any, CallbackRequest]:
    prefix = "x-twilio-email-event-webhook-"
    headers = {prefix + "signature": vector["signature_b64"], prefix + "timestamp": vector["timestamp"]}
    at = datetime.fromtimestamp(int(vector["timestamp"]), UTC)
    settings = SendGridSettings(api_key=Secret("k"), callback_keys=(Secret(vector["public_key_der_b64"]),))
    return "sendgrid", settings, CallbackRequest("POST", None, headers, "", vector["body"].encode(), at)


def _twilio(vector: dict[str, Any]) -> tuple[str, Any, CallbackRequest]:
    address, _, query = vector["url"].partition("?")
    body = vector["body"] if "body" in vector else urlencode([tuple(one) for one in vector["params"]])
    kind = "application/json" if "body" in vector else FORM
    headers = {"x-twilio-signature": vector["signature_b64"], "content-type": kind}
    settings = TwilioSettings(account_sid="AC1", token=Secret("t"), callback_keys=(Secret(vector["auth_token"]),))
    return "twilio", settings, CallbackRequest("POST", None, headers, query, body.encode(), NOW, address)


JUDGES = {
    "resend-svix": _resend,
    "standard-webhooks-v1-hmac-sha256": _resend,
    "sendgrid-event-webhook-ecdsa-p256-sha256": _sendgrid,
    "twilio-hmac-sha1": _twilio,
}


def good(provider: str, settings: Any, request: CallbackRequest) -> bool:
    try:
        PROVIDERS[provider].verify(settings, request)
    except CallbackRefused:
        return False
    return True


def asked(name: str) -> CallbackRequest:
    body = published_bytes(name)
    if name.startswith("smsapi"):
        return CallbackRequest("GET", "t", {}, body.decode().strip(), b"", NOW)
    return CallbackRequest("POST", None, {"svix-id": "msg_1", "content-type": FORM}, "", body.strip(), NOW)


def published_bytes(name: str) -> bytes:
    return _there(SHARED / "payloads" / name).read_bytes()


def vectors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_there(SHARED / "vectors.json").read_text())["vectors"]
    return found


def _there(path: Path) -> Path:
    if not path.exists():
        pytest.skip("the published payloads are not beside the repository")
    return path
