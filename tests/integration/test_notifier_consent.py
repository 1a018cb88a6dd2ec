"""The pages of consent over HTTP: double opt-in, the preference centre, and what strangers can do with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg
import msgspec
import pytest

from services.contracts.journey import Enter, Journey, Send
from services.contracts.message import State
from services.contracts.receipt import Statement
from services.contracts.settings import Account, Topic
from services.contracts.workspace import Workspace
from services.kit.clock import FixedClock
from services.notifier import suppressions
from services.notifier.compose.links import make_token
from services.notifier.pages.letter import LARGEST, MOST_PER_MINUTE
from services.notifier.suppressions import Suppression, SuppressionReason, fingerprints
from tests.support import notifying as n
from tests.support.notifying import AT, Server, message
from tests.support.waiting import eventually

DAY = timedelta(days=1)
TOPICS = {
    "cart-reminders": Topic({"pl": "Przypomnienia o koszyku", "en": "Cart reminders"}, {"": "Gdy coś w nim zostało"}),
    "news": Topic({"": "Nowości <b>tygodnia</b>"}),
}
ACCOUNTS = (Account("box", "mailbox", "email"), Account("sms", "mailbox", "sms"))


def about(topic: str, *via: Any, klass: Any = "marketing") -> Journey:
    return Journey(topic, Enter("page.viewed"), (Send("s", "thanks", via),), topic=topic, klass=klass)


def shop(**settings: Any) -> Workspace:
    made = n.workspace(*ACCOUNTS)
    journeys = (about("news", "email", "sms"), about("cart-reminders", "email"), about("receipts", "email",
                klass="transactional"), about("unnamed-topic", "email"))  # fmt: skip
    look = msgspec.structs.replace(made.settings.shop, colour="#2f6f4f")
    changed = msgspec.structs.replace(made.settings, topics=TOPICS, shop=look, **settings)
    return msgspec.structs.replace(made, settings=changed, journeys=journeys)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        await n.publish(opened, shop())
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(AT)


@pytest.fixture
async def server(database_url: str, pool: asyncpg.Pool, clock: FixedClock) -> AsyncIterator[Server]:
    await send(pool, message(1, locale="pl-PL"))
    async with n.serving(database_url, clock) as made:
        yield made


async def send(pool: asyncpg.Pool, *messages: Any) -> None:
    """Messages that have left already."""
    await n.enqueue(pool, messages)
    await pool.execute("UPDATE queue.outbound SET state = 10")


def path(kind: Any, number: int = 1, key: str = n.SECRET_KEY) -> str:
    return f"/{kind}/" + make_token(kind, message(number).send_key, [key])


async def said(pool: asyncpg.Pool) -> list[Statement]:
    rows = await pool.fetch("SELECT data FROM queue.receipts WHERE kind = 'statement' ORDER BY id")
    return [msgspec.json.decode(row[0], type=Statement) for row in rows]


async def suppressed(pool: asyncpg.Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM notifier.suppressions WHERE reason = 'unsubscribed'"))


async def post(server: Server, where: str, **fields: Any) -> tuple[int, str]:
    body = urlencode(fields, doseq=True).encode()
    return await server.ask("POST", where, body, **{"Content-Type": "application/x-www-form-urlencoded"})


async def test_looking_at_a_confirmation_changes_nothing_and_its_button_confirms(
    server: Server, pool: asyncpg.Pool
) -> None:
    for method in ("GET", "HEAD", "GET"):
        code, page = await server.ask(method, path("confirm"))
        assert code == 200
    assert '<html lang="pl">' in page
    assert "zgadzasz się dostawać od sklepu Sklep e-mailem: nowości i oferty" in page
    assert await said(pool) == []
    headers = {"User-Agent": "Browser/1", "X-Forwarded-For": "198.51.1.2"}
    code, page = await server.ask("POST", path("confirm"), b"", **headers)
    assert (code, "Dziękujemy" in page) == (200, True)
    (statement,) = await said(pool)
    assert (statement.by, statement.lines) == ("confirmation", {"email": "subscribed"})
    assert (statement.ip, statement.forwarded, statement.user_agent) == ("127.0.0.1", "198.51.1.2", "Browser/1")
    assert statement.text_id == "wici/confirm/pl/1"
    assert statement.text.startswith("Naciskając przycisk")
    assert re.fullmatch("[0-9a-f]{64}", statement.address)


async def test_a_confirmation_counts_once_and_says_so_kindly(server: Server, pool: asyncpg.Pool) -> None:
    for _ in range(3):
        code, page = await server.ask("POST", path("confirm"))
        assert code == 200
    assert "już potwierdzona" in page
    assert "już potwierdzona" in (await server.ask("GET", path("confirm")))[1]
    assert len(await said(pool)) == 1


async def test_a_confirmation_of_a_journey_with_a_topic_is_for_the_topic(server: Server, pool: asyncpg.Pool) -> None:
    await send(pool, message(2, topic="cart-reminders", locale="en"))
    _, page = await server.ask("GET", path("confirm", 2))
    assert "Cart reminders" in page
    await server.ask("POST", path("confirm", 2))
    assert [one.lines for one in await said(pool)] == [{"email:cart-reminders": "subscribed"}]


async def test_a_confirmation_expires_after_thirty_days(server: Server, pool: asyncpg.Pool, clock: FixedClock) -> None:
    clock.move(30 * DAY)
    assert (await server.ask("GET", path("confirm")))[0] == 200
    clock.move(timedelta(seconds=1))
    for method in ("GET", "POST"):
        code, page = await server.ask(method, path("confirm"))
        assert (code, "wygasł" in page) == (410, True)
    assert await said(pool) == []


async def test_links_survive_a_rotation_and_not_a_retired_key(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    old = "an-older-secret-key-of-tests-32-characters"
    await send(pool, message(1))
    for keys, code in (((n.SECRET_KEY, old), 200), ((n.SECRET_KEY,), 404)):
        async with n.serving(database_url, clock, secret_keys=keys) as made:
            for kind in ("confirm", "preferences"):
                assert (await made.ask("GET", path(kind, key=old)))[0] == code


@pytest.mark.parametrize("kind", ["confirm", "preferences"])
async def test_every_token_that_leads_nowhere_is_answered_alike(server: Server, pool: asyncpg.Pool, kind: str) -> None:
    """Nothing tells a stranger whether he has guessed something, nor that a customer was erased."""
    await send(pool, message(2, recipient=""), message(3))
    await pool.execute("INSERT INTO queue.erasures VALUES ($1, $2)", message(3).profile_id, AT)
    other = "preferences" if kind == "confirm" else "confirm"
    good = path(kind)
    tokens = ["x", "A" * 44, good.rpartition("/")[2][:-1] + "A", path(other).rpartition("/")[2], "%00", "a" * 5000,
              path(kind, 2).rpartition("/")[2], path(kind, 3).rpartition("/")[2], path(kind, 999).rpartition("/")[2],
              make_token("unsubscribe", message(1).send_key, [n.SECRET_KEY])]  # fmt: skip
    answers = {await server.ask(method, f"/{kind}/{token}") for token in tokens for method in ("GET", "POST")}
    assert len(answers) == 1
    ((code, _),) = answers
    assert code == 404
    assert await said(pool) == []


@pytest.mark.parametrize("kind", ["confirm", "preferences", "u"])
async def test_pages_load_nothing_run_nothing_and_leave_no_trace(server: Server, kind: str) -> None:
    where = path(kind) if kind != "u" else "/u/" + make_token("unsubscribe", message(1).send_key, [n.SECRET_KEY])
    async with server.client.get(where) as answer:
        page, headers = await answer.text(), answer.headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        headers["Content-Security-Policy"],
    )
    assert "#2f6f4f" in page
    assert not re.search(r"<script|<img|<link|https?://|src=|style=\"|@import|url\(", page)
    assert "customer1@example.com" not in page
    assert message(1).profile_id.hex() not in page


async def test_the_preference_centre_shows_what_stands_and_escapes_what_the_shop_says(
    server: Server, pool: asyncpg.Pool
) -> None:
    await n.consent(pool, 1, "subscribed", at=AT - DAY)
    await n.consent(pool, 1, "unsubscribed", topic="news")
    _, page = await server.ask("GET", path("preferences"))
    assert re.findall(r'value="(email[^"]*)"( checked)?><span>', page) == [
        ("email:cart-reminders", " checked"), ("email:news", ""), ("email:unnamed-topic", " checked"),
        ("email", " checked")]  # fmt: skip
    assert "Nowości &lt;b&gt;tygodnia&lt;/b&gt;" in page
    assert ("Unnamed topic" in page, "receipts" in page, "SMS" in page) == (True, False, False)


async def test_saving_states_every_line_that_was_shown_and_no_other(server: Server, pool: asyncpg.Pool) -> None:
    lines = ["email:cart-reminders", "email:news", "email", "email:gone", "sms", "evil"]
    code, page = await post(server, path("preferences"), line=lines, on=["email:news", "email:gone", "evil"])
    assert (code, 'role="status"' in page) == (200, True)
    (statement,) = await said(pool)
    assert statement.lines == {"email:cart-reminders": "unsubscribed", "email:news": "subscribed",
                               "email": "unsubscribed"}  # fmt: skip
    assert re.findall(r'value="(email[^"]*)"( checked)?><span>', page)[1] == ("email:news", " checked")
    assert "E-mail: Przypomnienia o koszyku" in statement.text


async def test_leaving_a_channel_suppresses_its_addresses_at_once(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    """Also the number that an SMS is about to leave for, which the mail's link does not know."""
    await n.consent(pool, 1, "subscribed", at=AT - DAY)
    await send(pool, message(1))
    await pool.execute("INSERT INTO queue.pauses VALUES ('all', $1, 'test')", AT)
    await n.enqueue(pool, [message(2, customer=1, channel="sms", recipient="+48600100200", klass="marketing"),
                           message(3, customer=1, klass="marketing"), message(4, customer=1),
                           message(5, channel="sms", recipient="+48600100300", klass="marketing")])  # fmt: skip
    async with n.serving(database_url, clock) as server:
        assert (await post(server, path("preferences"), stop="all"))[0] == 200
        assert [one.lines for one in await said(pool)] == [{"email": "unsubscribed", "sms": "unsubscribed"}]
        assert await suppressed(pool) == 2
        await pool.execute("DELETE FROM queue.pauses")

        async def settled() -> Any:
            found = (await n.states(pool))[1:]
            return found if all(state >= 10 for state, _ in found) else None

        found = await eventually(settled)
    assert found[1] == (State.DROPPED, "suppressed")
    assert found[2] == (State.ACCEPTED, None)


