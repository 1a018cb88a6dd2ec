"""From a signup to a confirmed consent and back out, over both services and one database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from services.contracts.journey import Rule, WaitFor
from services.contracts.settings import Account, Sender
from services.contracts.workspace import EmailTemplate, Template, Workspace
from services.notifier.compose.links import make_token
from tests.support import notifying as n
from tests.support.engine import DAY, HOUR, MINUTE, TEMPLATES, anna, event, journey, say, workspace
from tests.support.town import Town, town
from tests.support.waiting import eventually

PENDING = {"email": {"state": "pending"}}
ASK = Template("ask", "pl", "1", EmailTemplate("Potwierdź", "<a href='{{ links.confirm }}'>Tak</a>",
               "{{ links.confirm }} {{ links.preferences }}"), reads=(("links",),))  # fmt: skip


def shop() -> Workspace:
    bounced = WaitFor("w", (Rule("message.bounced"),), 7 * 86_400.0, then=(say(id="by-sms", via=("sms",)),))
    made = workspace(
        journey("confirm", "customer.signed_up", say("ask", id="ask"), klass="transactional",
                condition='event.customer.consents.email.state == "pending"'),
        journey("welcome", "consent.changed", again_after=0,
                condition='event.customer.consents.email.state == "subscribed"'),
        journey("news", "page.viewed", say(id="first"), bounced, again_after=0),
        templates={**TEMPLATES, "ask": {"pl": ASK}},
    )  # fmt: skip
    sender = Sender("Sklep <sklep@shop.example>", sms="Sklep")
    accounts = (Account("box", "mailbox", "email"), Account("box-sms", "mailbox", "sms"))
    settings = msgspec.structs.replace(
        made.settings, accounts=accounts, senders={"marketing": sender, "transactional": sender}
    )
    return msgspec.structs.replace(made, settings=settings)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, shop()) as made:
        yield made


async def key_of(place: Town, name: str) -> bytes:
    """The send key of the journey's newest message, once it has left."""

    async def left() -> Any:
        return await place.pool.fetchval(
            "SELECT send_key FROM queue.outbound WHERE journey = $1 AND state = 10 ORDER BY seq DESC LIMIT 1", name
        )

    found: bytes = await eventually(left, message=f"no message of {name} has left")
    return found


async def consent(place: Town) -> Any:
    row = await place.pool.fetchrow(
        "SELECT v.state, c.evidence FROM engine.v_consent v JOIN engine.consents c USING (profile_id, channel, topic)"
        " WHERE channel = 'email' AND topic = ''"
    )
    return tuple(row) if row else (None, b"")


async def becomes(place: Town, state: str) -> bytes:
    async def so() -> bool:
        return bool((await consent(place))[0] == state)

    await eventually(so, message=f"the consent does not become {state}")
    proof: bytes = (await consent(place))[1]
    return proof


async def test_a_signup_is_asked_confirms_is_welcomed_leaves_and_comes_back(place: Town) -> None:
    async with place.engine(), n.serving(place.url, place.clock) as server:
        await place.tell(event("customer.signed_up", id="1", customer=anna(consents=PENDING, locale="pl")))
        asked = await key_of(place, "confirm")
        mail = await place.pool.fetchval("SELECT message FROM notifier.mailbox WHERE send_key = $1", asked)
        token = make_token("confirm", asked, [n.SECRET_KEY])
        assert f"https://wici.shop.example/confirm/{token}".encode() in mail
        place.clock.move(MINUTE)
        assert (await server.ask("GET", f"/confirm/{token}"))[0] == 200
        assert (await server.ask("POST", f"/confirm/{token}"))[0] == 200
        proof = msgspec.json.decode(await becomes(place, "subscribed"))
        assert (proof["by"], proof["message"]["journey"], proof["message"]["key"]) == (
            "confirmation", "confirm", asked.hex())  # fmt: skip
        welcomed = await key_of(place, "welcome")
        assert (await server.ask("POST", f"/confirm/{token}"))[0] == 200

        place.clock.move(HOUR)
        centre = "/preferences/" + make_token("preferences", welcomed, [n.SECRET_KEY])
        assert (await post(server, centre, stop="all"))[0] == 200
        await becomes(place, "unsubscribed")
        place.clock.move(HOUR)
        assert "checked" not in (await server.ask("GET", centre))[1]
        await server.ask("POST", f"/confirm/{token}")  # an old link is no new statement
        assert (await post(server, centre, line="email", on="email"))[0] == 200
        await becomes(place, "subscribed")
        again = await eventually(lambda: another(place, welcomed))
        assert again
        told = "SELECT data FROM engine.events WHERE type = 'consent.changed' ORDER BY time, data"
        changes = [msgspec.json.decode(row[0])["customer"]["consents"] for row in await place.pool.fetch(told)]
        assert [(channel, one["state"]) for said in changes for channel, one in said.items()] == [
            ("email", "subscribed"), ("email", "unsubscribed"), ("sms", "unsubscribed"), ("email", "subscribed")
        ]  # fmt: skip


