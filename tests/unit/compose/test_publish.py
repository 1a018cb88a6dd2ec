"""A template's files become something checked, compiled and stable, or an error that says where and what instead."""

from __future__ import annotations

import msgspec
import pytest

from services.contracts.workspace import Template
from services.kit.errors import Misconfigured
from services.notifier.compose.errors import TemplateError
from services.notifier.compose.publish import compile_template
from tests.unit.compose.examples import email, mjml, sms

THANKS = """---
subject: "Dziękujemy, {{ profile.first_name }}!"
from: "Sklep <sklep@sklep.example>"
---
<mjml><mj-body><mj-section><mj-column><mj-text>Cześć {{ profile.first_name }}, zażółć gęślą jaźń.</mj-text>\
<mj-text><a href="{{ links.unsubscribe }}">Wypisz</a></mj-text></mj-column></mj-section></mj-body></mjml>
"""


def refused(file: str, text: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        compile_template("hello", "pl", {file: text})
    return caught.value


def test_email_and_sms_of_one_template_compile_into_one_result() -> None:
    template = compile_template("thanks", "pl", {"email.mjml": THANKS, "sms.txt": "Dziękujemy!\n"})
    assert template.email is not None
    assert template.email.subject == "Dziękujemy, {{ profile.first_name }}!"
    assert template.email.sender == "Sklep <sklep@sklep.example>"
    assert "Cześć {{ profile.first_name }}, zażółć gęślą jaźń." in template.email.html
    assert 'href="{{ links.unsubscribe }}"' in template.email.html
    assert "<mj-" not in template.email.html
    assert template.email.text == (
        "Cześć {{ profile.first_name }}, zażółć gęślą jaźń.\n\nWypisz: {{ links.unsubscribe }}\n"
    )
    assert template.sms == "Dziękujemy!"
    assert template.reads == (("links", "unsubscribe"), ("profile", "first_name"))


def test_published_template_survives_json() -> None:
    template = compile_template("thanks", "pl", {"email.mjml": THANKS})
    assert msgspec.json.decode(msgspec.json.encode(template), type=Template) == template


def test_digest_is_the_revision_same_files_same_digest_other_words_another() -> None:
    first, second = sms("Dzień dobry"), sms("Dzień dobry")
    assert first.digest == second.digest
    assert len(first.digest) == 64
    assert sms("Dobry wieczór").digest != first.digest
    assert sms("Dzień dobry", locale="pl-PL").digest != first.digest


def test_language_of_the_mail_is_stated_and_no_font_is_loaded_from_elsewhere() -> None:
    mail = email("<mj-text>x</mj-text>").email
    assert mail is not None
    assert '<html lang="pl"' in mail.html
    assert "googleapis" not in mail.html


def test_own_language_attribute_wins_over_the_locale() -> None:
    text = mjml("<mj-text>x</mj-text>").replace("<mjml>", '<mjml lang="szl">')
    mail = compile_template("hello", "pl", {"email.mjml": text}).email
    assert mail is not None
    assert '<html lang="szl"' in mail.html
    assert 'lang="pl"' not in mail.html


@pytest.mark.parametrize("head", ["", "<mj-head><mj-title>t</mj-title></mj-head>", "<mj-head />"])
def test_preheader_is_written_into_the_head_and_escaped(head: str) -> None:
    mail = email("<mj-text>x</mj-text>", head=head, front='subject: "S"\npreheader: "{{ event.n }} < 5 & więcej"').email
    assert mail is not None
    assert "{{ event.n }} &lt; 5 &amp; więcej" in mail.html
    assert mail.preheader == "{{ event.n }} < 5 & więcej"


def test_preheader_in_two_places_is_refused() -> None:
    text = mjml("x", head="<mj-head><mj-preview>a</mj-preview></mj-head>", front='subject: "S"\npreheader: "b"')
    assert "write one of them" in str(refused("email.mjml", text))


def test_text_written_by_the_author_replaces_the_derived_one() -> None:
    files = {"email.mjml": mjml("<mj-text>HTML</mj-text>"), "email.txt": "Moje słowa, {{ profile.first_name }}"}
    mail = compile_template("hello", "pl", files).email
    assert mail is not None
    assert mail.text == "Moje słowa, {{ profile.first_name }}"


def test_tags_keep_their_meaning_through_mjml() -> None:
    mail = email(
        '<mj-text color="{{ shop.brands.colour | default("red") }}">{% if 3 < event.n %}a{% endif %}</mj-text>'
        "<mj-raw>{% for item in event.order.items %}</mj-raw><mj-text>{{ item.name }}</mj-text>"
        "<mj-raw>{% endfor %}</mj-raw><mj-button href='{{ event.url | default(\"x\") }}'>Go</mj-button>"
    ).email
    assert mail is not None
    assert 'color:{{ shop.brands.colour | default("red") }};' in mail.html
    assert "{% if 3 < event.n %}a{% endif %}" in mail.html
    assert 'href="{{ event.url | default("x") }}"' in mail.html
    assert mail.html.index("{% for item") < mail.html.index("{{ item.name }}") < mail.html.index("{% endfor %}")


def test_comments_of_jinja_leave_nothing_behind() -> None:
    mail = email("<mj-text>{# {{ secret }} #}x{% raw %}{{ kept }}{% endraw %}</mj-text>").email
    assert mail is not None
    assert "secret" not in mail.html + mail.text
    assert "{% raw %}{{ kept }}{% endraw %}" in mail.html


def test_derived_text_keeps_rows_links_lists_and_loops() -> None:
    mail = email(
        "<mj-table>{% for i in event.order.items %}<tr><td>{{ i.name }}</td><td>{{ i.price }}</td></tr>{% endfor %}"
        '</mj-table><mj-image src="x.png" alt="Logo" href="https://s.example" /><mj-image src="y.png" alt="Nothing" />'
        '<mj-text>A&nbsp;&amp;&nbsp;B<br/>C<ul><li>one</li><li>two</li></ul></mj-text><mj-button href="https://b">Go</mj-button>'
        "<mj-raw><b>raw</b></mj-raw>"
    ).email
    assert mail is not None
    assert mail.text == (
        "{% for i in event.order.items %} {{ i.name }} {{ i.price }}\n{% endfor %}\n\nLogo: https://s.example\n\n"
        "A\N{NO-BREAK SPACE}&\N{NO-BREAK SPACE}B\nC\n- one\n- two\n\nGo: https://b\n"
    )


def test_kind_may_stand_in_either_file_but_must_agree() -> None:
    front = 'subject: "S"\nkind: offer'
    files = {"email.mjml": mjml("x", front=front), "sms.txt": "---\nkind: offer\n---\nHej"}
    assert compile_template("hello", "pl", files).kind == "offer"
    with pytest.raises(TemplateError, match="differs"):
        compile_template("hello", "pl", files | {"sms.txt": "---\nkind: content\n---\nHej"})


READS = [
    ("{{ profile.first_name }}", [("profile", "first_name")]),
    ('{{ event["order"].total }}', [("event", "order", "total")]),
    ("{% for i in event.order.items %}{{ i.name }}{{ loop.index }}{% endfor %}", [("event", "order", "items")]),
    ("{{ event.order.items[0].name }}", [("event", "order", "items")]),
    ("{{ event.order.total }}{{ event.order }}", [("event", "order")]),
    ("{% set o = event.order %}{{ o.total }}", [("event", "order")]),
    ("{{ event.order.total | money }}", [("event", "order", "currency"), ("event", "order", "total")]),
    (
        "{% for i in event.order.items %}{{ i.price | money }}{% endfor %}",
        [("event", "order", "currency"), ("event", "order", "items")],
    ),
    ("{{ cart.total | money }}", [("cart", "currency"), ("cart", "total")]),
    ('{{ event.order.total | money("EUR") }}', [("event", "order", "total")]),
    ("{{ event.order.placed_at | date }}", [("event", "order", "placed_at"), ("profile", "time_zone")]),
    (
        '{% if "VIP" in profile.tags %}{{ entry.coupon ~ now }}{% endif %}',
        [("entry", "coupon"), ("now",), ("profile", "tags")],
    ),
]


@pytest.mark.parametrize(("source", "paths"), READS)
def test_a_template_states_every_variable_that_it_reads(source: str, paths: list[tuple[str, ...]]) -> None:
    assert list(sms(source + ".").reads) == paths


LOCATED = [
    # file, text, line, column, what the error says
    ("email.mjml", mjml("<mj-tex>x</mj-tex>"), 4, 39, "did you mean <mj-text>"),
    ("email.mjml", mjml("<mj-text>a\n 1 < 2</mj-text>"), 5, 4, "write &lt;"),
    ("email.mjml", mjml("<mj-text>\n\n<p>x</mj-text>"), 6, 1, "<p> is not closed"),
    ("email.mjml", mjml("<mj-text></p></mj-text>"), 4, 48, "</p> closes nothing"),
    ("email.mjml", mjml("<mj-text>\n<img src=x></mj-text>"), 5, 1, 'name="value"'),
    ("email.mjml", mjml("<mj-text><![CDATA[x]]></mj-text>"), 4, 48, "CDATA"),
    ("email.mjml", mjml('<mj-image width="{{ shop.w }}px" src="x" />'), 4, 56, "{{ shop.w }} would be lost"),
    ("email.mjml", mjml("\n<mj-text>{{ profil.x }}</mj-text>"), 5, 10, "did you mean `profile`"),
    ("email.mjml", mjml("<mj-text>{{ profile.x | mony }}</mj-text>"), 4, 48, "did you mean `money`"),
    ("email.mjml", mjml("<mj-text>{{ links.unsubcribe }}</mj-text>"), 4, 48, "did you mean `unsubscribe`"),
    ("email.mjml", mjml('<mj-include path="/etc/passwd" />'), 4, 39, "mj-include"),
    ("email.mjml", mjml('<mj-style inline="inline">a</mj-style>'), 4, 39, "not supported"),
    ("email.mjml", mjml("x", front='subject: "S"\nsubjct: "T"'), 3, 1, "did you mean `subject`"),
    ("email.mjml", mjml("x", front="subject: {{ x }}"), 2, 1, "put the value in quotes"),
    ("email.mjml", mjml("x", front='subject: "{{ x"'), 2, 1, "unexpected end"),
    ("email.mjml", mjml("x", front='subject: "S"\nsubject: "T"'), 3, 1, "written twice"),
    ("email.mjml", mjml("x", front='subject: "S"\nfrom: "nobody"'), 3, 1, "not one address"),
    ("email.mjml", mjml("x", front='subject: "S"\nfrom: "a@b.pl, c@d.pl"'), 3, 1, "not one address"),
    ("email.mjml", mjml("x", front='subject: "S"\nkind: advert'), 3, 1, "content, offer, service"),
    ("email.mjml", mjml("x", front="a: [1"), 2, 1, "not YAML"),
    ("email.mjml", "---\nsubject: a\n", 1, 1, "has no end"),
    ("email.mjml", "<mjml><mj-body></mj-body></mjml>", 1, 1, "needs a subject"),
    ("email.mjml", '---\nsubject: "S"\n---\n<mjml></mjml>', 4, 1, "no <mj-body>"),
    ("email.mjml", '---\nsubject: "S"\n---\nhello', 4, 1, "no <mj-body>"),
    ("email.mjml", '---\nsubject: "S"\n---\n<html></html>', 4, 1, "begins with <mjml>"),
    ("sms.txt", "Hej\n{% if profile.x %}", 2, 1, "Unexpected end of template"),
    ("sms.txt", "  \n", 1, 1, "without words"),
    ("sms.txt", "a\n\0", 2, 1, "NUL"),
    ("email.md", "# Hej", 1, 1, "an e-mail needs a subject"),
    ("email.html", "<p>", 1, 1, "known: email.md"),
    ("email.txt", "Hej", 1, 1, "write email.md"),
]


@pytest.mark.parametrize(("file", "text", "line", "column", "says"), LOCATED)
def test_every_fault_of_a_template_is_named_with_its_place(
    file: str, text: str, line: int, column: int, says: str
) -> None:
    error = refused(file, text)
    assert isinstance(error, Misconfigured)
    assert (error.file, error.line) == (file, line), str(error)
    assert says in str(error)
    assert error.column == column, str(error)


def test_a_locale_that_is_none_is_refused() -> None:
    with pytest.raises(TemplateError, match="is not a locale"):
        compile_template("hello", '"><script>', {"sms.txt": "Hej"})


def test_deep_or_huge_mjml_is_refused_before_the_compiler_sees_it() -> None:
    deep = "<mj-text>" + "<b>" * 1_500 + "</b>" * 1_500 + "</mj-text>"
    assert "inside each other" in str(refused("email.mjml", mjml(deep)))
    assert "elements" in str(refused("email.mjml", mjml("<style>" + "<a>" * 40_000)))
    assert "longer than" in str(refused("email.mjml", mjml("x" * 200_001)))


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    text = "\ufeff" + mjml("<mj-text>\n{{ profile.first_name }}\n</mj-text>").replace("\n", "\r\n")
    mail = compile_template("hello", "pl", {"email.mjml": text}).email
    assert mail is not None
    assert mail.subject == "Witaj"
    assert "{{ profile.first_name }}" in mail.html
