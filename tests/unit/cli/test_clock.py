"""How far the clock moves is read strictly: forward, in plain units."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.clock import parse
from services.kit.errors import Misconfigured


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("+45m", timedelta(minutes=45)),
        ("+2h30m", timedelta(hours=2, minutes=30)),
        ("+2h 30m", timedelta(hours=2, minutes=30)),
        ("+3 days", timedelta(days=3)),
        ("+1 week", timedelta(weeks=1)),
        ("+90 seconds", timedelta(seconds=90)),
        ("+1d", timedelta(days=1)),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert parse(text) == duration


@pytest.mark.parametrize(
    "text", ["", "+", "45m", "-45m", "+0m", "+45", "+m", "+4 fortnights", "+45m!", "+999999w", "+1.5h"]
)
def test_what_is_no_duration_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"\+45m"):
        parse(text)


@given(st.text(max_size=30))
def test_no_text_at_all_breaks_it(text: str) -> None:
    with contextlib.suppress(Misconfigured):
        assert parse(text) > timedelta()
