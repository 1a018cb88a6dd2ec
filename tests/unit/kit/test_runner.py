"""The runner serves, tells health from readiness, drains in the order of the path, and shows nobody a traceback."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from services.kit.dev.files import free_port
from services.kit.errors import Misconfigured, TryAgain
from services.kit.runner import Runner
from tests.support.waiting import eventually


class Part:
    """A service that writes down what happens to it."""

    def __init__(self, name: str, story: list[str], *, fails: Exception | None = None) -> None:
        self.name, self.story, self.fails = name, story, fails
        self.state = (True, "working")
        self.may_answer = asyncio.Event()
        self.asked = asyncio.Event()

    async def start(self) -> None:
        if self.fails:
            raise self.fails
        self.story.append(f"start {self.name}")

    async def stop(self) -> None:
        self.story.append(f"stop {self.name}")

    def ready(self) -> tuple[bool, str]:
        return self.state

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route(f"/{self.name}/hello", self._hello),
            Route(f"/{self.name}/slow", self._slow),
            Route(f"/{self.name}/fail/{{token}}", self._fail),
            Route(f"/{self.name}/later", self._later),
        ]

    async def _hello(self, _request: Request) -> Response:
        return PlainTextResponse("hello")

    async def _slow(self, _request: Request) -> Response:
        self.asked.set()
        await self.may_answer.wait()
        self.story.append(f"answered {self.name}")
        return PlainTextResponse("done")

    async def _fail(self, _request: Request) -> Response:
        raise ZeroDivisionError("a private detail")

    async def _later(self, _request: Request) -> Response:
        raise TryAgain("the bus is away", timedelta(seconds=2.5))


@asynccontextmanager
async def serving(*parts: Part) -> AsyncIterator[tuple[Runner, aiohttp.ClientSession]]:
    port = free_port()
    runner = Runner(parts, port=port, host="127.0.0.1")
    await runner.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        yield runner, client
    await runner.stop()


async def test_services_start_from_the_end_of_the_path_and_drain_from_its_beginning() -> None:
    story: list[str] = []
    async with serving(*(Part(name, story) for name in ("gateway", "engine", "notifier"))):
        assert story == ["start notifier", "start engine", "start gateway"]
        story.clear()
    assert story == ["stop gateway", "stop engine", "stop notifier"]


async def test_readiness_lists_each_service_and_is_503_while_one_is_not_ready() -> None:
    gateway, engine = Part("gateway", []), Part("engine", [])
    async with serving(gateway, engine) as (_, client):
        answer = await client.get("/readyz")
        assert answer.status == 200
        engine.state = (False, "no partition yet")
        answer = await client.get("/readyz")
        assert answer.status == 503
        assert (await answer.json())["services"] == {
            "gateway": {"ready": True, "state": "working"},
            "engine": {"ready": False, "state": "no partition yet"},
        }
        assert (await client.get("/healthz")).status == 200


async def test_an_unknown_address_is_a_404_in_json() -> None:
    async with serving(Part("gateway", [])) as (_, client):
        answer = await client.get("/nothing")
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
        assert (await answer.json(content_type=None))["status"] == 404


async def test_an_unexpected_error_is_a_500_that_tells_nothing_and_the_process_goes_on() -> None:
    async with serving(Part("gateway", [])) as (_, client):
        answer = await client.get("/gateway/fail/a-token")
        body = await answer.text()
        assert answer.status == 500
        assert "private" not in body
        assert "Traceback" not in body
        assert await (await client.get("/gateway/hello")).text() == "hello"


async def test_an_unexpected_error_is_logged_without_the_token_in_its_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with serving(Part("gateway", [])) as (_, client):
        await client.get("/gateway/fail/a-token")
    said = "".join(capsys.readouterr())
    assert "request_failed" in said
    assert "a-token" not in said


async def test_what_may_work_later_is_a_503_with_the_seconds_to_wait() -> None:
    async with serving(Part("gateway", [])) as (_, client):
        answer = await client.get("/gateway/later")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")


async def test_metrics_are_served_for_prometheus() -> None:
    async with serving(Part("gateway", [])) as (_, client):
        await client.get("/readyz")
        answer = await client.get("/metrics")
        assert answer.content_type == "text/plain"
        assert 'wici_service_ready{service="gateway"} 1.0' in await answer.text()


async def test_a_request_in_hand_is_answered_before_its_service_stops() -> None:
    story: list[str] = []
    part = Part("gateway", story)
    async with serving(part) as (runner, client):
        request = asyncio.create_task(client.get("/gateway/slow"))
        async with asyncio.timeout(5):
            await part.asked.wait()
        stopping = asyncio.create_task(runner.stop())
        await eventually(lambda: runner.readiness() == {"gateway": (False, "draining")})
        part.may_answer.set()
        assert await (await request).text() == "done"
        await stopping
        assert story == ["start gateway", "answered gateway", "stop gateway"]


async def test_when_a_service_cannot_start_those_that_run_are_stopped_and_the_port_is_free_again() -> None:
    story: list[str] = []
    port = free_port()
    parts = [Part("gateway", story, fails=Misconfigured("WICI_KAFKA is wrong")), Part("notifier", story)]
    with pytest.raises(Misconfigured, match="WICI_KAFKA"):
        await Runner(parts, port=port, host="127.0.0.1").start()
    assert story == ["start notifier", "stop gateway", "stop notifier"]
    again = Runner([Part("gateway", [])], port=port, host="127.0.0.1")
    await again.start()
    await again.stop()


async def test_a_taken_port_is_named_with_what_to_do() -> None:
    port = free_port()
    first = Runner([Part("gateway", [])], port=port, host="127.0.0.1")
    await first.start()
    with pytest.raises(Misconfigured, match=f"{port}.*WICI_PORT"):
        await Runner([Part("gateway", [])], port=port, host="127.0.0.1").start()
    await first.stop()


async def test_a_signal_drains_and_ends_the_run() -> None:
    story: list[str] = []
    runner = Runner([Part("gateway", story)], port=free_port(), host="127.0.0.1")
    running = asyncio.create_task(runner.run())
    await eventually(lambda: runner.readiness()["gateway"][0])
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await running
    assert story == ["start gateway", "stop gateway"]


async def test_an_error_while_one_service_stops_does_not_keep_the_next_from_stopping() -> None:
    story: list[str] = []
    broken = Part("gateway", story)

    async def fail() -> None:
        raise ZeroDivisionError

    broken.stop = fail  # type: ignore[method-assign]
    async with serving(broken, Part("notifier", story)):
        story.clear()
    assert story == ["stop notifier"]


async def test_until_its_service_has_started_an_address_answers_503() -> None:
    port = free_port()
    part = Part("gateway", [])
    begun, may_start = asyncio.Event(), asyncio.Event()

    async def start() -> None:
        begun.set()
        await may_start.wait()

    part.start = start  # type: ignore[method-assign]
    runner = Runner([part], port=port, host="127.0.0.1")
    starting = asyncio.create_task(runner.start())
    await begun.wait()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/gateway/hello")).status == 503
        assert (await client.get("/readyz")).status == 503
        assert (await client.get("/healthz")).status == 200
        may_start.set()
        await starting
        assert (await client.get("/gateway/hello")).status == 200
    await runner.stop()
