"""email.md, layouts, partials and the brand: what a marketer writes becomes a mail, and every fault has its place."""

from __future__ import annotations

import contextlib
from time import process_time

import pytest

from services.contracts.workspace import EmailTemplate
from services.notifier.compose.errors import TemplateError
from services.notifier.compose.publish import compile_template
from services.notifier.compose.render import RenderedEmail, render_email
from tests.unit.compose.examples import POLE, mjml

CART = {
    "currency": "PLN",
    "recovery_url": "https://sklep.example/k?a=1&b=2",
    "items": [{"name": "Mięta & <werbena>", "price": "24.50", "quantity": 2}, {"name": "Kubek", "price": "39.00"}],
}
LAYOUT = "<mjml><mj-body><mj-section><mj-column>{{ content }}</mj-column></mj-section></mj-body></mjml>"


def written(body: str, front: str = "", shared: dict[str, str] | None = None) -> EmailTemplate:
    text = f'---\nsubject: "Hej"\n{front}---\n{body}\n'
    mail = compile_template("hello", "pl", {"email.md": text}, shared).email
    assert mail is not None
    return mail


def rendered(body: str, shared: dict[str, str] | None = None) -> RenderedEmail:
    text = f'---\nsubject: "Hej"\n---\n{body}\n'
    template = compile_template("hello", "pl", {"email.md": text}, shared)
    context = {
        "event": {"cart": CART},
        "profile": {"first_name": "ANNA"},
        "shop": {"name": "S", "url": "https://s.example"},
    }
    return render_email(template, context, POLE)


def refused(body: str, shared: dict[str, str] | None = None, front: str = "") -> str:
    with pytest.raises(TemplateError) as caught:
        written(body, front, shared)
    return str(caught.value)


def test_markdown_becomes_a_page_in_the_shops_layout_and_a_text_of_its_own() -> None:
    mail = rendered(
        "# {{ greeting() }}\n\nTo jest **ważne** i [tu]({{ shop.url }}/x?a=1&b=2).\n\n> cytat\n\n---\n\n1. a\n2. b"
    )
    assert "Cześć, Aniu!</h1>" in mail.html
    assert "<strong>ważne</strong>" in mail.html
    assert 'href="https://s.example/x?a=1&amp;b=2"' in mail.html
    assert "<mj-" not in mail.html
    assert mail.text == (
        "Cześć, Aniu!\n\nTo jest ważne i tu: https://s.example/x?a=1&b=2.\n\n> cytat\n\n* * *\n\n1. a\n2. b\n"
    )


def test_a_button_and_an_image_stand_in_paragraphs_of_their_own() -> None:
    mail = rendered(
        "[Wróć]({{ event.cart.recovery_url }}){button}\n\n[![Kubek](https://i.example/a.jpg)](https://s.example)"
    )
    assert 'href="https://sklep.example/k?a=1&amp;b=2"' in mail.html
    assert 'src="https://i.example/a.jpg"' in mail.html
    assert "{button}" not in mail.html + mail.text
    assert mail.text == "Wróć: https://sklep.example/k?a=1&b=2\n\nKubek: https://s.example\n"


def test_a_loop_around_a_list_makes_one_list_and_its_data_is_escaped() -> None:
    mail = rendered("{% for item in event.cart.items %}\n- {{ item.name }}\n{% endfor %}\n\nKoniec")
    assert mail.html.count("<ul") == 1
    assert mail.html.count("<li") == 2
    assert "Mięta &amp; &lt;werbena&gt;" in mail.html
    assert mail.text == "- Mięta & <werbena>\n- Kubek\n\nKoniec\n"


def test_a_line_of_tags_chooses_what_follows_it() -> None:
    mail = rendered("{% if event.none %}\nNie\n{% else %}\nTak\n{% endif %}")
    assert "Nie" not in mail.html
    assert "Tak" in mail.html
    assert mail.text == "Tak\n"


def test_the_built_in_partial_lists_products_in_page_and_text() -> None:
    mail = rendered('{% set items = event.cart.items %}\n{% include "products" %}')
    assert "2 x 24,50\N{NO-BREAK SPACE}zł" in mail.html
    assert mail.text.replace("\N{NO-BREAK SPACE}", " ") == "- Mięta & <werbena>: 2 x 24,50 zł\n- Kubek: 39,00 zł\n"


def test_a_workspace_has_layouts_partials_and_a_brand_of_its_own() -> None:
    shared = {
        "default.mjml": LAYOUT.replace(
            "{{ content }}", '<mj-text>TOP {{ brand.claim }}</mj-text>{{ content }}{% include "end" %}'
        ),
        "end.mjml": "<mj-text>Zespół</mj-text>",
        "brand.yaml": 'claim: "Zioła i spokój"\n',
    }
    mail = rendered('Hej\n\n{% include "end" %}\n\n{{ brand.color }}', shared)
    assert mail.html.index("TOP Zioła i spokój") < mail.html.index("Hej") < mail.html.index("Zespół")
    assert mail.html.count("Zespół") == 2
    assert mail.text == "Hej\n\nZespół\n\n#1f6f54\n"


