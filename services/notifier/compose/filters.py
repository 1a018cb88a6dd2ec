"""Filters of numbers, dates, lists and text; none can grow a value without bound or be random."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sized
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, cast
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2 import Undefined, pass_context, pass_eval_context
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join, str_join

from services.notifier.compose.errors import RenderError
from services.notifier.compose.exact import number

MAX_TEXT = 100_000  # characters in any one value that a template makes
MAX_STEPS = 200_000  # steps of one rendering: a loop takes (nodes in its body) steps per item
MAX_RANGE = 1_000
STATE = "_rendering"
_PLURALS = ("zero", "one", "two", "few", "many", "other")


class Rendering:
    """What one rendering knows besides its data: for whom words and numbers are written, and the steps left."""

    __slots__ = ("currency", "locale", "steps", "time_zone")

    def __init__(self, locale: str, currency: str, time_zone: str) -> None:
        self.locale = locale
        self.currency = currency
        self.time_zone = time_zone
        self.steps = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Take `steps` from what is left. Raises RenderError when there are no more."""
        self.steps -= steps
        if self.steps < 0:
            raise RenderError("the template loops too much; show fewer items: {% for item in items[:20] %}")


def _state(context: Context) -> Rendering:
    return cast("Rendering", context.parent[STATE])


def language_of(context: Context) -> str:
    """The language that is spoken: `pl` for pl-PL."""
    return _state(context).locale.replace("_", "-").split("-")[0].lower()


@lru_cache(maxsize=512)
def locale_of(tag: str) -> Locale:
    """The CLDR locale of a BCP 47 tag; the nearest known one, English at last."""
    parts = tag.replace("_", "-").split("-")
    for end in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:end]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


@lru_cache(maxsize=8192)
def _formatted_money(value: Decimal | int, currency: str, locale: str) -> str:
    return format_currency(value, currency, locale=locale_of(locale))


@lru_cache(maxsize=8192)
def _formatted_number(value: Decimal | int, digits: int | None, locale: str) -> str:
    pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=locale_of(locale))


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo | None:
    """The IANA zone of that name, None if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _missing(value: Any) -> bool:
    return value is None or value == "" or isinstance(value, Undefined)


@pass_context
def money(context: Context, value: Any, currency: Any = None) -> str:
    """`249.90` as `249,90 zł`. Without `currency`: that of the order, cart or product, else the shop's."""
    if _missing(value):
        return ""
    state = _state(context)
    code = currency if isinstance(currency, str) and currency else state.currency
    return _formatted_money(number(value, "money"), code[:8], state.locale)


@pass_context
def in_digits(context: Context, value: Any, digits: Any = None) -> str:
    """`1234.5` as `1234,5`, or with exactly `digits` (0-10) after the point."""
    if _missing(value):
        return ""
    wanted = None if digits is None else max(0, min(int(digits), 10))
    return _formatted_number(number(value, "number"), wanted, _state(context).locale)


@pass_context
def date(context: Context, value: Any, format: Any = "long", time_zone: Any = None) -> str:  # noqa: A002
    """A day or moment in words, in the customer's zone. `format`: short, medium, long, full or a CLDR pattern."""
    if _missing(value):
        return ""
    state = _state(context)
    words = str(format)[:64]
    moment = _moment(value)
    if not isinstance(moment, dt.datetime):
        return format_date(moment, words, locale=locale_of(state.locale))
    zone = (zone_of(time_zone) if isinstance(time_zone, str) else None) or zone_of(state.time_zone)
    if words in {"short", "medium", "long", "full"}:
        local = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
        return format_date(local.date(), words, locale=locale_of(state.locale))
    return format_datetime(moment, words, tzinfo=zone, locale=locale_of(state.locale))


