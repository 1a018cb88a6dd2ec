"""Answering for what was done: explained, exported, erased and looked for, over what a running engine has left."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from services.cli.customers import search
from services.cli.customers.erase import deleted, empty_log, erase_people
from services.cli.customers.export import collect
from services.cli.customers.search import Sought
from services.contracts import topics
from services.contracts.journey import Wait
from services.contracts.policies import Cap, QuietHours
from services.insights.explain import story
from services.insights.explain.moments import fate, moments, why_never
from services.insights.find import Nobody, erased, find
from services.kit.clock import FixedClock
from services.notifier import erasure
from services.trigger_engine.profiles.state import Identifier
from tests.support.engine import AT, HOUR, MINUTE, THANKS, anna, event, journey, say, workspace
from tests.support.notifying import context
from tests.support.town import SECRET, Town, start_log, town

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
            sought = Sought(frozenset(people[0].names), (people[0].profile,))
            await erase_people(opened, place.bus, place.settings, people[:1], sought, (SECRET,))
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
            everyone = Sought(
                frozenset(name for one in persons for name in one.names), tuple(one.profile for one in persons)
            )
            places = await search.in_log(place.bus, place.settings, everyone, (SECRET,))
            assert len(places) >= 5 * len(gone)
            assert await empty_log(opened, place.bus, place.settings, everyone, (SECRET,)) == 0
            assert await search.in_log(place.bus, place.settings, everyone, (SECRET,)) == []
            assert await search.in_tables(opened, everyone) == {}
            kept = Sought(frozenset((await find(opened, people[1]["email"])).names))
            assert "queue.outbound.recipient" in await search.in_tables(opened, kept), "the search does find"
    assert await place.profiles() == len(people) - len(gone)
    assert await place.count("queue.outbound WHERE state = 0") == len(people) - len(gone)
    assert await place.count("engine.entries WHERE ended_at IS NULL") == len(people) - len(gone)
    assert "mail.example" not in "".join(capfd.readouterr())


async def test_a_name_is_found_however_json_may_have_written_it(place: Town) -> None:
    """Small, in capitals, as UTF-8, and as \\u escapes, which a shop's JSON may have instead."""
    plain = r'{"customer": {"id": "Łucja-Żak"}}'
    escaped = r'{"customer": {"id": "\u0141UCJA-\u017bak", "page": "https:\/\/sklep.example\/lucja"}}'
    for at, data in enumerate((plain, escaped)):
        await place.pool.execute(
            "INSERT INTO notifier.mailbox (send_key, channel, sent_at, message) VALUES ($1, 'email', $2, $3)",
            bytes([at]) * 16, AT, data.encode(),
        )  # fmt: skip
    async with place.pool.acquire() as opened:
        name = Identifier("customer", "backend", "łucja-żak")
        assert await search.in_tables(opened, Sought(frozenset({name}))) == {"notifier.mailbox.message": 2}
        other = Identifier("customer", "backend", "łucja-zak")
        assert await search.in_tables(opened, Sought(frozenset({other}))) == {}
        page = Sought(frozenset(), texts=("https://sklep.example/lucja",))
        assert await search.in_tables(opened, page) == {"notifier.mailbox.message": 1}


async def test_a_record_of_another_is_not_deleted_for_a_number_that_both_have(place: Town) -> None:
    """The order 123456 of one customer, when the customer 123456 is erased."""
    await place.tell(
        event("page.viewed", customer={"id": "123456"}),
        event("order.placed", customer=anna(), order={**ORDER, "id": "123456"}),
        event("review.submitted", customer=anna(id="c-2", email="b@example.com"), review={"id": "r", "text": "123456"}),
    )
    async with place.engine():
        await place.read()
    mine = Sought(frozenset({Identifier("customer", "backend", "123456")}))
    async with place.pool.acquire() as opened:
        found = await search.in_log(place.bus, place.settings, mine, (SECRET,))
        assert sorted(one.certain for one in found) == [False, False, True]
        assert await empty_log(opened, place.bus, place.settings, mine, (SECRET,)) == 0
        assert len(await place.log(topics.EVENTS)) == 2


