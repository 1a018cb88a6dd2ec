"""What a provider adapter is, and the values it speaks in. An adapter is pure: `call` below is all that touches a wire.

queue ▶ Outgoing ▶ Call ▶ request() ▶ HttpRequest ▶ wire ▶ HttpResponse ▶ interpret() ▶ Result
callback ▶ CallbackRequest ▶ verify() ▶ translate() ▶ Callback
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from services.contracts.message import Route
from services.contracts.receipt import ReceiptKind
from services.kit.errors import Problem
from services.kit.http import HttpRequest, HttpResponse, NoAnswer, NotConnected
from services.notifier.providers.settings import AccountSettings

S = TypeVar("S", bound=AccountSettings)

Batch = Literal["none", "same_content", "per_message"]
Fault = Literal["bounced", "unsubscribed"]
"""What a refusal says of the address for good: there is none, or its owner has left. It is suppressed as such."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One composed message. E-mail has `subject` and a body, SMS has `sms`, a webhook JSON in `text`.

    `recipient` is an address, an E.164 number or a URL; `sender` and `reply_to` are RFC 5322 mailboxes, or an
    SMS sender name.
    `tags` never hold personal data: providers keep them for ever. `composed_at` is the same for a repeat.
    """

    send_key: bytes
    recipient: str
    sender: str | None = None
    reply_to: str | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] = {}
    sms: str | None = None
    tags: dict[str, str] = {}
    composed_at: datetime | None = None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One attempt: its id is the idempotency key. `repeat` says that an earlier call of it stayed unanswered."""

    attempt_id: bytes
    members: tuple[Outgoing, ...]
    repeat: bool = False


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The provider took this member, under its own id if it gave one."""

    provider_id: str | None


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """The provider will never take this member as it stands. `message` may quote the recipient: not for logs.

    `fault` is set only where the provider says that the address is to blame, and for good.
    """

    code: str
    message: str
    fault: Fault | None = None


class RateHints(msgspec.Struct, frozen=True, gc=False):
    """What an answer says of the rate: calls left in this window, and seconds until the next begins."""

    limit: int | None
    remaining: int | None
    reset: float | None


class Answered(msgspec.Struct, frozen=True, gc=False):
    """One outcome per member, in the call's order."""

    outcomes: tuple[Accepted | Rejected, ...]
    rate: RateHints | None = None


class Throttled(msgspec.Struct, frozen=True, gc=False):
    """Too fast, or a quota is used up. Nothing was sent; `after` is the least number of seconds to wait, if told."""

    after: float | None
    code: str = ""


class NotSent(msgspec.Struct, frozen=True, gc=False):
    """No connection: nothing was written."""

    reason: str


class Unauthorized(msgspec.Struct, frozen=True, gc=False):
    """The account, not the message, is at fault (key, rights, credit, address). Nothing was sent; an operator acts."""

    code: str
    message: str


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """Time-out, reset, 5xx or an answer nobody can read: it may have been sent or not."""

    reason: str


class Concurrent(msgspec.Struct, frozen=True, gc=False):
    """A call with this idempotency key is still under way at the provider."""


class Mismatch(msgspec.Struct, frozen=True, gc=False):
    """The idempotency key was used before with another body: what was sent then, nobody knows."""


class RejectedBatch(msgspec.Struct, frozen=True, gc=False):
    """A validation error of a whole batch of several: nothing was sent, and one member or more is at fault."""

    code: str
    message: str


Result = Answered | Throttled | NotSent | Unauthorized | Unanswered | Concurrent | Mismatch | RejectedBatch


class CallbackRequest(msgspec.Struct, frozen=True, gc=False):
    """A request to `/callbacks/{account}[/{path_token}]`, untouched.

    `query` is the raw query string, header names are in lower case, `received` is real time (UTC), and `public_url`
    is the address under which the provider sees us (some sign it), not the one a proxy shows.
    """

    method: str
    path_token: str | None
    headers: dict[str, str]
    query: str
    body: bytes
    received: datetime
    public_url: str = ""


class Callback(msgspec.Struct, frozen=True, gc=False):
    """One status that a provider reports. `dedupe` is unique per account and status, however often it is delivered.

    `kind` is None for a status that says nothing of a delivery, or nothing known: it is kept under the provider's
    own word, `status`. The message is named by `send_key`, `attempt_id` or `provider_id`: whatever the provider
    brought back. `at` is the provider's time, or the time of receipt where it gave none. `data` is the receipt's.
    """

    dedupe: str
    kind: ReceiptKind | None
    status: str
    at: datetime
    send_key: bytes | None = None
    attempt_id: bytes | None = None
    provider_id: str | None = None
    recipient: str | None = None
    data: dict[str, Any] = {}


class CallbackRefused(Problem):
    """A callback that nobody can prove to be the provider's: answered 401, and nothing happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(Generic[S]):
    """One provider: what it can do, and the pure functions that speak its language.

    `request` is deterministic: a repeat has the same bytes, and an attempt's digest is made of its body.
    `interpret` never raises, whatever the answer. `verify` raises CallbackRefused, also where no key is configured.
    `translate` raises BadRecord for a body that is malformed and keeps statuses that it does not know.
    `idempotency` is how long the provider remembers an attempt's id (None: it never does).
    `acknowledgement` is the body of a good answer to a callback. `limits` says how fast the vendor lets a new account
    go, as a sentence.
    """

    name: str
    channels: tuple[Route, ...]
    settings: type[S]
    request: Callable[[Call, S], HttpRequest]
    interpret: Callable[[Call, HttpResponse], Result]
    verify: Callable[[S, CallbackRequest], None]
    translate: Callable[[CallbackRequest], list[Callback]]
    batch: Batch = "none"
    max_batch: int = 1
    idempotency: timedelta | None = None
    acknowledgement: bytes = b""
    limits: str = ""

    def members_per_call(self, settings: S) -> int:
        """How many messages one call takes: the provider's most, or the account's `batch` if that is less."""
        return min(self.max_batch, settings.batch or self.max_batch)


class Transport(Protocol):
    """Where requests go: `services.kit.http.Http`, or the mailbox. It sends once and raises as Http.send does."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send once; NotConnected if nothing was written, NoAnswer if something may have been."""
        ...


async def call(transport: Transport, provider: Provider[Any], attempt: Call, request: HttpRequest) -> Result:
    """Make one provider call: send what `provider.request` made of `attempt`, and say what became of it."""
    try:
        response = await transport.send(request)
    except NotConnected as error:
        return NotSent(str(error))
    except NoAnswer as error:
        return Unanswered(str(error))
    return provider.interpret(attempt, response)
