"""Days are those of the shop's clocks, from beginning to end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.insights.report import period
from services.kit.errors import Misconfigured

ZONE = "Europe/Warsaw"


def test_a_day_lasts_from_midnight_to_midnight_where_the_shop_is() -> None:
    assert period.since("2026-11-01", ZONE) == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert period.until("2026-11-01", ZONE) == datetime(2026, 11, 1, 23, tzinfo=UTC)


def test_the_day_on_which_the_clocks_change_has_23_or_25_hours() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25)):
        since, until = period.since(day, ZONE), period.until(day, ZONE)
        assert since is not None
        assert until is not None
        assert (until.astimezone(UTC) - since.astimezone(UTC)).total_seconds() == hours * 3600


def test_a_moment_is_that_moment_and_on_the_shops_clocks_unless_it_says_otherwise() -> None:
    assert period.until("2026-11-22T10:00:00Z", ZONE) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert period.since("2026-11-22T10:00", ZONE) == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert period.since(None, ZONE) is period.until("", ZONE) is None


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-29", "9999-12-31"])
def test_what_is_no_day_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Misconfigured, match="2026-11-22"):
        period.until(text, ZONE)
