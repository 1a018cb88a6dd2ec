"""The benchmarks' template: about 4 kB of MJML, as a shop would send it after an order."""

from __future__ import annotations

from services.contracts.workspace import Template
from services.notifier.compose.publish import compile_template

_TEXT = '<mj-text font-size="14px" line-height="1.5" color="#333333">{}</mj-text>\n'
SOURCE = (
    """---
subject: "Dziękujemy za zamówienie {{ event.order.id }}, {{ profile.first_name }}!"
preheader: "Razem {{ event.order.total | money }}"
---
<mjml><mj-head><mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /></mj-attributes></mj-head>
<mj-body background-color="#f4f4f4">
<mj-section background-color="#ffffff"><mj-column>
<mj-image src="https://shop.example/logo.png" alt="Sklep" width="120px" href="{{ shop.url }}" />
"""
    + _TEXT.format("Cześć {{ profile.first_name }}, dziękujemy za zakupy w {{ shop.name }}!")
    + """</mj-column></mj-section>
<mj-section background-color="#ffffff"><mj-column>
"""
    + _TEXT.format("Razem: <strong>{{ event.order.total | money }}</strong>, numer {{ event.order.id }}")
    + '<mj-button background-color="#1a7f5a" href="{{ shop.url }}/konto">Status zamówienia</mj-button>\n'
    + _TEXT.format("Wysyłka trwa zwykle dwa dni. Masz pytania? Po prostu odpisz na tę wiadomość. " * 34)
    + _TEXT.format('<a href="{{ links.unsubscribe }}">Wypisz</a>')
    + "</mj-column></mj-section></mj-body></mjml>\n"
)


def template(name: str, locale: str) -> Template:
    """It, compiled."""
    return compile_template(name, locale, {"email.mjml": SOURCE})