async def another(place: Town, first: bytes) -> Any:
    """A later welcome that has left: the grant has lifted the suppression of the address."""
    return await place.pool.fetchval(
        "SELECT send_key FROM queue.outbound WHERE journey = 'welcome' AND state = 10 AND send_key <> $1", first
    )


async def post(server: n.Server, where: str, **fields: Any) -> tuple[int, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await server.ask("POST", where, urlencode(fields, doseq=True).encode(), **headers)


async def test_a_link_to_an_address_that_has_changed_withdraws_and_cannot_consent(place: Town) -> None:
    async with place.engine(), n.serving(place.url, place.clock) as server:
        await place.tell(event("customer.signed_up", id="1", customer=anna(consents=PENDING)))
        asked = await key_of(place, "confirm")
        place.clock.move(MINUTE)
        await place.tell(event("customer.updated", place.clock.now(), id="2",
                               customer={"id": "c-1", "email": "new@example.com"}))  # fmt: skip
        await place.read()
        place.clock.move(MINUTE)
        await server.ask("POST", "/confirm/" + make_token("confirm", asked, [n.SECRET_KEY]))
        await place.heard()
        assert (await consent(place))[0] == "pending"
        await post(server, "/preferences/" + make_token("preferences", asked, [n.SECRET_KEY]), stop="email")
        await becomes(place, "unsubscribed")


async def test_a_link_of_somebody_erased_is_like_one_that_never_was(place: Town) -> None:
    async with place.engine(), n.serving(place.url, place.clock) as server:
        await place.tell(event("customer.signed_up", id="1", customer=anna(consents=PENDING)))
        asked = await key_of(place, "confirm")
        where = {
            "confirm": "/confirm/" + make_token("confirm", asked, [n.SECRET_KEY]),
            "preferences": "/preferences/" + make_token("preferences", asked, [n.SECRET_KEY]),
        }
        assert (await server.ask("POST", where["confirm"]))[0] == 200
        await place.tell(event("customer.deleted", place.clock.now() + DAY, id="2", customer={"id": "c-1"}))
        await place.read()
        for path in where.values():
            assert (await server.ask("GET", path))[0] == (await server.ask("POST", path))[0] == 404

        async def forgotten() -> bool:
            return not await place.count("notifier.confirmations")

        await eventually(forgotten, 20)
    assert await place.count("engine.consents") == 0


async def test_a_bounce_is_answered_over_another_channel_that_is_allowed(place: Town) -> None:
    both = {"email": {"state": "subscribed"}, "sms": {"state": "subscribed"}}
    async with place.engine(), n.serving(place.url, place.clock):
        await place.tell(event("page.viewed", id="1", customer=anna(phone="+48600100200", consents=both)))
        await key_of(place, "news")
        place.clock.move(MINUTE)
        await place.receipt("bounced", hard=True)

        async def by_sms() -> Any:
            return await place.count("queue.outbound WHERE channel = 'sms' AND step = 'by-sms' AND state = 10")

        assert await eventually(by_sms) == 1
