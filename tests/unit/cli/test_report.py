"""What `wici report` prints: every number has its name, and what is not there takes no room."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from services.cli.report import _text
from services.insights.report.model import Arm, Credit, GlobalHoldout, JourneyReport, Lift, Messages, Report, Way
from services.insights.report.statistics import Interval

ARM = Arm("held_out_globally", 120, 110, 11, 0.1, Interval(0.057, 0.17), Decimal("55.50"), Decimal("0.50"))
LIFT = Lift("conversion", "held_out", 0.021, None, "Newcombe", enough=True, said="+2.1 points")
SENT = Messages("send-hello", "email", 9, 8, 7, 3, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0)


def printed(**fields: object) -> str:
    given = {
        "journey": "carts", "entered": 120, "held_out": 12, "held_out_globally": 0, "goals": 11, "window": 432_000.0,
        "arms": [ARM], "lift": [LIFT], "messages": [SENT], "splits": [Way("split-1", "a", 40, 4, 0.1, None)],
        "attributed": [Credit("PLN", 2.5, Decimal("99.00")), Credit(None, 1.0, Decimal(0))], "notes": ["Look."],
    } | fields  # fmt: skip
    common = GlobalHoldout([ARM], [LIFT], ["A note."])
    since = datetime(2026, 11, 1, tzinfo=UTC)
    return "\n".join(_text(Report(since, None, "last_touch", "PLN", [JourneyReport(**given)], common)))  # type: ignore[arg-type]


def test_a_report_names_its_days_its_model_and_each_number() -> None:
    text = printed()
    assert "What was entered from 2026-11-01 00:00" in text
    assert "Attribution: last touch." in text
    assert "entered 120, held out 12 by its holdout and 0 by policies.holdout; goals 11" in text
    assert "held out globally  120      110        11                10.0%  5.7% to 17.0%  55.50  0.50" in text
    assert "conversion, told against held out: +2.1 points (Newcombe)" in text
    assert "attributed by last touch, within 5 days of a message: 2.5 goals, 99.00 PLN" in text
    assert "attributed by last touch, within 5 days of a message: 1 goals\n" in text
    assert "split-1  a    40" in text
    assert "all journeys, against policies.holdout" in text


def test_a_column_of_nothing_is_left_out() -> None:
    (head,) = [line for line in printed().splitlines() if "channel" in line]
    assert head.split() == ["step", "channel", "queued", "sent", "delivered", "opened", "clicked", "machine", "opened"]
    assert "step" not in printed(messages=[], splits=[], notes=[])


def test_journeys_that_nobody_entered_stand_in_a_line() -> None:
    text = printed(entered=0)
    assert "Nobody entered: carts." in text
    assert "goals" not in text.split("Nobody entered")[0]


def test_without_a_holdout_none_is_named() -> None:
    assert "entered 120; goals 11" in printed(held_out=0)
