"""What consumer and telecommunications law asks of a message: consent for offers, prices, the way out.

Heuristics on wording, so they warn. PKE (Polish Electronic Communications Law) art. 398: advertising needs consent;
Directive 98/6/EC, Article 6a: an announced reduction states the lowest price of the 30 days before it. Polish Gambling
Act of 19 November 2009, art. 2(1)(10): a draw for prizes among buyers is a promotional lottery, which needs a permit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.cli.workspace.reading.sheet import Sheet
from services.cli.workspace.rules.prose import Found, anywhere, in_prose
from services.cli.workspace.rules.whole import Whole
from services.contracts.workspace import Template
from services.notifier.gate import CONSENTED

_OFFER = re.compile(
    r"(?<!\w)(?:"
    r"discounts?|coupons?|vouchers?|promo(?:tional)? codes?|special offers?|you may also like|recommended for you|"
    r"we recommend|free gift|"
    r"rabat\w*|zniżk\w*|kupon\w*|kod\w* (?:rabatow|promocyjn)\w*|bon\w* (?:podarunkow|rabatow)\w*|promocj\w+|"
    r"polecane dla ciebie|może ci się spodobać|taniej"
    r")(?!\w)|[-–−]\s?\d{1,2}\s?%|(?<!\d)\d{1,2}\s?%\s?(?:off|rabatu|zniżki)",  # noqa: RUF001 -- dashes of prices
    re.IGNORECASE,
)
_KIND = re.compile(r"^kind:\s*[\"']?offer\b", re.MULTILINE)
_CODE = re.compile(r"\{[{%][^{}]*\b(?:coupon\.|recommendations?\b)")
_OLD_PRICE = re.compile(r"\{\{[^{}]*\b(?:regular_price|old_price|compare_at_price)\b[^{}]*\}\}")
_LOWEST = re.compile(r"\bprice\(|\blowest_price_30d\b")
_LEAVE = re.compile(
    r"\[[^\[\]]*(?:unsubscribe|opt[ -]out|wypis|rezygn)[^\[\]]*\]\((?![^()]*links\.)[^()\n]*\)", re.IGNORECASE
)
_PRIZE = re.compile(
    r"(?<!\w)(?:prize draws?|raffles?|lotter(?:y|ies)|sweepstakes?|scratch ?cards?|wheel of fortune|chance to win|"
    r"you (?:could|may) win|losowani\w+|wylosuj\w*|loteri\w+|wygraj\w*|możesz wygrać|zdrapk\w+|ko\w+ fortuny)(?!\w)",
    re.IGNORECASE,
)
_TERMS = re.compile(r"(?<!\w)(?:terms|rules of the|regulamin\w*)", re.IGNORECASE)
_PERMIT = re.compile(r"(?<!\w)(?:permit|licen[cs]e|zezwoleni\w+)", re.IGNORECASE)
_BOUGHT = frozenset({"order.placed", "order.paid", "order.first_placed", "order.milestone", "order.fulfilled",
                     "order.delivered", "spend.threshold_crossed"})  # fmt: skip


def offer_without_consent(whole: Whole) -> None:
    """A code, reduction or recommendation in a message that leaves without consent to marketing."""
    seen: set[tuple[str, str]] = set()
    for told, send, folder in whole.said():
        klass = whole.counts_as(told.klass(send))
        if klass == "marketing":
            continue
        for locale, _, files in whole.editions(folder):
            found = None if (folder.name, locale) in seen else next(iter(offers(files)), None)
            seen.add((folder.name, locale))
            if found is None:
                continue
            what = "kind: offer" if found.text.startswith("kind") else f"'{' '.join(found.text.split())[:40]}'"
            message = f"{what} makes this an advertisement, and the journey {told.journey.name!r} says it as {klass}"
            hint = "leave the offer out, or say it as marketing, to those who agreed to that"
            found.sheet.warning(found.at, "offer-without-consent", message, hint)


def reduction_without_lowest(whole: Whole) -> None:
    """A former price that is shown without the lowest of 30 days."""
    for folder in whole.templates.values():
        for _, _, files in whole.editions(folder):
            for name, sheet in files.items():
                found = next(iter(anywhere({name: sheet}, _OLD_PRICE)), None)
                if found is not None and not any(anywhere({name: sheet}, _LOWEST)):
                    message = "a former price announces a reduction, and the lowest price of 30 days is not beside it"
                    hint = "write {{ price(product) }}: it shows the price, the reduction and the lowest price"
                    found.sheet.warning(found.at, "reduction-without-lowest", message, hint)


def foreign_way_out(whole: Whole) -> None:
    """A link that promises to unsubscribe and leads elsewhere than wici's."""
    seen: set[tuple[str, str]] = set()
    for told, send, folder in whole.said():
        if whole.counts_as(told.klass(send)) not in CONSENTED:
            continue
        for locale, _, files in whole.editions(folder):
            found = None if (folder.name, locale) in seen else next(iter(anywhere(files, _LEAVE)), None)
            seen.add((folder.name, locale))
            if found is not None:
                message = "this link promises a way out, and what is chosen there never reaches wici"
                hint = "write [Unsubscribe]({{ links.unsubscribe }}), or leave it out: one is added at the end"
                found.sheet.warning(found.at, "foreign-way-out", message, hint)


def confirm_in_advertising(whole: Whole) -> None:
    """A request to confirm the consent, sent only to those who have confirmed it."""
    for told, send, folder in whole.said():
        klass = whole.counts_as(told.klass(send))
        if klass in CONSENTED and any(_confirms(template) for template in folder.compiled.values()):
            message = f"this asks for a confirmation, and as {klass} it reaches only those who have confirmed"
            told.sheet.warning(
                told.step_at(send, "send"), "confirm-in-advertising", message, "write class: transactional"
            )


def prize_without_permit(whole: Whole) -> None:
    """A prize by chance for those who have bought, which names neither a permit nor its terms."""
    seen: set[tuple[str, str]] = set()
    for told, _, folder in whole.said():
        if told.journey.enter.on not in _BOUGHT:
            continue
        for locale, _, files in whole.editions(folder):
            found = None if (folder.name, locale) in seen else next(iter(in_prose(files, _PRIZE)), None)
            seen.add((folder.name, locale))
            if found is not None and not (any(anywhere(files, _TERMS)) and any(anywhere(files, _PERMIT))):
                message = (
                    f"'{found.text}': a prize by chance for who has bought is a lottery, and needs a permit and terms"
                )
                hint = "name the permit and link the terms; or give points, a code or free delivery to everybody"
                found.sheet.warning(found.at, "prize-without-permit", message, hint)


def _confirms(template: Template) -> bool:
    return ("links", "confirm") in template.reads


def offers(files: Mapping[str, Sheet]) -> list[Found]:
    """What makes a template an advertisement."""
    return [*anywhere(files, _KIND), *anywhere(files, _CODE), *in_prose(files, _OFFER)]


RULES = (
    offer_without_consent, reduction_without_lowest, foreign_way_out, confirm_in_advertising, prize_without_permit,
)  # fmt: skip
