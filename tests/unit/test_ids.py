"""Golden values: other systems and stored rows rely on these ids, so that none of them may change, ever."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids, topics

SOME = bytes(range(16))


@pytest.mark.parametrize(
    ("computed", "golden"),
    [
        (ids.uuid5("a", "b"), "12cc41498afb50e3b6052f3aefc7c764"),
        (ids.uuid5("a\x1fb"), "63d068d8716a53e099bb48a7a4d7ed5e"),
        (ids.uuid5("a\\", "b"), "991a7de401525caaa2af44dbfd793999"),
        (ids.http_event("backend", "https://shop.example", "42"), "205fe9d482c258379e0ae7eff39b931b"),
        (ids.transition("sklep", "order.paid", "450789469"), "a587db8d8b54571ab026c584aba6c5fc"),
        (
            ids.update("sklep", "customer.updated", "207119551", "2026-11-22T10:00:00+00:00"),
            "9450e214b66c58d38a535f89ea010bed",
        ),
        (ids.topic_fact("erp", "shop.orders", "1001"), "f00b8654261b53879f9e5778b57e50ef"),
        (ids.topic_place("erp", "f3b1", "3/17"), "97d71a72fb5a5e81acd2a9b4ea1cedf5"),
        (ids.kafka_event("https://shop.example", "42"), "f75684d01f615b25ace392a1d93f1126"),
        (
            ids.derived_event("cart.abandoned", SOME, "cart.abandoned:k1:2026-11-22T10:00:00+00:00"),
            "1d0fa509169355e6a25254ae45e22242",
        ),
        (ids.profile(SOME, 0), "8fca3682d7d5501da5e9c3ec0076efbe"),
        (ids.profile(SOME, 1), "2acd004ab5495a868635f985d5f50601"),
        (ids.entry("cart-recovery", SOME), "3ecda6cf46cb53eeae2dc65af3e5682f"),
        (ids.send_key(SOME, "send:thanks:1", "email"), "b52124b7b9605fdaa34b812d7c20bfca"),
        (ids.attempt(SOME, 1), "2dc7e5c2bf9358699cf401b8b0623b1a"),
        (ids.callback("main", "evt-1"), "24b597ca293b5931a19509c3fad38071"),
        (ids.outcome("delivered", "a1", "b2"), "573083814bf95c12b5665b6d32fefa94"),
        (ids.alarm("cart.abandoned", SOME), "680cb0a6022f5289b0b99a02425b1606"),
        (ids.fan_out("product.back_in_stock", SOME), "0ce12bd3a665598891f5e6f331fd91ce"),
        (ids.trial("spring", 2, "send-news", "2026-12-01T10:00"), "e70ce4931c3c5a218a5173b03d41bd49"),
        (ids.fanned_out(SOME, SOME), "1ccc198e6185583a8269fb1fbf81699e"),
        (ids.campaign("newsletter", "2026-12-01T10:00"), "7914d879edbf520193763b13055e6080"),
        (ids.stated(SOME, "confirmation", "email:subscribed"), "708ce4d927f252489edfe8210554c2fe"),
        (ids.started(SOME, "start-1"), "ecdfd81b831357a7bae793180a305c72"),
        (ids.bought("1001"), "2072dfa245cf5c51867ac8a908ce6fbc"),
    ],
)
def test_an_id_is_what_it_always_was(computed: bytes, golden: str) -> None:
    assert computed.hex() == golden


def test_a_lot_falls_as_it_always_did() -> None:
    assert ids.chance("holdout:cart-recovery", SOME) == 12.28693958837539


def test_every_function_that_computes_an_id_has_a_golden_value() -> None:
    """A new function needs its line above; `text` and `parse` compute nothing."""
    public = {name for name, value in vars(ids).items() if callable(value) and not name.startswith("_")}
    covered = {"uuid5", "alarm", "http_event", "kafka_event", "derived_event", "profile", "entry", "send_key",
               "attempt", "callback", "outcome", "transition", "update", "started", "chance", "topic_fact",
               "topic_place", "fan_out", "fanned_out", "stated", "bought", "campaign", "trial"}  # fmt: skip
    assert public - {"annotations", "sha1"} == covered | {"text", "parse"}


def test_ids_are_version_5_uuids_as_rfc_9562_computes_them() -> None:
    root = uuid.uuid5(uuid.NAMESPACE_DNS, "wici")
    assert ids.uuid5("a", "b") == uuid.uuid5(root, "a\x1fb").bytes
    assert uuid.UUID(bytes=ids.uuid5("zażółć")).version == 5


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_two_lists_of_parts_never_share_an_id(one: list[str], other: list[str]) -> None:
    assert (ids.uuid5(*one) == ids.uuid5(*other)) == (one == other)


@given(st.sampled_from(["", "\x1f", "\\", "\\x1f", "a", "\x1fa", "a\\"]), st.sampled_from(["", "\x1f", "\\", "x1f"]))
def test_separators_inside_parts_do_not_move_their_borders(one: str, other: str) -> None:
    assert ids.uuid5(one, other) != ids.uuid5(one + "\x1f" + other)
    assert ids.uuid5(one, other) != ids.uuid5(one + other)


def test_the_written_form_of_an_id_reads_back() -> None:
    assert ids.text(SOME) == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert ids.parse(ids.text(SOME)) == SOME
    with pytest.raises(ValueError, match="badly formed"):
        ids.parse("c-1")


def test_topics_keep_their_names() -> None:
    assert topics.ALL == ("wici.events", "wici.outcomes", "wici.dead-letters")
