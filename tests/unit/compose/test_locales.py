"""The fall-back chain of languages."""

from __future__ import annotations

import pytest

from services.notifier.compose.locales import choose_locale


@pytest.mark.parametrize(
    ("wanted", "available", "shop", "chosen"),
    [
        ("pl-PL", ["en", "pl", "pl-PL"], "en", "pl-PL"),
        ("pl-PL", ["en", "pl"], "en", "pl"),
        ("PL_pl", ["en", "pl"], "en", "pl"),
        ("pl", ["en", "pl-PL"], "en", "pl-PL"),
        ("zh-Hant-x-a-TW", ["zh-Hant", "pl"], "pl", "zh-Hant"),
        ("de", ["en", "pl"], "pl-PL", "pl"),
        (None, ["en", "pl"], "pl", "pl"),
        ("", ["en", "pl"], "pl", "pl"),
        ("de", ["fr", "cs"], "pl", "cs"),
        ("de-AT", ["De_ch", "pl"], "pl", "De_ch"),
        ("p", ["pl", "en"], "en", "en"),
    ],
)
def test_the_nearest_language_is_chosen(wanted: str | None, available: list[str], shop: str, chosen: str) -> None:
    assert choose_locale(wanted, available, shop) == chosen


def test_the_order_of_what_is_available_does_not_matter() -> None:
    assert choose_locale("de", ["b", "a"], "x") == choose_locale("de", ["a", "b"], "x") == "a"


def test_nothing_to_choose_from_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        choose_locale("pl", [], "pl")
