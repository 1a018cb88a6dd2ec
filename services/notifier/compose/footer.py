"""What a message shows at its end where its template does not: the way out, and who stands behind the shop.

Advertisements get the way out. Whatever a Polish company sends names it (Commercial Companies Code, art. 206 and 374).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Literal, NamedTuple, TypeVar

from services.contracts.settings import Shop

OptOut = Literal["reply", "link"]
_T = TypeVar("_T")


class WayOut(NamedTuple):
    """The links of an advertisement's end: the one to leave by, and the preference centre's, made where it is shown."""

    leave: str
    choose: Callable[[], str]


_WORDS = {
    "pl": ("Nie chcesz dostawać takich wiadomości?", "Wypisz się", "Wybierz, o czym piszemy"),
    "en": ("Do not want messages like this one?", "Unsubscribe", "Choose what we write about"),
}
_LEGAL = {
    "pl": {"company": "{}", "nip": "NIP {}", "krs": "KRS {}", "court": "{}", "capital": "kapitał zakładowy {}"},
    "en": {"company": "{}", "nip": "VAT ID {}", "krs": "KRS {}", "court": "registered at {}", "capital": "capital {}"},
}
_PAGES = {
    "pl": {"privacy_url": "Polityka prywatności", "terms_url": "Regulamin"},
    "en": {"privacy_url": "Privacy policy", "terms_url": "Terms"},
}
# In the GSM alphabet, whatever the language: an opt-out must not double the price of what it closes.
_SMS: dict[str, dict[OptOut, str]] = {
    "pl": {"reply": "Rezygnacja: odpisz STOP", "link": "Rezygnacja: {url}"},
    "en": {"reply": "Reply STOP to opt out", "link": "Opt out: {url}"},
}
_STYLE = "font-family:Helvetica,Arial,sans-serif;font-size:12px;line-height:1.5;color:#555555;text-align:center"


def with_html_footer(page: str, way_out: WayOut | None, locale: str, shop: Shop) -> str:
    """The page with what it lacks at its end. `way_out` is None where none is wanted; a page that shows one has it."""
    rows = []
    if way_out is not None and way_out.leave not in page:
        question, leave, choose = _in(_WORDS, locale)
        rows.append(f"{escape(question)} {_link(way_out.leave, leave)} &middot; {_link(way_out.choose(), choose)}")
        rows.append(escape(_who(shop)))
    if shop.legal and not _says_who(page, shop):
        rows.append(escape(", ".join(_company(locale, shop))))
        rows.append(" &middot; ".join(_link(url, name) for name, url in _pages(locale, shop)))
    if not any(rows):
        return page
    footer = f'<div style="{_STYLE};padding:16px">{"<br>".join(row for row in rows if row)}</div>'
    end = page.rfind("</body>")
    return page + footer if end < 0 else page[:end] + footer + page[end:]


def with_text_footer(text: str, way_out: WayOut | None, locale: str, shop: Shop) -> str:
    """The same for the text part, below the customary `-- ` line (RFC 3676 §4.3)."""
    rows = []
    if way_out is not None and way_out.leave not in text:
        question, leave, choose = _in(_WORDS, locale)
        rows += [f"{question} {leave}: {way_out.leave}", f"{choose}: {way_out.choose()}", _who(shop)]
    if shop.legal and not _says_who(text, shop):
        rows += [", ".join(_company(locale, shop)), *(f"{name}: {url}" for name, url in _pages(locale, shop))]
    rows = [row for row in rows if row]
    return "\n".join([f"{text.rstrip()}\n\n-- ", *rows, ""]) if rows else text


def sms_closing(how: OptOut, locale: str, url: str) -> str:
    """The line by which an SMS lets its reader leave, in the GSM alphabet."""
    return _in(_SMS, locale)[how].format(url=url)


def _in(words: dict[str, _T], locale: str) -> _T:
    return words.get(locale.replace("_", "-").split("-")[0].lower(), words["en"])


def _link(url: str, words: str) -> str:
    return f'<a href="{escape(url)}">{escape(words)}</a>'


def _who(shop: Shop) -> str:
    return ", ".join(part for part in (shop.name, shop.address) if part)


def _says_who(shown: str, shop: Shop) -> bool:
    """Whether the template names the company itself: by a number of its register, else by its name."""
    marks = [shop.legal[key] for key in ("nip", "krs", "company") if shop.legal.get(key)]
    return bool(marks) and marks[0] in shown


def _company(locale: str, shop: Shop) -> Iterable[str]:
    return (words.format(shop.legal[key]) for key, words in _in(_LEGAL, locale).items() if shop.legal.get(key))


def _pages(locale: str, shop: Shop) -> Iterable[tuple[str, str]]:
    return ((name, shop.legal[key]) for key, name in _in(_PAGES, locale).items() if shop.legal.get(key))
