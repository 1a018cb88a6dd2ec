"""Parts of an SMS, at the edges where the money is."""

from __future__ import annotations

import pytest

from services.notifier.compose.sms import GSM_BASIC, GSM_EXTENDED, encoding_of, segments, transliterate


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 10, 2),  # the escape pair moves to the next part as a whole
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ą" * 70, 1),
        ("ą" * 71, 2),
        ("ą" * 134, 2),
        ("ą" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ą" * 66 + "😀" + "ą" * 66, 3),  # a surrogate pair is not split, so one unit of the first part stays empty
        ("ą" * 66 + "😀" + "ą" * 65, 2),
    ],
)
def test_parts_are_counted_at_the_edges(text: str, parts: int) -> None:
    assert segments(text) == parts


def test_the_alphabet_has_the_size_that_the_standard_gives() -> None:
    assert (len(GSM_BASIC), len(GSM_EXTENDED)) == (127, 10)  # 128 positions less the escape itself


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
        ("„Już jest” \N{EN DASH} 5…", '"Juz jest" - 5...'),
        ("249,90\N{NO-BREAK SPACE}zł", "249,90 zl"),
        ("España ü ß è", "España ü ß è"),
        ("Hej 🎉👨\N{ZERO WIDTH JOINER}👩 tam", "Hej  tam"),
        ("Привет", "Privet"),
        ("1 €", "1 €"),
    ],
)
def test_transliteration_keeps_what_is_free_and_folds_the_rest(text: str, plain: str) -> None:
    assert transliterate(text) == plain
    assert encoding_of(plain) == "gsm7"
