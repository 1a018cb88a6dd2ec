"""How many order mails one core composes: `python -m benchmarks.compose`.

Input: an MJML template of about 4 kB, five products with images and a coupon line, text part derived from it, a
different customer, order and price each time. Measured in CPU seconds of this process, in rounds that alternate with
plain Jinja rendering the same HTML without sandbox, text, links, headers or digest, so that the ratio holds on a busy
machine. The median round counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import process_time
from typing import Any

import msgspec
from jinja2 import Environment
from jinja2 import Template as Program

from benchmarks.support import results
from benchmarks.support.mail import source, text
from benchmarks.support.results import Row
from services.contracts.message import Message
from services.contracts.settings import Sender, Shop
from services.contracts.workspace import Template
from services.notifier.compose.compose import Voice, compose
from services.notifier.compose.publish import compile_template

MAILS = 500
ROUNDS = 9
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SHOP = Shop("Sklep Próbny", "https://shop.example", "pl", "PLN", "Europe/Warsaw", address="ul. Prosta 1, Warszawa")
VOICE = Voice(SHOP, Sender(email="Sklep <a@shop.example>"), "https://wici.example", ("k" * 32,))
PRODUCTS = (
    """<mj-raw>{% for item in event.order.items %}</mj-raw>
<mj-section background-color="#ffffff" padding="10px 0">
<mj-column width="30%"><mj-image src="{{ item.image_url }}" alt="{{ item.name }}" href="{{ item.url }}" /></mj-column>
<mj-column width="70%">
"""
    + text('<strong>{{ item.name }}</strong><br/><a href="{{ item.url }}">Zobacz produkt</a>')
    + text("{{ item.quantity }} x {{ item.price | money }}")
    + """</mj-column></mj-section>
<mj-raw>{% endfor %}</mj-raw>
<mj-section background-color="#ffffff"><mj-column>
"""
    + text("Razem: <strong>{{ event.order.total | money }}</strong>, złożone {{ event.order.placed_at | date }}")
    + "{% if event.order.discount_codes %}"
    + text("Użyty kod: {{ event.order.discount_codes[0] }}")
    + "{% endif %}"
)
SOURCE = source(
    "number",
    PRODUCTS,
    "{{ event.order.status_url }}",
    26,
    '<a href="{{ links.preferences }}">Ustawienia</a> <a href="{{ links.unsubscribe }}">Wypisz</a>',
)


def orders() -> list[Message]:
    """Messages that differ in customer, numbers and prices."""
    return [
        Message(
            send_key=n.to_bytes(16, "big"),
            profile_id=b"p" * 16,
            entry_id=b"e" * 16,
            journey="thanks",
            step="thanks",
            klass="marketing",
            channel="email",
            template="thanks",
            recipient=f"c{n}@example.com",
            context={"profile": {"first_name": f"Łucja {n}"}, "event": {"order": _order(n)}},
            created_at=AT,
            locale="pl",
        )
        for n in range(MAILS)
    ]


def _order(n: int) -> dict[str, Any]:
    items = [
        {
            "name": f"Buty {n}-{i}",
            "quantity": i + 1,
            "price": f"{n + i}.{i}0",
            "url": f"https://shop.example/p/{i}",
            "image_url": f"https://cdn.shop.example/{n}/{i}.jpg",
        }
        for i in range(5)
    ]
    return {
        "number": f"#{n}",
        "total": f"{n * 5}.99",
        "currency": "PLN",
        "placed_at": f"2026-11-22T10:{n % 60:02}:00Z",
        "discount_codes": ["KOSZ-10"],
        "status_url": f"https://shop.example/o/{n}",
        "items": items,
    }


def plain_jinja(template: Template) -> Program:
    """The same HTML in Jinja's ordinary environment; its filters do next to nothing."""
    assert template.email is not None
    environment = Environment(autoescape=True)
    environment.filters |= {"money": "{} zł".format, "date": str}
    return environment.from_string(template.email.html.replace("order.items", "order['items']"))


def rate(work: Callable[[Message], object], messages: list[Message]) -> float:
    """Messages per CPU second."""
    began = process_time()
    for message in messages:
        work(message)
    return len(messages) / (process_time() - began)


def main() -> None:
    template = compile_template("thanks", "pl", {"email.mjml": SOURCE})
    program = plain_jinja(template)
    fixed = {
        "shop": msgspec.to_builtins(SHOP),
        "links": {"unsubscribe": "https://w/u/t", "preferences": "https://w/p/t"},
    }
    messages = orders()
    mail = compose(messages[0], template, composed_at=AT, voice=VOICE)
    ours, plain = [], []
    for _ in range(ROUNDS):
        ours.append(rate(lambda m: compose(m, template, composed_at=AT, voice=VOICE), messages))
        plain.append(rate(lambda m: program.render(**m.context, **fixed), messages))
    ratio = median(a / b for a, b in zip(ours, plain, strict=True))
    print(f"MJML {len(SOURCE)} B, HTML {len(mail.html.encode())} B, text {len(mail.text.encode())} B")
    note = f"{ratio:.2f} of plain Jinja without sandbox, text, links, headers and digest ({median(plain):,.0f})"
    bound = "Jinja's sandbox over five products"
    results.show([Row("order mails composed", median(ours), "mails per CPU second", note=note, bound=bound)])


if __name__ == "__main__":
    main()
