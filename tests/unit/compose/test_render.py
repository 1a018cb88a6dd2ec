"""Templates become words: for this customer, escaped where it matters, in their language, within limits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.kit.errors import BadRecord
from services.notifier.compose.errors import RenderError
from services.notifier.compose.publish import compile_template
from services.notifier.compose.render import Audience, render_email, render_sms
from tests.unit.compose.examples import AT, CONTEXT, POLE, email, mjml, sms

BRITON = Audience("en-GB", "GBP", "Europe/London")


def said(source: str, context: dict[str, Any] | None = None, audience: Audience = POLE) -> str:
    return render_sms(sms("|" + source + "|"), CONTEXT if context is None else context, audience).text[1:-1]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ profile.first_name }}", "Łucja"),
        ("{{ event.order.items | length }}", "2"),  # the field, not Python's method
        ("{{ event.order.items[1].name }}", "Pas"),
        ('{{ event["order"]["number"] }}', "#1001"),
        ("{{ event.order.items[7].name }}", ""),
        ("{{ event.nothing.at.all.here }}", ""),
        ("{{ cart.total }}", ""),
        ("{{ event.order.number.upper }}", ""),
        ("{% for i in event.order.items %}{{ loop.index }}{{ i.name }} {% endfor %}", "1Buty 2Pas "),
        ("{% for i in event.none %}x{% else %}nothing{% endfor %}", "nothing"),
        ("{{ event.order.items | map(attribute='name') | join(', ') }}", "Buty, Pas"),
        ("{{ event.order.items | sum(attribute='quantity') }}", "3"),
        ("{% for row in event.order.items | batch(1) %}[{{ row[0].name }}]{% endfor %}", "[Buty][Pas]"),
        ("{{ event.order.items[1].price * event.order.items[1].quantity }}", "249.90"),
        ("{{ event.order.total - 0.1 }}", "1249.80"),
        ("{{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 2 }}", "3.5 3 1"),
        ("{% if event.order.total > 999 %}big{% endif %}", "big"),
        ("{% if event.order.total < 0 or cart.total > 0 or cart.total <= 0 %}wrong{% endif %}", ""),
        ('{% if "VIP" in profile.tags %}VIP{% endif %}', "VIP"),
        ("{{ profile.first_name ~ '-' ~ event.order.number }}", "Łucja-#1001"),
        ("{% set name = profile.first_name %}{{ name | upper }}", "ŁUCJA"),
        ("{{ 'a-b' | replace('-', '+') }}", "a+b"),
        ("{{ 2.345 | round(2) }}", "2.35"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
    ],
)
def test_the_language_says_what_its_reference_promises(source: str, words: str) -> None:
    assert said(source) == words


def test_a_null_is_empty_and_never_the_word_none() -> None:
    assert (
        said(
            "{{ profile.first_name }}{% for x in event.items %}{% endfor %}",
            {"profile": {"first_name": None}, "event": {"items": None}},
        )
        == ""
    )


def test_money_is_written_as_the_language_writes_it_in_the_currency_of_its_order() -> None:
    assert said("{{ event.order.total | money }}") == "1 249,90 zł"
    assert said("{% for i in event.order.items %}{{ i.price | money }};{% endfor %}").startswith("1 000,00 zł;")
    euro = {"event": {"order": {"total": 5, "currency": "EUR", "items": [{"price": "2.50"}]}}}
    assert said("{{ event.order.total | money }}", euro) == "5,00 €"
    assert said("{% for i in event.order.items %}{{ i.price | money }}{% endfor %}", euro, BRITON) == "€2.50"
    assert said("{% set o = event.order %}{{ o.total | money }}", euro, BRITON) == "€5.00"
    assert said("{{ (event.order.total * 2) | money }}", euro, BRITON) == "€10.00"
    assert said("{{ shop.free_delivery_from | money }}", {"shop": {"free_delivery_from": "199"}}, BRITON) == "£199.00"
    assert said("{{ 3 | money('CZK') }}", {}, BRITON) == "CZK3.00"
    assert said("{{ cart.total | money }}", {}) == ""


def test_dates_are_in_the_customers_zone_and_language() -> None:
    late = {"event": {"at": "2026-11-22T23:30:00Z"}, "profile": {"time_zone": "America/New_York"}}
    assert said("{{ event.at | date }}", late) == "22 listopada 2026"
    assert said("{{ event.at | date }}", {"event": late["event"]}) == "23 listopada 2026"  # the shop's zone
    assert said("{{ event.at | date('HH:mm') }}", late) == "18:30"
    assert said("{{ event.at | date('full') }}", late, BRITON).startswith("Sunday")
    assert said("{{ '2026-11-22' | date('d MMM') }}", {}) == "22 lis"
    assert said("{{ now | date }} {{ now.year }}", {"now": AT}) == "22 listopada 2026 2026"
    assert (
        said("{{ event.at | date }}", {"event": {"at": "2026-11-22T10:00:00Z"}, "profile": {"time_zone": "Mars/Base"}})
        == "22 listopada 2026"
    )
    assert said("{{ event.none | date }}", {}) == ""


@pytest.mark.parametrize(
    ("n", "word"),
    [
        (1, "produkt"),
        (2, "produkty"),
        (4, "produkty"),
        (5, "produktów"),
        (12, "produktów"),
        (22, "produkty"),
        (0, "produktów"),
        ("1.5", "produktów"),
    ],
)
def test_polish_plurals_follow_the_number(n: object, word: str) -> None:
    assert said('{{ event.n | plural("produkt", "produkty", "produktów") }}', {"event": {"n": n}}) == word


def test_english_plurals_have_two_forms() -> None:
    source = '{{ event.n | plural("item", "items") }}'
    assert [said(source, {"event": {"n": n}}, BRITON) for n in (0, 1, 2)] == ["items", "item", "items"]


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert said("{{ '12345.678' | number }}", {}) == "12 345,678"
    assert said("{{ 5 | number(2) }}", {}, BRITON) == "5.00"


def test_a_name_with_markup_is_escaped_in_html_and_plain_in_text_and_subject() -> None:
    template = email(
        '<mj-text><a href="{{ profile.first_name }}">{{ "<b>" ~ profile.first_name }}</a></mj-text>',
        front='subject: "{{ profile.first_name }}"',
    )
    evil = '"><script>alert(1)</script>'
    mail = render_email(template, {"profile": {"first_name": evil}}, POLE)
    assert "<script>" not in mail.html
    assert 'href="&#34;&gt;&lt;script&gt;' in mail.html
    assert evil in mail.text
    assert mail.subject == evil


@pytest.mark.parametrize("evil", ["evil@example.com, Sklep", "a\r\nBcc: all@example.com", "<evil@example.com>"])
def test_data_cannot_add_a_second_sender(evil: str) -> None:
    template = email("x", front='subject: "S"\nfrom: "{{ profile.first_name }} <a@shop.example>"')
    with pytest.raises(RenderError, match="one address"):
        render_email(template, {"profile": {"first_name": evil}}, POLE)


@pytest.mark.parametrize("evil", ["a\r\nBcc all", "a\nb", "a\x00b\x85c\u2028d"])
def test_no_header_can_be_smuggled_in_through_subject_or_sender(evil: str) -> None:
    template = email(
        "x", front='subject: "Hej {{ profile.first_name }}"\nfrom: "{{ profile.first_name }} <a@shop.example>"'
    )
    mail = render_email(template, {"profile": {"first_name": evil}}, POLE)
    for value in (mail.subject, mail.sender):
        assert value is not None
        assert not any(c in value for c in "\r\n\0\x85\u2028")


def test_white_space_of_a_subject_is_folded() -> None:
    assert (
        render_email(
            email("x", front='subject: "  {{ event.a }}\\n  {{ event.b }} "'), {"event": {"a": 1, "b": 2}}, POLE
        ).subject
        == "1 2"
    )


@pytest.mark.parametrize(
    ("source", "context", "says"),
    [
        ("{{ event.n + 1 }}", {"event": {"n": "anna@example.com"}}, "wants a number"),
        ("{{ event.n | money }}", {"event": {"n": "much"}}, "wants a number"),
        ("{{ event.n | money }}", {"event": {"n": "NaN"}}, "too large"),
        ("{{ event.n | money }}", {"event": {"n": "1e999999999"}}, "too large"),
        ("{{ event.n | date }}", {"event": {"n": "tomorrow"}}, "wants a date"),
        ("{{ 1 / event.n }}", {"event": {"n": 0}}, "DivisionByZero"),
        ("{{ event.n | plural }}", {"event": {"n": 1}}, "wants its forms"),
        ("{% for x in event.n %}{% endfor %}", {"event": {"n": 5}}, "TypeError"),
        ("{{ event.n + 1 }}", {"event": {}}, "wants a number"),
    ],
)
def test_a_value_of_the_wrong_kind_stops_its_own_message_and_quotes_no_customer(
    source: str, context: dict[str, Any], says: str
) -> None:
    with pytest.raises(RenderError, match=says) as caught:
        said(source, context)
    assert isinstance(caught.value, BadRecord)
    assert caught.value.reason == "render_failed"
    assert "anna@" not in str(caught.value)


def test_an_empty_subject_an_empty_sms_and_a_broken_sender_are_refused() -> None:
    with pytest.raises(RenderError, match="subject came out empty"):
        render_email(email("x", front='subject: "{{ profile.none }}"'), {}, POLE)
    with pytest.raises(RenderError, match="0 parts"):
        render_sms(sms("{{ profile.none }}"), {}, POLE)
    with pytest.raises(RenderError, match="one address"):
        render_email(email("x", front='subject: "S"\nfrom: "{{ shop.none }}@{{ shop.none }}"'), {}, POLE)


def test_asking_a_template_for_a_channel_that_it_lacks_says_which_file_to_write() -> None:
    with pytest.raises(RenderError, match=r"write sms\.txt"):
        render_sms(email("x"), {}, POLE)
    with pytest.raises(RenderError, match=r"write email\.mjml"):
        render_email(sms("x"), {}, POLE)


def test_output_is_limited_in_every_part() -> None:
    long = {"profile": {"first_name": "x" * 99_000, "tags": ["x"] * 11}}
    for body, part in (("<mj-text>" + "{{ profile.first_name }}" * 6 + "</mj-text>", "html"), ("x", "text")):
        files = {"email.mjml": mjml(body), "email.txt": "{{ profile.first_name }}" * (2 if part == "text" else 1)}
        with pytest.raises(RenderError, match=f"{part}: longer than"):
            render_email(compile_template("big", "pl", files), long, POLE)
    with pytest.raises(RenderError, match="subject: longer than"):
        render_email(email("x", front='subject: "{{ profile.first_name }}"'), long, POLE)
    with pytest.raises(RenderError, match="longer than"):
        render_sms(sms("{{ profile.first_name }}"), long, POLE)
    with pytest.raises(RenderError, match="takes 15 parts"):
        render_sms(sms("ą" * 1_000), {}, POLE)


def test_sms_tells_its_parts_and_encoding_and_can_be_made_plain() -> None:
    rich = render_sms(sms("Zażółć {{ profile.first_name }}"), CONTEXT, POLE)
    assert (rich.text, rich.segments, rich.encoding) == ("Zażółć Łucja", 1, "ucs2")
    plain = render_sms(sms("Zażółć {{ profile.first_name }} 🎉"), CONTEXT, POLE, plain=True)
    assert (plain.text, plain.segments, plain.encoding) == ("Zazolc Lucja", 1, "gsm7")


def test_blank_lines_left_by_loops_collapse_in_text() -> None:
    template = email(
        "<mj-raw>{% for i in event.order.items %}</mj-raw><mj-text>{{ i.name }}</mj-text><mj-raw>{% endfor %}</mj-raw>"
    )
    assert render_email(template, CONTEXT, POLE).text == "Buty\n\nPas\n"


def test_two_revisions_of_one_name_are_rendered_each_from_its_own_source() -> None:
    old, new = sms("old"), sms("new {{ 1 }}")
    assert [render_sms(t, {}, POLE).text for t in (old, new, old)] == ["old", "new 1", "old"]


def test_a_stored_template_outside_the_language_is_refused_at_render_too() -> None:
    tampered = msgspec.structs.replace(sms("x"), sms="{{ ''.__class__ }}", digest="other")
    with pytest.raises(RenderError, match="cannot be read"):
        render_sms(tampered, {}, POLE)
