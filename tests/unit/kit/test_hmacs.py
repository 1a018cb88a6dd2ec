"""HMAC-SHA256 is that of the standard library, whatever the key and however often it signs."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from services.kit.hmacs import hmac_sha256


@given(st.text(max_size=200), st.lists(st.binary(max_size=200), min_size=1, max_size=3))
def test_it_is_what_the_standard_library_computes(key: str, said: list[bytes]) -> None:
    for one in said:
        assert hmac_sha256(key, one) == hmac.digest(key.encode(), one, "sha256")


def test_it_answers_as_rfc_4231_says_it_must() -> None:
    assert hmac_sha256("Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
