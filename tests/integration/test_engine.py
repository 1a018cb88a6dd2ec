"""The engine on a real log and database: an event in, a message out, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.contracts import topics
from services.contracts.journey import Arm, Branch, Goal, Rule, Wait
from services.kit.bus.dead_letters import origin
from tests.support.engine import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    REMINDER,
    SUBSCRIBED,
    THANKS,
    anna,
    event,
    journey,
    say,
    until,
    workspace,
)
from tests.support.town import Town, town
from tests.support.waiting import eventually

CART = {"id": "k1", "total": "150.00"}
ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
NO = {"email": {"state": "unsubscribed"}}


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url) as made:
        yield made


def ordered(**fields: Any) -> bytes:
    return event("order.placed", **{"customer": anna(), "order": ORDER, **fields})


async def test_an_event_becomes_a_queued_message(place: Town) -> None:
    await place.publish(workspace(THANKS))
    async with place.engine():
        await place.tell(ordered())
        await place.read()
    row = await place.pool.fetchrow("SELECT * FROM queue.outbound")
    assert (row["journey"], row["step"], row["class"], row["channel"]) == (
        "thanks",
        "send:hello",
        "transactional",
        "email",
    )
    assert (row["recipient"], row["state"], row["created_at"]) == ("anna@example.com", 0, AT)
    context = {"profile": {"first_name": "Anna"}, "event": {"order": {"id": "o1"}}}
    assert msgspec.json.decode(row["context"]) == context
    entry = await place.pool.fetchrow("SELECT * FROM engine.entries")
    assert (entry["id"], entry["reason"], entry["profile_id"]) == (row["entry_id"], "completed", row["profile_id"])


async def test_an_event_read_again_does_nothing(place: Town) -> None:
    """Within one batch, in the next one, on another partition, and after a restart."""
    await place.publish(workspace(THANKS))
    same = ordered(id="1")
    async with place.engine():
        await place.tell(same, same)
        await place.read()
        await place.tell(same)
        await place.tell(same, partition=1)
        await place.read()
    async with place.engine():
        await place.tell(same)
        await place.read()
    assert (await place.said(), await place.count("engine.events")) == (["thanks"], 1)
    assert (await place.pool.fetchval("SELECT count(*) FROM engine.event_ids")) == 1


async def test_an_engine_without_a_workspace_waits_for_one(place: Town) -> None:
    await place.tell(ordered())
    async with place.engine(ready=False) as service:
        assert service.ready() == (False, "no workspace is published; run `wici apply`")
        await place.publish(workspace(THANKS))
        await place.read()
    assert await place.said() == ["thanks"]


async def test_a_new_version_takes_over_without_a_restart(place: Town) -> None:
    await place.publish(workspace(THANKS))
    async with place.engine() as service:
        await place.publish(workspace(THANKS, journey("more", "order.placed")))
        await eventually(lambda: service.ready()[1] == "workspace version 2")
        await place.tell(ordered())
        await place.read()
    assert await place.said() == ["more", "thanks"]


async def test_a_version_that_cannot_be_compiled_never_takes_over(place: Town) -> None:
    await place.publish(workspace(THANKS))
    async with place.engine() as service:
        await place.publish(workspace(journey("broken", "order.placed", condition="event.order.totl > 5")))
        await place.publish(workspace(journey("later", "order.placed")))
        await eventually(lambda: service.ready()[1] == "workspace version 3")
        await place.tell(ordered())
        await place.read()
    assert await place.said() == ["later"]


async def test_an_entry_goes_on_by_the_revision_that_it_entered(place: Town) -> None:
    """Also after a restart, and after its journey is gone."""
    await place.publish(workspace(journey("views", "page.viewed", Wait("w", 1, "days"), say())))
    async with place.engine() as service:
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        await place.publish(workspace(journey("views", "page.viewed", Wait("w", 1, "days"), say(klass="service"))))
        await eventually(lambda: service.ready()[1] == "workspace version 2")
        await place.tell(event("page.viewed", customer=anna(id="c-2", email="jan@example.com")))
        await place.read()
        await place.publish(workspace(THANKS))
    async with place.engine():
        place.clock.move(DAY)
        await place.no_timer()
    rows = await place.pool.fetch("SELECT class, recipient FROM queue.outbound ORDER BY class")
    assert [tuple(row) for row in rows] == [("marketing", "anna@example.com"), ("service", "jan@example.com")]


async def test_a_withdrawal_takes_back_what_is_unclaimed_and_nothing_else(place: Town) -> None:
    await place.publish(workspace(THANKS, journey("news", "order.placed", key="event.order.id")))
    async with place.engine():
        await place.tell(ordered(), ordered(order={**ORDER, "id": "o2"}))
        await place.read()
        await place.pool.execute(
            "UPDATE queue.outbound SET state = 1"
            " WHERE seq = (SELECT max(seq) FROM queue.outbound WHERE journey = 'news')"
        )
        await place.tell(event("consent.changed", AT + MINUTE, customer={"id": "c-1", "consents": NO}))
        await place.read()
    rows = await place.pool.fetch("SELECT journey, state, reason, context FROM queue.outbound ORDER BY journey, state")
    assert [(r[0], r[1], r[2]) for r in rows] == [
        ("news", 1, None), ("news", 13, "withdrawn"), ("thanks", 0, None), ("thanks", 0, None),
    ]  # fmt: skip
    assert rows[1]["context"] == b""
    consent = await place.pool.fetchrow("SELECT * FROM engine.v_consent")
    assert (consent["channel"], consent["topic"], consent["state"]) == ("email", "", "unsubscribed")


async def test_an_exit_takes_back_what_is_unclaimed(place: Town) -> None:
    await place.publish(workspace(journey("views", "page.viewed", exits=until("order.placed"))))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        assert await place.queue() == [("hello", "QUEUED", None)]
        await place.tell(event("order.placed", AT + MINUTE, customer=anna(), order=ORDER))
        await place.read()
    assert await place.queue() == [("hello", "REVOKED", "exited")]


async def test_evidence_of_consent_is_kept_as_it_was_given(place: Town) -> None:
    given = {"email": {"state": "subscribed", "at": "2026-11-20T10:00:00Z", "text_id": "t1", "ip": "192.0.2.1"}}
    await place.publish(workspace(THANKS))
    async with place.engine():
        await place.tell(event("customer.updated", customer=anna(consents=given)))
        await place.tell(event("customer.updated", AT + HOUR, customer=anna(consents=SUBSCRIBED)))
        await place.read()
    row = await place.pool.fetchrow("SELECT state, at, evidence FROM engine.consents")
    assert (row["state"], row["at"]) == ("subscribed", AT - timedelta(days=2))
    assert msgspec.json.decode(row["evidence"])["email"]["text_id"] == "t1"


async def test_a_first_order_and_an_abandoned_cart_are_told_to_the_world(place: Town) -> None:
    await place.publish(workspace(journey("first", "order.first_placed"), REMINDER))
    async with place.engine():
        await place.tell(ordered())
        await place.tell(event("cart.updated", AT + MINUTE, customer=anna(), cart=CART))
        await place.read()
        place.clock.move(HOUR)
        found = await place.logged(topics.OUTCOMES, 2)
        await eventually(lambda: _empty(place))
    told = [msgspec.json.decode(record.value or b"") for record in found]
    assert sorted(one["type"] for one in told) == ["cart.abandoned", "order.first_placed"]
    assert len({record.key for record in found}) == 1
    assert {one["wiciprofile"].replace("-", "").encode() for one in told} == {found[0].key}


async def _empty(place: Town) -> bool:
    return not await place.count("engine.outcomes")


async def test_an_event_that_names_nobody_is_kept_and_enters_nothing(place: Town) -> None:
    await place.publish(workspace(journey("views", "page.viewed")))
    async with place.engine():
        await place.tell(event("page.viewed", page="/"), event("page.viewed", page="/x"))
        await place.read()
    assert (await place.profiles(), await place.count("engine.events"), await place.queue()) == (0, 2, [])


# Receipts


async def test_leaving_by_a_message_withdraws_the_consent(place: Town) -> None:
    await place.publish(workspace(journey("a", "page.viewed"), journey("b", "page.viewed")))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        await place.pool.execute("UPDATE queue.outbound SET state = 10 WHERE journey = 'a'")
        await place.receipt("unsubscribed", at=AT + MINUTE)
        await place.heard()
    assert await place.pool.fetchval("SELECT state FROM engine.v_consent") == "unsubscribed"
    assert [(state, reason) for _, state, reason in await place.queue()] == [
        ("ACCEPTED", None),
        ("REVOKED", "withdrawn"),
    ]


@pytest.mark.parametrize("as_goal", [True, False])
async def test_a_click_reaches_a_goal_or_exits(place: Town, as_goal: bool) -> None:
    ways = {"goals": (Goal("message.clicked"),)} if as_goal else {"exits": (Rule("message.clicked"),)}
    await place.publish(workspace(journey("views", "page.viewed", say(), Wait("w", 1, "days"), say(id="2"), **ways)))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        await place.receipt("delivered")
        await place.receipt("clicked", at=AT + MINUTE, url="https://shop.example")
        await place.heard()
    row = await place.pool.fetchrow("SELECT reason, ended_at FROM engine.entries")
    assert row["reason"] == ("goal_reached" if as_goal else "exited")
    assert await place.count("engine.timers") == 0


DEAF = workspace(journey("views", "page.viewed", say("sms-only")))


async def test_a_click_ends_the_waiting_in_a_revision_that_no_engine_has_read_since_its_start(place: Town) -> None:
    """Only the older revision listens to clicks, and nothing else has happened to its customer."""
    await place.publish(
        workspace(journey("views", "page.viewed", say(), Wait("w", 1, "days"), exits=until("message.clicked")))
    )
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
    await place.publish(DEAF)
    async with place.engine():
        await place.receipt("clicked", at=AT + MINUTE)
        await place.heard()
    assert await place.pool.fetchval("SELECT reason FROM engine.entries") == "exited"


async def test_a_click_reaches_the_goal_of_who_has_just_finished_a_revision_that_is_replaced(place: Town) -> None:
    """Nobody is inside it any more; that it listened to clicks is not forgotten with its replacement."""
    await place.publish(workspace(journey("views", "page.viewed", goals=(Goal("message.clicked"),))))
    async with place.engine() as service:
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        await place.publish(DEAF)
        await eventually(lambda: service.ready()[1] == "workspace version 2")
        await place.receipt("clicked", at=AT + MINUTE)
        await place.heard()
    assert await place.pool.fetchval("SELECT goal_at FROM engine.entries") == AT + MINUTE


async def test_a_receipt_that_nobody_listens_to_touches_no_profile_and_is_published(place: Town) -> None:
    await place.publish(workspace(THANKS))
    async with place.engine():
        await place.tell(ordered())
        await place.read()
        before = await place.pool.fetchval("SELECT xmin::text FROM engine.profiles")
        await place.receipt("delivered")
        await place.heard()
        (outcome,) = await place.logged(topics.OUTCOMES, 1)
        assert await place.pool.fetchval("SELECT xmin::text FROM engine.profiles") == before
    assert msgspec.json.decode(outcome.value or b"")["type"] == "message.delivered"


async def test_a_receipt_of_a_customer_who_has_become_another_finds_him(place: Town) -> None:
    """Twice over, in one batch: the alias leads to the end of the chain."""
    await place.publish(workspace(journey("views", "page.viewed")))
    async with place.engine():
        guest = {"anonymous_id": "a1", "email": "anna@example.com", "consents": SUBSCRIBED}
        await place.tell(event("page.viewed", customer=guest))
        await place.read()
        await place.pool.execute("UPDATE queue.outbound SET state = 10")
        await place.tell(
            event("customer.updated", customer={"phone": "+48600100200"}),
            event("customer.updated", customer={"id": "c-1"}),
            event("customer.updated", customer={"phone": "+48600100200", "email": "anna@example.com"}),
            event("customer.updated", customer={"id": "c-1", "email": "anna@example.com"}),
        )
        await place.read()
        assert await place.profiles() == 1
        await place.receipt("unsubscribed", at=AT + MINUTE)
        await place.heard()
    assert await place.pool.fetchval("SELECT state FROM engine.v_consent") == "unsubscribed"
    assert await place.count("engine.aliases a JOIN engine.profiles p ON p.id = a.new") == 2


# What cannot be processed


async def test_an_unreadable_record_becomes_a_dead_letter_and_the_rest_is_applied(place: Town) -> None:
    await place.publish(workspace(THANKS))
    async with place.engine():
        await place.tell(
            ordered(), b"rubbish", event("order.unpaid", order=ORDER), ordered(order={**ORDER, "id": "o2"})
        )
        await place.read()
        letters = await place.logged(topics.DEAD_LETTERS, 2)
    assert await place.said() == ["thanks", "thanks"]
    assert sorted(origin(letter).reason for letter in letters) == ["engine_type", "not_readable"]
    assert b"rubbish" in {letter.value for letter in letters}


async def test_an_event_on_which_the_decision_fails_becomes_a_dead_letter_alone(place: Town) -> None:
    """A document whose steps have no end, published past every check."""
    broken = journey("loop", "order.placed", Branch("b", (Arm((), "true"),)), condition="event.order.total > 900")
    await place.publish(workspace(THANKS, broken))
    async with place.engine() as service:
        compiled = service._definitions().revisions["loop", 1]
        node = compiled.nodes["b"]
        compiled.nodes["b"] = type(node)(node.step, "b", ())
        await place.tell(*(ordered(order={"id": str(n), "total": "999" if n == 7 else "1"}) for n in range(20)))
        await place.read()
        (letter,) = await place.logged(topics.DEAD_LETTERS, 1)
    assert origin(letter).reason == "failed"
    assert await place.said() == ["thanks"] * 19
    assert await place.count("engine.event_ids") == 19


async def test_a_receipt_on_which_the_decision_fails_is_published_and_stops_nothing(place: Town) -> None:
    """Listeners made wrong on purpose, as only a mistake in the code could."""
    await place.publish(workspace(THANKS, journey("views", "page.viewed", exits=until("message.clicked"))))
    async with place.engine() as service:
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
        service._definitions().revisions["views", 1].listeners["message.clicked"] = (None,)
        await place.receipt("clicked", at=AT + MINUTE)
        await place.heard()
        (outcome,) = await place.logged(topics.OUTCOMES, 1)
        await place.tell(ordered())
        await place.read()
    assert msgspec.json.decode(outcome.value or b"")["type"] == "message.clicked"
    assert await place.said() == ["thanks", "views"]


async def test_a_pinned_revision_that_fits_this_version_no_more_stops_its_own_entries_alone(place: Town) -> None:
    await place.publish(workspace(journey("views", "page.viewed", Wait("w", 1, "days"), say())))
    async with place.engine():
        await place.tell(event("page.viewed", customer=anna()))
        await place.read()
    await place.publish(workspace(THANKS))
    document = msgspec.json.decode(
        await place.pool.fetchval("SELECT document FROM workspace.journeys WHERE name = 'views'")
    )
    document["enter"]["condition"] = "event.of.another.age()"
    await place.pool.execute(
        "UPDATE workspace.journeys SET document = $1 WHERE name = 'views'", msgspec.json.encode(document)
    )
    async with place.engine():
        await place.tell(ordered())
        await place.read()
    assert await place.said() == ["thanks"]


async def test_a_journey_of_a_derived_event_is_not_entered_when_its_exit_is_on_record(place: Town) -> None:
    await place.publish(workspace(journey("first", "order.first_placed", exits=until("order.cancelled"))))
    async with place.engine():
        await place.tell(event("order.cancelled", AT + MINUTE, customer=anna(), order=ORDER))
        await place.read()
        await place.tell(ordered())
        await place.read()
    assert await place.said() == []


async def test_what_the_database_refuses_is_found_by_halves(place: Town) -> None:
    """A moment that no row can hold, in data that the checks let through."""
    await place.publish(workspace(THANKS))
    never = {"email": {"state": "subscribed", "at": "0001-01-01T00:00:00+14:00"}}
    values = [ordered(order={**ORDER, "id": str(n)}, customer=anna(id=f"c-{n}", email=f"c{n}@example.com"))
              for n in range(20)]  # fmt: skip
    values[13] = ordered(order={**ORDER, "id": "13"}, customer=anna(id="c-13", consents=never))
    async with place.engine():
        await place.tell(*values)
        await place.read()
        (letter,) = await place.logged(topics.DEAD_LETTERS, 1)
    assert letter.value == values[13]
    assert await place.said() == ["thanks"] * 19


async def test_the_brake_stops_an_engine_that_would_throw_the_topic_away(place: Town) -> None:
    await place.publish(workspace(THANKS))
    async with place.engine() as service:
        await place.tell(*(b"rubbish %d" % n for n in range(150)))
        await eventually(lambda: not service.ready()[0])
        assert "could not be processed" in service.ready()[1]
    assert await place.count("engine.outcomes") == 0
    assert await place.pool.fetchval("SELECT sum(position) FROM engine.positions") == 0
