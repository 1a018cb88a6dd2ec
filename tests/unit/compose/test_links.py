"""Links that act without a login are signed, opaque and outlive a change of keys."""

from __future__ import annotations

import pytest

from services.kit.errors import BadRecord, Misconfigured
from services.notifier.compose.links import (
    TOKEN_LENGTH,
    make_token,
    preferences_url,
    read_token,
    unsubscribe_url,
)

NEW, OLD = "n" * 32, "o" * 32
KEY = bytes(range(16))


def test_a_token_comes_back_as_kind_and_send_key() -> None:
    token = make_token("unsubscribe", KEY, [NEW])
    assert len(token) == TOKEN_LENGTH
    assert read_token(token, [NEW]) == ("unsubscribe", KEY)


def test_tokens_in_old_mails_survive_rotation_and_the_newest_key_signs() -> None:
    assert read_token(make_token("preferences", KEY, [OLD]), [NEW, OLD]) == ("preferences", KEY)
    assert make_token("unsubscribe", KEY, [NEW, OLD]) == make_token("unsubscribe", KEY, [NEW])


def test_a_token_of_a_retired_key_is_refused() -> None:
    with pytest.raises(BadRecord) as caught:
        read_token(make_token("unsubscribe", KEY, [OLD]), [NEW])
    assert caught.value.reason == "bad_token"


def test_no_character_of_a_token_can_be_changed() -> None:
    token = make_token("unsubscribe", KEY, [NEW])
    for i, was in enumerate(token):
        for other in "Aa0-_":
            if other != was:
                with pytest.raises(BadRecord):
                    read_token(token[:i] + other + token[i + 1 :], [NEW])


def test_links_of_mails_that_were_sent_long_ago_are_still_known() -> None:
    assert make_token("unsubscribe", KEY, [NEW]) == "dQABAgMEBQYHCAkKCwwNDg-skzXaQKS4oB68OIVPTUxw"
    assert make_token("unsubscribe_sms", KEY, [NEW]) == "cwABAgMEBQYHCAkKCwwNDg9-fw3FjQkH"
    click = "YwABAgMEBQYHCAkKCwwNDg9_lcAxlzNL-r1YxhrH9c7daHR0cHM6Ly9zaG9wLmV4YW1wbGUv"
    assert make_token("click", KEY, [NEW], b"https://shop.example/") == click


@pytest.mark.parametrize("junk", ["", "a", "a" * 43, "a" * 45, "ą" * 44, "=" * 44, "../" * 14 + "ab", "\0" * 44])
def test_junk_is_refused_by_name(junk: str) -> None:
    with pytest.raises(BadRecord):
        read_token(junk, [NEW])


def test_an_empty_key_neither_signs_nor_verifies() -> None:
    with pytest.raises(Misconfigured, match="WICI_SECRET_KEY"):
        make_token("unsubscribe", KEY, [])
    with pytest.raises(Misconfigured, match="WICI_SECRET_KEY"):
        make_token("unsubscribe", KEY, [""])
    with pytest.raises(BadRecord):
        read_token(make_token("unsubscribe", KEY, [NEW]), [""])


def test_a_send_key_of_another_length_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        make_token("unsubscribe", b"short", [NEW])


def test_urls_join_whatever_the_public_url_ends_with() -> None:
    assert unsubscribe_url("https://w.example/", "T") == "https://w.example/u/T"
    assert preferences_url("https://w.example/wici", "T") == "https://w.example/wici/preferences/T"
