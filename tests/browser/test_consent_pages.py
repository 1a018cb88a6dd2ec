"""The pages of consent in a real browser: without JavaScript, on a phone's width, by keyboard, under their own CSP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Page

from services.kit.clock import FixedClock
from tests.integration.test_notifier_consent import path, said, send, shop
from tests.support import notifying as n
from tests.support.chromium import chromium
from tests.support.notifying import AT, Server, message

PHONE = {"width": 360, "height": 740}


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with n.database(database_url) as opened:
        await n.publish(opened, shop())
        await send(opened, message(1, locale="pl-PL"))
        for channel in ("email", "sms"):
            await opened.execute(
                "INSERT INTO engine.consents VALUES ($1, $2, '', 'subscribed', $3, '{}')",
                message(1).profile_id, channel, AT,
            )  # fmt: skip
        yield opened


@pytest.fixture
async def server(database_url: str, pool: asyncpg.Pool) -> AsyncIterator[Server]:  # noqa: ARG001 -- published first
    async with n.serving(database_url, FixedClock(AT)) as made:
        yield made


@pytest.fixture
async def page(server: Server) -> AsyncIterator[Page]:
    async with chromium() as browser:
        context = await browser.new_context(
            base_url=f"http://127.0.0.1:{server.port}",
            java_script_enabled=False,
            viewport=PHONE,  # type: ignore[arg-type]
        )
        yield await context.new_page()


async def picture(page: Page, name: str) -> None:
    """Keep a picture where WICI_TEST_PICTURES names a folder, to be looked at."""
    if folder := os.environ.get("WICI_TEST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def fits(page: Page) -> bool:
    """Whether nothing sticks out of the phone's width."""
    box = await page.locator("main").bounding_box()
    wide = [await one.bounding_box() for one in await page.locator("main *:visible").all()]
    edges = [b["x"] + b["width"] for b in (box, *wide) if b is not None]
    return max(edges) <= PHONE["width"]


async def test_a_customer_chooses_and_leaves_with_no_script_at_a_phones_width(page: Page, pool: asyncpg.Pool) -> None:
    problems: list[str] = []
    page.on("console", lambda line: problems.append(line.text))
    page.on("requestfailed", lambda request: problems.append(request.url))
    await page.goto(path("preferences"))
    await picture(page, "preferences")
    assert await fits(page)
    reminders = page.get_by_label("Przypomnienia o koszyku")
    assert await reminders.is_checked()
    await reminders.uncheck()
    await page.get_by_role("group", name="SMS").get_by_label("Pozostałe nowości i oferty").press("Enter")
    assert await page.get_by_role("status").is_visible()
    await picture(page, "preferences-saved")
    (first,) = await said(pool)
    assert first.lines["email:cart-reminders"] == "unsubscribed"
    assert first.lines["sms"] == first.lines["email"] == "subscribed"
    await page.get_by_role("button", name="Rezygnuję ze wszystkiego").click()
    assert await page.get_by_role("checkbox", checked=True).count() == 0
    assert (await said(pool))[1].lines == {"email": "unsubscribed", "sms": "unsubscribed"}
    assert problems == []


async def test_a_confirmation_is_one_press_of_a_button_in_the_shops_colour(page: Page, pool: asyncpg.Pool) -> None:
    await page.goto(path("confirm"))
    await picture(page, "confirm")
    assert await fits(page)
    button = page.get_by_role("button")
    assert await button.count() == 1
    assert await said(pool) == []
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Dziękujemy").wait_for()
    await picture(page, "confirmed")
    assert [one.lines for one in await said(pool)] == [{"email": "subscribed"}]