def test_brand_values_stand_where_mjml_computes_and_partials_in_mjml_text_and_sms() -> None:
    body = '<mj-image src="https://x.example/a" width="{{ brand.logo_width }}" />{% include "end" %}'
    files = {"email.mjml": mjml(body), "email.txt": 'A {% include "end" %}', "sms.txt": '{% include "end" %}'}
    template = compile_template("hello", "pl", files, {"end.mjml": "<mj-text>Koniec</mj-text>", "end.txt": "Pa"})
    assert template.email is not None
    assert 'width="160"' in template.email.html
    assert "Koniec" in template.email.html
    assert template.email.text == "A Pa"
    assert template.sms == "Pa"


def test_a_field_of_the_data_that_is_called_brand_is_left_alone() -> None:
    assert "{{ event.brand.color }}" in written("{{ event.brand.color }}").html


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a\n\n<b>x</b>", "email.md:6:1: HTML in Markdown"),
        ("a\n\nIdź [tu](https://x.example){button} już", "email.md:6:1: a button among other words"),
        ("a\n\n{% include 'nothing' %}", "email.md:6:1: there is no partial `nothing`"),
        ("a\n\n{% include 'product' %}", "(name it in email.md"),
        ("a {% include 'products' %} b", "an include within a paragraph"),
        ("{% include '../../etc/passwd' %}", "there is no partial"),
        ("{% include event.name %}", "email.md:4:1: `include` is not part"),
        ("{% include 'a' ignore missing %}", "`include` is not part"),
        ("x\n\n{{ profil.first_name }}", "email.md:6:1: unknown variable `profil`"),
        ("x\n\n{{ brand.colour }}", "email.md:6:1: there is no brand value `colour` (did you mean `color`?)"),
        ("x\n\n{% if event.a %}", "email.md:6:1: "),
        ("{{ content }}", "unknown variable `content`"),
        ("{{ 'a", "email.md:4:"),
    ],
)
def test_a_fault_is_said_with_its_place_in_the_markdown(body: str, said: str) -> None:
    assert said in refused(body)


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ({"end.mjml": "\n<mj-text>{{ profil }}</mj-text>"}, "_layouts/end.mjml:2:10: unknown variable `profil`"),
        ({"end.mjml": "\n <mj-txt>x</mj-txt>"}, "_layouts/end.mjml:2:2: unknown component <mj-txt>"),
        ({"end.mjml": "\n {% include 'end' %}"}, "_layouts/end.mjml:2:2: a partial includes no other"),
        ({"end.mjml": "\n{% if x"}, "_layouts/end.mjml:2:"),
        ({"default.mjml": LAYOUT.replace("{{ content }}", "")}, "_layouts/default.mjml:1:1: a layout with 0 places"),
        ({"default.mjml": LAYOUT.replace("content", "contents")}, "_layouts/default.mjml:1:"),
        ({"brand.yaml": "color: #fff\n"}, "_layouts/brand.yaml:1:1: `color` has no value"),
        ({"brand.yaml": "a: x\ncolor: '\"><script>'\n"}, "_layouts/brand.yaml:2:1: `color` cannot stand in markup"),
        ({"brand.yaml": "- a\n"}, "_layouts/brand.yaml:1:1: not a list"),
        ({"brand.yaml": "a: [1]\n"}, "_layouts/brand.yaml:1:1: `a` is not one value"),
        ({"brand.yaml": "a: '{{ 7 }}'\n"}, "cannot stand in markup"),
    ],
)
def test_a_fault_of_a_shared_file_is_said_with_its_own_place(shared: dict[str, str], said: str) -> None:
    shared = {"end.mjml": "<mj-text>x</mj-text>"} | shared
    assert said in refused("Hej {{ brand.color }}\n\n{% include 'end' %}", shared)


def test_an_unknown_layout_is_named_where_it_was_asked_for() -> None:
    assert "email.md:3:1: there is no layout `fancy`" in refused("x", front="layout: fancy\n")


def test_one_mail_is_written_once() -> None:
    with pytest.raises(TemplateError, match="says the same mail"):
        compile_template("hello", "pl", {"email.md": "x", "email.mjml": "y"})


@pytest.mark.parametrize(
    "body",
    [
        "[" * 50_000, ">" * 50_000, "*a " * 40_000, "- " * 50_000, "![" * 40_000, "`" * 60_000, "a\n\n" * 60_000,
        "{% include 'big' %}\n" * 5_000, "|" * 50_000 + "\n" + "|-" * 20_000, "&" * 100_000, "<" * 50_000,
    ],
    ids=["links", "quotes", "stars", "lists", "images", "ticks", "paragraphs", "includes", "tables", "ampersands",
         "angles"],
)  # fmt: skip
def test_no_markdown_takes_long_however_hostile(body: str) -> None:
    began = process_time()
    with contextlib.suppress(TemplateError):
        written(body, "", {"big.mjml": "<mj-text>x</mj-text>" * 5_000})
    assert process_time() - began < 8


def test_the_same_files_give_the_same_digest_and_another_brand_another() -> None:
    files = {"email.md": '---\nsubject: "Hej"\n---\nHej\n'}
    first, second = compile_template("a", "pl", files), compile_template("a", "pl", files, {})
    assert first == second
    assert compile_template("a", "pl", files, {"brand.yaml": 'color: "#000000"'}).digest != first.digest
