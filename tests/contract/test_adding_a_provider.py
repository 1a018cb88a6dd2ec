"""The recipe in docs/adding-a-provider.md gives a provider that keeps the family's rules."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from services.kit.http import HttpResponse
from services.notifier.providers import PROVIDERS, base
from services.notifier.providers.base import CallbackRequest
from tests.contract import test_providers, test_providers_callbacks
from tests.contract.provider_cases import ENVIRON, NOW, RESEND, SEND_KEY, Case

ROOT = Path(__file__).parents[2]
RECIPE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")
RULES = [
    rule
    for family in (test_providers, test_providers_callbacks)
    for name, rule in vars(family).items()
    if name.startswith("test_") and list(inspect.signature(rule).parameters) == ["case"]
]


def callback(body: bytes) -> CallbackRequest:
    return CallbackRequest("POST", ENVIRON["PATH_TOKEN"], {}, "", body, NOW)


@pytest.fixture
def pigeon(monkeypatch: pytest.MonkeyPatch) -> Case:
    (source,) = re.findall(r"```python\n(.*?)```", RECIPE, re.DOTALL)
    module = ModuleType("pigeon")
    monkeypatch.setitem(sys.modules, "pigeon", module)
    exec(compile(source, "docs/adding-a-provider.md", "exec"), vars(module))  # noqa: S102 -- our own page
    monkeypatch.setitem(PROVIDERS, "pigeon", module.PROVIDER)
    return Case(
        "pigeon",
        {"api_key": "$API_KEY", "callback_token": "$PATH_TOKEN"},
        "/letters",
        HttpResponse(201, {}, b'{"letter":"l-1"}'),
        HttpResponse(422, {}, b'{"code":"no_roof","message":"nobody lives there"}'),
        callback,
        b'{"id":"e-1","status":"returned","forever":true,"note":"%s","letter":"l-1"}' % SEND_KEY.hex().encode(),
        b'{"id":"e-2","status":"teleported"}',
        member=RESEND.member,
    )


def needs_a_case_of_its_own(name: str) -> bool:
    return "batch_names_no_member" in name or "two_keys" in name or "changed_body" in name or "old_signature" in name


@pytest.mark.parametrize("rule", [rule for rule in RULES if not needs_a_case_of_its_own(rule.__name__)])
def test_the_recipes_provider_keeps_each_rule(pigeon: Case, rule: Callable[..., Any]) -> None:
    rule(case=pigeon)


def test_the_rules_are_found() -> None:
    assert len(RULES) > 12


def test_the_recipe_names_every_result_and_every_file_that_it_tells_of() -> None:
    results = {kind.__name__ for kind in get_args(base.Result)} - {"RejectedBatch"}  # answers.rejected makes it
    assert results
    assert not [name for name in results if f"`{name}" not in RECIPE]
    for path in re.findall(r"`((?:services|tests|docs)/[\w/.]+\.(?:py|json))`", RECIPE):
        assert (ROOT / path).exists(), path
