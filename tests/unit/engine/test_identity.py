"""Who an event is about: found, made, made one, or given another's e-mail."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trigger_engine.profiles.identifiers import CAPS, normal_email, normal_phone
from services.trigger_engine.profiles.merge import MOST_FORMER
from services.trigger_engine.profiles.state import Identifier, dump
from tests.support.engine import AT, HOUR, MINUTE, SUBSCRIBED, THANKS, Run, anna, happened, journey, workspace

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
    assert {i.kind for i in run.profile.identifiers} == {"customer", "email", "anonymous", "cart", "order"}
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
        ("+48 000 000 000", None), ("+48 123 456 789", None),
        ("+48\u00a0600 100 200", "+48600100200"), ("zadzwoń", None),
    ],
)  # fmt: skip
def test_a_phone_names_somebody_only_with_its_country(written: str, normal: str | None) -> None:
    assert normal_phone(written) == normal


@pytest.mark.parametrize(
    ("written", "region", "normal"),
    [
        ("600 100 200", "PL", "+48600100200"), ("0 30 123456", "DE", "+4930123456"),
        ("07911 123456", "GB", "+447911123456"), ("+420 601 123 456", "PL", "+420601123456"),
        ("600100200", "", None), ("999999999", "PL", None), ("123456789", "PL", None),
    ],
)  # fmt: skip
def test_a_national_number_is_read_as_one_of_the_shops_country(written: str, region: str, normal: str | None) -> None:
    assert normal_phone(written, region) == normal


def test_a_customer_abroad_writes_the_numbers_of_his_own_country() -> None:
    run = Run(workspace())
    run.take(happened("customer.updated", customer={"id": "c-1", "country": "de", "phone": "0151 23456789"}))
    run.take(happened("customer.updated", customer={"id": "c-2", "phone": "600 100 200"}))
    assert [p.fact("phone") for p in run.profiles.values()] == ["+4915123456789", "+48600100200"]


@pytest.mark.parametrize(
    "filler",
    [
        "noreply@shop.example", "BRAK@brak.pl", "brak.maila@gmail.com", "test@example.com", "test@test.pl",
        "none@none.com", "x@y.invalid", "do-not-reply@allegro.pl",
    ],
)  # fmt: skip
def test_what_is_written_where_there_is_no_email_is_no_email(filler: str) -> None:
    run = Run(workspace())
    for customer in ("c-1", "c-2"):
        run.take(happened("customer.updated", customer={"id": customer, "email": filler, "phone": "000 000 000"}))
    assert len(run.profiles) == 2
    assert all(p.facts == {} and len(p.identifiers) == 1 for p in run.profiles.values())


def test_names_that_only_look_like_fillers_are_names() -> None:
    for email in ("anna@example.com", "brakowska@wp.pl", "test@gmail.com", "tester.kowalski@onet.pl"):
        assert normal_email(email) == email


@pytest.mark.parametrize(
    "masked",
    ["abc12+1f@allegromail.pl", "x1y2@marketplace.amazon.de", "x@members.ebay.com", "z9@notification.mirakl.net"],
)
def test_a_marketplaces_masked_address_names_nobody_and_is_good_only_for_what_needs_no_consent(masked: str) -> None:
    who = {"email": masked, "consents": SUBSCRIBED}
    run = Run(workspace(THANKS, journey("offer", "order.placed", key="event.order.id", again_after=0)))
    for number in ("o1", "o2"):
        run.take(happened("order.placed", customer=who, placed=number))
    assert len(run.profiles) == 2
    assert [(m.journey, m.recipient) for m in run.queue] == [("thanks", masked)] * 2


def test_a_masked_address_does_not_take_the_place_of_the_customers_own() -> None:
    run = Run(workspace(THANKS))
    run.take(happened("customer.updated", customer=anna()))
    run.take(happened("order.placed", AT + HOUR, customer={"id": "c-1", "email": "x@allegromail.pl"}, placed="o1"))
    assert [m.recipient for m in run.queue] == [ANNA]


def test_a_refund_that_names_only_its_order_finds_the_customer_in_every_order() -> None:
    placed = happened("order.placed", customer={"id": "c-1"}, placed="o1")
    refund = happened("order.refunded", AT + HOUR, order={"id": "o1"}, refund={"id": "r1", "amount": "40"})
    for told in ((placed, refund), (refund, placed)):
        assert Run(workspace()).take(*told).profile.spent == {"PLN": 600_000}


def test_an_orders_number_joins_no_two_customers() -> None:
    run = Run(workspace())
    run.take(happened("order.placed", customer={"email": ANNA}, placed="o1"))
    run.take(happened("order.placed", AT + HOUR, customer={"email": "ewa@example.com"}, placed="o2"))
    run.take(happened("order.paid", AT + HOUR, customer={"email": "ewa@example.com"}, placed="o1"))
    assert len(run.profiles) == 2


def many(kind: str, number: int) -> list[str]:
    """So many values of one kind of name."""
    shape = {"email": "a{}@example.com", "phone": "+486001002{:02}", "anonymous_id": "a{}", "cart": "k{}"}[kind]
    return [shape.format(n) for n in range(number)]


@pytest.mark.parametrize(("kind", "given"), [("email", "email"), ("phone", "phone"), ("anonymous", "anonymous_id")])
def test_of_too_many_names_the_oldest_are_forgotten(kind: str, given: str) -> None:
    run = Run(workspace())
    values = many(given, CAPS[kind] + 3)
    for hours, value in enumerate(values):
        run.take(happened("customer.updated", AT + hours * HOUR, customer={"id": "c-1", given: value}))
    borne = {i.value for i in run.profile.identifiers if i.kind == kind}
    assert borne == set(values[3:])
    assert Identifier("customer", "backend", "c-1") in run.profile.identifiers


def test_customer_ids_are_never_forgotten() -> None:
    run = Run(workspace())
    for number in range(40):
        run.take(happened("customer.updated", source=f"s{number}", customer={"id": "c-1", "email": ANNA}))
    assert len(run.profile.identifiers) == 41


def test_who_turns_up_by_a_forgotten_name_is_somebody_new() -> None:
    run = Run(workspace())
    for hours, value in enumerate(many("anonymous_id", CAPS["anonymous"] + 1)):
        run.take(happened("customer.updated", AT + hours * HOUR, customer={"id": "c-1", "anonymous_id": value}))
    run.take(happened("page.viewed", AT + 99 * HOUR, customer={"anonymous_id": "a0"}))
    assert sorted(len(p.identifiers) for p in run.profiles.values()) == [1, CAPS["anonymous"] + 1]


def test_a_cookie_that_thousands_share_makes_nobody_bear_many_emails_and_moves_on() -> None:
    """A tablet in a shop: guests without a customer id order on it, one after the other."""
    run = Run(workspace())
    guests = 2_000
    for number in range(guests):
        who = {"email": f"guest{number}@example.com", "anonymous_id": "tablet"}
        run.take(happened("order.placed", AT + number * MINUTE, customer=who, placed=f"o{number}"))
    assert max(sum(i.kind == "email" for i in p.identifiers) for p in run.profiles.values()) <= CAPS["email"]
    assert sum(p.orders for p in run.profiles.values()) == guests
    assert sum(Identifier("anonymous", "backend", "tablet") in p.identifiers for p in run.profiles.values()) == 1


def test_a_chain_of_carts_and_cookies_ends_where_it_becomes_too_long_for_one_person() -> None:
    run = Run(workspace())
    links = 500
    for n in range(links):
        run.take(happened("cart.updated", AT + n * MINUTE, customer={"anonymous_id": f"a{n}"}, cart={"id": f"k{n}"}))
    for n in range(1, links):
        who, cart = {"anonymous_id": f"a{n}"}, {"id": f"k{n - 1}"}
        run.take(happened("cart.updated", AT + n * HOUR, customer=who, cart=cart))
    assert max(len(dump(p)) for p in run.profiles.values()) < 6_000
    assert len(run.profiles) >= links / (CAPS["anonymous"] + 1)


def test_a_customer_whose_thousandth_cookie_turns_up_keeps_a_row_of_bounded_size() -> None:
    run = Run(workspace())
    for number in range(1_000):
        run.take(happened("page.viewed", AT + number * MINUTE, customer={"anonymous_id": f"a{number}"}))
        run.take(happened("page.viewed", AT + number * MINUTE, customer={"id": "c-1", "anonymous_id": f"a{number}"}))
    assert len(run.profile.identifiers) == CAPS["anonymous"] + 1
    assert len(run.profile.formerly) == MOST_FORMER
    assert len(dump(run.profile)) < 3_000


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 3)), max_size=60), st.integers(0, 9))
def test_whatever_names_come_together_no_profile_bears_too_many_and_each_name_has_one_owner(
    words: list[tuple[int, int]], salt: int
) -> None:
    run = Run(workspace())
    for place, (number, what) in enumerate(words):
        who: dict[str, Any] = {"anonymous_id": f"a{(number + salt) % 31}"}
        if what > 1:
            who["email"] = f"e{number % 11}@example.com"
        if what > 2:
            who["id"] = f"c-{number % 3}"
        run.take(happened("cart.updated", AT + place * MINUTE, customer=who, cart={"id": f"k{number}"}))
    borne = [name for profile in run.profiles.values() for name in profile.identifiers]
    assert len(borne) == len(set(borne))
    for profile in run.profiles.values():
        numbers = Counter(name.kind for name in profile.identifiers)
        assert all(numbers[kind] <= cap for kind, cap in CAPS.items())
        assert numbers["customer"] <= 1


def test_a_new_email_finds_nobody_even_where_its_row_was_taken_for_whoever_bears_the_cookie_beside_it() -> None:
    run = Run(workspace())
    for number in range(CAPS["email"]):
        run.take(happened("page.viewed", customer={"anonymous_id": "shared", "email": f"{number}@example.com"}))
    first = run.profile
    run._people.rows[Identifier("email", "", ANNA)] = first.id  # as the engine claims it
    run.take(happened("page.viewed", customer={"anonymous_id": "shared", "email": ANNA}))
    assert len(run.profiles) == 2
    assert len([name for name in first.identifiers if name.kind == "email"]) == CAPS["email"]
