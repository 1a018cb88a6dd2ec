"""An older database is restored, and with it customers who were erased since: the ledger erases them again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.cli.customers import ledger
from services.cli.customers.search import Sought, in_log, in_tables
from services.contracts import ids
from services.kit.errors import Misconfigured
from services.trigger_engine.erasure import digest
from services.trigger_engine.profiles.state import Identifier
from tests.support.databases import drop_database, execute, with_database
from tests.support.engine import AT, DAY, HOUR, THANKS, anna, event, journey, workspace
from tests.support.town import SECRET, Town, town

SHOP = workspace(THANKS, journey("news", "page.viewed", again_after=0))
ORDER = {"id": "o1", "total": "100.00", "currency": "PLN"}
GONE = [anna(id=f"gone-{n}", email=f"gone{n}@example.com", anonymous_id=f"cookie-{n}") for n in range(5)]
KEPT = anna(id="kept-1", email="kept@example.com")
FIRST_LIFE = [
    event("order.placed", id=f"e{n}", customer=one, order={**ORDER, "id": f"o{n}"})
    for n, one in enumerate((*GONE, KEPT))
]
NAMES = frozenset(
    name
    for n in range(5)
    for name in (Identifier("customer", "backend", f"gone-{n}"), Identifier("email", "", f"gone{n}@example.com"))
)


def deleted(*customers: str) -> list[bytes]:
    return [event("customer.deleted", AT + HOUR, subject=one, customer={"id": one}) for one in customers]


async def take_in(place: Town, *values: bytes) -> None:
    await place.tell(*values)
    async with place.engine():
        await place.read()


@pytest.fixture
async def backup(database_url: str, postgres_url: str) -> AsyncIterator[str]:
    """A database with six customers, copied as a backup would be; its url."""
    async with town(database_url, SHOP) as place:
        await take_in(place, *FIRST_LIFE)
    copy = with_database(postgres_url, f"{urlsplit(database_url).path[1:]}_backup")
    await execute(postgres_url, f"CREATE DATABASE {urlsplit(copy).path[1:]} TEMPLATE {urlsplit(database_url).path[1:]}")
    yield copy
    await drop_database(postgres_url, copy)


@pytest.fixture
async def file(backup: str, database_url: str, tmp_path: Path) -> Path:
    """The ledger after all but one have been erased, since that backup."""
    out = tmp_path / "erased.jsonl"
    assert backup != database_url, "the backup was made first"
    async with town(database_url) as place:
        await take_in(place, *deleted(*(one["id"] for one in GONE)))
        assert await place.profiles() == 1
        told = await ledger.erased(place.settings, out, None)
    assert told.data == {"names": 15}
    return out


async def test_after_a_restore_the_erased_are_erased_again_and_nothing_is_said_to_them(backup: str, file: Path) -> None:
    """Before any service runs; and the log that was restored with them does not bring them back."""
    async with town(backup) as place:
        assert (await place.profiles(), await place.count("queue.outbound WHERE state = 0")) == (6, 6)
        told = await ledger.erased(place.settings, None, file)
        assert (told.code, told.data) == (0, {"erased": 5, "names": 15, "doubtful": []})
        async with place.pool.acquire() as opened:
            assert await in_tables(opened, Sought(NAMES)) == {}
            assert await in_log(place.bus, place.settings, Sought(NAMES), (SECRET,)) == []
        assert await place.count("queue.outbound WHERE state = 0 AND recipient = 'kept@example.com'") == 1
        assert await place.count("queue.outbound WHERE state = 0") == 1
        await take_in(place, *FIRST_LIFE, event("page.viewed", AT, customer={"anonymous_id": "cookie-3"}))
        assert await place.profiles() == 1
        assert (await place.queue()).count(("hello", "QUEUED", None)) == 1


async def test_the_ledger_can_be_applied_again_and_changes_nothing(backup: str, file: Path) -> None:
    async with town(backup) as place:
        await ledger.erased(place.settings, None, file)
        before = await place.pool.fetch("SELECT * FROM engine.erased ORDER BY 1")
        told = await ledger.erased(place.settings, None, file)
        assert told.data == {"erased": 0, "names": 0, "doubtful": []}
        assert await place.pool.fetch("SELECT * FROM engine.erased ORDER BY 1") == before


async def test_who_came_back_after_the_erasure_stays(database_url: str, file: Path) -> None:
    """The database knows of that erasure: what bears the name now is somebody's new beginning."""
    async with town(database_url) as place:
        await take_in(
            place, event("page.viewed", AT + DAY - HOUR, customer={"id": "gone-1", "email": "gone1@example.com"})
        )
        assert await place.profiles() == 2
        assert (await ledger.erased(place.settings, None, file)).data["erased"] == 0
        assert await place.profiles() == 2


async def test_another_who_shares_a_phone_with_the_erased_is_shown_and_not_erased(backup: str, tmp_path: Path) -> None:
    file = tmp_path / "erased.jsonl"
    shared = digest(Identifier("email", "", "kept@example.com"), SECRET)
    ledger.write(file, {shared: AT + HOUR})
    async with town(backup) as place:
        told = await ledger.erased(place.settings, None, file)
        kept = await place.pool.fetchval("SELECT profile_id FROM engine.identifiers WHERE value = 'kept-1'")
        assert (told.code, told.data) == (1, {"erased": 0, "names": 0, "doubtful": [ids.text(kept)]})
        assert told.text.endswith(f"\n  {ids.text(kept)}")
        assert await place.profiles() == 6
        assert await place.count("engine.erased") == 0


async def test_names_are_read_a_page_at_a_time(backup: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_PAGE", 2)
    monkeypatch.setattr(ledger, "AT_ONCE", 2)
    async with town(backup) as place:
        assert (await ledger.erased(place.settings, None, file)).data["erased"] == 5
        assert await place.profiles() == 1


async def test_an_erasure_under_a_key_before_is_applied_too(backup: str, file: Path) -> None:
    async with town(backup) as place:
        place.settings = type(place.settings)(database_url=backup, secret_keys=("n" * 40, SECRET))
        assert (await ledger.erased(place.settings, None, file)).data["erased"] == 5


async def test_a_ledger_forgets_nothing_and_takes_the_later_erasure(backup: str, file: Path) -> None:
    """A restored database that adds to it knows of fewer."""
    before = ledger.read(file)
    async with town(backup) as place:
        assert (await ledger.erased(place.settings, file, None)).data == {"names": 15}
        assert ledger.read(file) == before
        name = next(iter(before))
        await place.pool.execute("INSERT INTO engine.erased VALUES ($1, $2)", name, AT + DAY)
        await ledger.erased(place.settings, file, None)
        assert ledger.read(file) == before | {name: AT + DAY}


def test_a_ledger_names_nobody(file: Path) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {frozenset(line) for line in lines} == {frozenset({"name", "erased_at"})}
    assert "gone" not in file.read_text()


def test_a_file_that_is_no_ledger_is_refused_by_its_line(file: Path) -> None:
    file.write_text(file.read_text() + "anna@example.com\n")
    with pytest.raises(Misconfigured, match=r"erased\.jsonl:16 is no line of a ledger"):
        ledger.read(file)


def test_the_later_of_two_lines_of_a_name_counts(tmp_path: Path) -> None:
    file = tmp_path / "two"
    later = AT + timedelta(days=1)
    lines = [f'{{"name": "00ff", "erased_at": "{at.isoformat()}"}}\n' for at in (later, AT)]
    file.write_text("".join(lines))
    assert ledger.read(file) == {b"\x00\xff": later}
