"""`wici doctor source` against a real gateway over loopback HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from services.cli.connect import bus, context, topic_specs
from services.contracts import topics
from services.gateway.app import build
from services.kit.clock import SystemClock
from services.kit.dev.files import free_port
from services.kit.runner import Runner
from tests.support.shop import Shop, all_records, opened

SOURCES = """\
sources:
  sklep: {storefront: shopify, secrets: [$SKLEP_SECRET]}
  woo: {storefront: woocommerce, secrets: [$WOO_SECRET]}
  erp: {storefront: kafka, topic: shop.orders, event: order.placed}
  moda: {storefront: magento}
"""
SECRETS = {"SKLEP_SECRET": "shopify-secret", "WOO_SECRET": "woo &amp; secret"}


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Shop:
    found = opened(tmp_path / "shop", database_url, WICI_SECRET_KEY="s" * 40, **SECRETS)
    found.change("wici.yaml", "sources:\n", SOURCES)
    found.told("apply", "--yes")
    return found


@contextlib.contextmanager
def gateway(shop: Shop) -> Iterator[str]:
    """A gateway that serves at the address, in a thread of its own."""

    async def made() -> AsyncIterator[str]:
        async with bus(shop.settings, SystemClock()) as opened_bus:
            await opened_bus.create_topics(topic_specs(shop.settings))
        port = free_port()
        async with context(shop.settings.serving(port), "gateway", shop.environ) as found:
            runner = Runner([build(found)], port=port, host="127.0.0.1")
            await runner.start()
            yield f"http://127.0.0.1:{port}"
            await runner.stop()

    with in_a_thread(made) as address:
        yield address


@contextlib.contextmanager
def in_a_thread(serve: Callable[[], AsyncIterator[str]]) -> Iterator[str]:
    ready = threading.Event()
    told: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        async for address in serve():
            end = asyncio.Event()
            told.append((address, asyncio.get_running_loop(), end))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(30)
    address, loop, end = told[0]
    yield address
    loop.call_soon_threadsafe(end.set)
    thread.join(30)


def states(shop: Shop, name: str, address: str, **environ: str) -> tuple[int, str]:
    done = shop.wici("doctor", "source", name, "--url", address, environ=environ)
    return done.exit_code, " ".join(done.output.split())


def test_signed_test_is_verified_and_publishes_nothing(shop: Shop) -> None:
    with gateway(shop) as address:
        for name, told in (
            ("sklep", "secret $SKLEP_SECRET"),
            ("woo", "secret $WOO_SECRET"),
            ("backend", "key $BACKEND_KEY"),
        ):
            code, said = states(shop, name, address)
            assert (code, f"✓ {told}: A signed test arrived" in said) == (0, True), said
            assert "not seen" in said
        told = shop.told("doctor", "source", "woo", "--url", address)
        assert told[0] == {"name": "secret $WOO_SECRET", "state": "ok", "said": told[0]["said"]}
        assert any("Carts" in check["said"] for check in told)
        for name, says in (("sklep", "Give both the same"), ("backend", "Give both the same")):
            wrong = {"SKLEP_SECRET": "another", "BACKEND_KEY": "x" * 40}
            code, said = states(shop, name, address, **wrong)
            assert (code, says in said) == (1, True), said
    assert asyncio.run(all_records(shop.settings, topics.EVENTS)) == []
    assert asyncio.run(all_records(shop.settings, topics.DEAD_LETTERS)) == []


def test_what_keeps_a_source_from_working_is_named(shop: Shop) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    for name, environ, says in (
        ("sklep", {}, "Nobody answers at"),
        ("sklep", {"SKLEP_SECRET": ""}, "SKLEP_SECRET is not set"),
        ("skelp", {}, "Did you mean sklep?"),
        ("moda", {}, "not connected in this version"),
        ("erp", {}, "bootstrap: host:9092"),
        ("erp", {"WICI_KAFKA": nobody.removeprefix("http://")}, "WICI_KAFKA"),
    ):
        code, said = states(shop, name, nobody, **environ)
        assert (code, says in said) == (1, True), said


def test_address_of_another_program_is_told(shop: Shop) -> None:
    async def other() -> AsyncIterator[str]:
        server = web.Application()
        server.router.add_post("/{all:.*}", _no)
        runner = web.AppRunner(server)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
        await runner.cleanup()

    with in_a_thread(other) as address:
        code, said = states(shop, "sklep", address)
    assert (code, "answers 404 and not as a gateway does" in said) == (1, True)
    assert "differs from this machine's" in said


async def _no(_: web.Request) -> web.Response:
    return web.Response(status=404, text="no such page", headers={"Date": "Mon, 01 Jan 2024 00:00:00 GMT"})
