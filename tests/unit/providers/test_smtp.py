"""SMTP's mails, byte by byte and read back by the standard library, and its settings."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import AddressHeader, DateHeader
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli import doctor
from services.contracts.settings import Account
from services.kit.errors import Misconfigured
from services.kit.http import HttpResponse
from services.notifier.providers.base import (
    Answered,
    NotSent,
    Outgoing,
    Rejected,
    Result,
    Unanswered,
    Unauthorized,
)
from services.notifier.providers.mime import mail, message_id
from services.notifier.providers.smtp import PROVIDER
from tests.contract.provider_cases import CASES, ENVIRON, NOW, SEND_KEY, SMTP_MAIL

CASE = next(case for case in CASES if case.name == "smtp")


def read_back(member: Outgoing) -> EmailMessage:
    return message_from_bytes(mail(member), EmailMessage, policy=policy.SMTP)


def part(read: EmailMessage, kind: str) -> str:
    found = read.get_body([kind])
    assert found is not None
    text: str = found.get_content()
    return text


def answer(step: str, code: int, text: str = "") -> Result:
    body = f'{{"step":"{step}","code":{code},"text":"{text}"}}'
    return PROVIDER.interpret(CASE.call(), HttpResponse(200, {}, body.encode()))


# --- the mail --------------------------------------------------------------------------------------------------------


def test_a_mail_is_these_bytes() -> None:
    assert mail(CASE.outgoing()) == SMTP_MAIL.read_bytes()


def test_the_standard_library_reads_what_was_written() -> None:
    member = CASE.outgoing(headers={"Message-ID": "<m@sklep.example>", "List-Id": '"Sklep" <news.sklep.example>'})
    read = read_back(member)
    assert not read.defects
    assert isinstance(read["From"], AddressHeader)
    assert isinstance(read["Date"], DateHeader)
    (sender,) = read["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Sklep Próbny", "sklep@sklep.example")
    assert (read["To"], read["Reply-To"]) == ("anna@example.com", "pomoc@sklep.example")
    assert read["Subject"] == "Dziękujemy, Łucjo!"
    assert read["Date"].datetime == NOW
    assert (read["Message-ID"], read["List-Id"]) == ("<m@sklep.example>", '"Sklep" <news.sklep.example>')
    assert read.get_content_type() == "multipart/alternative"
    assert (part(read, "plain"), part(read, "html")) == (member.text, member.html)


def test_a_mail_of_one_part_is_no_multipart() -> None:
    assert read_back(CASE.outgoing(html=None)).get_content_type() == "text/plain"
    assert read_back(CASE.outgoing(text=None)).get_content_type() == "text/html"


def test_the_message_id_is_the_headers_or_the_send_key_at_the_senders_domain() -> None:
    assert message_id(CASE.outgoing(headers={"message-id": "<a@b>"})) == "<a@b>"
    assert message_id(CASE.outgoing(headers={})) == f"<{SEND_KEY.hex()}@sklep.example>"
    assert len(read_back(CASE.outgoing(headers={"message-id": "<a@b>"})).get_all("Message-ID", [])) == 1


@pytest.mark.parametrize(
    "sender",
    ['"Sklep, A. & syn" <a@b.pl>', "Sklep <a@b.pl>", 'Łódź "x" <a@b.pl>', "=?utf-8?q?x?= <a@b.pl>", "a@b.pl"],
)
def test_a_senders_name_survives_whatever_stands_in_it(sender: str) -> None:
    (found,) = read_back(CASE.outgoing(sender=sender))["From"].addresses
    assert found.addr_spec == "a@b.pl"
    assert not read_back(CASE.outgoing(sender=sender))["From"].defects


def test_a_domain_of_other_letters_travels_in_its_ascii_form() -> None:
    request = PROVIDER.request(CASE.call(CASE.outgoing(recipient="ola@żółw.pl")), CASE.settings())
    assert request.headers["Rcpt-To"] == "ola@xn--w-uga1v8h.pl"
    assert b"To: ola@xn--w-uga1v8h.pl\r\n" in request.body


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@settings(max_examples=150, deadline=None)
@given(subject=TEXT, body=TEXT, name=st.text('ab \r\n"<>,;:ł☃', max_size=30), value=TEXT)
def test_no_text_breaks_out_of_its_place(subject: str, body: str, name: str, value: str) -> None:
    """No added header, no line beyond 998 octets, no lone CR or LF, and the body as it was."""
    member = CASE.outgoing(subject=subject, text=body, html=body, sender=f"{name} <a@b.pl>", headers={"X-Note": value})
    raw = mail(member)
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line.partition(b":")[0] for line in head if not line.startswith(b" ")] == [
        *(b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"X-Note", b"MIME-Version", b"Content-Type")
    ]
    wanted = body.replace("\r\n", "\n").encode()
    plain = read_back(member).get_body(["plain"])
    assert plain is not None
    payload = plain.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload == wanted.replace(b"\n", b"\r\n")


def test_a_long_subject_is_folded_and_read_back_whole() -> None:
    for subject in ("słowo " * 60 + "koniec", "word " * 60 + "end", "x" * 2_000):
        member = CASE.outgoing(subject=subject)
        assert read_back(member)["Subject"] == subject
        head = mail(member).partition(b"Message-ID")[0]
        assert max(len(line) for line in head.split(b"\r\n")) <= 78


def test_a_time_of_another_zone_is_the_same_date() -> None:
    member = CASE.outgoing(composed_at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    assert b"Date: Sat, 28 Feb 2026 23:30:00 +0000\r\n" in mail(member)


# --- envelope and login ----------------------------------------------------------------------------------------------


def test_the_envelope_and_the_login_travel_beside_the_mail() -> None:
    request = PROVIDER.request(CASE.call(), CASE.settings())
    login = base64.b64encode(f"sklep:{ENVIRON['API_KEY']}".encode()).decode()
    assert request.headers == {
        "Mail-From": "sklep@sklep.example",
        "Rcpt-To": "anna@example.com",
        "Authorization": f"Basic {login}",
    }


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "smtp://smtp.example.com:587"),
        ({"tls": "tls"}, "smtps://smtp.example.com:465"),
        ({"tls": "tls", "port": 4_650}, "smtps://smtp.example.com:4650"),
        ({"tls": "none", "username": None, "password": None}, "smtp-plain://smtp.example.com:25"),
    ],
)
def test_the_port_is_the_usual_one_of_its_tls(options: dict[str, Any], url: str) -> None:
    request = PROVIDER.request(CASE.call(), CASE.settings(**options))
    assert request.url == url
    assert ("Authorization" in request.headers) == (options.get("username", "") is not None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tls": "none"}, "over TLS only"),
        ({"username": None}, "both or neither"),
        ({"host": "smtp://x"}, "host: write"),
        ({"port": 70_000}, "port: write"),
        ({"tls": "ssl"}, "tls"),
        ({"password": "written-out-secret"}, r"\$NAME"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_what_to_write(options: dict[str, Any], told: str) -> None:
    with pytest.raises(Misconfigured, match=told) as caught:
        CASE.settings(**options)
    assert "written-out-secret" not in str(caught.value)


# --- the reply (its classes: tests/contract/test_providers_smtp.py) --------------------------------------------------


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_a_refused_login_is_the_accounts_trouble(code: int) -> None:
    assert isinstance(answer("login", code), Unauthorized)


def test_a_relay_that_greets_with_a_refusal_is_the_accounts_trouble() -> None:
    assert isinstance(answer("connect", 554, "no service for you"), Unauthorized)


def test_words_that_are_no_reply_are_unanswered_once_the_mail_was_written() -> None:
    assert isinstance(answer("data", -1), Unanswered)
    assert isinstance(answer("rcpt", -1), NotSent)


def test_doctor_asks_for_no_callback_key() -> None:
    account = Account("relay", "smtp", "email", CASE.options)
    assert doctor._account(account, "https://wici.example", ENVIRON).state == "ok"
    without = Account("relay", "smtp", "email", CASE.options | {"host": ""})
    assert doctor._account(without, "https://wici.example", ENVIRON).state == "error"


def test_the_envelopes_sender_may_be_where_bounces_go() -> None:
    def sender(path: str) -> str:
        return PROVIDER.request(CASE.call(), CASE.settings(return_path=path)).headers["Mail-From"]

    assert sender("bounces@shop.example") == "bounces@shop.example"
    assert sender("bounces+{key}@b.shop.example") == f"bounces+{SEND_KEY.hex()}@b.shop.example"
    assert PROVIDER.request(CASE.call(), CASE.settings()).headers["Mail-From"] == "sklep@sklep.example"
    for wrong in ("bounces", "a b@shop.example", "<a@shop.example>", "bounces+{send_key}@shop.example"):
        with pytest.raises(Misconfigured, match="return_path"):
            sender(wrong)


@pytest.mark.parametrize(
    ("step", "code", "text", "fault"),
    [
        ("rcpt", 550, "5.1.1 no such user", "bounced"),
        ("rcpt", 556, "5.1.10 null MX", "bounced"),
        ("rcpt", 550, "5.7.1 you are blocked", None),
        ("rcpt", 552, "5.2.2 mailbox full", None),
        ("rcpt", 550, "no such user", None),
        ("mail", 550, "5.1.1 who are you", None),
        ("data", 550, "5.1.1 seen late", "bounced"),
    ],
)
def test_only_a_recipient_refused_by_its_code_is_the_addresss_fault(
    step: str, code: int, text: str, fault: str | None
) -> None:
    result = answer(step, code, text)
    assert isinstance(result, Answered)
    (refused,) = result.outcomes
    assert isinstance(refused, Rejected)
    assert refused.fault == fault
