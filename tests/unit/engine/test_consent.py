"""A withdrawal wins: what each statement may change, and that no order of arrival plays a part."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trigger_engine.profiles.consent import allows, decide, join
from services.trigger_engine.profiles.state import Consent
from tests.support.engine import AT, DAY, HOUR, Run, anna, happened, workspace

BEFORE, LATER, LAST = AT - HOUR, AT + HOUR, AT + 2 * HOUR
FLAG, SAID = "customer.updated", "consent.changed"


def told(*statements: tuple[str, str, datetime]) -> str:
    """The state after statements of (event type, state, when)."""
    run = Run(workspace())
    for kind, state, at in statements:
        run.take(happened(kind, at, customer={"id": "c-1", "consents": {"email": {"state": state}}}))
    consent = run.profile.consents.get("email")
    return "unknown" if consent is None else consent.state


@pytest.mark.parametrize(
    ("statements", "state"),
    [
        ([(FLAG, "unknown", AT)], "unknown"),
        ([(FLAG, "subscribed", AT)], "subscribed"),
        ([(FLAG, "pending", AT)], "pending"),
        ([(FLAG, "pending", AT), (FLAG, "subscribed", LATER)], "subscribed"),
        ([(SAID, "subscribed", AT), (FLAG, "pending", LATER)], "subscribed"),
        ([(SAID, "subscribed", AT), (FLAG, "unknown", LATER)], "subscribed"),
        ([(FLAG, "unsubscribed", AT)], "unsubscribed"),
        ([(FLAG, "subscribed", AT), (FLAG, "unsubscribed", LATER)], "unsubscribed"),
        ([(FLAG, "unsubscribed", AT), (FLAG, "subscribed", LATER)], "unsubscribed"),
        ([(SAID, "unsubscribed", AT), (FLAG, "subscribed", LATER)], "unsubscribed"),
        ([(SAID, "unsubscribed", AT), (FLAG, "pending", LATER)], "unsubscribed"),
        ([(SAID, "unsubscribed", AT), (SAID, "subscribed", LATER)], "subscribed"),
        ([(SAID, "unsubscribed", AT), (SAID, "subscribed", AT)], "unsubscribed"),
        ([(SAID, "unsubscribed", AT), (SAID, "subscribed", BEFORE)], "unsubscribed"),
        ([(SAID, "subscribed", LATER), (FLAG, "unsubscribed", AT)], "subscribed"),
        ([(SAID, "subscribed", AT), (FLAG, "unsubscribed", LATER), (SAID, "subscribed", LAST)], "subscribed"),
    ],
)
def test_a_withdrawal_is_lifted_only_by_the_customers_later_word(
    statements: list[tuple[str, str, datetime]], state: str
) -> None:
    assert told(*statements) == state


_STATEMENT = st.tuples(
    st.sampled_from([FLAG, SAID, "order.placed"]),
    st.sampled_from(["subscribed", "unsubscribed", "pending", "unknown"]),
    st.integers(0, 5),
)


@given(st.lists(_STATEMENT, max_size=7), st.randoms(use_true_random=False))
def test_any_order_of_the_same_statements_gives_the_same_consent(
    statements: list[tuple[str, str, int]], chance: object
) -> None:
    def after(order: list[tuple[str, str, int]]) -> Consent | None:
        consent = None
        for kind, state, hours in order:
            consent = decide(consent, state, AT + hours * HOUR, explicit=kind == SAID) or consent
        return consent

    shuffled = list(statements)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert after(shuffled) == after(statements)


@given(st.lists(_STATEMENT, min_size=2, max_size=7), st.integers(1, 6))
def test_two_profiles_joined_have_the_consent_of_one_who_said_it_all(
    statements: list[tuple[str, str, int]], cut: int
) -> None:
    def after(order: list[tuple[str, str, int]]) -> Consent | None:
        consent = None
        for kind, state, hours in order:
            consent = decide(consent, state, AT + hours * HOUR, explicit=kind == SAID) or consent
        return consent

    one, other = after(statements[:cut]), after(statements[cut:])
    if one is not None and other is not None:
        whole = after(statements)
        assert whole is not None
        assert join(one, other) == join(other, one)
        assert (join(one, other).state, join(one, other).withdrawn) == (whole.state, whole.withdrawn)


def test_a_consent_dated_in_the_future_does_not_outlive_a_withdrawal() -> None:
    run = Run(workspace())
    never = {"email": {"state": "subscribed", "at": AT + 3650 * DAY}}
    run.take(happened(SAID, customer={"id": "c-1", "consents": never}))
    run.take(happened(SAID, LATER, customer={"id": "c-1", "consents": {"email": {"state": "unsubscribed"}}}))
    assert run.profile.consents["email"].state == "unsubscribed"


def test_a_topic_has_a_consent_of_its_own() -> None:
    run = Run(workspace())
    news = {"email": {"state": "unsubscribed", "topics": ["news"]}}
    run.take(happened(FLAG, customer=anna()), happened(SAID, customer={"id": "c-1", "consents": news}))
    assert {name: c.state for name, c in run.profile.consents.items()} == {
        "email": "subscribed", "email:news": "unsubscribed",
    }  # fmt: skip


def test_a_browsers_word_about_consent_is_not_taken() -> None:
    run = Run(workspace())
    arrival = happened("page.viewed", customer={"anonymous_id": "a1", "consents": {"email": {"state": "subscribed"}}})
    arrival.scope = "browser"
    run.take(arrival)
    assert run.profile.consents == {}


@pytest.mark.parametrize(
    ("klass", "needs"), [("transactional", False), ("service", False), ("opinion", True), ("marketing", True)]
)
def test_marketing_and_opinion_need_a_consent_and_the_rest_does_not(klass: str, needs: bool) -> None:
    assert allows(None, klass) is not needs  # type: ignore[arg-type]
    assert allows(Consent("pending", AT), klass) is not needs  # type: ignore[arg-type]
    assert allows(Consent("unsubscribed", AT), klass) is not needs  # type: ignore[arg-type]
    assert allows(Consent("subscribed", AT), klass)  # type: ignore[arg-type]