def _moment(value: Any) -> dt.date:
    """A day or a moment from ISO 8601 (a moment without an offset is UTC)."""
    if isinstance(value, dt.date):
        return value
    try:
        text = str(value)
        return dt.date.fromisoformat(text) if len(text) == len("2026-11-22") else dt.datetime.fromisoformat(text)
    except ValueError:
        raise RenderError("`date` wants a date such as 2026-11-22 or 2026-11-22T10:00:00Z") from None


@pass_context
def plural(context: Context, value: Any, *forms: Any) -> Any:
    """The form that goes with `value`, in the order of CLDR's categories: 1 produkt, 2 produkty, 5 produktów."""
    if not forms:
        raise RenderError('`plural` wants its forms: {{ n | plural("produkt", "produkty", "produktów") }}')
    rule = locale_of(_state(context).locale).plural_form
    count = number(value, "plural")
    category = rule(-count if count < 0 else count)
    order = [name for name in _PLURALS if name in rule.tags or name == "other"]
    return forms[min(order.index(category), len(forms) - 1)]


def rounded(value: Any, digits: Any = 0) -> Decimal:
    """`value` to `digits` (0-10) after the point, halves away from zero."""
    places = max(0, min(int(digits), 10))
    return Decimal(number(value, "round")).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def total(values: Any, attribute: Any = None) -> Decimal | int:
    """The sum of a list of numbers, or of one field of its items."""
    items = list(values)
    picked = items if attribute is None else [i.get(attribute) if isinstance(i, dict) else None for i in items]
    return sum((number(v, "sum") for v in picked), start=0)


@pass_eval_context
def join(eval_context: EvalContext, values: Any, between: Any = "", attribute: Any = None) -> str:
    """The items of a list as one text."""
    picked = [i.get(attribute, "") if isinstance(i, dict) else "" for i in values] if attribute else list(values)
    parts = [part for i, value in enumerate(picked) for part in ((between, value) if i else (value,))]
    return joined(eval_context, "", *parts)


@pass_eval_context
def joined(eval_context: EvalContext, *parts: Any) -> str:
    """`a ~ b ~ c`, up to MAX_TEXT."""
    texts = ["" if part is None else part for part in parts]
    if sum(len(t) if isinstance(t, str) else 64 for t in texts) > MAX_TEXT:
        raise RenderError(f"a text became longer than {MAX_TEXT} characters")
    return markup_join(texts) if eval_context.autoescape else str_join(texts)


@pass_eval_context
def replace(eval_context: EvalContext, value: Any, old: Any, new: Any) -> str:
    """`value` with every `old` replaced by `new`, up to MAX_TEXT."""
    text, before, after = str(value), str(old), str(new)
    if len(text) + text.count(before) * len(after) > MAX_TEXT:
        raise RenderError(f"a text became longer than {MAX_TEXT} characters")
    return cast("str", JINJA_FILTERS["replace"](eval_context, value, old, new))


def batch(values: Iterable[Any], size: Any) -> list[list[Any]]:
    """Rows of `size` (1-100) items; the last may be shorter."""
    rest = iter(values)
    width = max(1, min(int(size), 100))
    return list(iter(lambda: list(islice(rest, width)), []))


@pass_context
def limited(context: Context, values: Any, cost: int) -> Any:
    """What a loop walks: `values`, with `cost` steps spent for each item. A missing list is an empty one."""
    state = _state(context)
    if values is None:
        return ()
    if isinstance(values, Sized):
        state.spend(len(values) * cost)
        return values
    return _counted(values, cost, state)


def _counted(values: Iterable[Any], cost: int, state: Rendering) -> Iterable[Any]:
    for value in values:
        state.spend(cost)
        yield value


def limited_range(*bounds: int) -> range:
    """`range` of at most MAX_RANGE numbers."""
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise RenderError(f"range() gives at most {MAX_RANGE} numbers")
    return numbers


FROM_JINJA = (
    "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int", "items", "last", "length",
    "list", "lower", "map", "reject", "rejectattr", "reverse", "select", "selectattr", "string", "title", "trim",
    "truncate", "unique", "upper", "urlencode",
)  # fmt: skip
