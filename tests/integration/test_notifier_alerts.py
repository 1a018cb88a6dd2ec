"""Alerts: the team hears of the customer, the customer hears nothing of it, and neither waits for the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from services.contracts import ids
from services.contracts.journey import Alert
from services.contracts.message import Message, Route
from services.contracts.settings import Settings, Team, Webhooks
from services.contracts.workspace import EmailTemplate, Template, Workspace
from services.kit.clock import FixedClock
from services.notifier import erasure
from services.notifier.service import Notifier
from tests.support import notifying as n
from tests.support.engine import anna, event, journey, say, workspace
from tests.support.notifying import ENVIRON, message
from tests.support.provider_sink import ProviderSink
from tests.support.receiver import Receiver, receiving
from tests.support.town import town
from tests.support.waiting import eventually

ACCEPTED, REFUSED, CLAIMED = (10, None), (11, "provider_refused"), (1, None)
TEAM = "support@shop.example"
WORDS = Template(
    "detractor", "pl", "detractor-1",  # what a notifier has compiled is found by its digest
    EmailTemplate("Pilne: {{ profile.email }}", "<p>{{ event.order.id }} {{ links.unsubscribe }}</p>",
                  "Do {{ alert.answer_by | date('HH:mm') }}, {{ alert.answer_within }} h{{ links.preferences }}"),
    reads=(("profile", "email"), ("event", "order", "id"), ("alert", "answer_by"), ("alert", "answer_within")),
)  # fmt: skip
LEGAL = {"company": "Sklep sp. z o.o.", "nip": "1234567890"}


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as played:
        yield played


@pytest.fixture(autouse=True)
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(ENVIRON, "TEAM_URL") as played:
        yield played


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    """Today's time: the library that verifies has no other."""
    return FixedClock(datetime.now(UTC).replace(microsecond=0))


def settled(given: Settings, url: str, *allow: str) -> Settings:
    return msgspec.structs.replace(
        given, accounts=(n.resend(url),), senders=n.SENDERS, webhooks=Webhooks("$HOOK_SECRET", allow),
        shop=msgspec.structs.replace(n.SHOP, legal=LEGAL), teams={"support": Team(TEAM, "$TEAM_URL")},
    )  # fmt: skip


def shop(sink: ProviderSink, *allow: str) -> Workspace:
    plain = n.workspace(templates={"thanks": n.THANKS, "detractor": {"pl": WORDS}})
    return msgspec.structs.replace(plain, settings=settled(plain.settings, sink.url, *allow))


def alert(k: int, route: Route = "alert_email", **fields: Any) -> Message:
    """The k-th alert, about customer k."""
    entry = ids.entry("thanks", b"%016d" % k)
    told = {"profile": {"email": f"customer{k}@example.com"}, "event": {"order": {"id": str(k)}}}
    said = {"team": "support", "event": "order.placed", "answer_within": 4, "answer_by": "2026-11-22T14:00:00Z"}
    return message(k, **{
        "send_key": ids.send_key(entry, "alert", route), "step": "alert", "klass": "service", "channel": route,
        "template": "detractor", "recipient": TEAM if route == "alert_email" else "$TEAM_URL",
        "context": {**told, "alert": said}, **fields,
    })  # fmt: skip


async def become(pool: asyncpg.Pool, *wanted: tuple[int, str | None]) -> None:
    async def so() -> bool:
        return await n.states(pool) == list(wanted)

    await eventually(so, message=f"they do not become {wanted}")


