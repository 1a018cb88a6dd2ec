"""A bounce, end to end: a real Postfix relays, the next server knows no such mailbox, Postfix's report comes back.

What docs/connect/smtp.md says to write into Postfix is what is written here. Only loopback is reached.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from services.contracts.settings import Account
from services.kit.clock import FixedClock
from tests.docs.markdown import blocks
from tests.support import notifying as n
from tests.support.notifying import AT, message
from tests.support.postfix import Postfix
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import eventually

PAGE = Path(__file__).parents[2] / "docs/connect/smtp.md"
RETURN_PATH = "bounces+{key}@bounces.shop.example"


@pytest.fixture
def next_hop() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        yield opened


def documented(port: int) -> tuple[str, str]:
    """The lines of main.cf and master.cf, for the account `relay` at a notifier that listens on `port`."""
    texts = [block.text for block in blocks(PAGE)]
    (main,) = [text for text in texts if text.startswith("transport_maps")]
    (master,) = [text for text in texts if text.startswith("wici ")]
    filled = master.replace("127.0.0.1:8082", f"127.0.0.1:{port}").replace("TOKEN", n.ENVIRON["SMS_PATH"])
    return main + "\n", filled + "\n"


async def test_a_bounce_from_behind_a_real_postfix_settles_the_delivery_and_suppresses_the_address(
    database_url: str, pool: asyncpg.Pool, next_hop: SmtpServer
) -> None:
    next_hop.handler.say["rcpt"] = "550 5.1.1 no such user here"
    clock = FixedClock(AT)
    async with n.serving(database_url, clock) as server:
        main, master = documented(server.port)
        with Postfix({"example.com": f"smtp:[127.0.0.1]:{next_hop.port}"}, main, master) as relay:
            options = {"host": "127.0.0.1", "port": relay.port, "tls": "none", "return_path": RETURN_PATH,
                       "callback_token": "$SMS_PATH"}  # fmt: skip
            await n.publish(pool, n.workspace(Account("relay", "smtp", "email", options)))
            await n.enqueue(pool, [message(1)])

            async def bounced() -> bool:
                return list(await n.kinds(pool)) == ["accepted", "bounced"]

            await eventually(bounced, 30)
            await n.enqueue(pool, [message(2, customer=1)])

            async def dropped() -> bool:
                return (await n.states(pool))[1] == (14, "suppressed")

            await eventually(dropped)
    data = await pool.fetchval("SELECT data FROM queue.receipts WHERE kind = 'bounced'")
    assert msgspec.json.decode(data) == {"hard": True, "code": "5.1.1"}
    assert await pool.fetchval("SELECT status FROM notifier.deliveries") == "bounced"
    assert await pool.fetchval("SELECT reason FROM notifier.suppressions") == "bounced"


async def test_a_mail_that_the_next_server_takes_is_delivered_once_through_a_real_postfix(
    database_url: str, pool: asyncpg.Pool, next_hop: SmtpServer
) -> None:
    async with n.serving(database_url, FixedClock(AT)) as server:
        main, master = documented(server.port)
        with Postfix({"example.com": f"smtp:[127.0.0.1]:{next_hop.port}"}, main, master) as relay:
            options = {"host": "127.0.0.1", "port": relay.port, "tls": "none", "return_path": RETURN_PATH}
            await n.publish(pool, n.workspace(Account("relay", "smtp", "email", options)))
            await n.enqueue(pool, [message(1)])
            await eventually(lambda: bool(next_hop.handler.mails), 30)
    (mail,) = next_hop.handler.mails
    assert mail.mail_from == RETURN_PATH.format(key=message(1).send_key.hex())
    assert mail.rcpt_tos == ["customer1@example.com"]
    assert await n.kinds(pool) == ["accepted"]
