"""The gateway's stamp: who vouches for a record's bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.stamp import Stamp, make, read

NEW, OLD = "n" * 32, "o" * 32
STAMP = Stamp(bytes(range(16)), "backend", "server")
VALUE = b'{"id":"1"}'


def test_a_stamp_is_what_it_always_was() -> None:
    """Records in the log outlive a deployment: a new one must read them."""
    golden = b"000102030405060708090a0b0c0d0e0f.backend.server.6006d4c8f16d7936199f6b254167a94f"
    assert make(STAMP, VALUE, ("k" * 32,)) == golden


@pytest.mark.parametrize(
    "stamp",
    [STAMP, Stamp(bytes(16), "a.b.c", "browser"), Stamp(b"\xff" * 16, "żółw", "server"), STAMP._replace(scope="wici")],
)
def test_a_stamp_reads_back(stamp: Stamp) -> None:
    assert read(make(stamp, VALUE, (NEW,)), VALUE, (NEW,)) == stamp


def test_a_stamp_under_the_key_before_still_counts() -> None:
    assert read(make(STAMP, VALUE, (OLD,)), VALUE, (NEW, OLD)) == STAMP
    assert read(make(STAMP, VALUE, (NEW, OLD)), VALUE, (OLD,)) is None


def test_a_stamp_of_other_bytes_or_another_key_is_none_of_ours() -> None:
    stamp = make(STAMP, VALUE, (NEW,))
    assert read(stamp, VALUE + b" ", (NEW,)) is None
    assert read(stamp, VALUE, (OLD,)) is None
    assert read(stamp, VALUE, ()) is None


def test_a_source_or_scope_changed_on_the_way_is_found() -> None:
    stamp = make(Stamp(STAMP.id, "page", "browser"), VALUE, (NEW,))
    assert read(stamp.replace(b"browser", b"server"), VALUE, (NEW,)) is None
    assert read(stamp.replace(b"page", b"shop"), VALUE, (NEW,)) is None


@given(st.binary(max_size=120))
def test_rubbish_is_no_stamp(header: bytes) -> None:
    assert read(header, VALUE, (NEW,)) is None


def test_letters_beyond_ascii_are_no_stamp() -> None:
    assert read("a.b.server.żółw".encode(), VALUE, (NEW,)) is None