async def test_a_team_hears_through_engine_and_notifier_and_the_customer_is_told_nothing_by_it(
    database_url: str, sink: ProviderSink, receiver: Receiver
) -> None:
    asked = journey("asked", "order.placed", Alert("tell", "support", "detractor", 14_400.0), klass="transactional")
    heard = journey("heard", "message.bounced", say(), again_after=None)
    made = workspace(asked, heard, templates={"hello": n.THANKS, "detractor": {"pl": WORDS}})
    made = msgspec.structs.replace(made, settings=settled(made.settings, sink.url, receiver.host))
    async with town(database_url, made) as place:
        place.clock.move(datetime.now(UTC).replace(microsecond=0) - place.clock.now())
        at = place.clock.now()
        async with place.engine(), n.serving(place.url, place.clock) as server:
            placed = {"id": "7", "total": "9.00", "currency": "PLN"}
            await place.tell(event("order.placed", at, id="1", customer=anna(locale="en"), order=placed))
            await become(place.pool, ACCEPTED, ACCEPTED)
            key = await place.pool.fetchval("SELECT send_key FROM queue.outbound WHERE channel = 'alert_email'")
            bounced = {"type": "email.bounced", "created_at": at.isoformat(),
                       "data": {"tags": {"wici": key.hex()}, "bounce": {"type": "Permanent"}}}  # fmt: skip
            assert (await server.call_back(bounced, at))[0] == 200
            assert await place.pool.fetchval("SELECT status FROM notifier.deliveries WHERE send_key = $1", key) == (
                "bounced"
            )
            assert await place.count("queue.receipts") == await place.count("notifier.suppressions") == 0
            assert await place.count("engine.events WHERE type LIKE 'message.%'") == 0
            assert await place.count("engine.entries WHERE journey = 'heard'") == 0
    (mail,) = sink.messages
    assert (mail.to, mail.subject) == (TEAM, "Pilne: anna@example.com")
    (told,) = receiver.verified()
    assert (told["type"], told["event"]) == ("asked.tell", "order.placed")
    assert told["data"]["subject"] == "Pilne: anna@example.com"
    assert told["data"]["event"] == {"order": {"id": "7"}}
    by = datetime.fromisoformat(told["data"]["alert"]["answer_by"])
    assert by == at + timedelta(hours=4)


async def test_a_customers_message_does_not_wait_for_a_teams_mail_nor_that_for_it(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(sink))
    async with n.running(database_url, clock) as notifier:
        sink.fail("server_error")
        await n.enqueue(pool, [alert(1)])
        await eventually(lambda: at_rest(notifier, sink, 1))
        await n.enqueue(pool, [message(1)])
        await become(pool, CLAIMED, ACCEPTED)
        sink.fail("server_error")
        await n.enqueue(pool, [message(2)])
        await eventually(lambda: at_rest(notifier, sink, 3))
        await n.enqueue(pool, [alert(2)])
        await become(pool, CLAIMED, ACCEPTED, CLAIMED, ACCEPTED)
        clock.move(timedelta(minutes=1))
        await become(pool, ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED)
    assert await n.receipts(pool) == [(message(1).send_key, "accepted"), (message(2).send_key, "accepted")]


def at_rest(notifier: Notifier, sink: ProviderSink, requests: int) -> bool:
    return sink.ledger.requests == requests and not notifier._flow._sender.in_hand


async def test_an_account_in_the_middle_of_a_rush_has_a_pace_of_its_own_for_alerts(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(sink))
    sink.delay = 0.3
    async with n.running(database_url, clock) as notifier:
        await eventually(lambda: notifier._editions.now)
        edition = notifier._editions.now
        assert edition is not None
        customers, teams = edition.account("main", "email"), edition.account("main", "alert_email")
        assert customers is not None
        assert teams is not None
        assert (customers.settings, customers.provider) == (teams.settings, teams.provider)
        customers.pace.begin(customers.pace.free(0.0))
        await n.enqueue(pool, [message(1), alert(1)])
        await become(pool, (0, None), ACCEPTED)


