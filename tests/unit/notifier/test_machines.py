"""Telling persons from machines: by what a request says, when it comes, and what else is followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.notifier.machines import AGENTS, Hit, by_its_words, judged

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
KEY, OTHER = b"k" * 16, b"o" * 16
SENT = {KEY: AT - timedelta(hours=1), OTHER: AT - timedelta(hours=1)}
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


def click(url: str, seconds: float = 0.0, key: bytes = KEY) -> Hit:
    return Hit(key, "clicked", AT + timedelta(seconds=seconds), url)


def machines(*hits: Hit, sent: dict[bytes, datetime] | None = None) -> list[bool]:
    return [hit.machine for hit in judged(hits, SENT if sent is None else sent)]


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Slackbot-LinkExpanding 1.0",
        "curl/8.5.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
        "",
    ],
)
def test_what_gives_itself_away_is_a_machine(agent: str) -> None:
    assert by_its_words("GET", {"user-agent": agent})


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.4.0",
        "Mozilla/5.0 (Linux; Android 15; CUBOT P80) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36",
    ],
)
def test_browsers_and_mail_programs_are_persons(agent: str) -> None:
    assert not by_its_words("GET", {"user-agent": agent})


def test_a_head_and_a_prefetch_are_machines_whatever_they_call_themselves() -> None:
    assert by_its_words("HEAD", {"user-agent": CHROME})
    assert by_its_words("GET", {"user-agent": CHROME, "sec-purpose": "prefetch;prerender"})
    assert by_its_words("GET", {"user-agent": CHROME, "purpose": "prefetch"})


def test_before_anybody_can_have_read_it_is_a_machine() -> None:
    assert machines(click("a", 1.9), sent={KEY: AT}) == [True]
    assert machines(click("a", 2.0), sent={KEY: AT}) == [False]
    assert machines(click("a"), sent={}) == [True]


def test_two_links_of_one_message_within_a_second_are_a_scanners() -> None:
    assert machines(click("a"), click("b", 0.9)) == [True, True]
    assert machines(click("a"), click("b", 1.0)) == [False, False]
    assert machines(click("a"), click("a", 0.1)) == [False, False]
    assert machines(click("a"), click("b", 0.1, OTHER)) == [False, False]
    assert machines(click("a"), Hit(KEY, "opened", AT)) == [False, False]


def test_every_agent_of_the_table_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/tracking.md").read_text()
    for word in ("GoogleImageProxy", "YahooMailProxy", "Mozilla/5.0", "Barracuda", "BingPreview", "curl/", "WhatsApp"):
        assert word in page
        assert any(word.replace(".", "\\.") in pattern or word in pattern for pattern, _ in AGENTS), word
