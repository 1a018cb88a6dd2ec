"""What leaves: headers by class, the way out of every advertisement, and the same bytes for a repeat."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

import msgspec
import pytest

from services.contracts.message import MessageClass
from services.contracts.settings import Sender
from services.kit.errors import Misconfigured
from services.notifier.compose.compose import Composed, compose
from services.notifier.compose.footer import OptOut
from services.notifier.compose.headers import list_id
from services.notifier.compose.links import read_token
from services.notifier.compose.sms import encoding_of
from tests.unit.compose.examples import AT, SHOP, VOICE, email, message, sms

PLAIN = "<mj-text>Cześć {{ profile.first_name }}</mj-text>"
LINKED = PLAIN + '<mj-text><a href="{{ links.unsubscribe }}">Wypisz</a></mj-text>'


def composed(body: str = PLAIN, klass: MessageClass = "marketing") -> Composed:
    return compose(message(klass=klass), email(body), composed_at=AT, voice=VOICE)


def test_a_marketing_mail_carries_every_header_that_mailboxes_ask_for() -> None:
    mail = composed()
    token = mail.headers["List-Unsubscribe"].removeprefix("<https://wici.example/u/").removesuffix(">")
    assert read_token(token, VOICE.secret_keys) == ("unsubscribe", b"k" * 16)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["List-Id"].endswith("<cart-reminders.news.shop.example>")
    assert mail.headers["Feedback-ID"] == "cart-recovery:cart-reminders:marketing:news-shop-example"
    assert mail.headers["Message-ID"] == f"<{(b'k' * 16).hex()}@news.shop.example>"
    assert "Auto-Submitted" not in mail.headers


@pytest.mark.parametrize("klass", ["transactional", "service"])
def test_a_mail_that_is_no_advertisement_is_marked_as_automatic_and_no_list(klass: MessageClass) -> None:
    mail = composed(klass=klass)
    assert mail.headers["Auto-Submitted"] == "auto-generated"
    assert not [name for name in mail.headers if name.startswith("List-")]
    assert "/u/" not in mail.html + mail.text


def test_an_unsubscribe_mailbox_is_offered_beside_the_link() -> None:
    voice = msgspec.structs.replace(VOICE, mailbox="unsub@shop.example")
    mail = compose(message(), email(PLAIN), composed_at=AT, voice=voice)
    url, mailto = mail.headers["List-Unsubscribe"].split(", ")
    assert mailto == "<mailto:unsub+" + url.rpartition("/")[2].removesuffix(">") + "@shop.example>"


def test_headers_are_ascii_within_the_line_limit_and_survive_a_mail_library() -> None:
    mail = EmailMessage(policy=SMTP)
    for name, value in composed().headers.items():
        assert value.isascii()
        assert len(f"{name}: {value}") < 998
        mail[name] = value
    assert "Sklep Próbny" in str(mail["List-Id"])
    assert list_id('A "b" <c>', "News & Offers", "d.example") == '"A b c" <news-offers.d.example>'


def test_an_advertisement_without_a_way_out_gets_one_with_the_shops_name_and_address() -> None:
    mail = composed()
    url = mail.headers["List-Unsubscribe"].strip("<>")
    assert mail.html.count(url) == 1
    assert mail.html.index("Wypisz się") < mail.html.index("</body>")
    assert "Sklep Próbny, ul. Prosta 1, Warszawa" in mail.html
    choose = url.replace("/u/", "/preferences/").rpartition("/")[0]
    assert f'">Wypisz się</a> &middot; <a href="{choose}' in mail.html
    token = mail.text.rpartition(f"Wybierz, o czym piszemy: {choose}/")[2].partition("\n")[0]
    assert read_token(token, VOICE.secret_keys) == ("preferences", b"k" * 16)
    assert mail.text.endswith(f"{token}\nSklep Próbny, ul. Prosta 1, Warszawa\n")


def test_the_footer_speaks_the_language_of_the_message() -> None:
    template = msgspec.structs.replace(email(PLAIN), locale="en", digest="en")
    mail = compose(message(locale="en-GB"), template, composed_at=AT, voice=VOICE)
    assert "Unsubscribe" in mail.html
    assert "Choose what we write about" in mail.html
    assert "Wypisz" not in mail.html


def test_a_shop_name_with_markup_is_escaped_in_the_footer() -> None:
    shop = msgspec.structs.replace(SHOP, name="<b>A & B</b>", address="")
    mail = compose(message(), email(PLAIN), composed_at=AT, voice=msgspec.structs.replace(VOICE, shop=shop))
    assert "<br>&lt;b&gt;A &amp; B&lt;/b&gt;</div>" in mail.html


def test_an_own_unsubscribe_link_is_enough() -> None:
    mail = composed(LINKED)
    assert "Wypisz się" not in mail.html + mail.text
    assert mail.headers["List-Unsubscribe"].strip("<>") in mail.html


def test_a_way_out_that_is_not_rendered_does_not_count() -> None:
    assert (
        "Wypisz się"
        in composed(PLAIN + "<mj-text>{% if event.never %}{{ links.unsubscribe }}{% endif %}</mj-text>").html
    )


def test_the_same_message_template_and_time_give_the_same_bytes() -> None:
    once, again = composed(LINKED), composed(LINKED)
    assert once == again
    assert len(once.digest) == 32


def test_any_other_byte_gives_another_digest() -> None:
    usual = composed(LINKED)
    later = compose(message(), email(LINKED + "<mj-text>{{ now }}</mj-text>"), composed_at=AT, voice=VOICE)
    latest = compose(
        message(), email(LINKED + "<mj-text>{{ now }}</mj-text>"), composed_at=AT + timedelta(seconds=1), voice=VOICE
    )
    other = compose(message(recipient="jan@example.com"), email(LINKED), composed_at=AT, voice=VOICE)
    assert len({c.digest for c in (usual, later, latest, other, composed(LINKED, "service"))}) == 5


@pytest.mark.parametrize(
    "body", ["{{ links.preferences }} {{ links['confirm'] }}", "{% set l = links %}{{ l.preferences }} {{ l.confirm }}"]
)
def test_every_link_that_a_template_reads_is_there_however_it_reads_it(body: str) -> None:
    mail = composed(PLAIN + f"<mj-text>{body}</mj-text>", "transactional")
    for kind in ("preferences", "confirm"):
        (token,) = re.findall(rf"https://wici\.example/{kind}/(\S+)", mail.text)
        assert read_token(token, VOICE.secret_keys) == (kind, b"k" * 16)


def test_links_and_tokens_hold_no_personal_data() -> None:
    mail = composed(LINKED)
    assert "lucja" not in "".join(mail.headers.values()).lower()


def test_the_templates_sender_wins_over_the_class_and_one_of_both_must_exist() -> None:
    own = email(PLAIN, front='subject: "S"\nfrom: "{{ shop.name }} <a@own.example>"')
    mail = compose(message(), own, composed_at=AT, voice=VOICE)
    assert mail.sender == "Sklep Próbny <a@own.example>"
    assert mail.headers["Message-ID"].endswith("@own.example>")
    assert composed().sender == "Sklep <nowosci@news.shop.example>"
    assert composed().reply_to == "pomoc@shop.example"
    with pytest.raises(Misconfigured, match="senders: in wici"):
        compose(message(), email(PLAIN), composed_at=AT, voice=msgspec.structs.replace(VOICE, sender=Sender()))


def test_an_sms_has_text_sender_and_parts_and_nothing_of_a_mail() -> None:
    out = compose(
        message(channel="sms", recipient="+48600100200"),
        sms("Hej {{ profile.first_name }}"),
        composed_at=AT,
        voice=VOICE,
    )
    assert (out.text, out.sender, out.parts, out.recipient) == ("Hej Łucja", "Sklep", 1, "+48600100200")
    assert (out.subject, out.html, out.headers) == ("", "", {})
    plain = compose(
        message(channel="sms"),
        sms("Hej {{ profile.first_name }}"),
        composed_at=AT,
        voice=msgspec.structs.replace(VOICE, plain_sms=True),
    )
    assert plain.text == "Hej Lucja"


def test_a_message_cannot_replace_the_shop_or_its_links() -> None:
    context = {"shop": {"name": "Evil"}, "links": {"unsubscribe": "https://evil.example"}, "profile": {}}
    mail = compose(
        message(context=context), email(LINKED + "<mj-text>{{ shop.name }}</mj-text>"), composed_at=AT, voice=VOICE
    )
    assert "evil" not in (mail.html + mail.text).lower()


LEGAL = {
    "company": "Sklep Próbny sp. z o.o.", "nip": "1234567890", "krs": "0000123456",
    "court": "Sąd Rejonowy dla m.st. Warszawy", "capital": "5 000 zł",
    "privacy_url": "https://sklep.example/p?a=1&b=2", "terms_url": "https://sklep.example/regulamin",
}  # fmt: skip
COMPANY = (
    "Sklep Próbny sp. z o.o., NIP 1234567890, KRS 0000123456, "
    "Sąd Rejonowy dla m.st. Warszawy, kapitał zakładowy 5 000 zł"
)


def legal(klass: MessageClass, body: str = PLAIN, locale: str = "pl", **changes: str) -> Composed:
    shop = msgspec.structs.replace(SHOP, legal=LEGAL | changes)
    template = msgspec.structs.replace(email(body), locale=locale, digest=locale)
    voice = msgspec.structs.replace(VOICE, shop=shop)
    return compose(message(klass=klass, locale=locale), template, composed_at=AT, voice=voice)


@pytest.mark.parametrize("klass", ["marketing", "opinion", "service", "transactional"])
def test_every_mail_of_a_company_says_who_stands_behind_it(klass: MessageClass) -> None:
    mail = legal(klass)
    assert COMPANY in mail.html
    assert '<a href="https://sklep.example/p?a=1&amp;b=2">Polityka prywatności</a>' in mail.html
    assert f"{COMPANY}\nPolityka prywatności: https://sklep.example/p?a=1&b=2\nRegulamin: " in mail.text
    assert ("Wypisz się" in mail.html) is (klass in ("marketing", "opinion"))
    assert mail.text.count("\n-- \n") == 1


def test_the_company_is_named_in_english_too() -> None:
    mail = legal("service", locale="en")
    assert "VAT ID 1234567890, KRS 0000123456, registered at Sąd Rejonowy" in mail.html
    assert ">Privacy policy</a> &middot; <a" in mail.html


def test_a_template_that_names_the_company_itself_gets_no_second_line() -> None:
    mail = legal("transactional", PLAIN + "<mj-text>NIP {{ shop.legal.nip }}</mj-text>")
    assert (mail.html.count("1234567890"), mail.text.count("1234567890")) == (1, 1)


def test_a_shop_without_legal_facts_adds_nothing_to_what_is_no_advertisement() -> None:
    assert "padding:16px" not in composed(klass="transactional").html


@pytest.mark.parametrize(
    ("how", "locale", "ending"),
    [("reply", "pl", "\nRezygnacja: odpisz STOP"), ("reply", "en", "\nReply STOP to opt out"), (None, "pl", "")],
)
def test_an_advertisement_by_sms_says_how_to_leave_within_the_gsm_alphabet(
    how: OptOut | None, locale: str, ending: str
) -> None:
    voice = msgspec.structs.replace(VOICE, sms_opt_out=how)
    out = compose(message(channel="sms", locale=locale), sms("Promocja", locale), composed_at=AT, voice=voice)
    assert out.text == "Promocja" + ending
    assert encoding_of(out.text) == "gsm7"


def test_the_opt_out_counts_in_the_parts_of_an_sms() -> None:
    def parts(how: OptOut | None) -> int:
        voice = msgspec.structs.replace(VOICE, sms_opt_out=how)
        return compose(message(channel="sms"), sms("x" * 150), composed_at=AT, voice=voice).parts

    assert (parts(None), parts("reply")) == (1, 2)


def test_an_sms_that_shows_its_own_way_out_gets_no_other() -> None:
    voice = msgspec.structs.replace(VOICE, sms_opt_out="link")
    for source in ("Promocja, wypisz: {{ links.unsubscribe }}", "Promocja\nRezygnacja: {{ links.unsubscribe }}"):
        out = compose(message(channel="sms"), sms(source), composed_at=AT, voice=voice)
        assert out.text.count("/u/") == 1