async def test_what_became_of_an_alert_is_told_to_nobody_and_forbids_no_address(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, receiver: Receiver, clock: FixedClock
) -> None:
    await n.publish(pool, shop(sink, receiver.host))
    sink.fail("invalid")
    receiver.statuses = [410]
    await n.enqueue(pool, [alert(1), alert(1, "alert_webhook")])
    async with n.running(database_url, clock):
        await become(pool, REFUSED, REFUSED)
    assert await n.receipts(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM notifier.suppressions") == 0
    assert await pool.fetchval("SELECT count(*) FROM notifier.deliveries WHERE status = 'refused'") == 2


async def test_the_customers_suppressed_address_and_withdrawn_consent_hold_no_alert_back(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(sink))
    await n.consent(pool, 1, "unsubscribed")
    async with n.serving(database_url, clock) as server:
        await n.enqueue(pool, [message(1, recipient=TEAM)])
        await become(pool, ACCEPTED)
        bounced = {"type": "email.bounced", "created_at": clock.now().isoformat(),
                   "data": {"tags": {"wici": message(1).send_key.hex()}, "bounce": {"type": "Permanent"}}}  # fmt: skip
        assert (await server.call_back(bounced, clock.real()))[0] == 200
        await n.enqueue(pool, [alert(1), message(2, recipient=TEAM)])
        await become(pool, ACCEPTED, ACCEPTED, (14, "suppressed"))


async def test_only_to_speaks_of_the_teams_address_and_a_pause_of_alerts_holds_them(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    await n.publish(pool, shop(sink))
    await n.enqueue(pool, [alert(1), alert(2, recipient="boss@elsewhere.example"), alert(3, "alert_webhook")])
    async with n.running(database_url, clock, only_to=("@shop.example",)):
        await become(pool, ACCEPTED, (14, "not_allowed_here"), (14, "not_allowed_here"))
        await pool.execute("INSERT INTO queue.pauses VALUES ('channel:alert_email', $1, 'test')", clock.now())
        await n.enqueue(pool, [alert(4), message(5, recipient="anna@shop.example")])
        await become(pool, ACCEPTED, (14, "not_allowed_here"), (14, "not_allowed_here"), (0, None), ACCEPTED)


async def test_a_teams_mail_has_no_way_out_no_footer_and_no_followed_links(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, clock: FixedClock
) -> None:
    made = shop(sink)
    links = msgspec.structs.replace(made.settings.links, track="all", domain="l.shop.example")
    made = msgspec.structs.replace(made, settings=msgspec.structs.replace(made.settings, links=links))
    await n.publish(pool, made)
    await n.enqueue(pool, [alert(1)])
    async with n.running(database_url, clock):
        await become(pool, ACCEPTED)
    (mail,) = sink.messages
    assert mail.raw["html"] == "<p>1 </p>"
    assert mail.raw["text"] == "Do 15:00, 4 h\n"


async def test_the_alerts_about_an_erased_customer_hold_nothing_of_him(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    await n.enqueue(pool, [alert(1), alert(1, "alert_webhook"), alert(2)])
    await pool.execute("INSERT INTO queue.erasures VALUES ($1, $2)", alert(1).profile_id, clock.real())
    assert await erasure.work_off(n.context(pool, database_url, clock)) == 1
    rows = await pool.fetch("SELECT recipient, context, state FROM queue.outbound ORDER BY seq")
    assert [tuple(row) for row in rows[:2]] == [("", b"", 13), ("", b"", 13)]
    assert (rows[2]["recipient"], rows[2]["state"]) == (TEAM, 0)


async def test_a_team_whose_address_is_not_set_keeps_the_version_before_in_force(
    database_url: str, pool: asyncpg.Pool, sink: ProviderSink, receiver: Receiver, clock: FixedClock
) -> None:
    made = shop(sink, receiver.host)
    await n.publish(pool, made)
    async with n.running(database_url, clock) as notifier:
        await eventually(lambda: notifier._editions.now)
        teams = {"support": Team(webhook="$NOT_SET")}
        await n.publish(
            pool, msgspec.structs.replace(made, settings=msgspec.structs.replace(made.settings, teams=teams))
        )
        await notifier._editions.refresh()
        assert "NOT_SET" in notifier.ready()[1]
