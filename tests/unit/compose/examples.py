"""A shop, a message and templates that the tests of composing share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from services.contracts.message import Message
from services.contracts.settings import Sender, Shop
from services.contracts.workspace import Template
from services.notifier.compose.compose import Voice
from services.notifier.compose.publish import compile_template
from services.notifier.compose.render import Audience

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
POLE = Audience("pl", "PLN", "Europe/Warsaw")
SHOP = Shop("Sklep Próbny", "https://sklep.example", "pl", "PLN", "Europe/Warsaw", address="ul. Prosta 1, Warszawa")
SENDER = Sender(email="Sklep <nowosci@news.shop.example>", reply_to="pomoc@shop.example", sms="Sklep")
VOICE = Voice(SHOP, SENDER, "https://wici.example/", ("a-secret-key-of-at-least-32-characters",))
ORDER = {
    "number": "#1001",
    "total": "1249.90",
    "currency": "PLN",
    "placed_at": "2026-11-22T23:30:00Z",
    "status_url": "https://sklep.example/o/1",
    "items": [{"name": "Buty", "price": "1000.00", "quantity": 1}, {"name": "Pas", "price": "124.95", "quantity": 2}],
}
CONTEXT: dict[str, Any] = {"profile": {"first_name": "Łucja", "tags": ["VIP"]}, "event": {"order": ORDER}}


def mjml(body: str, head: str = "", front: str = 'subject: "Witaj"') -> str:
    """An e-mail file with `body` inside one column; the body begins at line 4 of the file, column 39."""
    column = f"<mj-column>{body}</mj-column>"
    return f"---\n{front}\n---\n<mjml>{head}<mj-body><mj-section>{column}</mj-section></mj-body></mjml>\n"


def email(body: str, **changes: str) -> Template:
    """A published e-mail template with `body` inside one column."""
    return compile_template("hello", "pl", {"email.mjml": mjml(body, **changes)})


def sms(source: str, locale: str = "pl") -> Template:
    """A published SMS template."""
    return compile_template("hello", locale, {"sms.txt": source})


def message(**changes: Any) -> Message:
    """An e-mail of class marketing to Łucja."""
    usual = Message(
        send_key=b"k" * 16,
        profile_id=b"p" * 16,
        entry_id=b"e" * 16,
        journey="cart-recovery",
        step="reminder",
        klass="marketing",
        channel="email",
        template="hello",
        recipient="lucja@example.com",
        context=CONTEXT,
        created_at=AT,
        locale="pl-PL",
        topic="cart-reminders",
    )
    return msgspec.structs.replace(usual, **changes)
