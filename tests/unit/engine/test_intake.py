"""A record becomes an event, or a dead letter that says what to change; nothing else can come of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids, stamp
from services.kit.errors import BadRecord
from services.trigger_engine.intake import decode
from services.trigger_engine.profiles.state import Identifier
from tests.support.engine import AT, DAY, LogRecord, anna, event

KEYS = ("k" * 32,)
STORED = int(AT.timestamp() * 1000)


def refusal(value: bytes | None, **record: Any) -> str:
    """The reason for which this record is refused."""
    with pytest.raises(BadRecord) as caught:
        decode(LogRecord(value, **record), KEYS, ("wishlist.filled",), AT)
    return caught.value.reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "size"),
        (b" " * (256 * 1024 + 1), "size"),
        (b'{"id":"\x00"}', "nul"),
        (event("page.viewed", note="a\x00b"), "nul"),
        (b"", "not_readable"),
        (b"not json", "not_readable"),
        (b"[]", "not_readable"),
        (b'{"id":"1","source":"s","type":"page.viewed"}', "not_readable"),
        (b"\xff\xfe" + event("page.viewed"), "not_readable"),
        (b"[" * 200_000, "not_readable"),
        (event("order.placed"), "not_readable"),
        (event("order.placed", order={"id": 7}), "not_readable"),
        (event("order.placed", order={"id": "7", "total": "a lot"}), "not_readable"),
        (event("order.placed", order={"id": "7", "total": "1.5\n"}), "not_readable"),
        (event("order.placed", order={"id": "7", "total": "1.5", "currency": "PLN\n"}), "not_readable"),
        (event("page.viewed").replace(b'"1.0"', b'"0.3"'), "specversion"),
        (event("page.viewed", id=""), "id"),
        (event("page.viewed", id="x" * 257), "id"),
        (event("page.viewed", source=""), "id"),
        (event("message.clicked"), "engine_type"),
        (event("order.unpaid"), "engine_type"),
        (event("customer.singed_up"), "unknown_type"),
        (event("page.viewed", wicihops=9), "hops"),
        (event("page.viewed", subject="c-1", customer={"id": "c-2"}), "subject"),
        (event("page.viewed", subject="c" * 257), "subject"),
        (event("page.viewed", datetime(1969, 12, 31, tzinfo=UTC)), "time"),
        (event("page.viewed", datetime(2101, 1, 1, tzinfo=UTC)), "time"),
        (event("page.viewed", datetime(2026, 11, 22, 10)), "time"),  # noqa: DTZ001 -- a time without a zone
    ],
)  # fmt: skip
def test_a_record_that_is_no_event_says_why(value: bytes | None, reason: str) -> None:
    assert refusal(value) == reason


@pytest.mark.parametrize("header", [b"", b"rubbish", "é.é.é.é".encode(), b"\xff"])
def test_a_stamp_that_the_gateway_did_not_make_is_refused(header: bytes) -> None:
    assert refusal(event("page.viewed"), headers=((stamp.HEADER, header),)) == "stamp"


def test_a_stamp_moved_to_another_record_is_refused() -> None:
    made = stamp.make(stamp.Stamp(bytes(16), "page", "browser"), event("page.viewed"), KEYS)
    assert refusal(event("page.viewed"), headers=((stamp.HEADER, made),)) == "stamp"


def test_a_stamped_event_has_the_gateways_id_source_and_scope() -> None:
    value = event("cart.updated", cart={"id": "k1"}, customer={"anonymous_id": "a1", "email": "anna@example.com"})
    made = stamp.make(stamp.Stamp(b"\x07" * 16, "page", "browser"), value, KEYS)
    arrival = decode(LogRecord(value, headers=(("other", b""), (stamp.HEADER, made))), KEYS, (), AT)
    assert (arrival.id, arrival.source, arrival.scope) == (b"\x07" * 16, "page", "browser")
    assert arrival.identifiers == (Identifier("anonymous", "page", "a1"), Identifier("cart", "page", "k1"))


def test_another_producers_event_is_one_by_source_and_id() -> None:
    arrival = decode(LogRecord(event("page.viewed", id="42", source="shop"), 3, 9), KEYS, (), AT)
    assert (arrival.id, arrival.scope, arrival.order) == (ids.kafka_event("shop", "42"), "server", (3, 9))


def test_an_event_without_time_happened_when_the_log_took_it() -> None:
    record = LogRecord(event("page.viewed", None), timestamp=STORED)
    assert decode(record, KEYS, (), AT + DAY).time == AT


def test_a_time_far_ahead_of_the_log_is_not_believed() -> None:
    assert decode(LogRecord(event("page.viewed", AT + 2 * DAY)), KEYS, (), AT).time == AT
    soon = AT + timedelta(hours=23)
    assert decode(LogRecord(event("page.viewed", soon)), KEYS, (), AT).time == soon


@pytest.mark.parametrize("timestamp", [-1, 10**18, -(10**18), int((AT + 9 * DAY).timestamp() * 1000)])
def test_a_time_of_publishing_outside_the_calendar_is_now(timestamp: int) -> None:
    """Producers set it themselves."""
    assert decode(LogRecord(event("page.viewed", None), timestamp=timestamp), KEYS, (), AT).received == AT


def test_a_shops_own_type_is_taken_and_a_stateable_one_too() -> None:
    assert decode(LogRecord(event("wishlist.filled")), KEYS, ("wishlist.filled",), AT).type == "wishlist.filled"
    assert decode(LogRecord(event("cart.abandoned", cart={"id": "k"})), KEYS, (), AT).type == "cart.abandoned"


@pytest.mark.parametrize(("voucher", "taken"), [("wici", True), ("server", False), ("browser", False), (None, False)])
def test_what_the_engine_makes_is_taken_from_the_engine_alone(voucher: Any, taken: bool) -> None:
    value = event("product.price_dropped", customer=anna(), product={"id": "p"})
    mine = stamp.Stamp(bytes(16), "backend", voucher)
    headers = ((stamp.HEADER, stamp.make(mine, value, KEYS)),) if voucher else ()
    if taken:
        arrival = decode(LogRecord(value, headers=headers), KEYS, (), AT)
        assert (arrival.source, arrival.scope, arrival.identifiers[0].kind) == ("backend", "wici", "customer")
    else:
        with pytest.raises(BadRecord) as refused:
            decode(LogRecord(value, headers=headers), KEYS, (), AT)
        assert refused.value.reason == "engine_type"


def test_fields_keep_what_the_shared_words_do_not_name() -> None:
    arrival = decode(LogRecord(event("page.viewed", own={"depth": [1]}, page="/")), KEYS, (), AT)
    assert arrival.fields == {"own": {"depth": [1]}, "page": "/"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_WORDS = st.sampled_from(["customer", "order", "cart", "product", "threshold", "x"])


@given(
    kind=st.sampled_from(
        ["order.placed", "cart.updated", "customer.updated", "page.viewed", "spend.threshold_crossed"]
    ),
    data=st.dictionaries(_WORDS, _JSON, max_size=3),
    attributes=st.dictionaries(st.sampled_from(["id", "subject", "time", "source", "wicihops"]), _JSON, max_size=2),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
def test_nothing_but_an_event_or_a_reason_comes_of_a_record(
    kind: str, data: dict[str, Any], attributes: dict[str, Any], timestamp: int
) -> None:
    told = {"specversion": "1.0", "id": "1", "source": "s", "type": kind, "data": data, **attributes}
    try:
        arrival = decode(LogRecord(msgspec.json.encode(told), timestamp=timestamp), KEYS, (), AT)
    except BadRecord:
        return
    assert arrival.time <= AT + DAY
    assert arrival.fields is not None
