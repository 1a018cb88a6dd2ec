"""What the pages of consent offer, state and look like. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.journey import Arm, Branch, Enter, Journey, Send
from services.contracts.settings import Account, Settings, Shop, Topic
from services.contracts.workspace import Workspace
from services.notifier.pages import choices as c
from services.notifier.pages.page import Look, page
from services.notifier.pages.words import LANGUAGES, WORDS

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
SHOP = Shop("Sklep", "https://shop.example", "pl", "PLN", "Europe/Warsaw")
MAIL, SMS = Account("box", "mailbox", "email"), Account("sms", "mailbox", "sms")
TOPICS = {"news": Topic({"pl": "Nowości", "en": "News"}), "carts": Topic({"": "Koszyki"}, {"en": "About carts"})}


def journey(topic: str, *via: Any, klass: Any = "marketing") -> Journey:
    nested = Branch("b", (Arm((Send("s", "hello", via),)),))
    return Journey(topic, Enter("page.viewed"), (nested,), topic=topic, klass=klass)


def shop(*journeys: Journey, accounts: tuple[Account, ...] = (MAIL, SMS)) -> Workspace:
    return Workspace(Settings(SHOP, accounts=accounts, topics=TOPICS), journeys)


def shown(workspace: Workspace, consents: c.Consents, language: Any = "pl", own: Any = "email") -> list[c.Choice]:
    return c.choices(workspace, consents, own, WORDS[language], language)


def names(found: list[c.Choice]) -> list[str]:
    return [line.name for choice in found for line in choice.lines]


def test_topics_that_advertise_are_offered_in_the_order_of_wici_yaml_then_by_name() -> None:
    workspace = shop(journey("zebra", "email"), journey("carts", "email"), journey("news", "email", "sms"),
                     journey("orders", "email", klass="transactional"))  # fmt: skip
    assert names(shown(workspace, {})) == ["email:news", "email:carts", "email:zebra", "email"]


def test_a_channel_is_shown_once_the_customer_has_spoken_of_it_and_the_shop_has_it() -> None:
    spoken = {("sms", ""): ("unsubscribed", AT)}
    assert names(shown(shop(), spoken)) == ["email", "sms"]
    assert names(shown(shop(accounts=(MAIL,)), spoken)) == ["email"]
    assert names(shown(shop(), {}, own="sms")) == ["sms"]


def test_titles_are_in_the_customers_language_or_one_that_the_shop_has() -> None:
    workspace = shop(journey("news", "email"), journey("carts", "email"), journey("not-listed", "email"))
    titles = [[line.title for line in shown(workspace, {}, language)[0].lines] for language in ("pl", "en")]
    assert titles == [
        ["Nowości", "Koszyki", "Not listed", "Pozostałe nowości i oferty"],
        ["News", "Koszyki", "Not listed", "Other news and offers"],
    ]


@pytest.mark.parametrize(
    ("channel", "topic", "on"),
    [
        (None, None, False),
        (("subscribed", AT), None, True),
        (("pending", AT), None, False),
        (("subscribed", AT), ("unsubscribed", AT), False),
        (("unsubscribed", AT), ("subscribed", LATER), True),
        (("unsubscribed", LATER), ("subscribed", AT), False),
        (("unsubscribed", AT), ("subscribed", AT), False),
        (None, ("subscribed", AT), True),
    ],
)
def test_a_line_stands_as_the_gate_would_decide(channel: Any, topic: Any, on: bool) -> None:
    rows = {("email", ""): channel, ("email", "news"): topic}
    assert c.is_on({key: value for key, value in rows.items() if value}, "email", "news") is on


WORKSPACE = shop(journey("news", "email", "sms"), journey("carts", "email"))
SPOKEN: c.Consents = {("sms", ""): ("subscribed", AT), ("email", ""): ("subscribed", AT)}


@given(st.dictionaries(st.sampled_from(["line", "on", "stop", "x"]), st.lists(st.text(max_size=12), min_size=1)))
def test_no_form_states_a_line_that_is_not_offered(form: dict[str, list[str]]) -> None:
    found = c.stated(shown(WORKSPACE, SPOKEN), form)
    assert found is None or found.keys() <= set(names(shown(WORKSPACE, SPOKEN)))


@given(st.sets(st.sampled_from(["email:news", "email:carts", "email", "sms:news", "sms"])))
def test_the_page_after_saving_shows_what_was_ticked(ticked: set[str]) -> None:
    before = shown(WORKSPACE, SPOKEN)
    lines = c.stated(before, {"line": names(before), "on": list(ticked)})
    assert lines is not None
    after = c.as_stated(before, lines)
    assert {line.name for choice in after for line in choice.lines if line.on} == ticked


def test_leaving_a_channel_leaves_its_topics_and_no_other_channel() -> None:
    before = shown(WORKSPACE, SPOKEN)
    lines = c.stated(before, {"stop": ["email"], "line": names(before), "on": names(before)})
    assert lines == {"email": "unsubscribed"}
    after = c.as_stated(before, lines)
    assert [line.name for choice in after for line in choice.lines if line.on] == ["sms:news", "sms"]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_a_button_can_be_read_in_any_colour(colour: str) -> None:
    text = bytes(page(Look("pl", "Sklep", colour), "x", "").body).decode()
    words = re.search(r"background:#[0-9a-f]{6};color:(#[0-9a-f]{6})", text)
    assert words is not None
    assert contrast(colour, words[1]) >= 4.5


def test_a_shops_name_is_text_and_never_markup() -> None:
    text = bytes(page(Look("en", "<script>x</script>", "#222222"), "<b>", "").body).decode()
    assert "<script>" not in text
    assert "<b>" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_say_everything(language: Any) -> None:
    words = msgspec.to_builtins(WORDS[language])
    assert words["said"].keys() == WORDS["pl"].said.keys()
    assert "{shop}" in words["confirm"][1]
    assert "{what}" in words["confirm"][1]
    assert "{how}" in words["confirm"][1]
