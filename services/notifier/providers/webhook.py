"""Webhooks: what journeys tell the shop's own systems, one a call, signed by Standard Webhooks.

The receiver knows a repeat by its `webhook-id`, the send key, so that one is harmless at any time; what it has refused
is refused. Source: the specification at github.com/standard-webhooks/standard-webhooks.
"""

from __future__ import annotations

from datetime import timedelta

from services.kit.errors import BadRecord
from services.kit.http import HttpRequest, HttpResponse
from services.kit.secrets import Secret
from services.kit.signatures import standard_key
from services.notifier.providers.answers import failed, rejected
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    Callback,
    CallbackRefused,
    CallbackRequest,
    Provider,
    Result,
)
from services.notifier.providers.settings import AccountSettings

KEPT_IN = 0
"""The status that the wire gives where it has not asked the host; the body says why."""
LATER = frozenset({408, 425, 429})


class WebhookSettings(AccountSettings, frozen=True, kw_only=True):
    """`secret` signs (whsec_ and base64); `allow` names hosts, with port, that may be private and without TLS."""

    secret: Secret
    allow: tuple[str, ...] = ()
    base_url: str = "https://webhook"

    def __post_init__(self) -> None:
        super().__post_init__()
        standard_key(self.secret)


class WebhookRequest(HttpRequest, frozen=True, gc=False):
    """A request that is signed when it leaves: receivers refuse a signature older than five minutes.

    So a repeat has the same body and id, and its own time. `allow` holds the hosts that need not be public.
    """

    secret: Secret = Secret("")
    allow: tuple[str, ...] = ()


def request(call: Call, settings: WebhookSettings) -> HttpRequest:
    """The JSON in the member's text, to the address that is its recipient."""
    (member,) = call.members
    headers = {"Content-Type": "application/json", "User-Agent": "wici", "webhook-id": member.send_key.hex()}
    body = (member.text or "").encode()
    return WebhookRequest("POST", member.recipient, headers, body, settings.secret, settings.allow)


def interpret(call: Call, response: HttpResponse) -> Result:
    """2xx took it. A redirect is not followed: it is a refusal like every other 3xx and 4xx but those of LATER."""
    status = response.status
    if 200 <= status < 300:
        return Answered((Accepted(None),) * len(call.members))
    if status == KEPT_IN:
        return rejected(call, response.body.decode(), "the address is not one that webhooks may go to")
    if 300 <= status < 500 and status not in LATER:
        return rejected(call, str(status), "")
    return failed(call, response if status != 425 else HttpResponse(408), "", "")


def verify(_settings: WebhookSettings, _request: CallbackRequest) -> None:
    """Nobody calls back."""
    raise CallbackRefused("webhooks have no callbacks")


def translate(_request: CallbackRequest) -> list[Callback]:
    """There is nothing to translate."""
    raise BadRecord("callback", "webhooks have no callbacks")


PROVIDER = Provider(
    name="webhook",
    channels=("webhook",),
    settings=WebhookSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=translate,
    idempotency=timedelta(hours=24),
)
