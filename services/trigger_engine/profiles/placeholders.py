"""Addresses that name nobody: fillers that people and systems write where one is asked for, and marketplaces' masks.

A filler is no address at all. A masked address leads to one buyer of one marketplace for one order: it identifies
nobody, and only messages about that order may go to it.
"""

from __future__ import annotations

import re
from functools import lru_cache

# The part before the @, whatever stands behind it: senders that nobody reads, and words for "none".
FILLERS = frozenset({
    "noreply", "no-reply", "no_reply", "no.reply", "donotreply", "do-not-reply", "do_not_reply", "mailer-daemon",
    "nomail", "no-mail", "noemail", "no-email", "no_email", "none", "null", "nobody", "undefined",
    "brak", "brakmaila", "brak-maila", "brak.maila", "brak_maila", "brakemaila", "brak-emaila", "brak.emaila",
    "brak_emaila", "bezmaila", "niemam", "nie-mam", "nie.mam", "nieposiadam", "nie.posiada", "nieposiada", "nie.podano",
    "niepodano",
})  # fmt: skip
_TEST = re.compile(r"(test|testowy|tester|example|przyklad|asdf|qwerty|abc|xxx|aaa)[0-9]*@"
                   r"(test|example|przyklad|domena|email|mail|asdf|qwerty|abc|xxx|aaa)\.[a-z.]+")  # fmt: skip
_NOWHERE = (".invalid", ".localhost")  # RFC 6761 §6.3, §6.4: never in use

# Allegro; Amazon's marketplaces (https://sellercentral.amazon.com/help/hub/reference/G200389640); eBay's members;
# marketplaces on Mirakl; Cdiscount. Apple's private relay is none of these: it stays the same for one shop.
_MASKED = re.compile(
    r".+@(allegromail\.(pl|com|cz|sk|hu)|user\.allegrogroup\.pl|(.+\.)?marketplace\.amazon\.[a-z.]+"
    r"|members\.ebay\.[a-z.]+|([^@]+\.)?mirakl\.net|(.+\.)?clemarche\.com)"
)
_COUNTED = frozenset({"123456789", "1234567890", "12345678", "123123123", "987654321", "0123456789"})


def is_filler(email: str) -> bool:
    """Whether a normal e-mail is one that people write where they have none, or systems where nobody reads."""
    return email.partition("@")[0] in FILLERS or email.endswith(_NOWHERE) or _TEST.fullmatch(email) is not None


@lru_cache(maxsize=65_536)
def is_masked(email: str) -> bool:
    """Whether a marketplace stands between the shop and whoever has this normal e-mail."""
    return _MASKED.fullmatch(email) is not None


def is_filler_phone(national: str) -> bool:
    """Whether a number without its country's code is 000 000 000, 999 999 999, 123 456 789 or the like."""
    return len(set(national)) == 1 or national in _COUNTED
