"""Who an event is about: found, made, made one, or given another's e-mail."""

from __future__ import annotations

import pytest

from services.trigger_engine.profiles.identifiers import normal_email, normal_phone
from services.trigger_engine.profiles.state import Identifier
from tests.support.engine import AT, HOUR, Run, happened, workspace

ANNA = "anna@example.com"


def email_owner(run: Run, email: str = ANNA) -> set[str]:
    """Customer ids of whoever bears the e-mail."""
    name = Identifier("email", "", email)
    (owner,) = (p for p in run.profiles.values() if name in p.identifiers)
    return {i.value for i in owner.identifiers if i.kind == "customer"}


def test_two_customer_ids_of_one_shop_never_become_one() -> None:
    run = Run(workspace())
    run.take(happened("customer.updated", customer={"id": "c-1", "email": ANNA, "phone": "+48600100200"}))
    run.take(happened("customer.updated", customer={"id": "c-2", "email": ANNA, "phone": "+48600100200"}))
    assert len(run.profiles) == 2
    assert all(sum(i.kind == "customer" for i in p.identifiers) == 1 for p in run.profiles.values())


def test_an_email_moves_to_the_customer_who_named_it_last() -> None:
    run = Run(workspace())
    run.take(happened("customer.updated", customer={"id": "c-1", "email": ANNA}))
    run.take(happened("customer.updated", customer={"id": "c-2", "email": ANNA}))
    assert email_owner(run) == {"c-2"}
    run.take(happened("customer.updated", customer={"id": "c-1", "email": ANNA}))
    assert email_owner(run) == {"c-1"}


def test_a_new_customer_takes_over_an_email_at_once() -> None:
    """The name that is new is met together with one that is somebody else's."""
    run = Run(workspace())
    run.take(happened("customer.updated", customer={"id": "c-1", "email": ANNA}))
    run.take(happened("order.placed", customer={"id": "c-9", "email": ANNA}, placed="o1"))
    orders = {next(i.value for i in p.identifiers if i.kind == "customer"): p.orders for p in run.profiles.values()}
    assert orders == {"c-1": 0, "c-9": 1}


def test_customers_of_two_shops_become_one_by_email() -> None:
    run = Run(workspace())
    run.take(happened("customer.updated", source="pl", customer={"id": "c-1", "email": ANNA}))
    run.take(happened("customer.updated", source="de", customer={"id": "c-1", "email": ANNA}))
    assert {i.source for i in run.profile.identifiers if i.kind == "customer"} == {"pl", "de"}


def test_an_anonymous_cart_joins_the_customer_who_orders_it() -> None:
    run = Run(workspace())
    run.take(happened("cart.updated", customer={"anonymous_id": "a1"}, cart={"id": "k1"}))
    run.take(happened("customer.updated", customer={"id": "c-1", "email": ANNA}))
    assert len(run.profiles) == 2
    run.take(happened("order.placed", customer={"id": "c-1"}, order={"id": "o1", "cart_id": "k1"}))
    assert {i.kind for i in run.profile.identifiers} == {"customer", "email", "anonymous", "cart"}
    assert run.profile.cart is not None


def test_a_cookie_goes_with_whoever_logs_in() -> None:
    run = Run(workspace())
    run.take(happened("customer.updated", customer={"id": "c-1", "anonymous_id": "shared"}))
    run.take(happened("customer.updated", customer={"id": "c-2", "anonymous_id": "shared"}))
    run.take(happened("cart.updated", AT + HOUR, customer={"anonymous_id": "shared"}, cart={"id": "k1"}))
    owner = next(p for p in run.profiles.values() if p.cart is not None)
    assert Identifier("customer", "backend", "c-2") in owner.identifiers
    assert len(run.profiles) == 2


def test_who_has_given_up_an_email_is_not_found_by_it_in_a_merge() -> None:
    """c-1 lost the e-mail to c-2; c-1's later merge with a guest does not take it back."""
    run = Run(workspace())
    run.take(happened("customer.updated", customer={"id": "c-1", "email": ANNA}))
    run.take(happened("customer.updated", customer={"id": "c-2", "email": ANNA}))
    run.take(happened("page.viewed", customer={"anonymous_id": "a1"}))
    run.take(happened("page.viewed", customer={"id": "c-1", "anonymous_id": "a1"}))
    assert email_owner(run) == {"c-2"}


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (" Anna@Example.COM ", "anna@example.com"), ("anna", None), ("@x.pl", None), ("anna@localhost", None),
        ("a b@x.pl", None), (f"{'a' * 250}@x.pl", None),
    ],
)  # fmt: skip
def test_an_email_is_compared_without_case_and_a_wrong_one_names_nobody(written: str, normal: str | None) -> None:
    assert normal_email(written) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("+48 600-100-200", "+48600100200"), ("0048600100200", "+48600100200"), ("600100200", None), ("+0600", None),
        ("+48\u00a0600 100 200", "+48600100200"), ("zadzwoń", None),
    ],
)  # fmt: skip
def test_a_phone_names_somebody_only_with_its_country(written: str, normal: str | None) -> None:
    assert normal_phone(written) == normal
