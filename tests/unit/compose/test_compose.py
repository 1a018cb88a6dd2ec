"""What leaves: headers by class, the way out of every advertisement, and the same bytes for a repeat."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

import msgspec
import pytest

from services.contracts.message import MessageClass
from services.contracts.settings import Sender
from services.kit.errors import Misconfigured
from services.notifier.compose.compose import Composed, compose
from services.notifier.compose.headers import list_id
from services.notifier.compose.links import read_token
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
    assert mail.text.endswith(f"Wypisz się: {url}\nSklep Próbny, ul. Prosta 1, Warszawa\n")


def test_the_footer_speaks_the_language_of_the_message() -> None:
    template = msgspec.structs.replace(email(PLAIN), locale="en", digest="en")
    mail = compose(message(locale="en-GB"), template, composed_at=AT, voice=VOICE)
    assert "Unsubscribe" in mail.html
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
