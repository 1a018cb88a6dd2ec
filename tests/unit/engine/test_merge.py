"""Two profiles that turn out to be one person."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.journey import Wait
from services.contracts.reasons import Reason
from services.trigger_engine.profiles.merge import merge
from services.trigger_engine.profiles.state import Profile, dump, load
from tests.support.engine import AT, DAY, DERIVE, HOUR, MINUTE, Run, anna, happened, journey, say, until, workspace

WAITING = journey("waiting", "page.viewed", Wait("wait", 1, "days"), say(), exits=until("order.placed"))
CART = journey("reminder", "cart.abandoned", exits=until("order.placed"), key="event.cart.id", again_after=0)


def copy(profile: Profile) -> Profile:
    return load(dump(profile), profile.version)


_KINDS = st.sampled_from(["page.viewed", "cart.updated", "order.placed", "order.paid", "customer.updated"])
_STORY = st.lists(st.tuples(_KINDS, st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=5)


def lived(who: dict[str, Any], story: list[tuple[str, int, int]]) -> Profile:
    run = Run(workspace(WAITING, CART))
    for kind, hours, number in story:
        data: dict[str, Any] = {"customer": {**who, "first_name": f"Anna {number}"}}
        if kind.startswith("order."):
            data["order"] = {"id": "1", "total": "600.00", "currency": "PLN", "cart_id": f"k{number}"}
        if kind == "cart.updated":
            data["cart"] = {"id": f"k{who['id']}", "total": "10"}
        run.take(happened(kind, AT + hours * HOUR, **data))
    return run.profile


@given(_STORY, _STORY)
def test_merging_is_symmetric_in_what_is_known(
    one: list[tuple[str, int, int]], other: list[tuple[str, int, int]]
) -> None:
    mine, theirs = lived({"id": "c-1"}, one), lived({"id": "d-1"}, other)
    there, back = copy(mine), copy(theirs)
    ended_there, ended_back = merge(there, copy(theirs)), merge(back, copy(mine))
    for name in ("identifiers", "facts", "consents", "seen", "orders", "spent", "paid", "stated", "bought",
                 "created_at", "entered"):  # fmt: skip
        assert getattr(there, name) == getattr(back, name), name
    assert {e.id for e in there.entries} == {e.id for e in back.entries}
    assert {e.id for e in ended_there} == {e.id for e in ended_back}
    carts = [None if p.cart is None else (p.cart.id, p.cart.changed_at) for p in (there, back)]
    assert carts[0] == carts[1]


def test_of_two_live_entries_of_one_journey_and_key_the_older_stays() -> None:
    run = Run(workspace(WAITING))
    run.take(happened("page.viewed", customer={"anonymous_id": "a1"}))
    older = next(iter(run.entries))
    run.now += HOUR
    run.take(happened("page.viewed", AT + HOUR, customer=anna()))
    assert len(run.timers) == 2
    run.take(happened("customer.updated", AT + HOUR, customer=anna(anonymous_id="a1")))
    assert [entry.id for entry in run.profile.entries] == [older]
    assert set(run.timers) == {older}
    assert {row.reason for row in run.entries.values()} == {None, Reason.MERGED_AWAY}
    assert run.wait(DAY).said == ["hello"]


def test_a_timer_goes_on_after_its_profile_has_become_another() -> None:
    run = Run(workspace(WAITING))
    run.take(happened("page.viewed", customer={"anonymous_id": "a1"}))
    run.take(happened("customer.updated", customer=anna()))
    run.take(happened("customer.updated", customer=anna(anonymous_id="a1")))
    run.reload()
    (message,) = run.wait(DAY).queue
    assert (message.recipient, message.profile_id) == ("anna@example.com", run.profile.id)


def test_an_anonymous_cart_reminds_its_customer_once_after_a_merge() -> None:
    run = Run(workspace(CART))
    run.take(happened("cart.updated", customer={"anonymous_id": "a1"}, cart={"id": "k1", "total": "150"}))
    run.take(happened("customer.updated", customer=anna()))
    run.take(happened("customer.updated", customer=anna(anonymous_id="a1")))
    assert len(run.timers) == 1
    assert run.reload().wait(45 * MINUTE).said == ["hello"]


def test_of_two_carts_the_newer_is_watched_after_a_merge() -> None:
    run = Run(workspace(CART))
    run.take(happened("cart.updated", customer={"anonymous_id": "a1"}, cart={"id": "k1", "total": "150"}))
    run.take(happened("cart.updated", AT + MINUTE, customer=anna(), cart={"id": "k2", "total": "10"}))
    run.take(happened("customer.updated", AT + MINUTE, customer=anna(anonymous_id="a1")))
    (message,) = run.reload().wait(DAY).queue
    assert message.context["event"]["cart"] == {"id": "k2"}


def test_a_buyer_is_not_reminded_of_the_cart_he_filled_before_he_was_known() -> None:
    """The order was placed elsewhere, later than the cart."""
    run = Run(workspace(CART))
    run.take(happened("order.placed", AT + MINUTE, customer=anna(), placed="o1"))
    run.take(happened("cart.updated", customer={"anonymous_id": "a1"}, cart={"id": "k1", "total": "150"}))
    run.take(happened("customer.updated", customer=anna(anonymous_id="a1")))
    assert run.wait(DAY).said == []


def test_profiles_that_become_one_remember_who_they_were() -> None:
    run = Run(workspace(derive=DERIVE))
    for number in range(3):
        run.take(happened("page.viewed", customer={"anonymous_id": f"a{number}"}))
    first = {profile.id for profile in run.profiles.values()}
    for number in range(3):
        run.take(happened("page.viewed", customer={"id": "c-1", "anonymous_id": f"a{number}"}))
    assert {run.profile.id, *run.profile.formerly} == first


def test_messages_made_before_a_merge_are_taken_back_after_it() -> None:
    """All within one batch: what was said to the one is exited by what happens to both."""
    run = Run(workspace(journey("views", "page.viewed", exits=until("order.placed"))))
    run.take(happened("page.viewed", customer=anna()))
    run.take(happened("page.viewed", customer={"anonymous_id": "a1"}))
    run.take(happened("order.placed", AT + MINUTE, customer=anna(anonymous_id="a1"), placed="o1"))
    assert run.said == []
    assert msgspec.to_builtins(run.profile.orders) == 1
