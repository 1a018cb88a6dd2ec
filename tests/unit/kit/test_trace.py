"""Trace context by the W3C recommendation: what is well formed goes on, what is not starts anew."""

from __future__ import annotations

import pytest

from services.kit.telemetry import trace

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"


def test_the_recommendations_example_is_read() -> None:
    assert trace.parse(f"00-{TRACE_ID}-{SPAN_ID}-01") == trace.Trace(TRACE_ID, SPAN_ID, sampled=True)
    assert trace.parse(f"00-{TRACE_ID}-{SPAN_ID}-00") == trace.Trace(TRACE_ID, SPAN_ID, sampled=False)


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert trace.parse(f"cc-{TRACE_ID}-{SPAN_ID}-01-what-comes") == trace.Trace(TRACE_ID, SPAN_ID, sampled=True)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID[:-1]}-{SPAN_ID}-01",
    ],
)
def test_a_malformed_header_is_no_context(header: str | None) -> None:
    assert trace.parse(header) is None


def test_a_child_keeps_the_trace_and_its_sampling_with_a_place_of_its_own() -> None:
    parent = trace.Trace(TRACE_ID, SPAN_ID, sampled=True)
    child = trace.child(parent)
    assert (child.trace_id, child.sampled) == (TRACE_ID, True)
    assert child.span_id != SPAN_ID


def test_what_is_written_is_read_back() -> None:
    made = trace.child(None)
    assert trace.parse(trace.text(made)) == made
