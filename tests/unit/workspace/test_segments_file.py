"""`segments.yaml`: every mistake at its place, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.contracts.segment import Segment
from tests.unit.workspace.folder import loaded, said, the

VIP = 'vip: {title: VIP, if: spent(365 days) >= 3000, tag: VIP, leave_after: 30 days}\nnew: {if: "now > now"}\n'
ENTERS = "journey: hello\nenter: {segment: NAME}\nsteps: [{send: hello, via: email}]\n"


def test_segments_are_published_as_they_are_written(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"segments.yaml": VIP})
    assert found.findings == []
    assert found.workspace is not None
    assert found.workspace.segments == (
        Segment("vip", "spent(365 days) >= 3000", "VIP", "VIP", 30 * 86_400.0),
        Segment("new", "now > now"),
    )


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("vip: {tag: VIP}", "segments.yaml:1:6", "missing-key"),
        ("vip: {if: event.order.total > 5}", "segments.yaml:1:11", "bad-condition"),
        ("vip: {if: spent(30) > 5}", "segments.yaml:1:17", "bad-condition"),
        ("vip: {if: 'count(\"page.view\", 7 days) > 5'}", "segments.yaml:1:18", "bad-condition"),
        ("vip: {if: profile.orders_count > 1, tagg: x}", "segments.yaml:1:37", "unknown-key"),
        ("vip: {if: profile.orders_count > 1, leave_after: 1 month}", "segments.yaml:1:50", "bad-duration"),
        ("VIP!: {if: profile.orders_count > 1}", "segments.yaml:1:1", "bad-name"),
        ("- vip", "segments.yaml:1:1", "wrong-kind"),
    ],
)
def test_a_mistake_is_named_at_its_place(tmp_path: Path, text: str, place: str, rule: str) -> None:
    assert said(loaded(tmp_path, {"segments.yaml": text}).findings) == [(place, rule)]


def test_what_is_not_applied_yet_is_warned_about(tmp_path: Path) -> None:
    found = the(loaded(tmp_path, {"segments.yaml": "vip: {if: profile.orders_count > 1, push_to_shop: true}"}).findings)
    assert (found.rule, found.severity) == ("not-yet-applied", "warning")


def test_a_journey_enters_by_a_segment_that_is_there_and_no_other(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"segments.yaml": VIP, "journeys/hello.yaml": ENTERS.replace("NAME", "vip")}
    assert loaded(tmp_path, files).findings == []
    wrong = the(loaded(tmp_path, {**files, "journeys/hello.yaml": ENTERS.replace("NAME", "vipp")}).findings)
    assert (wrong.rule, wrong.hint) == ("unknown-segment", "write instead: vip")
