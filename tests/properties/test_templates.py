"""For any template and any data: an error with a name or an answer within limits, the same each time."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from html.parser import HTMLParser
from typing import Any

import gsm0338  # noqa: F401 -- registers the codec gsm03.38
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit.errors import BadRecord
from services.notifier.compose.compose import compose
from services.notifier.compose.errors import RenderError, TemplateError
from services.notifier.compose.headers import one_line
from services.notifier.compose.links import make_token, read_token
from services.notifier.compose.locales import choose_locale
from services.notifier.compose.publish import compile_template
from services.notifier.compose.render import MAX_SEGMENTS, render_email, render_sms
from services.notifier.compose.sms import GSM_BASIC, GSM_EXTENDED, encoding_of, segments, transliterate
from tests.support.examples import examples
from tests.unit.compose.examples import AT, CONTEXT, POLE, VOICE, email, message, mjml

PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "if",
        "else",
        "endif",
        "for",
        "in",
        "endfor",
        "set",
        "endset",
        "macro",
        "profile",
        "event",
        ".order",
        ".items",
        "[0]",
        "|",
        "money",
        "date",
        "plural",
        "join",
        "safe",
        "(",
        ")",
        "'a'",
        '"b"',
        "**",
        "*",
        "+",
        "~",
        ",",
        "=",
        "==",
        "<",
        "range",
        "9999999999",
        "__class__",
        ".",
        "-",
        "not",
        "and",
        "loop.index",
        "\n",
        "<mj-text>",
        "</mj-text>",
        "<b>",
        "</b>",
        "<mj-raw>",
        "</mj-raw>",
        "<!--",
        "-->",
        "&nbsp;",
        "<",
        "&",
        "\x00",
        "ą",
        "😀",
        "raw",
        "endraw",
        "---",
        "subject:",
        "x",
    ]
)
SOURCES = st.lists(PIECES, max_size=25).map(" ".join)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["order", "items", "name", "total"]), inner)
    ),
    max_leaves=8,
)


@given(SOURCES, JSON)
@settings(max_examples=examples(300), deadline=2_000)
def test_any_sms_source_and_data_give_an_answer_within_limits_or_a_named_error(source: str, data: Any) -> None:
    try:
        out = render_sms(compile_template("t", "pl", {"sms.txt": source}), {"profile": data, "event": data}, POLE)
    except (TemplateError, RenderError):
        return
    assert 1 <= out.segments <= MAX_SEGMENTS


@given(SOURCES)
@settings(max_examples=examples(200), deadline=2_000)
def test_any_mail_source_is_published_whole_or_refused_with_a_place_in_it(source: str) -> None:
    text = mjml(f"<mj-text>{source}</mj-text>")
    try:
        template = compile_template("t", "pl", {"email.mjml": text})
    except TemplateError as error:
        line, template = error.line, None
    if template is None:
        assert 1 <= line <= text.count("\n") + 1
        return
    try:
        assert render_email(template, CONTEXT, POLE).subject == "Witaj"
    except RenderError:
        return


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(max_examples=examples(200), deadline=2_000)
def test_any_bytes_as_a_file_are_refused_by_name_or_published(raw: bytes) -> None:
    for file in ("email.mjml", "email.txt", "sms.txt"):
        try:
            compile_template("t", "pl", {file: raw.decode(errors="surrogateescape")})
        except TemplateError:
            continue


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag + "".join(name for name, _ in attrs))


HOSTILE = email('<mj-text><a href="{{ profile.first_name }}" title="t">{{ profile.first_name }}</a></mj-text>')
CALM = _Elements(render_email(HOSTILE, {"profile": {"first_name": "Anna"}}, POLE).html).found


@given(st.text(alphabet="<>\"'&;=/ ab!-\n{}%#", max_size=40))
@settings(max_examples=examples(300))
def test_no_name_adds_an_element_or_attribute_to_a_page(name: str) -> None:
    assert _Elements(render_email(HOSTILE, {"profile": {"first_name": name}}, POLE).html).found == CALM


@given(st.text(max_size=40))
def test_no_name_puts_a_line_end_into_a_header(name: str) -> None:
    assert len(("x" + one_line(name) + "x").splitlines()) == 1


@given(JSON, st.sampled_from(["marketing", "transactional"]))
@settings(max_examples=examples(100), deadline=None)
def test_composing_again_gives_the_same_bytes(data: Any, klass: Any) -> None:
    template = email("<mj-text>{{ profile }}{{ now }}{{ event.order.total | string }}</mj-text>")
    said = message(context={"profile": data, "event": data}, klass=klass)
    try:
        once = compose(said, template, composed_at=AT, voice=VOICE)
    except RenderError:
        return
    assert compose(said, template, composed_at=AT, voice=VOICE) == once


LETTERS = st.sampled_from(sorted(GSM_BASIC | GSM_EXTENDED | set("ąćęłńóśźż😀 „”\N{NO-BREAK SPACE}")))
TEXTS = st.lists(LETTERS, max_size=400).map("".join) | st.lists(st.sampled_from("a€"), max_size=500).map("".join)


@given(TEXTS)
@settings(max_examples=examples(300))
def test_parts_agree_with_another_counter(text: str) -> None:
    expected = len(smsutil.split(text).parts) if text else 0
    assert segments(text) == expected


@given(st.text(max_size=60) | TEXTS)
@settings(max_examples=examples(300))
def test_the_alphabet_agrees_with_another_codec(text: str) -> None:
    try:
        text.encode("gsm03.38")
        expected = "gsm7"
    except UnicodeError:
        expected = "ucs2"
    assert encoding_of(text) == expected


@given(st.text(max_size=80) | TEXTS)
@settings(max_examples=examples(300))
def test_transliterated_text_is_gsm_7_bit_and_stays_as_it_is(text: str) -> None:
    plain = transliterate(text)
    assert encoding_of(plain) == "gsm7"
    assert transliterate(plain) == plain


@given(st.text(max_size=60) | st.binary(min_size=33, max_size=33).map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_no_text_that_we_did_not_sign_is_a_token(text: str) -> None:
    try:
        read_token(text, VOICE.secret_keys)
    except BadRecord:
        return
    raise AssertionError(text)


@given(st.binary(min_size=16, max_size=16), st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=3))
def test_every_token_is_read_back_by_every_set_of_keys_that_holds_its_own(send_key: bytes, keys: list[str]) -> None:
    token = make_token("unsubscribe", send_key, keys)
    assert read_token(token, [*keys[1:], keys[0]]) == ("unsubscribe", send_key)


TAGS = st.from_regex(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{1,4}){0,2}", fullmatch=True)


@given(st.none() | TAGS | st.text(max_size=8), st.lists(TAGS, min_size=1, max_size=5), TAGS)
def test_some_available_language_is_always_chosen_and_an_exact_match_first(
    wanted: str | None, available: list[str], shop: str
) -> None:
    assert choose_locale(wanted, available, shop) in available
    assert choose_locale(available[0].upper(), available, shop).lower().replace("_", "-") == (
        available[0].lower().replace("_", "-")
    )
