"""What the pages say, in Polish and English. `{shop}` is the shop, `{what}` what is agreed to, `{how}` the channel.

The wording that a customer agrees to is evidence: whoever changes it raises TEXT, which stands in the record.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from services.contracts.message import Channel

Language = Literal["pl", "en"]
LANGUAGES: tuple[Language, ...] = ("pl", "en")
Name = Literal["lost", "slow_down", "left", "confirmed", "confirmed_before", "expired"]
TEXT = 1
"""The revision of the wording; part of every `text_id`."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every text of the pages in one language: titles, texts and buttons. `said` are pages without a button."""

    said: dict[Name, tuple[str, str]]
    leave: tuple[str, str, str]
    confirm: tuple[str, str, str]
    preferences: tuple[str, str]
    saved: str
    save: str
    stop_all: str
    stop: dict[Channel, str]
    channel: dict[Channel, str]
    how: dict[Channel, str]
    news: str
    everything: str
    everything_else: str


WORDS: dict[Language, Words] = {
    "pl": Words(
        said={
            "lost": (
                "Ten link nie działa",
                "Link jest niepełny albo stary. Otwórz go jeszcze raz z najnowszej wiadomości lub napisz do sklepu.",
            ),
            "slow_down": ("Za dużo prób", "Odczekaj minutę i otwórz link jeszcze raz."),
            "left": ("Gotowe", "{shop} nie będzie już wysyłać Ci wiadomości marketingowych."),
            "confirmed": ("Dziękujemy", "Zgoda jest zapisana dla adresu, na który przyszła ta wiadomość."),
            "confirmed_before": (
                "Ta zgoda jest już potwierdzona",
                "Nic więcej nie trzeba robić. Swoje ustawienia zmienisz linkiem w wiadomościach od {shop}.",
            ),
            "expired": (
                "Ten link wygasł",
                "Minęło zbyt dużo czasu. Zapisz się jeszcze raz na stronie sklepu, a przyślemy nowy link.",
            ),
        },
        leave=("Rezygnacja z wiadomości", "Czy na pewno nie chcesz już wiadomości od {shop}?", "Tak, rezygnuję"),
        confirm=(
            "Potwierdź zgodę",
            "Naciskając przycisk, zgadzasz się dostawać od sklepu {shop} {how}: {what}. Zgodę zawsze możesz wycofać.",
            "Tak, potwierdzam",
        ),
        preferences=("Co chcesz od nas dostawać?", "Zaznacz, co {shop} może Ci wysyłać, i zapisz."),
        saved="Zapisane dla adresu, na który przyszła wiadomość. Zmiana działa od razu.",
        save="Zapisz",
        stop_all="Rezygnuję ze wszystkiego",
        stop={"email": "Rezygnuję z e-maili", "sms": "Rezygnuję z SMS-ów"},
        channel={"email": "E-mail", "sms": "SMS"},
        how={"email": "e-mailem", "sms": "SMS-em"},
        news="nowości i oferty",
        everything="Nowości i oferty",
        everything_else="Pozostałe nowości i oferty",
    ),
    "en": Words(
        said={
            "lost": (
                "This link does not work",
                "It is incomplete or old. Open it again from the newest message, or write to the shop.",
            ),
            "slow_down": ("Too many attempts", "Wait a minute, then open the link again."),
            "left": ("Done", "{shop} will send you no more marketing messages."),
            "confirmed": ("Thank you", "Your consent is kept for the address that this message came to."),
            "confirmed_before": (
                "You have confirmed already",
                "There is nothing more to do. A link in messages from {shop} leads to your settings.",
            ),
            "expired": (
                "This link has expired",
                "Too much time has passed. Sign up once more in the shop, and a new link comes.",
            ),
        },
        leave=("Unsubscribe", "Do you really want no more messages from {shop}?", "Yes, unsubscribe"),
        confirm=(
            "Confirm your consent",
            "By pressing the button you agree that {shop} sends you {how}: {what}. You can withdraw at any time.",
            "Yes, I confirm",
        ),
        preferences=("What would you like to hear?", "Tick what {shop} may send you, and save."),
        saved="Saved for the address that the message came to. It takes effect at once.",
        save="Save",
        stop_all="Unsubscribe from everything",
        stop={"email": "Unsubscribe from all e-mail", "sms": "Unsubscribe from all SMS"},
        channel={"email": "E-mail", "sms": "SMS"},
        how={"email": "by e-mail", "sms": "by SMS"},
        news="news and offers",
        everything="News and offers",
        everything_else="Other news and offers",
    ),
}
