"""The transport of SMTP: one dialogue a mail, over connections that are kept for the next one.

It answers with the relay's own reply and the step at which it came: {"step": "rcpt", "code": 550, "text": "5.1.1 …"}.
Up to DATA nothing can have been sent; from then on, silence says nothing (RFC 5321 §4.5.3.2.6).
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import aiosmtplib
import msgspec

from services.kit.clock import monotonic
from services.kit.http import HttpRequest, HttpResponse, NoAnswer, NotConnected

Step = Literal["connect", "tls", "login", "mail", "rcpt", "data"]
IDLE_SECONDS = 8.0
"""Relays drop an idle connection; one that is not used again by then is closed."""
CONNECTIONS_KEPT = 16


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A relay's reply (RFC 5321 §4.2) at a step of the dialogue; code 0 where it is none of the relay's words."""

    step: Step
    code: int
    text: str = ""


class _Said(Exception):  # noqa: N818 -- a reply that ends the dialogue, not an error of ours
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class Relay:
    """Connections to relays, by address and login; enter it as Http is entered.

    `connect_timeout` bounds all that comes before DATA, `timeout` the rest up to the relay's reply, in seconds.
    """

    def __init__(
        self, timeout: float = 30.0, connect_timeout: float = 10.0, context: ssl.SSLContext | None = None
    ) -> None:
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._context = context
        self._idle: dict[tuple[str, str], list[tuple[float, aiosmtplib.SMTP]]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for kept in self._idle.values():
            for _, client in kept:
                client.close()
        self._idle.clear()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Hand `request.body` to the relay at `request.url`, from `Mail-From` to `Rcpt-To`.

        Raises NotConnected if the dialogue broke before DATA, NoAnswer if it broke after.
        """
        key = (request.url, request.headers.get("Authorization", ""))
        try:
            async with asyncio.timeout(self._connect_timeout):
                client = await self._begun(key, request)
        except _Said as said:
            reply = said.reply
        except TimeoutError as error:
            raise NotConnected("TimeoutError") from error
        else:
            reply = await self._hand_over(client, request)
            self._keep(key, client, reply)
        return HttpResponse(200, {}, msgspec.json.encode(reply))

    async def _begun(self, key: tuple[str, str], request: HttpRequest) -> aiosmtplib.SMTP:
        """A connection on which sender and recipient are taken. A kept one may have died meanwhile: then a new one."""
        kept = self._kept(key)
        if kept is not None:
            try:
                await self._envelope(kept, request)
            except NotConnected:
                kept.close()
            except _Said as said:
                kept.close()
                if said.reply.code != 421:
                    raise
            else:
                return kept
        client = await self._connected(key)
        try:
            await self._envelope(client, request)
        except BaseException:
            client.close()
            raise
        return client

    def _kept(self, key: tuple[str, str]) -> aiosmtplib.SMTP | None:
        found = self._idle.get(key, [])
        while found:
            since, client = found.pop()
            if client.is_connected and monotonic() - since < IDLE_SECONDS:
                return client
            client.close()
        return None

    def _keep(self, key: tuple[str, str], client: aiosmtplib.SMTP, reply: Reply) -> None:
        kept = self._idle.setdefault(key, [])
        if reply.code == 250 and client.is_connected and len(kept) < CONNECTIONS_KEPT:
            kept.append((monotonic(), client))
        else:
            client.close()

    async def _connected(self, key: tuple[str, str]) -> aiosmtplib.SMTP:
        url, login = urlsplit(key[0]), key[1].removeprefix("Basic ")
        client = aiosmtplib.SMTP(
            hostname=url.hostname,
            port=url.port,
            use_tls=url.scheme == "smtps",
            start_tls=False,
            tls_context=self._context,
            timeout=self._connect_timeout,
        )
        try:
            await _step("connect", client.connect())
            if url.scheme == "smtp":
                await _step("tls", client.starttls())
            if login:
                user, _, password = base64.b64decode(login).decode().partition(":")
                await _step("login", client.login(user, password))
        except BaseException:
            client.close()
            raise
        return client

    async def _envelope(self, client: aiosmtplib.SMTP, request: HttpRequest) -> None:
        sender, recipient = request.headers["Mail-From"], request.headers["Rcpt-To"]
        foreign = not (sender + recipient).isascii()
        if foreign and client.is_ehlo_or_helo_needed:
            await _step("connect", client.ehlo())
        if foreign and not client.supports_extension("smtputf8"):
            raise _Said(Reply("rcpt", 553, "5.6.7 the relay takes ASCII addresses only"))
        options = ["SMTPUTF8"] if foreign else []
        await _step("mail", client.mail(sender, options=options, encoding="utf-8"))
        await _step("rcpt", client.rcpt(recipient, encoding="utf-8"))

    async def _hand_over(self, client: aiosmtplib.SMTP, request: HttpRequest) -> Reply:
        try:
            async with asyncio.timeout(self._timeout):
                code, text = await client.data(request.body, timeout=self._timeout)
        except aiosmtplib.SMTPDataError as error:
            return _reply("data", error.code, error.message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise NoAnswer(type(error).__name__) from error
        except BaseException:
            client.close()
            raise
        return _reply("data", code, text)


async def _step(step: Step, doing: object) -> None:
    """A step before DATA: a reply that refuses it ends the dialogue, a break says that nothing was sent."""
    try:
        await doing  # type: ignore[misc]
    except aiosmtplib.SMTPResponseException as error:
        raise _Said(_reply(step, error.code, error.message)) from error
    except ssl.SSLError as error:
        raise _Said(Reply("tls", 0, _why(error))) from error
    except (OSError, TimeoutError) as error:
        if isinstance(error.__cause__, ssl.SSLError):
            raise _Said(Reply("tls", 0, _why(error.__cause__))) from error
        raise NotConnected(type(error).__name__) from error
    except (aiosmtplib.SMTPException, ValueError) as error:
        raise _Said(Reply(step, 0, str(error))) from error


def _reply(step: Step, code: int, text: str) -> Reply:
    return Reply(step, code, text.encode("utf-8", "replace").decode()[:300])


def _why(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or error.reason or type(error).__name__
