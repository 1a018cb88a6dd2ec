"""The benchmarks' templates: about 4 kB of MJML, as a shop would send it after an order."""

from __future__ import annotations

from services.contracts.workspace import Template
from services.notifier.compose.publish import compile_template

_WORDS = "Wysyłka trwa zwykle dwa dni. Masz pytania? Po prostu odpisz na tę wiadomość. "


def text(words: str) -> str:
    """A block of text."""
    return f'<mj-text font-size="14px" line-height="1.5" color="#333333">{words}</mj-text>\n'


def source(number: str, body: str, status: str, words: int, ways_out: str) -> str:
    """The whole file. `number` is the order's field in the subject, `status` its page, `words` how long it goes on."""
    return (
        f"""---
subject: "Dziękujemy za zamówienie {{{{ event.order.{number} }}}}, {{{{ profile.first_name }}}}!"
preheader: "Razem {{{{ event.order.total | money }}}}"
---
<mjml><mj-head><mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /></mj-attributes></mj-head>
<mj-body background-color="#f4f4f4">
<mj-section background-color="#ffffff"><mj-column>
<mj-image src="https://shop.example/logo.png" alt="Sklep" width="120px" href="{{{{ shop.url }}}}" />
"""
        + text("Cześć {{ profile.first_name }}, dziękujemy za zakupy w {{ shop.name }}!")
        + "</mj-column></mj-section>\n"
        + body
        + f'<mj-button background-color="#1a7f5a" href="{status}">Status zamówienia</mj-button>\n'
        + text(_WORDS * words)
        + text(ways_out)
        + "</mj-column></mj-section></mj-body></mjml>\n"
    )


SOURCE = source(
    "id",
    '<mj-section background-color="#ffffff"><mj-column>\n'
    + text("Razem: <strong>{{ event.order.total | money }}</strong>, numer {{ event.order.id }}"),
    "{{ shop.url }}/konto",
    34,
    '<a href="{{ links.unsubscribe }}">Wypisz</a>',
)


def template(name: str, locale: str) -> Template:
    """It, compiled."""
    return compile_template(name, locale, {"email.mjml": SOURCE})
