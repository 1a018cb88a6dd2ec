"""The way out that every advertisement shows: added where a template has none of its own."""

from __future__ import annotations

from html import escape

_WORDS = {
    "pl": ("Nie chcesz dostawać takich wiadomości?", "Wypisz się"),
    "en": ("Do not want messages like this one?", "Unsubscribe"),
}
_STYLE = "font-family:Helvetica,Arial,sans-serif;font-size:12px;line-height:1.5;color:#555555;text-align:center"


def with_html_footer(page: str, url: str, locale: str, shop: str, address: str) -> str:
    """The page with question, link and the shop's name and address at its end, unless it shows `url` already."""
    if url in page:
        return page
    question, link = _words(locale)
    footer = (
        f'<div style="{_STYLE};padding:16px">{escape(question)} <a href="{escape(url)}">{escape(link)}</a>'
        f"<br>{escape(_who(shop, address))}</div>"
    )
    end = page.rfind("</body>")
    return page + footer if end < 0 else page[:end] + footer + page[end:]


def with_text_footer(text: str, url: str, locale: str, shop: str, address: str) -> str:
    """The same for the text part, below the customary `-- ` line (RFC 3676 §4.3)."""
    if url in text:
        return text
    question, link = _words(locale)
    return f"{text.rstrip()}\n\n-- \n{question} {link}: {url}\n{_who(shop, address)}\n"


def _words(locale: str) -> tuple[str, str]:
    return _WORDS.get(locale.replace("_", "-").split("-")[0].lower(), _WORDS["en"])


def _who(shop: str, address: str) -> str:
    return ", ".join(part for part in (shop, address) if part)
