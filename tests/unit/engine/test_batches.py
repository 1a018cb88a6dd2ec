"""What surrounds the decision: taking back within a batch, faults, halves, and what is told to the world."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from services.contracts import ids
from services.contracts.message import Message
from services.contracts.reasons import Reason
from services.kit.bus.dead_letters import origin
from services.kit.errors import BadRecord, Misconfigured, TryAgain
from services.trigger_engine import published
from services.trigger_engine.engine import apart, halves
from services.trigger_engine.faults import is_deterministic, is_passing
from services.trigger_engine.journeys.reaction import Derived, Reaction, Revocation
from services.trigger_engine.memory import Memory
from services.trigger_engine.profiles.receipts import ReceiptRow, receipt_arrival
from services.trigger_engine.profiles.state import Identifier, Profile
from services.trigger_engine.store.entries import DueTimer
from services.trigger_engine.store.outcomes import Outcome
from services.trigger_engine.transaction import Work
from tests.support.engine import AT, LogRecord, event, happened

TOPICS = published.Topics("wici.events", "wici.outcomes", "wici.dead-letters")
ANNA, JAN = b"a" * 16, b"j" * 16


def message(
    profile: bytes = ANNA, klass: str = "marketing", channel: str = "email", topic: str | None = None
) -> Message:
    key = ids.uuid5(profile.hex(), klass, channel, topic or "")
    return Message(key, profile, b"e" * 16, "j", "s", klass, channel, "t", "r", {}, AT, topic=topic)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("revocation", "covers"),
    [
        (Revocation(Reason.EXITED, ANNA, b"e" * 16), {"marketing", "transactional", "sms", "news"}),
        (Revocation(Reason.EXITED, ANNA, b"f" * 16), set()),
        (Revocation(Reason.WITHDRAWN, ANNA, None, "email"), {"marketing", "news"}),
        (Revocation(Reason.WITHDRAWN, ANNA, None, "email", "news"), {"news"}),
        (Revocation(Reason.WITHDRAWN, ANNA, None, "sms"), {"sms"}),
        (Revocation(Reason.WITHDRAWN, JAN, None, "email"), set()),
    ],
)
def test_what_a_batch_was_about_to_say_is_taken_back_within_it(revocation: Revocation, covers: set[str]) -> None:
    into = Reaction()
    queued = {"marketing": message(), "transactional": message(klass="transactional"), "sms": message(channel="sms"),
              "news": message(topic="news")}  # fmt: skip
    for one in queued.values():
        into.say(one)
    into.revoke(revocation)
    assert {name for name, one in queued.items() if one not in into.messages[ANNA]} == covers


def test_what_is_said_after_a_revocation_is_said() -> None:
    into = Reaction()
    into.revoke(Revocation(Reason.WITHDRAWN, ANNA, None, "email"))
    into.say(message())
    assert into.messages[ANNA] == [message()]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (asyncpg.UniqueViolationError("x"), "same"),
        (asyncpg.NumericValueOutOfRangeError("x"), "same"),
        (asyncpg.CharacterNotInRepertoireError("x"), "same"),
        (asyncpg.ProgramLimitExceededError("x"), "same"),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "x"), "same"),
        (OverflowError("date value out of range"), "same"),
        (asyncpg.DeadlockDetectedError("x"), "passes"),
        (asyncpg.SerializationError("x"), "passes"),
        (asyncpg.TooManyConnectionsError("x"), "passes"),
        (asyncpg.AdminShutdownError("x"), "passes"),
        (asyncpg.LockNotAvailableError("x"), "passes"),
        (asyncpg.ConnectionDoesNotExistError("x"), "passes"),
        (asyncpg.InterfaceError("closed"), "passes"),
        (ConnectionResetError(), "passes"),
        (TimeoutError(), "passes"),
        (TryAgain("bus"), "passes"),
        (asyncpg.UndefinedTableError("x"), "stops"),
        (asyncpg.InsufficientPrivilegeError("x"), "stops"),
        (Misconfigured("x"), "stops"),
        (KeyError("x"), "stops"),
        (asyncio.CancelledError(), "stops"),
    ],
)
def test_a_fault_is_the_inputs_or_passes_or_stops_the_engine(error: BaseException, again: str) -> None:
    found = "same" if is_deterministic(error) else "passes" if is_passing(error) else "stops"
    assert found == again


def timer(number: int) -> DueTimer:
    return DueTimer(bytes([number]) * 16, ANNA, AT, 1)


def work(arrivals: int, timers: int) -> Work:
    return Work(
        arrivals=[happened("page.viewed", place=(n % 2, n)) for n in range(arrivals)],
        dead=[], after={0: 100, 1: 101}, timers=[timer(n) for n in range(timers)], hear=True,
    )  # fmt: skip


@pytest.mark.parametrize(("arrivals", "timers"), [(2, 0), (3, 0), (7, 2), (1, 1), (1, 4), (0, 2), (0, 5)])
def test_halves_are_smaller_and_together_the_whole_in_order(arrivals: int, timers: int) -> None:
    whole = work(arrivals, timers)
    second, first = halves(whole)
    assert first.arrivals + second.arrivals == whole.arrivals
    assert first.timers + second.timers == whole.timers
    for half in (first, second):
        assert 0 < len(half.arrivals) + len(half.timers) < arrivals + timers
    assert not first.hear
    assert second.hear


def test_the_first_half_moves_positions_to_just_behind_its_records() -> None:
    """A crash between the two must lose nothing and repeat nothing."""
    second, first = halves(work(5, 3))
    assert [a.order for a in first.arrivals] == [(0, 0), (1, 1)]
    assert first.after == {0: 1, 1: 2}
    assert (second.after, len(second.timers), len(first.timers)) == ({0: 100, 1: 101}, 3, 0)


def test_dead_letters_go_with_the_first_half_whose_positions_pass_them() -> None:
    whole = work(4, 0)
    whole.dead, whole.erased = [Outcome("t", None, b"x", b"[]")], {b"e" * 16}
    second, first = halves(whole)
    assert (first.dead, first.erased) == (whole.dead, whole.erased)
    assert (second.dead, second.erased) == ([], set())


@pytest.mark.parametrize(
    ("kinds", "parts"),
    [("vv", ["vv"]), ("vdv", ["vd", "v"]), ("vd", ["vd"]), ("ddv", ["d", "d", "v"]), ("d", ["d"]), ("", [""])],
)
def test_an_erasure_is_the_last_event_of_its_transaction(kinds: str, parts: list[str]) -> None:
    types = {"v": "page.viewed", "d": "customer.deleted"}
    letters = {name: letter for letter, name in types.items()}
    arrivals = [happened(types[kind], customer={"id": "c"}, place=(0, n)) for n, kind in enumerate(kinds)]
    found = apart(Work(arrivals=arrivals, after={0: 99}))
    assert ["".join(letters[a.type] for a in one.arrivals) for one in reversed(found)] == parts
    assert [one.after[0] for one in found] == [99, *(one.arrivals[-1].order[1] + 1 for one in found[1:])]


def test_halving_again_and_again_ends_at_single_ones() -> None:
    todo, single = [work(6, 3)], 0
    while todo:
        one = todo.pop()
        if len(one.arrivals) + len(one.timers) > 1:
            todo += halves(one)
        else:
            single += 1
    assert single == 9


def test_a_derived_event_is_published_as_a_cloudevent_keyed_by_its_customer() -> None:
    derived = Derived(b"d" * 16, "cart.abandoned", AT, ANNA, {"cart": {"id": "k1"}})
    (outcome,) = published.outcomes([derived], [], TOPICS)
    told = msgspec.json.decode(outcome.value)
    assert (outcome.topic, outcome.key) == ("wici.outcomes", ANNA.hex().encode())
    assert told == {
        "specversion": "1.0", "id": ids.text(b"d" * 16), "source": "wici", "type": "cart.abandoned",
        "time": "2026-11-22T10:00:00Z", "wiciprofile": ids.text(ANNA), "datacontenttype": "application/json",
        "data": {"cart": {"id": "k1"}},
    }  # fmt: skip


def receipt(**fields: Any) -> ReceiptRow:
    row = ReceiptRow(1, b"k" * 16, ANNA, b"e" * 16, "j", "s", "email", "clicked", AT, b'{"url":"https://x.example"}')
    return row._replace(**fields)


def test_a_receipt_is_published_with_its_journey_and_the_same_id_every_time() -> None:
    one, other = (msgspec.json.decode(published.outcomes([], [receipt()], TOPICS)[0].value) for _ in range(2))
    assert one == other
    assert (one["type"], one["data"]["message"]) == (
        "message.clicked",
        {"url": "https://x.example", "journey": "j", "step": "s", "channel": "email", "entry": (b"e" * 16).hex()},
    )


def test_two_clicks_are_two_outcomes_and_a_provider_cannot_speak_for_another_entry() -> None:
    first = receipt_arrival(receipt())
    assert receipt_arrival(receipt(at=AT + timedelta(seconds=1))).id != first.id
    forged = receipt_arrival(receipt(data=b'{"entry":"other","journey":"other"}'))
    assert forged.fields["message"]["entry"] == (b"e" * 16).hex()


def test_a_dead_letter_survives_its_way_through_the_outbox() -> None:
    record = LogRecord(event("page.viewed"), 3, 7, key=b"c-1", headers=(("traceparent", b"00-\xff"), ("a", b"")))
    letter = published.outgoing(published.dead(record, BadRecord("unknown_type", "No schema"), AT, TOPICS))
    told = origin(LogRecord(letter.value, headers=letter.headers, key=letter.key))
    assert (letter.topic, letter.key, letter.value) == ("wici.dead-letters", b"c-1", record.value)
    assert letter.headers[:2] == record.headers
    assert (told.reason, told.topic, told.partition, told.offset) == ("unknown_type", "wici.events", 3, 7)


def known(number: int) -> Profile:
    profile = Profile(number.to_bytes(16, "big"), AT)
    profile.identifiers = {Identifier("customer", "s", str(number)): 0}
    return profile


def test_memory_forgets_the_least_recent_first_with_their_names() -> None:
    memory = Memory(most=10)
    memory.keep(known(n) for n in range(10))
    memory.keep([known(0)])
    memory.keep([known(10)])
    assert known(0).id in memory.profiles
    assert known(1).id not in memory.profiles
    assert set(memory.owners.values()) == set(memory.profiles)


def test_memory_keeps_a_name_that_is_somebody_elses_now() -> None:
    memory = Memory()
    memory.keep([known(1)])
    memory.owners[Identifier("customer", "s", "1")] = known(2).id
    memory.forget([known(1).id, known(3).id])
    assert memory.owners == {Identifier("customer", "s", "1"): known(2).id}


def test_what_a_machine_clicked_is_known_by_its_flag_and_not_by_a_link_that_says_so() -> None:
    flagged = msgspec.json.encode({"url": "https://x.example", "machine": True})
    spoken = msgspec.json.encode({"url": 'https://x.example/?"machine":true'})
    assert receipt(data=flagged).by_machine
    assert not receipt(data=spoken).by_machine
    assert not receipt(data=msgspec.json.encode({"machine": False})).by_machine
