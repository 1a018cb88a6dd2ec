"""The console's API, served as it is deployed, over what a running engine has left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import jsonschema_rs
import pytest

from services.console import openapi
from services.console.app import build
from services.kit.dev.files import free_port
from services.kit.runner import Runner
from services.kit.service import Context
from tests.support.engine import THANKS, anna, event, journey, workspace
from tests.support.town import Town, town

KEY = "a-key-of-tests-with-at-least-32-characters"
SHOP = workspace(THANKS, journey("big", "order.placed", condition="event.order.total > 900"))
ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}


class Asking:
    """A client of a console."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def get(self, path: str, key: str | None = KEY) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self._client.get(f"/api/v1/{path}", headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def console(place: Town) -> AsyncIterator[Asking]:
    """A console over the town's database, behind its HTTP server."""
    port = free_port()
    settings = replace(place.settings, console_keys=(KEY,))
    made = Context(settings, place.pool, place.bus, place.clock, "console-1", {})
    runner = Runner([build(made)], port=port, host="127.0.0.1")
    await runner.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            yield Asking(client)
    finally:
        await runner.stop()


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Town]:
    async with town(database_url, SHOP) as made:
        async with made.engine():
            await made.tell(event("order.placed", customer=anna(), order=ORDER))
            await made.read()
        yield made


def described(name: str) -> Any:
    """Checks an answer against the published description."""
    document = openapi.document()
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


async def test_a_customer_is_explained_to_whoever_has_a_key_and_to_nobody_else(
    place: Town, capfd: pytest.CaptureFixture[str]
) -> None:
    async with console(place) as api:
        status, told = await api.get("customers/anna@example.com/explain")
        assert status == 200
        described("Explained").validate(told)
        first = told["moments"][0]
        assert (first["what"], first["version"]) == ("order.placed, from backend, under version 1", 1)
        assert first["reasons"] == ["condition_false"]
        assert "thanks: entered (revision 1)" in first["then"]
        kinds = {one["kind"] for one in told["moments"]}
        assert kinds == {"event", "entry", "message"}

        status, told = await api.get("customers/c-1/explain?journey=big")
        assert [one["journeys"] for one in told["moments"]] == [["big", "thanks"]]
        status, told = await api.get("customers/c-1/explain?at=2026-10-01")
        assert (status, told["moments"]) == (200, [])

        for path, key, expected in (
            ("customers/c-1/explain", None, 401),
            ("customers/c-1/explain", KEY[1:], 401),
            ("customers/jan@example.com/explain", KEY, 404),
            ("customers/c-1/explain?at=soon", KEY, 422),
            ("openapi.json", None, 200),
        ):
            status, told = await api.get(path, key)
            assert status == expected, path
            if status != 200:
                described("Problem").validate(told)
    assert "@example.com" not in "".join(capfd.readouterr())


async def test_a_report_is_told_as_it_is_described(place: Town) -> None:
    async with console(place) as api:
        status, told = await api.get("report?from=2026-11-22&to=2026-11-22&attribution=linear")
        described("Report").validate(told)
        thanks = {one["journey"]: one for one in told["journeys"]}["thanks"]
        assert (status, thanks["entered"], told["attribution"]) == (200, 1, "linear")
        for path, expected, says in (
            ("report?journey=thank", 404, "Write thanks."),
            ("report?attribution=mine", 422, "last_touch, first_touch, linear"),
            ("report?from=soon", 422, "2026-11-22"),
        ):
            status, told = await api.get(path)
            assert (status, says in told["detail"]) == (expected, True)
        assert (await api.get("report", None))[0] == 401


async def test_an_erased_customer_is_gone(place: Town) -> None:
    async with place.engine():
        await place.tell(event("customer.deleted", customer=anna()))
        await place.read()
    async with console(place) as api:
        status, told = await api.get("customers/anna@example.com/explain")
    assert status == 410
    assert "was erased on 2026-11-22" in told["detail"]


async def test_a_failure_is_logged_without_the_customers_name(place: Town, capfd: pytest.CaptureFixture[str]) -> None:
    await place.pool.execute("UPDATE engine.profiles SET state = 'no MessagePack'")
    async with console(place) as api:
        status, told = await api.get("customers/anna@example.com/explain")
    assert (status, json.dumps(told).count("anna")) == (500, 0)
    said = "".join(capfd.readouterr())
    assert "/api/v1/customers/{customer}/explain" in said
    assert "anna@example.com" not in said
