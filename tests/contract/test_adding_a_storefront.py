"""The recipe in docs/adding-a-storefront.md gives a storefront that keeps the family's rules."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from services.gateway.storefronts import STOREFRONTS
from tests.contract import test_storefronts
from tests.contract.storefront_cases import CASES, Case
from tests.contract.test_storefronts import deliver, served

RECIPE = (Path(__file__).parents[2] / "docs" / "adding-a-storefront.md").read_text(encoding="utf-8")
RULES = [
    rule
    for name, rule in vars(test_storefronts).items()
    if name.startswith("test_") and list(inspect.signature(rule).parameters) == ["case"]
]
ORDER = {"no": 7, "sum": 249.9, "made": "2026-11-22T10:00:00Z", "buyer": {"no": 25, "mail": "anna@example.com"}}


@pytest.fixture
def kramik(monkeypatch: pytest.MonkeyPatch) -> Case:
    (source,) = re.findall(r"```python\n(.*?)```", RECIPE, re.DOTALL)
    module = ModuleType("kramik")
    monkeypatch.setitem(sys.modules, "kramik", module)
    exec(compile(source, "docs/adding-a-storefront.md", "exec"), vars(module))  # noqa: S102 -- our own page
    monkeypatch.setitem(STOREFRONTS, "kramik", module.STOREFRONT)
    return Case(
        "kramik",
        "X-Kramik-Signature",
        "X-Kramik-Topic",
        ("order.new", json.dumps(ORDER).encode()),
        "order.looked_at",
        ({"X-Kramik-Delivery": "1"}, {"X-Kramik-Delivery": "2"}),
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_storefront_of_the_recipe_keeps_the_rule(rule: Callable[[Case], Any], kramik: Case) -> None:
    await rule(kramik)


async def test_storefront_of_the_recipe_says_what_its_table_says(kramik: Case) -> None:
    gateway = served(kramik)
    await deliver(gateway, kramik, kramik.fact[1])
    (record,) = gateway.bus.records
    assert json.loads(record.value or b"")["data"] == {
        "customer": {"id": "25", "email": "anna@example.com"},
        "order": {"id": "7", "total": "249.90", "currency": "PLN"},
    }


def test_the_recipe_is_put_through_more_than_a_few_rules() -> None:
    assert len(RULES) > len(CASES) * 4