async def test_a_record_that_the_engine_has_not_read_is_not_deleted(place: Town) -> None:
    await start_log(place)
    await place.tell(event("page.viewed", customer=anna()))
    mine = Sought(frozenset({Identifier("email", "", "anna@example.com")}))
    async with place.pool.acquire() as opened:
        assert await empty_log(opened, place.bus, place.settings, mine, (SECRET,)) == 1
    assert len(await place.log(topics.EVENTS)) == 1


async def test_a_step_that_policies_let_wait_says_until_when_and_by_which(database_url: str) -> None:
    """Quiet hours at ten (eleven in Warsaw), and a cap that the first message has used up."""
    noon = {"sms": QuietHours(11 * 60, 14 * 60)}
    shop = workspace(
        journey("one", "page.viewed"),
        journey("two", "page.viewed"),
        journey("three", "page.viewed", say(id="sms", via=("sms",))),
        quiet_hours=noon,
        caps=(Cap(1, 86_400.0, "email"),),
    )
    async with town(database_url, shop) as place:
        async with place.engine():
            consents = {channel: {"state": "subscribed", "at": "2026-11-20T10:00:00Z"} for channel in ("email", "sms")}
            await place.tell(event("page.viewed", customer=anna(phone="+48600100200", consents=consents)))
            await place.read()
        text = (await told(place, "c-1"))[1]
    capped = "at send:hello\nwaits until 2026-11-23 10:00:00: capped\n    policies.caps: at most 1 in 1 day (email)\n"
    assert text.count(capped) == 1
    assert (
        "three: at sms\nwaits until 2026-11-22 13:00:00: quiet_hours\n"
        "    policies.quiet_hours.sms, where the customer lives: 11:00 to 14:00\n"
    ) in text


async def test_a_message_that_waits_names_what_holds_it(place: Town) -> None:
    async with place.engine():
        await place.tell(*(event("order.placed", customer=anna(), order={**ORDER, "id": f"o{n}"}) for n in range(3)))
        await place.read()
    first, second, third = [
        row["send_key"] for row in await place.pool.fetch("SELECT send_key FROM queue.outbound ORDER BY seq")
    ]
    change = "UPDATE queue.outbound SET {} WHERE send_key = $1"
    assert "waits: an older message to the customer by email (hello of thanks, queued" in await held(place, second)

    quiet = "quiet = '{[2026-11-22 10:00+00,2026-11-22 11:30+00)}'"
    await place.pool.execute(change.format(quiet), first)
    assert "waits: quiet hours until 2026-11-22 11:30:00 (policies.quiet_hours.email)" in await held(place, first)
    assert "waits to be claimed by a notifier" in await held(place, second), "what is held lets others pass"

    await place.pool.execute(change.format("state = 1"), third)
    assert "waits: an older message" in await held(place, second), "one at a time is in a provider's hands"

    await place.pool.execute(change.format("state = 10"), third)
    await place.pool.execute(
        "INSERT INTO notifier.attempts"
        " VALUES ($1::uuid, 'main', ARRAY[$1::uuid], '', $2, 1, 'me', $2, 1, 1, $2, $2, 'freed')",
        second, AT,
    )  # fmt: skip
    await place.pool.execute(change.format("attempt_id = send_key, attempts = 1"), second)
    assert "waits: an account: main gave it back (throttled" in await held(place, second)

    await place.pool.execute(change.format("bound_to = 'main'"), second)
    assert "waits: main, which alone may call again" in await held(place, second)
    await place.pool.execute("INSERT INTO queue.pauses VALUES ('journey:thanks', $1, 'brake')", AT)
    assert "waits: main, which alone may call again" in await held(place, second), (
        "the brake holds no transactional one"
    )
    await place.pool.execute(change.format("class = 'service'"), second)
    assert "waits: paused (journey:thanks: since 2026-11-22 10:00 by brake)" in await held(place, second)
    await place.pool.execute(change.format("class = 'transactional'"), second)
    await place.pool.execute("INSERT INTO queue.pauses VALUES ('channel:email', $1, 'jan')", AT)
    assert "waits: paused (channel:email: since 2026-11-22 10:00 by jan)" in await held(place, second)


async def held(place: Town, send_key: bytes) -> str:
    """What is told of the fate of one message."""
    async with place.pool.acquire() as opened:
        found = await story.read(opened, await find(opened, "c-1"), place.clock.real())
    (one,) = [message for message in found.messages if message.send_key == send_key]
    return "\n".join(fate(one))
