"""SMTP: e-mail through any relay, one a dialogue, without idempotency; what comes back by mail is its callback.

Sources: RFC 5321 (SMTP), 3207 (STARTTLS), 4954 (AUTH), 3463 (enhanced status codes), 8314 (TLS on port 465).
"""

from __future__ import annotations

import base64
import re
from typing import Literal

import msgspec

from services.kit.http import HttpRequest, HttpResponse
from services.kit.secrets import Secret
from services.notifier.providers.answers import decoded, failed, rejected
from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    CallbackRefused,
    CallbackRequest,
    NotSent,
    Provider,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
)
from services.notifier.providers.mime import address, mail, message_id
from services.notifier.providers.settings import AccountSettings
from services.notifier.providers.smtp_relay import Reply
from services.notifier.providers.smtp_reports import BAD_ADDRESS, reports

SCHEMES = {"starttls": ("smtp", 587), "tls": ("smtps", 465), "none": ("smtp-plain", 25)}
LOGIN = frozenset({530, 534, 535, 538})
"""Authentication required, too weak, refused, or to be encrypted."""
_MAILBOX = re.compile(r"[^\s<>{}@\"]+@[^\s<>{}@\"]+")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_QUEUED = re.compile(r"queued as ([\w.-]{1,100})", re.IGNORECASE)


class SmtpSettings(AccountSettings, frozen=True, kw_only=True):
    """`host` and, if not the usual one of its `tls`, `port`; `username` and `password` where the relay asks for them.

    `tls` is `starttls` (port 587), `tls` from the first byte (465), or `none` (25), for a relay on this machine.
    `return_path` is the envelope's sender, to which bounces go, with `{key}` where the message's key is to stand (None:
    the sender); `callback_token` ends the path to which they are handed over. `base_url` has no meaning here.
    """

    host: str
    port: int | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: Secret | None = None
    return_path: str | None = None
    callback_tokens: tuple[Secret, ...] = msgspec.field(name="callback_token", default=())
    base_url: str = "http://smtp"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", self.host):
            raise ValueError("host: write the relay's name, smtp.example.com")
        if self.port is not None and not 0 < self.port < 65_536:
            raise ValueError("port: write a number from 1 to 65535")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: write both or neither")
        if self.username is not None and self.tls == "none":
            raise ValueError("tls: a password is sent over TLS only: write starttls or tls")

        if self.return_path is not None and not _MAILBOX.fullmatch(self.return_path.replace("{key}", "0")):
            raise ValueError('return_path: write an address, "bounces+{key}@bounces.shop.example"')

    @property
    def url(self) -> str:
        """The relay's address, by which its transport knows how to speak to it."""
        scheme, port = SCHEMES[self.tls]
        return f"{scheme}://{self.host}:{self.port or port}"


def request(call: Call, settings: SmtpSettings) -> HttpRequest:
    """The mail, and its envelope in the headers."""
    (member,) = call.members
    back = settings.return_path.replace("{key}", member.send_key.hex()) if settings.return_path else member.sender
    headers = {"Mail-From": address(back or ""), "Rcpt-To": address(member.recipient)}
    if settings.username is not None and settings.password is not None:
        login = f"{settings.username}:{settings.password.reveal()}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return HttpRequest("POST", settings.url, headers, mail(member))


def interpret(call: Call, response: HttpResponse) -> Result:
    """What the relay's reply means at its step."""
    reply = decoded(response.body, Reply) if response.status == 200 else None
    if reply is None:
        return failed(call, response, "", "") if response.status != 200 else Unanswered("an answer that is no reply")
    if 200 <= reply.code < 300 and reply.step == "data":
        found = _QUEUED.search(reply.text)
        return Answered((Accepted(found[1] if found else message_id(call.members[0])),))
    return _refused(call, reply)


def _refused(call: Call, reply: Reply) -> Result:
    enhanced = _ENHANCED.match(reply.text)
    code = enhanced[0] if enhanced else str(reply.code or reply.step)
    if 400 <= reply.code < 500:
        return Throttled(None, code)
    if reply.code in LOGIN or reply.step in ("tls", "login"):
        return Unauthorized(code, reply.text or "the relay refuses the login: see username, password and tls")
    if not 500 <= reply.code < 600:
        return Unanswered(f"reply {reply.code}") if reply.step == "data" else NotSent(f"reply {reply.code}")
    if reply.step == "connect":
        return Unauthorized(code, reply.text)
    gone = reply.step in ("rcpt", "data") and code in BAD_ADDRESS
    return rejected(call, code, reply.text, "bounced" if gone else None)


def verify(settings: SmtpSettings, request: CallbackRequest) -> None:
    """Bounces come by mail, which proves nothing: whoever knows the path's token is the relay that hands them over."""
    valid = False
    for token in settings.callback_tokens:
        valid |= token.equals(request.path_token or "")
    if not valid:
        raise CallbackRefused("the path ends with none of the account's tokens: set callback_token, and the address")


PROVIDER = Provider(
    name="smtp",
    channels=("email",),
    settings=SmtpSettings,
    request=request,
    interpret=interpret,
    verify=verify,
    translate=reports,
)
