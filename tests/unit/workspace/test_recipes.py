"""The recipes: complete workspaces that check cleanly and say what they mean, with and without what may be missing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.cli.workspace.load import load
from services.contracts.workspace import Workspace
from services.notifier.compose.render import Audience, render_email, render_sms

RECIPES = Path(__file__).parents[3] / "recipes"
LANGUAGES = ("en", "pl")
ITEM = {"name": "Mięta z werbeną", "quantity": 2, "price": "24.50"}
EVENT: dict[str, Any] = {
    "order": {"id": "1", "number": "1001", "total": "249.90", "currency": "PLN", "items": [ITEM]},
    "cart": {"id": "k", "total": "150.00", "currency": "PLN", "items": [ITEM], "recovery_url": "https://x.example/k"},
    "threshold": {"step": 500, "currency": "PLN", "period": "lifetime"},
}
BARE: dict[str, Any] = {"order": {"id": "1"}, "cart": {"id": "k"}, "threshold": {"step": 500}}


def workspace(language: str) -> Workspace:
    found = load(RECIPES / language)
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace


def rendered(language: str, event: dict[str, Any], profile: dict[str, Any]) -> dict[str, str]:
    """Every template of a recipe, said once: subject, text and SMS in one."""
    shop = {"name": "Zielnik", "url": "https://zielnik.example"}
    context = {"event": event, "profile": profile, "shop": shop, "cart": None, "entry": {}, "links": {}}
    audience = Audience(language, "PLN", "Europe/Warsaw")
    said = {}
    for name, locales in workspace(language).templates.items():
        mail = render_email(locales[language], context, audience)
        sms = render_sms(locales[language], context, audience).text if locales[language].sms else ""
        said[name] = f"{mail.subject}\n{mail.text}\n{sms}"
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_recipe_has_nothing_to_complain_about(language: str) -> None:
    assert load(RECIPES / language).findings == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_recipe_needs_one_key_and_no_provider(language: str) -> None:
    found = load(RECIPES / language)
    assert [reference.name for reference in found.references] == ["BACKEND_KEY"]
    assert {account.provider for account in workspace(language).settings.accounts} == {"mailbox"}


def test_both_languages_have_the_same_journeys_over_the_same_steps() -> None:
    english, polish = workspace("en"), workspace("pl")
    assert [journey.steps for journey in english.journeys] == [journey.steps for journey in polish.journeys]
    assert [journey.enter for journey in english.journeys] == [journey.enter for journey in polish.journeys]
    assert {journey.enter.on for journey in polish.journeys} == {
        "customer.signed_up", "order.first_placed", "cart.abandoned", "spend.threshold_crossed",
    }  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_sent_by_a_journey(language: str) -> None:
    written = "".join(path.read_text() for path in (RECIPES / language / "journeys").iterdir())
    for name in workspace(language).templates:
        assert f"send: {name}\n" in written


def test_a_polish_cart_reminder_counts_and_prices_as_polish_does() -> None:
    said = rendered("pl", EVENT, {"first_name": "Łucja"})["cart-reminder"]
    assert "Dzień dobry, Łucja!" in said
    assert "czeka 1 produkt:" in said
    assert "24,50\N{NO-BREAK SPACE}zł" in said
    assert "https://x.example/k" in said


def test_several_products_are_plural() -> None:
    two = {**EVENT, "cart": {**EVENT["cart"], "items": [ITEM, ITEM]}}
    assert "czekają 2 produkty:" in rendered("pl", two, {})["cart-reminder"]
    assert "There are 2 products in your cart:" in rendered("en", two, {})["cart-reminder"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", [EVENT, BARE], ids=["full", "bare"])
def test_a_message_never_shows_what_is_missing(language: str, event: dict[str, Any]) -> None:
    for text in rendered(language, event, {}).values():
        assert "None" not in text
        assert "{" not in text


@pytest.mark.parametrize(("step", "code"), [(500, "ZIELNIK-DOSTAWA"), (2000, "ZIELNIK-20"), (5000, "ZIELNIK-20")])
def test_a_higher_threshold_brings_a_better_reward(step: int, code: str) -> None:
    event = {**EVENT, "threshold": {**EVENT["threshold"], "step": step}}
    assert code in rendered("pl", event, {})["spend-reward"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_tell_editors_their_schema(language: str) -> None:
    for path in RECIPES.glob(f"{language}/**/*.yaml"):
        line = path.read_text().splitlines()[0]
        schema = path.parent / line.removeprefix("# yaml-language-server: $schema=")
        assert schema.resolve().is_file(), path


def test_the_thresholds_are_the_shops_own() -> None:
    threshold = workspace("pl").settings.policies.derive.spend_threshold
    assert threshold is not None
    assert threshold.steps == (Decimal(500), Decimal(2000), Decimal(5000))
