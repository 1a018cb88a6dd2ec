"""`wici send-test` through configured accounts on loopback, and `wici preview` of a customer in a real database."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from tests.support.engine import AT, SUBSCRIBED, event, workspace
from tests.support.provider_sink import ProviderSink
from tests.support.smtp_server import SmtpServer
from tests.support.town import start_log, take_in, town
from tests.unit.workspace.folder import SETTINGS, write

ACCOUNTS = {
    "resend": "{{name: main, provider: resend, api_key: $THE_KEY, callback_key: $THE_KEY, base_url: '{url}'}}",
    "smtp": "{{name: main, provider: smtp, host: 127.0.0.1, port: {port}, tls: none}}",
    "smsapi": "{{name: text, provider: smsapi, token: $THE_KEY, from: Sklep, callback_token: $THE_KEY,"
    " base_url: '{url}'}}",
}
MAILBOX = {"email": "{name: main, provider: mailbox}", "sms": "{name: text, provider: mailbox}"}
ANNA, PHONE = "anna@example.com", "+48600100200"


def shop(home: Path, provider: str, *, url: str = "", port: int = 0) -> Path:
    channel = "sms" if provider == "smsapi" else "email"
    account = ACCOUNTS[provider].format(url=url, port=port)
    return write(home / "shop", {"wici.yaml": SETTINGS.replace(MAILBOX[channel], account)})


def typed(home: Path, *words: str, **environ: str) -> Any:
    known = {"WICI_WORKSPACE": str(home / "shop"), "WICI_DATA": str(home / "data"), "THE_KEY": "k" * 32, **environ}
    return CliRunner().invoke(app, list(words), env=known)


@pytest.fixture
def sink() -> Any:
    with ProviderSink() as made:
        yield made


def test_a_test_mail_is_taken_over_http_bears_the_mark_and_says_so_to_a_program(
    tmp_path: Path, sink: ProviderSink
) -> None:
    shop(tmp_path, "resend", url=sink.url)
    done = typed(tmp_path, "send-test", "hello", "--to", ANNA, "--json")
    assert done.exit_code == 0, done.output
    (taken,) = sink.messages
    assert (taken.to, taken.subject) == (ANNA, "[test] Dziękujemy, Anna!")
    said = json.loads(done.output)
    assert said["provider_id"]
    del said["provider_id"]
    assert said == {"account": "main", "to": ANNA, "subject": taken.subject, "parts": 0, "accepted": True}


def test_a_test_mail_goes_over_an_smtp_relay_with_both_its_parts(tmp_path: Path) -> None:
    with SmtpServer() as server:
        shop(tmp_path, "smtp", port=server.port)
        done = typed(tmp_path, "send-test", "hello", "--to", ANNA)
        assert done.exit_code == 0, done.output
        (mail,) = server.handler.mails
    assert mail.rcpt_tos == [ANNA]
    assert isinstance(mail.content, bytes)
    read = message_from_bytes(mail.content, policy=policy.default)
    assert (read["Subject"], read["To"]) == ("[test] Dziękujemy, Anna!", ANNA)
    for kind in ("plain", "html"):
        part = read.get_body((kind,))
        assert part is not None
        assert "Zażółć gęślą jaźń." in part.get_content()


def test_a_test_sms_begins_with_the_mark_which_counts_in_its_parts(tmp_path: Path, sink: ProviderSink) -> None:
    shop(tmp_path, "smsapi", url=sink.url)
    write(tmp_path / "shop", {"wici.yaml": (tmp_path / "shop/wici.yaml").read_text(),
                              "templates/hello/pl/sms.txt": "x" * 155})  # fmt: skip
    done = typed(tmp_path, "send-test", "hello", "--to", PHONE, "--json")
    assert done.exit_code == 0, done.output
    (taken,) = sink.messages
    assert taken.to.endswith(PHONE[1:])
    assert taken.body == "[test] " + "x" * 155
    assert json.loads(done.output)["parts"] == 2


def test_wici_only_to_lets_a_test_through_to_whom_it_names_and_to_nobody_else(
    tmp_path: Path, sink: ProviderSink
) -> None:
    shop(tmp_path, "resend", url=sink.url)
    refused = typed(tmp_path, "send-test", "hello", "--to", ANNA, WICI_ONLY_TO="@shop.example")
    assert (refused.exit_code, sink.messages) == (1, [])
    done = typed(tmp_path, "send-test", "hello", "--to", "ewa@shop.example", WICI_ONLY_TO="@shop.example")
    assert done.exit_code == 0, done.output
    assert [one.to for one in sink.messages] == ["ewa@shop.example"]


TEMPLATE = """\
---
subject: "{{ profile.first_name }} {{ profile.orders_count }} {{ profile.total_spent }}"
from: "Sklep <sklep@sklep.example>"
---
<mjml><mj-body><mj-section><mj-column>
<mj-text>consent={{ profile.consent.email }} tags={{ profile.tags | length }} cart={{ cart.id }}
nothing={{ profile.phone }}</mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


def test_a_preview_of_a_customer_says_what_the_engine_would(tmp_path: Path, database_url: str) -> None:
    async def live() -> None:
        async with town(database_url) as place:
            who = {"id": "c-7", "email": "ewa@example.com", "first_name": "Ewa", "consents": SUBSCRIBED}
            orders = [{"id": f"o{n}", "total": "100.00", "currency": "PLN"} for n in (1, 2)]
            told = [event("order.placed", AT, customer=who, order=one) for one in orders]
            later = event("cart.updated", AT + timedelta(minutes=1), customer=who, cart={"id": "k7", "total": "5.00"})
            await start_log(place)
            await take_in(place, workspace(), *told, later)

    asyncio.run(live())
    write(tmp_path / "shop", {"templates/hello/pl/email.mjml": TEMPLATE})
    done = typed(tmp_path, "preview", "hello", "--customer", "c-7", "--channel", "email", "--json",
                 WICI_DATABASE_URL=database_url)  # fmt: skip
    assert done.exit_code == 0, done.output
    (mail,) = json.loads(done.output)["messages"]
    assert mail["subject"] == "Ewa 2 200.0"
    assert "consent=subscribed tags=0" in mail["text"]
    assert "nothing=" in mail["text"]
    assert "+48" not in mail["text"]
