"""What templates may use: a closed list of filters, tests and functions."""

from __future__ import annotations

from typing import Any, NamedTuple

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from services.notifier.compose import address, filters, price
from services.notifier.compose.exact import comparable


class Function(NamedTuple):
    """A function: how many values it takes, and how it is written."""

    least: int
    most: int
    example: str


FILTERS: dict[str, Any] = {name: JINJA_FILTERS[name] for name in filters.FROM_JINJA} | {
    "batch": filters.batch,
    "date": filters.date,
    "join": filters.join,
    "money": filters.money,
    "name": address.name,
    "number": filters.in_digits,
    "plural": filters.plural,
    "replace": filters.replace,
    "round": filters.rounded,
    "sum": filters.total,
    "vocative": address.vocative,
}
FUNCTIONS: dict[str, Function] = {
    "gendered": Function(2, 3, '{{ gendered("zrobiłeś", "zrobiłaś", "masz za sobą") }}'),
    "greeting": Function(0, 0, "{{ greeting() }}"),
    "price": Function(1, 1, "{{ price(item) }}"),
    "range": Function(1, 3, "{% for n in range(3) %}"),
}
INTERNAL_FILTERS: dict[str, Any] = {
    "_limited": filters.limited,
    "_joined": filters.joined,
    "_comparable": comparable,
    "_gendered": address.gendered,
    "_greeting": address.greeting,
    "_price": price.price,
}
_NO_TESTS = {"callable", "escaped", "filter", "sameas", "test"}
TESTS: dict[str, Any] = {name: test for name, test in JINJA_TESTS.items() if name not in _NO_TESTS}