async def test_what_is_no_form_of_ours_changes_nothing(server: Server, pool: asyncpg.Pool) -> None:
    for body in (b"", b"on=email", b"stop=nonsense", b"line=other&on=other", b"\xff\xfe", b"x" * (LARGEST + 1),
                 b"&".join(b"line=email" for _ in range(1000))):  # fmt: skip
        code, page = await server.ask(
            "POST", path("preferences"), body, **{"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert (code, "<form" in page) == (400, True)
    assert await said(pool) == []
    assert await suppressed(pool) == 0


async def test_a_link_that_is_followed_without_end_is_answered_429(server: Server, pool: asyncpg.Pool) -> None:
    codes = [(await server.ask("POST", path("confirm")))[0] for _ in range(2 * MOST_PER_MINUTE + 2)]
    assert codes[0] == 200
    assert 429 in codes
    assert (await server.ask("GET", path("preferences", 999)))[0] == 404
    assert len(await said(pool)) == 1


async def test_hostile_headers_are_kept_short_and_whole(server: Server, pool: asyncpg.Pool) -> None:
    await server.ask("POST", path("confirm"), b"", **{"User-Agent": '"machine":true' + "x" * 5000})
    (statement,) = await said(pool)
    assert len(statement.user_agent) == 300
    raw = await pool.fetchval("SELECT data FROM queue.receipts WHERE kind = 'statement'")
    assert b'"machine":true' not in raw


async def test_a_grant_lifts_an_unsubscription_and_never_a_bounce_or_a_complaint(
    database_url: str, pool: asyncpg.Pool, clock: FixedClock
) -> None:
    reasons: dict[int, SuppressionReason] = {1: "unsubscribed", 2: "bounced", 3: "complained"}
    rows = [
        Suppression("email", fingerprints("email", f"customer{i}@example.com", [n.SECRET_KEY])[0], why, AT)
        for i, why in reasons.items()
    ]
    async with pool.acquire() as connection:
        await suppressions.add(connection, rows)
    for i in (1, 2, 3):
        await n.consent(pool, i, "subscribed", at=AT + timedelta(seconds=1))
    await n.enqueue(pool, [message(i, klass="marketing") for i in (1, 2, 3)])

    async def settled() -> Any:
        found = await n.states(pool)
        return found if all(state >= 10 for state, _ in found) else None

    async with n.serving(database_url, clock):
        found = await eventually(settled)
    assert found == [(State.ACCEPTED, None), (State.DROPPED, "suppressed"), (State.DROPPED, "suppressed")]
