"""Answering for what was done: explained, exported, erased and looked for, over what a running engine has left."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from services.cli.customers import search, story
from services.cli.customers.erase import deleted, erase_person
from services.cli.customers.export import collect
from services.cli.customers.find import Nobody, Person, erased, find
from services.cli.customers.moments import moments, why_never
from services.contracts.journey import Wait
from services.kit.clock import FixedClock
from services.notifier import erasure
from tests.support.engine import AT, HOUR, MINUTE, THANKS, anna, event, journey, say, workspace
from tests.support.notifying import context
from tests.support.town import SECRET, Town, town

ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
SHOP = workspace(
    THANKS,
    journey("big", "order.placed", condition="event.order.total > 900 && profile.orders_count > 5"),
    journey("later", "page.viewed", Wait("wait", 1, "hours"), say(id="sms", via=("sms",)), Wait("more", 1, "days")),
    journey("reviews", "review.submitted"),
)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP) as made:
        yield made


async def told(place: Town, who: str) -> tuple[story.Story, str]:
    async with place.pool.acquire() as opened:
        found = await story.read(opened, await find(opened, who), place.clock.real())
    lines = [f"{one.what}\n" + "\n".join(one.then) for one in moments(found)]
    return found, "\n".join(lines)


async def live(place: Town) -> None:
    await place.tell(
        event("order.placed", customer=anna(), order=ORDER),
        event("page.viewed", customer=anna(anonymous_id="a-cookie")),
    )
    await place.read()
    place.clock.move(HOUR)
    await place.no_timer()


async def test_it_is_told_why_each_journey_did_what_it_did(place: Town) -> None:
    async with place.engine():
        await live(place)
    found, text = await told(place, "Anna@example.com")
    assert "big: not entered: condition_false" in text
    assert 'event.order.total was "100.00"' in text
    assert "profile.orders_count was 1" in text
    assert "thanks: entered (revision 1)" in text
    assert "thanks: hello by email queued at send:hello" in text
    assert "waits to be claimed by a notifier" in text
    assert "later: at sms\nno_address: The customer has no address on the channel." in text
    assert "later: will go on from more" in text
    assert why_never(found, "reviews")[0].startswith("reviews is entered by review.submitted, and the customer has no")
    assert why_never(found, "no-such")[0].startswith("no-such is not published.")


async def test_a_paused_message_says_who_holds_it(place: Town) -> None:
    async with place.engine():
        await live(place)
    await place.pool.execute("INSERT INTO queue.pauses VALUES ('journey:thanks', $1, 'anna')", AT)
    assert "waits: paused (journey:thanks: since 2026-11-22 10:00 by anna)" in (await told(place, "c-1"))[1]


async def test_a_customer_is_found_by_any_name_and_an_erased_one_is_said_to_be(place: Town) -> None:
    async with place.engine():
        await live(place)
        async with place.pool.acquire() as opened:
            people = [await find(opened, who) for who in ("c-1", "backend:c-1", "a-cookie", "anna@example.com")]
            assert len({person.profile for person in people}) == 1
            await erase_person(opened, place.bus, place.settings, people[0], (SECRET,))
            with pytest.raises(Nobody):
                await find(opened, "anna@example.com")
            assert await erased(opened, "anna@example.com", ["backend"], (SECRET,)) is not None
            assert await erased(opened, "jan@example.com", ["backend"], (SECRET,)) is None


async def test_the_export_has_every_row_in_words(place: Town) -> None:
    async with place.engine():
        await live(place)
    async with place.pool.acquire() as opened:
        data = await collect(opened, await find(opened, "c-1"))
    text = msgspec.json.encode(data, enc_hook=str).decode()
    assert data["profile"]["facts"]["first_name"][0] == "Anna"
    assert data["queue.outbound"][0]["recipient"] == "anna@example.com"
    assert {row["data"]["customer"]["id"] for row in data["engine.events"]} == {"c-1"}
    assert data["engine.consents"][0]["evidence"]["email"]["state"] == "subscribed"
    assert "condition_false" in text
    assert "no_address" in text


async def test_of_the_erased_nothing_is_found_in_any_table_or_record_and_others_are_untouched(
    place: Town, capfd: pytest.CaptureFixture[str]
) -> None:
    """300 customers inside a journey, every tenth erased meanwhile, and all their events read once more."""
    people = [anna(id=f"cust-{n:04}", email=f"person{n:04}@mail.example", first_name="Ewa") for n in range(300)]
    life = [event("page.viewed", customer=one) for one in people]
    life += [event("order.placed", customer=one, order={**ORDER, "id": f"o{n}"}) for n, one in enumerate(people)]
    gone = people[::10]
    async with place.engine():
        await place.tell(*life)
        await place.read()
        async with place.pool.acquire() as opened:
            persons = [await find(opened, one["email"]) for one in gone]
            producer = await place.bus.producer()
            late = AT + MINUTE
            await producer.publish([deleted(one.names, place.settings, late, (SECRET,)) for one in persons])
            await place.read()
            await place.tell(*life)
            await place.read()
            await erasure.work_off(context(place.pool, place.url, FixedClock(AT)))
            names = [name for one in persons for name in one.names]
            everyone = Person(b"", [one.profile for one in persons], names)
            places = await search.in_log(place.bus, place.settings, names, everyone.every, (SECRET,))
            assert len(places) >= 5 * len(gone)
            await place.bus.delete([(one.topic, one.partition, one.offset) for one in places])
            assert await search.in_log(place.bus, place.settings, names, everyone.every, (SECRET,)) == []
            assert await search.in_tables(opened, names) == {}
            kept = await find(opened, people[1]["email"])
            assert "queue.outbound.recipient" in await search.in_tables(opened, kept.names), "the search does find"
    assert await place.profiles() == len(people) - len(gone)
    assert await place.count("queue.outbound WHERE state = 0") == len(people) - len(gone)
    assert await place.count("engine.entries WHERE ended_at IS NULL") == len(people) - len(gone)
    assert "mail.example" not in "".join(capfd.readouterr())


def test_a_name_is_found_in_base64_wherever_it_begins() -> None:
    import base64

    for before in ("", "x", "xy", "xyz"):
        coded = base64.b64encode(f"{before}anna@example.com!".encode()).decode()
        assert any(piece in coded for piece in search._base64("anna@example.com")), before
