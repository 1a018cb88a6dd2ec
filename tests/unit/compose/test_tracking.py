"""Links as they leave: followed, marked with the shop's UTM words, or left alone."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.message import MessageClass
from services.contracts.settings import Links
from services.kit.errors import BadRecord
from services.notifier.compose.compose import Composed, compose
from services.notifier.compose.links import LONGEST_TARGET, Form, make_token, read_click, read_token
from services.notifier.compose.tracking import Trail, followed, trail, with_utm
from tests.unit.compose.examples import AT, SHOP, VOICE, email, message, sms

KEYS = VOICE.secret_keys
UTM = {"source": "wici", "medium": "{channel}", "campaign": "{journey}"}
WORDS = "utm_campaign=cart-recovery&utm_medium=email&utm_source=wici"
SHOP_LINK = '<mj-text><a href="https://sklep.example/buty?a=1&amp;b=2#top">Buty</a></mj-text>'
HREF = re.compile(r'<a [^>]*href="([^"]*)"')


def how(klass: MessageClass = "marketing", **links: Any) -> Trail:
    return trail(msgspec.convert(links, Links), klass, VOICE.public_url, SHOP.url)


def composed(body: str = SHOP_LINK, klass: MessageClass = "marketing", **links: Any) -> Composed:
    voice = msgspec.structs.replace(VOICE, trail=how(klass, **links))
    return compose(message(klass=klass), email(body), composed_at=AT, voice=voice)


def hrefs(mail: Composed) -> list[str]:
    return [unescape(found) for found in HREF.findall(mail.html)]


def html(source: str, **links: Any) -> str:
    return followed(source, "", message(), KEYS, how(**links))[0]


def test_a_link_of_an_advertisement_leads_through_a_token_that_holds_its_target() -> None:
    first, way_out, choose = hrefs(composed())
    base, _, token = first.rpartition("/")
    assert base == "https://wici.example/c"
    assert read_click(token, KEYS) == (b"k" * 16, "https://sklep.example/buty?a=1&b=2#top")
    assert way_out.startswith("https://wici.example/u/")
    assert choose.startswith("https://wici.example/preferences/")


def test_a_tracked_mail_ends_with_one_image_of_its_own() -> None:
    mail = composed()
    (source,) = re.findall(r'<img src="https://wici\.example/o/([^"]+)\.gif"', mail.html)
    assert read_token(source, KEYS) == ("open", b"k" * 16)
    assert mail.html.index("<img src") < mail.html.index("</body>")
    assert "/c/" not in mail.text
    assert "/o/" not in mail.text


@pytest.mark.parametrize(
    ("track", "klass", "tracked"),
    [
        ("marketing", "marketing", True),
        ("marketing", "opinion", True),
        ("marketing", "service", False),
        ("marketing", "transactional", False),
        ("all", "transactional", True),
        ("off", "marketing", False),
    ],
)
def test_who_is_followed_is_said_by_class(track: str, klass: MessageClass, tracked: bool) -> None:
    mail = composed(klass=klass, track=track)
    assert ("/c/" in mail.html, "/o/" in mail.html) == (tracked, tracked)


def test_a_domain_of_the_shops_own_takes_the_tracked_links_and_no_others() -> None:
    first, way_out, choose = hrefs(composed(domain="l.sklep.example"))
    assert first.startswith("https://l.sklep.example/c/")
    assert way_out.startswith("https://wici.example/u/")
    assert choose.startswith("https://wici.example/preferences/")


def test_utm_words_are_filled_in_and_the_query_and_fragment_stay() -> None:
    (target, *_) = hrefs(composed(utm=UTM, track="off"))
    assert target == f"https://sklep.example/buty?a=1&b=2&{WORDS}#top"
    token = hrefs(composed(utm=UTM))[0].rpartition("/")[2]
    assert read_click(token, KEYS)[1] == target


def test_the_text_part_gains_utm_words_and_keeps_its_punctuation() -> None:
    said = "Buty (https://sklep.example/buty). Wypisz: https://wici.example/u/T"
    _, text = followed("", said, message(), KEYS, how(utm=UTM, track="off"))
    assert text == f"Buty (https://sklep.example/buty?{WORDS}). Wypisz: https://wici.example/u/T"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://sklep.example", "https://sklep.example?utm_source=wici"),
        ("https://www.sklep.example/", "https://www.sklep.example/?utm_source=wici"),
        ("https://news.sklep.example/?", "https://news.sklep.example/?utm_source=wici"),
        ("https://sklep.example/?utm_source=own&x=", "https://sklep.example/?utm_source=own&x="),
        ("https://sklep.example/#/shop?x=1", "https://sklep.example/?utm_source=wici#/shop?x=1"),
        ("https://payments.example/pay?sig=1", "https://payments.example/pay?sig=1"),
        ("https://evilsklep.example/", "https://evilsklep.example/"),
        ("https://[broken/", "https://[broken/"),
    ],
)
def test_only_links_to_the_shop_gain_words_and_each_only_once(url: str, expected: str) -> None:
    assert with_utm(url, "sklep.example", (("utm_source", "wici"),)) == expected


def test_a_value_of_other_letters_is_written_so_that_it_comes_back() -> None:
    marked = with_utm("https://sklep.example/", "sklep.example", (("utm_campaign", "wyprzedaż & co"),))
    assert dict(parse_qsl(urlsplit(marked).query)) == {"utm_campaign": "wyprzedaż & co"}


@pytest.mark.parametrize(
    "kept",
    [
        '<a href="mailto:pomoc@sklep.example">',
        '<a href="tel:+48600100200">',
        '<a href="#top">',
        '<a href="/relative">',
        '<a href="javascript:alert(1)">',
        '<a href="https://wici.example/u/T">',
        '<a href="https://wici.example/preferences/T">',
        '<a href="https://wici.example/confirm/T">',
        '<a name="https://sklep.example/">',
        '<a data-href="https://sklep.example/">',
        '<link href="https://sklep.example/style.css">',
        '<img src="https://sklep.example/a.png">',
        '<a href="https://sklep.example/a b">',
        '<a href="">',
        f'<a href="https://sklep.example/{"x" * LONGEST_TARGET}">',
    ],
)
def test_what_is_no_link_of_the_shops_to_the_web_stays_byte_for_byte(kept: str) -> None:
    assert html(kept).startswith(kept)


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("<a\n class='x' href='https://a.example/?q=\"1\"'>", 'https://a.example/?q="1"'),
        ('<A HREF = "HTTPS://a.example/">', "HTTPS://a.example/"),
        ('<a href=" https://a.example/ ">', "https://a.example/"),
        ('<a href="https://a.example/?a=1&copy=2&amp;x=&#x142;">', "https://a.example/?a=1&copy=2&x=ł"),
        ('<a href="https://a.example/" title=" href=\'https://b.example/\'">', "https://a.example/"),
    ],
)
def test_a_link_is_read_as_a_mail_program_reads_it(written: str, target: str) -> None:
    token = html(written).partition("/c/")[2].partition('"')[0]
    assert read_click(token, KEYS)[1] == target


def test_the_same_message_leaves_with_the_same_bytes() -> None:
    assert composed(utm=UTM) == composed(utm=UTM)


def test_nothing_is_touched_where_nothing_is_asked_for() -> None:
    said = '<a href="https://sklep.example/">', "https://sklep.example/"
    assert followed(*said, message(), KEYS, how(track="off")) == said


@given(st.text(alphabet="<>a href=\"'/:&;#htps\n", max_size=200))
def test_any_page_is_rewritten_without_losing_a_word(page: str) -> None:
    rewritten = html(page, utm=UTM)
    assert rewritten.count("<") == page.count("<") + 1
    assert rewritten.count(">") == page.count(">") + 1


def test_many_tags_that_never_end_cost_no_time() -> None:
    page = "<a " * 50_000 + "href=" * 50_000
    assert html(page).startswith(page)


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_click_outlives_a_rotation_and_no_longer_its_key() -> None:
    token = make_token("click", b"k" * 16, ["o" * 32], b"https://a.example/")
    assert read_click(token, ["n" * 32, "o" * 32])[1] == "https://a.example/"
    with pytest.raises(BadRecord):
        read_click(token, ["n" * 32])


@given(st.integers(min_value=0), st.sampled_from("Aa0-_"))
def test_nobody_can_make_a_link_lead_elsewhere(at: int, other: str) -> None:
    token = make_token("click", b"k" * 16, KEYS, b"https://a.example/")
    at %= len(token)
    forged = token[:at] + other + token[at + 1 :]
    if forged != token:
        with pytest.raises(BadRecord):
            read_click(forged, KEYS)


def test_tokens_of_one_kind_are_none_of_another() -> None:
    forms: list[Form] = ["open", "unsubscribe", "unsubscribe_sms", "preferences"]
    for form in forms:
        with pytest.raises(BadRecord):
            read_click(make_token(form, b"k" * 16, KEYS), KEYS)
    assert read_token(make_token("click", b"k" * 16, KEYS, b"https://a.example/"), KEYS)[0] == "click"
    with pytest.raises(BadRecord):
        read_click(make_token("click", b"k" * 16, KEYS), KEYS)


# --- SMS -------------------------------------------------------------------------------------------------------------


def test_links_of_an_sms_stay_as_they_are_written() -> None:
    voice = msgspec.structs.replace(VOICE, trail=how(utm=UTM, track="all"))
    out = compose(message(channel="sms"), sms("https://sklep.example/"), composed_at=AT, voice=voice)
    assert out.text == "https://sklep.example/"


def test_the_way_out_of_an_sms_is_short_and_leads_to_the_domain_of_links() -> None:
    voice = msgspec.structs.replace(VOICE, trail=how(domain="l.sklep.example"), sms_opt_out="link")
    out = compose(message(channel="sms"), sms("Promocja"), composed_at=AT, voice=voice)
    base, _, token = out.text.rpartition("/")
    assert (base, len(token)) == ("Promocja\nRezygnacja: https://l.sklep.example/u", 32)
    assert read_token(token, KEYS) == ("unsubscribe", b"k" * 16)
    with pytest.raises(BadRecord):
        read_token(token[:-1] + ("A" if token[-1] != "A" else "B"), KEYS)
