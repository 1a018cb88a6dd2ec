"""In which ways a name may be written."""

from __future__ import annotations

import base64
import json

from services.cli.customers.finder import Finder
from services.cli.customers.spelling import cases, in_base64, loose, readable


def test_a_name_is_found_in_base64_wherever_it_begins() -> None:
    for before in ("", "x", "xy", "xyz"):
        coded = base64.b64encode(f"{before}anna@example.com!".encode()).decode()
        assert any(piece in coded for piece in in_base64(["anna@example.com"])), before


def test_a_name_is_looked_for_in_the_cases_in_which_it_may_be_written() -> None:
    assert set(cases("łucja")) == {"łucja", "Łucja"}


def test_what_json_escapes_is_found() -> None:
    for written in (json.dumps("łucja-żak"), json.dumps("Łucja-Żak"), json.dumps("ŁUCJA-ŻAK")):
        assert any(word in written.lower() for word in loose(["łucja-żak"])), written
    assert "a\\/b\\/c-d" in loose(["a/b/c-d"])


def test_a_short_name_counts_only_where_it_stands_alone() -> None:
    assert loose(["17"]) == ['"17"']
    assert in_base64(["17"]) == []


def test_a_word_is_found_among_bytes_that_are_no_text() -> None:
    for before in (b"\xa4", b"\xd9\x10", b"\xc4\x10\xff", b"\xf0"):
        assert "łucja-żak" in readable(before + "łucja-żak".encode() + b"\xc3"), before


def test_words_are_found_in_which_no_sign_means_anything() -> None:
    finder = Finder(["+48.1", "a|b"])
    assert [finder.is_in(text) for text in ("x+48.1", "a|b", "+4811", "a", "")] == [True, True, False, False, False]
    assert not Finder([]).is_in("anything")
