"""Webhooks: what goes out, what each answer means, and where they may not go."""

from __future__ import annotations

import msgspec
import pytest

from services.contracts.settings import Account
from services.kit.clock import SystemClock
from services.kit.errors import Misconfigured
from services.kit.http import HttpRequest, HttpResponse
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    CallbackRefused,
    CallbackRequest,
    Outgoing,
    Rejected,
    Throttled,
    Unanswered,
    call,
)
from services.notifier.providers.settings import read
from services.notifier.providers.webhook import PROVIDER, WebhookSettings
from services.notifier.providers.webhook_wire import WebhookWire
from tests.contract.provider_cases import ATTEMPT, ENVIRON, NOW, SEND_KEY

SECRET = ENVIRON["RESEND_HOOK"]
BODY = '{"data":{"order":"Łódź 1"}}'


def settings(*allow: str, secret: str = "$RESEND_HOOK") -> WebhookSettings:
    return read(WebhookSettings, Account("webhook", "webhook", "webhook", {"secret": secret, "allow": allow}), ENVIRON)


def told(url: str = "https://crm.shop.example/hooks?k=1") -> Call:
    return Call(ATTEMPT, (Outgoing(SEND_KEY, url, text=BODY),))


def test_the_body_goes_as_it_is_under_the_send_key() -> None:
    request = PROVIDER.request(told(), settings())
    assert (request.method, request.url, request.body) == ("POST", told().members[0].recipient, BODY.encode())
    assert request.headers == {
        "Content-Type": "application/json",
        "User-Agent": "wici",
        "webhook-id": SEND_KEY.hex(),
    }
    assert request == PROVIDER.request(msgspec.structs.replace(told(), repeat=True), settings())
    assert SECRET not in repr(request)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_takes_it(status: int) -> None:
    assert PROVIDER.interpret(told(), HttpResponse(status, {}, b"<html>")) == Answered((Accepted(None),))


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 410, 422, 499])
def test_a_redirect_or_4xx_is_a_refusal_of_this_one_alone(status: int) -> None:
    assert PROVIDER.interpret(told(), HttpResponse(status)) == Answered((Rejected(str(status), ""),))


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 100, 600])
def test_what_may_be_taken_another_time_is_unanswered(status: int) -> None:
    assert isinstance(PROVIDER.interpret(told(), HttpResponse(status)), Unanswered)


def test_429_waits_as_long_as_the_receiver_says() -> None:
    assert PROVIDER.interpret(told(), HttpResponse(429, {"retry-after": "7"})) == Throttled(7.0, "429")


def test_a_secret_that_is_none_is_named_and_not_shown() -> None:
    with pytest.raises(Misconfigured, match="whsec_") as caught:
        read(WebhookSettings, Account("webhook", "webhook", "webhook", {"secret": "$HOOK"}), {"HOOK": "whsec_abcde"})
    assert "abcde" not in str(caught.value)
    with pytest.raises(Misconfigured, match=r"write \$NAME"):
        settings(secret="written-out")


def test_nobody_calls_back() -> None:
    with pytest.raises(CallbackRefused):
        PROVIDER.verify(settings(), CallbackRequest("POST", None, {}, "", b"{}", NOW))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1:9/", "not_public"),
        ("https://localhost:9/", "not_public"),
        ("https://[::1]:9/", "not_public"),
        ("https://[::ffff:127.0.0.1]:9/", "not_public"),
        ("https://169.254.169.254/latest/meta-data/", "not_public"),
        ("https://crm.internal@127.0.0.1:9/", "not_public"),
        ("https://2130706433/", "no_address"),
        ("https://127.1/", "no_address"),
        ("http://shop.example/", "not_https"),
        ("ftp://shop.example/", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("https://", "no_address"),
        ("not an address", "not_https"),
        ("https://shop.example:99999/", "not_https"),
    ],
)
async def test_what_leads_inside_or_nowhere_is_refused_without_a_connection(url: str, code: str) -> None:
    own = settings("crm.internal:443", "127.0.0.1:10")
    async with WebhookWire(SystemClock()) as wire:
        result = await call(wire, PROVIDER, told(url), PROVIDER.request(told(url), own))
    assert isinstance(result, Answered), result
    (outcome,) = result.outcomes
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


async def test_a_host_that_is_down_is_asked_again_and_not_given_back_to_the_queue() -> None:
    url = "http://127.0.0.1:9/"
    async with WebhookWire(SystemClock()) as wire:
        result = await call(wire, PROVIDER, told(url), PROVIDER.request(told(url), settings("127.0.0.1:9")))
    assert isinstance(result, Unanswered)


async def test_only_webhooks_leave_by_this_wire() -> None:
    async with WebhookWire(SystemClock()) as wire:
        with pytest.raises(TypeError):
            await wire.send(HttpRequest("POST", "https://shop.example", {}))
