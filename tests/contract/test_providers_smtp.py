"""SMTP over real connections: what of a broken dialogue may be made again, and what nobody knows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from services.notifier.providers.base import (
    Accepted,
    Answered,
    Call,
    NotSent,
    Rejected,
    Result,
    Throttled,
    Unanswered,
    Unauthorized,
    call,
)
from services.notifier.providers.smtp_relay import Relay
from tests.contract.provider_cases import CASES, ENVIRON, Case
from tests.support.smtp_server import DROP, SILENCE, SmtpServer

SMTP: Case = next(case for case in CASES if case.name == "smtp")
PLAIN: dict[str, Any] = {"tls": "none", "username": None, "password": None}


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


async def made(port: int, relay: Relay, attempt: Call | None = None, host: str = "127.0.0.1", **options: Any) -> Result:
    attempt = attempt or SMTP.call()
    settings = SMTP.settings(host=host, port=port, **(PLAIN | options))
    return await call(relay, SMTP.provider, attempt, SMTP.provider.request(attempt, settings))


async def once(server: SmtpServer, **options: Any) -> Result:
    async with Relay(timeout=1.0, connect_timeout=1.0) as relay:
        return await made(server.port, relay, **options)


async def test_a_mail_arrives_as_it_was_composed(server: SmtpServer) -> None:
    assert await once(server) == Answered((Accepted("Q1"),))
    (envelope,) = server.handler.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("sklep@sklep.example", ["anna@example.com"])
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, EmailMessage, policy=policy.SMTP)
    html, text = mail.get_body(["html"]), mail.get_body(["plain"])
    assert mail["Subject"] == SMTP.outgoing().subject
    assert html is not None
    assert text is not None
    assert (html.get_content(), text.get_content()) == (SMTP.outgoing().html, SMTP.outgoing().text)


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("450 4.2.1 later", Throttled(None, "4.2.1")),
        ("421 closing", Throttled(None, "421")),
        ("550 5.7.1 not from you", Answered((Rejected("5.7.1", "5.7.1 not from you"),))),
        ("554 no", Answered((Rejected("554", "no"),))),
        ("530 5.7.0 log in first", Unauthorized("5.7.0", "5.7.0 log in first")),
    ],
)
async def test_a_reply_means_the_same_at_each_step(server: SmtpServer, step: str, said: str, expected: Result) -> None:
    """A refusal of the whole mail, after its last dot, says that the relay does not keep it."""
    server.handler.say[step] = said
    assert await once(server) == expected


@pytest.mark.parametrize("how", [DROP, SILENCE])
@pytest.mark.parametrize(("step", "expected"), [("mail", NotSent), ("rcpt", NotSent), ("data", Unanswered)])
async def test_a_dialogue_that_breaks_is_unanswered_only_once_the_mail_was_written(
    server: SmtpServer, how: str, step: str, expected: type[Result]
) -> None:
    server.handler.say[step] = how
    assert isinstance(await once(server), expected)
    assert len(server.handler.mails) == (step == "data")


async def test_a_refused_connection_an_unknown_host_or_a_silent_one_was_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        async with Relay(timeout=0.3, connect_timeout=0.3) as relay:
            assert isinstance(await made(port, relay), NotSent)
    async with Relay(timeout=0.3, connect_timeout=2.0) as relay:
        assert isinstance(await made(port, relay), NotSent)
        assert isinstance(await made(port, relay, host="no-such-host.invalid"), NotSent)


async def test_starttls_and_a_login_come_before_the_mail(tmp_path: Path) -> None:
    login: dict[str, Any] = {"tls": "starttls", "username": "sklep", "password": "$API_KEY"}
    with SmtpServer(tmp_path, password=ENVIRON["API_KEY"]) as server:
        async with Relay(context=server.trusted()) as relay:
            result = await made(server.port, relay, host="localhost", **login)
        assert result == Answered((Accepted("Q1"),))
        assert server.handler.logins == [(b"sklep", ENVIRON["API_KEY"].encode())]


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    with SmtpServer(tmp_path, tls_from_start=True) as server:
        async with Relay(context=server.trusted()) as relay:
            result = await made(server.port, relay, host="localhost", tls="tls")
        assert result == Answered((Accepted("Q1"),))


async def test_a_wrong_password_is_the_accounts_trouble(tmp_path: Path) -> None:
    login: dict[str, Any] = {"tls": "starttls", "username": "sklep", "password": "$PATH_TOKEN"}
    with SmtpServer(tmp_path, password=ENVIRON["API_KEY"]) as server:
        async with Relay(context=server.trusted()) as relay:
            result = await made(server.port, relay, host="localhost", **login)
        assert isinstance(result, Unauthorized)
        assert ENVIRON["PATH_TOKEN"] not in str(result)
        assert not server.handler.mails


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_gets_no_mail_and_no_password(tmp_path: Path, tls: str) -> None:
    login: dict[str, Any] = {"tls": tls, "username": "sklep", "password": "$API_KEY"}
    with SmtpServer(tmp_path, tls_from_start=tls == "tls", password=ENVIRON["API_KEY"]) as server:
        async with Relay() as relay:
            result = await made(server.port, relay, host="localhost", **login)
        assert isinstance(result, Unauthorized)
        assert "certificate" in result.message
        assert not server.handler.logins


async def test_a_relay_without_tls_gets_no_mail_where_tls_is_asked_for(server: SmtpServer) -> None:
    assert isinstance(await once(server, tls="starttls"), Unauthorized)
    assert not server.handler.mails


async def test_connections_are_kept_for_the_next_mail_and_a_dead_one_is_replaced(server: SmtpServer) -> None:
    async with Relay() as relay:
        assert await made(server.port, relay) == Answered((Accepted("Q1"),))
        assert await made(server.port, relay) == Answered((Accepted("Q2"),))
        assert server.handler.connections == 1
        server.handler.say["data"] = DROP
        assert isinstance(await made(server.port, relay), Unanswered)
        server.handler.say.clear()
        assert await made(server.port, relay) == Answered((Accepted("Q4"),))
    assert server.handler.connections == 2


async def test_a_relay_that_wants_a_new_connection_gets_one(server: SmtpServer) -> None:
    """Many relays take so many mails a connection, and then say 421."""
    async with Relay() as relay:
        await made(server.port, relay)
        server.handler.say["mail"] = "421 4.7.0 too many on this connection"
        assert await made(server.port, relay) == Throttled(None, "4.7.0")
        assert server.handler.connections == 2
        server.handler.say.clear()
        assert isinstance(await made(server.port, relay), Answered)


async def test_mails_go_side_by_side_each_on_a_connection_of_its_own(server: SmtpServer) -> None:
    attempts = [SMTP.call(SMTP.outgoing(bytes([n] * 16), recipient=f"c{n}@example.com")) for n in range(8)]
    async with Relay() as relay:
        results = await asyncio.gather(*(made(server.port, relay, attempt) for attempt in attempts))
    assert all(isinstance(result, Answered) for result in results)
    assert sorted(mail.rcpt_tos[0] for mail in server.handler.mails) == [f"c{n}@example.com" for n in range(8)]


async def test_an_address_of_other_letters_goes_by_smtputf8(server: SmtpServer) -> None:
    attempt = SMTP.call(SMTP.outgoing(recipient="żółć@sklep.example"))
    async with Relay() as relay:
        assert isinstance(await made(server.port, relay, attempt), Answered)
    (envelope,) = server.handler.mails
    assert envelope.rcpt_tos == ["żółć@sklep.example"]
    assert "SMTPUTF8" in envelope.mail_options
