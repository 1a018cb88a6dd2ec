"""How people and prices are spoken of: greetings, gendered words, and the price with its lowest of 30 days."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.notifier.compose.errors import RenderError, TemplateError
from services.notifier.compose.price import Reduction, reduction
from services.notifier.compose.publish import compile_template
from services.notifier.compose.render import Audience, render_email, render_sms
from tests.unit.compose.examples import POLE, email, sms

ENGLISH = Audience("en", "GBP", "Europe/London")
REDUCED = {"price": "79.90", "regular_price": "120.00", "lowest_price_30d": "99.90", "currency": "PLN"}


def said(source: str, context: dict[str, Any], audience: Audience = POLE) -> str:
    return render_sms(sms("|" + source + "|"), context, audience).text[1:-1]


def customer(form: str = "first_name", **profile: str) -> dict[str, Any]:
    return {"profile": profile, "shop": {"address_form": form}}


@pytest.mark.parametrize(
    ("profile", "form", "polish", "english"),
    [
        ({"first_name": "ANNA MARIA"}, "first_name", "Cześć, Aniu!", "Hi Anna,"),
        ({"first_name": "piotr"}, "first_name", "Cześć, Piotrze!", "Hi Piotr,"),
        ({"first_name": "Jessica"}, "first_name", "Cześć, Jessica!", "Hi Jessica,"),
        ({"first_name": "Firma sp. z o.o."}, "first_name", "Dzień dobry!", "Hello,"),
        ({}, "first_name", "Dzień dobry!", "Hello,"),
        ({"first_name": "Anna", "last_name": "NOWAK"}, "pan_pani", "Dzień dobry, Pani Anno!", "Dear Ms Nowak,"),
        ({"first_name": "Piotr"}, "pan_pani", "Dzień dobry, Panie Piotrze!", "Hello,"),
        ({"first_name": "Jessica", "last_name": "Jones"}, "pan_pani", "Dzień dobry!", "Hello,"),
        ({"first_name": "Kuba", "gender": "female"}, "pan_pani", "Dzień dobry!", "Hello,"),
        ({"first_name": "Jo", "last_name": "Jones", "gender": "male"}, "pan_pani", "Dzień dobry!", "Dear Mr Jones,"),
        ({"first_name": "Anna"}, "neutral", "Dzień dobry!", "Hello,"),
    ],
)
def test_the_greeting_follows_the_shops_form_of_address(
    profile: dict[str, str], form: str, polish: str, english: str
) -> None:
    assert said("{{ greeting() }}", customer(form, **profile)) == polish
    assert said("{{ greeting() }}", customer(form, **profile), ENGLISH) == english


def test_vocative_is_polish_and_the_clean_name_elsewhere() -> None:
    assert said("{{ profile.first_name | vocative }}", customer(first_name="ŁUCJA")) == "Łucjo"
    assert said("{{ profile.first_name | vocative }}", customer(first_name="ŁUCJA"), ENGLISH) == "Łucja"
    assert said("{{ profile.first_name | name }}{{ profile.nobody | name }}", customer(first_name="test")) == ""
    assert said("{{ 5 | vocative }}{{ profile | name }}", customer()) == ""


def test_gendered_words_are_used_only_where_the_gender_is_known() -> None:
    source = '{{ gendered("zrobiłeś", "zrobiłaś", "masz") }}'
    assert said(source, customer(first_name="Piotr")) == "zrobiłeś"
    assert said(source, customer(first_name="Anna")) == "zrobiłaś"
    assert said(source, customer(first_name="Sasha")) == "masz"
    assert said(source, customer(gender="female")) == "zrobiłaś"
    assert said('{{ gendered("byłeś", "byłaś") }}', customer()) == "byłeś/byłaś"


def test_a_message_carries_what_the_functions_read() -> None:
    assert set(sms("{{ greeting() }}").reads) == {("profile", name) for name in ("first_name", "gender", "last_name")}
    assert sms("{{ price(event.product) }}").reads == (("event", "product"),)


def test_a_reduction_shows_the_lowest_price_of_30_days_and_is_counted_from_it() -> None:
    words = said("{{ price(event.product) }}", {"event": {"product": REDUCED}})
    assert words == "79,90 zł (-20%, najniższa cena z 30 dni przed obniżką: 99,90 zł)"
    assert said("{{ price(event.product) }}", {"event": {"product": REDUCED | {"currency": "GBP"}}}, ENGLISH) == (
        "£79.90 (-20%, lowest price in the 30 days before the reduction: £99.90)"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"lowest_price_30d": None}, {"lowest_price_30d": ""}, {"lowest_price_30d": "79.90"}, {"lowest_price_30d": "60"},
        {"regular_price": "79.90"}, {"regular_price": "70"},
    ],
)  # fmt: skip
def test_without_a_higher_lowest_price_no_reduction_is_shown(changed: dict[str, Any]) -> None:
    assert said("{{ price(event.product) }}", {"event": {"product": REDUCED | changed}}) == "79,90 zł"


def test_a_percentage_is_never_rounded_up_and_none_is_said_below_one() -> None:
    assert reduction({"price": "66.70", "lowest_price_30d": "100"}) == Reduction(Decimal(100), 33)
    assert reduction({"price": "99.99", "lowest_price_30d": "100"}) == Reduction(Decimal(100), 0)
    product = {"price": "99.99", "lowest_price_30d": "100"}
    assert "%" not in said("{{ price(event.product) }}", {"event": {"product": product}})


def test_an_item_is_priced_in_the_currency_of_its_cart() -> None:
    cart = {"currency": "EUR", "items": [{"price": "2.50"}, {}]}
    words = said("{% for i in event.cart.items %}{{ price(i) }};{% endfor %}", {"event": {"cart": cart}})
    assert words == "2,50 €;;"
    assert said("{{ price(event.product) }}", {}) == ""


def test_in_html_the_price_is_markup_and_the_data_in_it_is_escaped() -> None:
    mail = email("<mj-text>{{ price(event.product) }}</mj-text>")
    html = render_email(mail, {"event": {"product": REDUCED | {"currency": "<b>x"}}}, POLE).html
    assert "<b>x" not in html
    assert "99,90\N{NO-BREAK SPACE}" in html
    assert "<b>-20%</b>" in html
    with pytest.raises(RenderError, match="wants a number"):
        render_email(mail, {"event": {"product": REDUCED | {"price": "<script>"}}}, POLE)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("{{ price() }}", "write {{ price(item) }}"),
        ("{{ price(event.product, 3) }}", "write {{ price(item) }}"),
        ("{{ greeting('x') }}", "write {{ greeting() }}"),
        ("{{ gendered('x') }}", "gendered"),
        ("{{ gendered(*event.forms) }}", "write each argument"),
        ("{{ greeting }}", "write {{ greeting() }}"),
        ("{{ price(x=event.product) }}", "write {{ price(item) }}"),
        ("{{ greeting()() }}", "filter"),
        ("{{ price.__globals__ }}", "_"),
    ],
)
def test_a_function_that_is_called_otherwise_is_refused_with_an_example(source: str, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template("hello", "pl", {"sms.txt": source})
    assert hint in str(caught.value)


def test_a_price_of_something_that_is_no_product_stops_the_message() -> None:
    with pytest.raises(RenderError, match="a product or an item"):
        said("{{ price(event.product.price) }}", {"event": {"product": REDUCED}})


def test_an_sms_has_plain_blanks_so_that_a_price_does_not_double_its_cost() -> None:
    message = render_sms(sms("Razem {{ 1249 | money('EUR') | replace('€', 'EUR') }}"), {}, POLE)
    assert message == ("Razem 1 249,00 EUR", 1, "gsm7")


def test_a_template_or_the_policies_ask_for_cheaper_letters() -> None:
    plain, written = sms("---\nsms: transliterate\n---\nZażółć 😀"), sms("---\nsms: as_written\n---\nZażółć 😀")
    assert render_sms(plain, {}, POLE).text == "Zazolc"
    assert render_sms(written, {}, POLE, plain=True).text == "Zażółć 😀"
    assert render_sms(sms("Zażółć"), {}, POLE, plain=True).text == "Zazolc"
    with pytest.raises(TemplateError, match=r"sms.txt:2:1: unknown word `plain` \(write one of: as_written, transl"):
        sms("---\nsms: plain\n---\nx")
