"""The recipes: complete workspaces that check cleanly and say what they mean, with and without what may be missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.cli.testing.stage import Stage
from services.cli.testing.verdict import judge
from services.cli.workspace.load import Loaded, load
from services.contracts.journey import Alert, Journey, Send, every_step
from services.contracts.workspace import Workspace
from services.notifier.compose.render import Audience, render_email, render_sms
from services.notifier.compose.sms import encoding_of, segments, transliterate

RECIPES = Path(__file__).parents[3] / "recipes"
LANGUAGES = ("en", "pl")
ITEM = {"name": "Mięta z werbeną", "quantity": 2, "price": "24.50"}
PRODUCT = {"id": "p1", "name": "Mięta z werbeną", "price": "24.50", "lowest_price_30d": "29.90", "currency": "PLN"}
EVENT: dict[str, Any] = {
    "order": {"id": "1", "number": "1001", "total": "249.90", "currency": "PLN", "items": [ITEM]},
    "cart": {"id": "k", "total": "150.00", "currency": "PLN", "items": [ITEM], "recovery_url": "https://x.example/k"},
    "threshold": {"step": 500, "currency": "PLN", "period": "lifetime"},
    "milestone": 5, "years": 2, "product": PRODUCT, "interest": "cart",
    "schedule": {"day": "2026-12-24"},
    "refund": {"amount": "49.00", "currency": "PLN"},
}  # fmt: skip
BARE: dict[str, Any] = {
    "order": {"id": "1"}, "cart": {"id": "k"}, "threshold": {"step": 500}, "milestone": 2, "years": 1,
    "product": {"id": "p1"},
}  # fmt: skip
CART = {"id": "k", "missing_to_free_delivery": "12.50", "currency": "PLN"}
TRANSACTIONAL = {
    "care-tips", "complaint", "confirm-consent", "confirm-signup", "first-order", "order-late", "order-cancelled",
    "refund", "return", "unpaid-order",
}  # fmt: skip


@cache
def loaded(language: str) -> Loaded:
    return load(RECIPES / language)


def workspace(language: str) -> Workspace:
    found = loaded(language)
    assert found.workspace is not None, [finding.render() for finding in found.findings]
    return found.workspace


def rendered(language: str, event: dict[str, Any], profile: dict[str, Any]) -> dict[str, str]:
    """Every template of a recipe, said once: subject, text and SMS in one."""
    shop = {"name": "Zielnik", "url": "https://zielnik.example"}
    context = {"event": event, "profile": profile, "shop": shop, "entry": {}, "links": {}}
    audience = Audience(language, "PLN", "Europe/Warsaw")
    said = {}
    for name, locales in workspace(language).templates.items():
        here = context | {"cart": CART if name == "cart-free-delivery" else None}
        template = locales[language]
        mail = render_email(template, here, audience) if template.email else None
        sms = render_sms(template, here, audience).text if template.sms else ""
        said[name] = f"{mail.subject}\n{mail.text}\n{sms}" if mail else sms
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_recipe_has_nothing_to_complain_about(language: str) -> None:
    assert loaded(language).findings == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_journey_has_tests_that_hold_and_go_every_way_out_of_its_steps(language: str) -> None:
    cases, stage = loaded(language).cases, Stage(workspace(language))
    journeys = frozenset(journey.name for journey in workspace(language).journeys)
    assert journeys == {case.journey for case in cases}
    assert [failure for case in cases for failure in judge(case, stage.play(case))] == []
    covered = stage.gone.covered(journeys, loaded(language).ways)
    assert [way for journey in covered for way in journey.missing] == []


def test_both_languages_have_as_many_tests_of_each_journey() -> None:
    english, polish = (Counter(case.journey for case in loaded(language).cases) for language in LANGUAGES)
    assert english == polish - Counter({"name-day": polish["name-day"]})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_recipe_needs_one_key_and_no_provider(language: str) -> None:
    found = load(RECIPES / language)
    assert [reference.name for reference in found.references] == ["BACKEND_KEY"]
    assert {account.provider for account in workspace(language).settings.accounts} == {"mailbox"}


def amountless(journeys: Iterable[Journey]) -> list[tuple[str, str]]:
    """Journeys without the words for people, and without amounts: a pound is not a zloty. Name-days are Polish."""
    found = []
    for one in (one for one in journeys if one.name != "name-day"):
        plain = msgspec.structs.replace(one, title="", about="", owner="")
        said = msgspec.json.encode(plain).decode().replace("walentynki", "valentines")
        found.append((one.name, re.sub(r"(<=|>=) \d+", r"\1 N", said)))
    return found


def test_both_languages_have_the_same_journeys_over_the_same_steps() -> None:
    english, polish = workspace("en"), workspace("pl")
    assert amountless(english.journeys) == amountless(polish.journeys)
    assert set(english.templates) == set(polish.templates) - {"name-day"}
    assert [segment.name for segment in english.segments] == [segment.name for segment in polish.segments]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_journey_says_what_it_is_for_and_whose_it_is(language: str) -> None:
    for journey in workspace(language).journeys:
        assert journey.title, journey.name
        assert journey.about.endswith("."), journey.name
        assert journey.owner, journey.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_needs_no_consent_carries_no_offer(language: str) -> None:
    found = workspace(language)
    needs_none = {journey.name for journey in found.journeys if journey.klass == "transactional"}
    assert needs_none == TRANSACTIONAL
    for journey in found.journeys:
        for step in every_step(journey.steps):
            if isinstance(step, Send) and (step.klass or journey.klass) in {"transactional", "service"}:
                mail = RECIPES / language / "templates" / step.template / language / "email.md"
                assert not mail.exists() or "\nkind: service\n" in mail.read_text(), step.template


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", [EVENT, BARE], ids=["full", "bare"])
def test_every_sms_fits_two_parts_of_the_gsm_alphabet(language: str, event: dict[str, Any]) -> None:
    shop = {"name": "Zielnik", "url": "https://zielnik.example"}
    context = {"event": event, "profile": {"first_name": "Łucja"}, "shop": shop, "cart": CART, "entry": {}, "links": {}}
    found = workspace(language)
    assert found.settings.policies.plain_sms
    for name, locales in found.templates.items():
        if locales[language].sms:
            said = render_sms(locales[language], context, Audience(language, "PLN", "Europe/Warsaw"))
            text = transliterate(said.text)
            assert (encoding_of(text), segments(text) <= 2) == ("gsm7", True), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_sent_by_a_journey(language: str) -> None:
    steps = (step for journey in workspace(language).journeys for step in every_step(journey.steps))
    templates = {name.partition("@")[0] for name in workspace(language).templates}  # a subject's own is name@step
    assert {step.template for step in steps if isinstance(step, Send | Alert)} == templates


def test_a_polish_cart_reminder_counts_and_prices_as_polish_does() -> None:
    said = rendered("pl", EVENT, {"first_name": "ŁUCJA"})["cart-reminder"]
    assert "Cześć, Łucjo!" in said
    assert "Czeka w nim 1 produkt:" in said
    assert "24,50\N{NO-BREAK SPACE}zł" in said
    assert "https://x.example/k" in said


@pytest.mark.parametrize(
    ("first_name", "words"),
    [("Piotr", "do nas dołączyłeś"), ("Anna", "do nas dołączyłaś"), ("Xyz", "jesteś z nami")],
)
def test_a_polish_welcome_knows_whom_it_speaks_to(first_name: str, words: str) -> None:
    assert f"Cieszymy się, że {words}." in rendered("pl", EVENT, {"first_name": first_name})["welcome"]


@pytest.mark.parametrize(("years", "subject"), [(1, "Minął rok"), (2, "Minęły 2 lata"), (5, "Minęło 5 lat")])
def test_a_polish_anniversary_counts_years(years: int, subject: str) -> None:
    assert rendered("pl", EVENT | {"years": years}, {})["anniversary"].startswith(f"{subject} od Twojego")


def test_several_products_are_plural() -> None:
    two = {**EVENT, "cart": {**EVENT["cart"], "items": [ITEM, ITEM]}}
    assert "Czekają w nim 2 produkty:" in rendered("pl", two, {})["cart-reminder"]
    assert "There are 2 products in it:" in rendered("en", two, {})["cart-reminder"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", [EVENT, BARE], ids=["full", "bare"])
def test_a_message_never_shows_what_is_missing(language: str, event: dict[str, Any]) -> None:
    for text in rendered(language, event, {}).values():
        assert "None" not in text
        assert "{" not in text


@pytest.mark.parametrize(
    ("step", "benefit"),
    [(500, "mieszankę sezonu"), (2000, "wysyłamy za darmo"), (5000, "tydzień przed innymi")],
)
def test_a_higher_threshold_brings_a_better_reward(step: int, benefit: str) -> None:
    event = {**EVENT, "threshold": {**EVENT["threshold"], "step": step}}
    assert benefit in rendered("pl", event, {})["spend-reward"]


def test_a_lower_price_stands_beside_the_lowest_of_thirty_days() -> None:
    said = rendered("pl", EVENT, {})["price-drop"].replace("\N{NO-BREAK SPACE}", " ")
    assert "24,50 zł (-18%, najniższa cena z 30 dni przed obniżką: 29,90 zł)" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_somebody_asked_for_is_announced_without_a_price(language: str) -> None:
    said = rendered(language, EVENT, {})["back-in-stock"]
    assert PRODUCT["name"] in said
    assert "24" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_tell_editors_their_schema(language: str) -> None:
    home = RECIPES / language
    for path in [*home.glob("*.yaml"), *home.glob("journeys/*.yaml")]:
        line = path.read_text().splitlines()[0]
        schema = path.parent / line.removeprefix("# yaml-language-server: $schema=")
        assert schema.resolve().is_file(), path


def test_the_thresholds_are_the_shops_own() -> None:
    threshold = workspace("pl").settings.policies.derive.spend_threshold
    assert threshold is not None
    assert threshold.steps == (Decimal(500), Decimal(2000), Decimal(5000))
