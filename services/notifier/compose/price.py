"""`price(product)`: what a product costs and, where it is reduced, the lowest price of the 30 days before.

Directive 98/6/EC, Article 6a (Omnibus): an announced reduction states the lowest price of the 30 days before it, and a
percentage is counted from that price (CJEU, C-330/23). Where that price is not known, no reduction is announced.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from services.notifier.compose.errors import RenderError
from services.notifier.compose.exact import number
from services.notifier.compose.filters import language_of, money

_WORDS = {
    "pl": "najniższa cena z 30 dni przed obniżką",
    "en": "lowest price in the 30 days before the reduction",
}
_HTML = Markup("<b>{now}</b>{percent} <span style='font-size:85%;opacity:.75'>({words}: {before})</span>")


class Reduction(NamedTuple):
    """The lowest price of the 30 days before, and by how many whole percent, rounded down, the price is below it."""

    lowest: Decimal
    percent: int


def reduction(product: dict[str, Any]) -> Reduction | None:
    """What may be announced for a product with `price`, `lowest_price_30d` and perhaps `regular_price`, or None."""
    now, lowest = _amount(product, "price"), _amount(product, "lowest_price_30d")
    regular = _amount(product, "regular_price")
    if now is None or lowest is None or lowest <= now or (regular is not None and regular <= now):
        return None
    return Reduction(lowest, int((lowest - now) * 100 / lowest))


@pass_context
def price(context: Context, product: Any, currency: Any = None) -> str:
    """The price in words of the template's language; empty where there is none. RenderError for what is no product."""
    if product is None or isinstance(product, Undefined):
        return ""
    if not isinstance(product, dict):
        raise RenderError("`price` wants a product or an item, not one of its fields: {{ price(item) }}")
    code = product.get("currency") or currency
    now = money(context, product.get("price"), code)
    found = reduction(product)
    if found is None:
        return now
    before = money(context, found.lowest, code)
    words = _WORDS.get(language_of(context), _WORDS["en"])
    if context.eval_ctx.autoescape:
        percent = Markup(" <b>-{}%</b>").format(found.percent) if found.percent else ""
        return _HTML.format(now=now, percent=percent, words=words, before=before)
    percent = f"-{found.percent}%, " if found.percent else ""
    return f"{now} ({percent}{words}: {before})"


def _amount(product: dict[str, Any], field: str) -> Decimal | None:
    value = product.get(field)
    return None if value is None or value == "" else Decimal(number(value, f"price, {field}"))
