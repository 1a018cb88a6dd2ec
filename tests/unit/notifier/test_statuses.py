"""What callbacks do to a message, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from services.contracts.message import State
from services.contracts.receipt import ReceiptKind
from services.notifier.providers.base import Callback
from services.notifier.statuses import RANK, Heard, Page, Standing, heard

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
KEY = b"k" * 16


def standing(state: State = State.ACCEPTED, status: str | None = "accepted", *, alone: bool = True) -> Standing:
    return Standing(state, b"a" * 16, "email", "anna@example.com", "main", alone, status)


def page(one: Standing | None = None) -> Page:
    made = Page(["k" * 32], AT, park=True)
    if one is not None:
        made.standings[KEY] = one
    return made


def told(kind: ReceiptKind | None, account: str = "main", **fields: Any) -> Heard:
    known = {"send_key": KEY} | fields
    return heard(account, "email", Callback(f"d-{kind}", kind, str(kind), AT - timedelta(minutes=1), **known))


def test_whatever_the_order_of_arrival_the_status_is_the_furthest() -> None:
    kinds: list[ReceiptKind] = ["accepted", "deferred", "delivered", "opened"]
    for order in permutations(kinds):
        made = page(standing())
        for kind in order:
            made.hear(told(kind), KEY)
        assert made.moved[KEY][0] == "opened"


def test_whatever_the_order_of_arrival_each_word_keeps_its_first_time() -> None:
    said: list[tuple[ReceiptKind, int]] = [
        ("delivered", 3),
        ("opened", 5),
        ("opened", 4),
        ("clicked", 6),
        ("accepted", 1),
    ]
    for order in permutations(said):
        made = page(standing())
        for n, (kind, minute) in enumerate(order):
            callback = Callback(f"d-{n}", kind, kind, AT + minute * timedelta(minutes=1), send_key=KEY)
            made.hear(heard("main", "email", callback), KEY)
        minutes = {word: (at - AT) // timedelta(minutes=1) for word, at in made.times[KEY].items()}
        assert minutes == {"delivered": 3, "opened": 4, "clicked": 6}


def test_what_a_machine_has_opened_is_kept_apart() -> None:
    made = page(standing())
    made.hear(told("opened", data={"machine": True}), KEY)
    assert made.times[KEY].keys() == {"machine_opened"}
    assert made.moved == {}


def test_of_a_message_that_has_not_left_no_time_is_kept() -> None:
    made = page(standing(State.REVOKED, None))
    made.hear(told("opened", data={"machine": True}), KEY)
    assert made.times == {}


def test_a_status_that_lags_behind_gives_no_receipt() -> None:
    made = page(standing(status="delivered"))
    made.hear(told("deferred"), KEY)
    made.hear(told("accepted"), KEY)
    assert made.told == []
    assert made.moved == {}


def test_every_open_and_click_is_told_even_after_a_complaint() -> None:
    made = page(standing(status="complained"))
    made.hear(told("opened"), KEY)
    made.hear(told("clicked"), KEY)
    assert [kind for _, kind, _, _ in made.told] == ["opened", "clicked"]
    assert made.moved == {}


def test_a_callback_settles_an_open_claim_and_closes_its_attempt() -> None:
    made = page(standing(State.CLAIMED, None))
    made.hear(told("delivered", provider_id="p-1"), KEY)
    (change,) = made.changes
    assert (change.state, change.kind, change.provider_id, change.keep) == (State.ACCEPTED, "accepted", "p-1", False)
    assert made.closed == [b"a" * 16]
    assert made.moved[KEY][0] == "delivered"


def test_a_member_of_an_open_batch_keeps_what_its_repeat_is_composed_of() -> None:
    made = page(standing(State.CLAIMED, None, alone=False))
    made.hear(told("delivered"), KEY)
    assert made.changes[0].keep


def test_a_refusal_reported_late_settles_as_refused() -> None:
    made = page(standing(State.CLAIMED, None))
    made.hear(told("refused"), KEY)
    assert (made.changes[0].state, made.changes[0].reason) == (State.REFUSED, "provider_refused")
    assert made.told == []


def test_another_accounts_callback_changes_nothing() -> None:
    made = page(standing(State.CLAIMED, None))
    made.hear(told("delivered", account="other"), KEY)
    assert (made.changes, made.moved, made.told) == ([], {}, [])


def test_a_callback_about_an_unknown_message_is_parked() -> None:
    made = page()
    one = told("delivered", send_key=None, provider_id="p-1")
    made.hear(one, None)
    assert made.parked == [one]


def test_a_stop_by_sms_that_names_only_a_number_suppresses_it() -> None:
    made = page()
    made.hear(told("unsubscribed", send_key=None, recipient="+48600100200"), None)
    assert [one.reason for one in made.suppressed] == ["unsubscribed"]
    assert made.parked == []


def test_a_word_that_says_nothing_of_the_delivery_changes_nothing() -> None:
    made = page(standing(State.CLAIMED, None))
    made.hear(told(None), KEY)
    assert (made.changes, made.moved, made.told, made.parked) == ([], {}, [], [])


def test_a_suppression_never_begins_in_the_future() -> None:
    made = page(standing())
    made.hear(heard("main", "email", Callback("d", "complained", "x", AT + timedelta(days=365), KEY)), KEY)
    assert made.suppressed[0].at == AT


def test_every_kind_of_receipt_has_a_rank() -> None:
    from typing import get_args

    assert set(RANK) == set(get_args(ReceiptKind))
