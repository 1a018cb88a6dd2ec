"""How many parts an SMS takes, and how to make it take fewer.

GSM 7-bit alphabet and its extension table: 3GPP TS 23.038 §6.2.1. One part holds 160 septets or 70 UTF-16 units; each
of several holds 153 or 67, because 6 octets go to the header that joins them (TS 23.040 §9.2.3.24).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from anyascii import anyascii

Encoding = Literal["gsm7", "ucs2"]

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"
GSM_BASIC = frozenset(_BASIC)
GSM_EXTENDED = frozenset(_EXTENDED)
_ONLY_BASIC = re.compile(f"[{re.escape(_BASIC)}]*")
_ONLY_GSM = re.compile(f"[{re.escape(_BASIC + _EXTENDED)}]*")
_ONE_PART: dict[Encoding, int] = {"gsm7": 160, "ucs2": 70}
_PART_OF_MANY: dict[Encoding, int] = {"gsm7": 153, "ucs2": 67}
_FOLDED = str.maketrans({
    "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ", "\N{EN DASH}": "-",
    "\N{EM DASH}": "-", "\N{NON-BREAKING HYPHEN}": "-", "\N{HORIZONTAL ELLIPSIS}": "...", "„": '"', "”": '"',
    "“": '"', "«": '"', "»": '"', "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "'", "\N{SOFT HYPHEN}": "", "\N{ZERO WIDTH SPACE}": "",
    "\N{ZERO WIDTH JOINER}": "", "\N{WORD JOINER}": "", "\N{ZERO WIDTH NO-BREAK SPACE}": "", "\t": " ",
})  # fmt: skip


_BLANKS = re.compile("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]")


def with_plain_blanks(text: str) -> str:
    """`text` without the special blanks of written prices and dates, each of which would cost 90 characters a part."""
    return _BLANKS.sub(" ", text)


def encoding_of(text: str) -> Encoding:
    """The encoding that carries `text`: one character outside GSM 7-bit makes the whole of it UCS-2."""
    return "gsm7" if _ONLY_GSM.fullmatch(text) else "ucs2"


def segments(text: str) -> int:
    """Parts that `text` takes; 0 for an empty one. No part ends inside an escape or surrogate pair."""
    encoding = encoding_of(text)
    if encoding == "gsm7" and _ONLY_BASIC.fullmatch(text):
        return _equal_parts(len(text), encoding)
    wide = (lambda c: c in GSM_EXTENDED) if encoding == "gsm7" else (lambda c: c > "\uffff")
    widths = [2 if wide(c) else 1 for c in text]
    total = sum(widths)
    if total <= _ONE_PART[encoding]:
        return 1 if total else 0
    room = _PART_OF_MANY[encoding]
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts


def _equal_parts(units: int, encoding: Encoding) -> int:
    if units <= _ONE_PART[encoding]:
        return 1 if units else 0
    return -(-units // _PART_OF_MANY[encoding])


def transliterate(text: str) -> str:
    """`text` in GSM 7-bit only: letters without their marks, plain quotes and dashes, no emoji, the rest by sound."""
    folded = unicodedata.normalize("NFC", text).translate(_FOLDED)
    if _ONLY_GSM.fullmatch(folded):
        return folded
    return "".join(c if c in GSM_BASIC or c in GSM_EXTENDED else _nearest(c) for c in folded)


def _nearest(character: str) -> str:
    if unicodedata.category(character) in {"So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf", "Mn"}:
        return ""
    return "".join(c for c in anyascii(character) if c in GSM_BASIC or c in GSM_EXTENDED)
