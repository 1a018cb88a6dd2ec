"""What every page looks like: the shop's name and colour, plain HTML, and headers that let nothing in or out.

The colour of the button's words follows from its own, so that any colour can be read (WCAG 2.2, contrast).
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import NamedTuple

from starlette.responses import HTMLResponse, Response

from services.contracts.settings import Shop
from services.notifier.editions import Editions
from services.notifier.pages.words import LANGUAGES, WORDS, Language, Name

PLAIN = "#222222"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_STYLE = """
body{font:17px/1.5 system-ui,sans-serif;margin:0;color:#222;background:#fff;border-top:.4rem solid %(colour)s}
main{max-width:34rem;margin:0 auto;padding:8vh 1.2rem 4rem}
.shop{font-weight:600}h1{font-size:1.6rem;line-height:1.25;margin:.6rem 0 1rem;overflow-wrap:anywhere}
fieldset{border:1px solid #767676;border-radius:.5rem;margin:1.2rem 0;padding:.4rem 1rem .9rem}
legend{font-weight:600;padding:0 .4rem}label{display:flex;gap:.7rem;padding:.45rem 0;overflow-wrap:anywhere}
input{accent-color:%(colour)s;flex:none;width:1.3rem;height:1.3rem;margin:.15rem 0}small{display:block;color:#595959}
button{font:inherit;padding:.7rem 1.3rem;border:1px solid %(colour)s;border-radius:.4rem;cursor:pointer;
background:%(colour)s;color:%(words)s}
button.quiet{background:#fff;color:#222;border-color:#767676}
:focus-visible{outline:3px solid #005fcc;outline-offset:2px}
.note{background:#eef6ee;border-left:.3rem solid #2e7d32;padding:.7rem 1rem}.row{margin-top:2rem}
"""
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main><div class="shop">{shop}</div><h1>{title}</h1>{body}</main></body></html>"""


class Look(NamedTuple):
    """In which language a page speaks, and for which shop."""

    language: Language
    shop: str
    colour: str


def look(editions: Editions, locale: str | None) -> Look:
    """The look for a customer of this locale, the shop's own where none is known."""
    shop = editions.now.workspace.settings.shop if editions.now else Shop("", "", "en", "", "")
    wanted = (locale or shop.locale).replace("_", "-").split("-")[0].lower()
    language: Language = next((one for one in LANGUAGES if one == wanted), "en")
    return Look(language, shop.name, shop.colour if _COLOUR.fullmatch(shop.colour) else PLAIN)


def page(how: Look, title: str, body: str, status: int = 200) -> Response:
    """A page. `title` is plain text, `body` HTML."""
    style, allowed = _style(how.colour)
    text = _PAGE.format(
        language=how.language, title=escape(title), style=style, shop=escape(how.shop), body=body
    )  # fmt: skip
    return HTMLResponse(text, status, _headers(allowed))


def say(how: Look, name: Name, status: int = 200) -> Response:
    """A page that only says something."""
    title, text = WORDS[how.language].said[name]
    return page(how, title, paragraph(text.format(shop=how.shop)), status)


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


@lru_cache(maxsize=64)
def _style(colour: str) -> tuple[str, str]:
    """The style for this colour, and what a Content-Security-Policy (level 3, §8.3) calls it."""
    style = _STYLE % {"colour": colour, "words": _readable_on(colour)}
    return style, f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"


def _headers(style: str) -> dict[str, str]:
    policy = f"default-src 'none'; style-src {style}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
    }


def _readable_on(colour: str) -> str:
    """Black or white, whichever has more contrast with `colour` (WCAG 2.2, relative luminance)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"
