"""Examples are tried: YAML by the workspace's loader, requests by the gateway, records by the engine's intake."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.cli.workspace.load import load
from services.contracts import topics
from services.gateway.validation import check
from services.kit.bus.postgres_log import StoredRecord
from services.kit.settings import from_environment
from services.trigger_engine.intake import decode
from tests.docs.markdown import ROOT, Block, block, blocks, pages
from tests.docs.requests import request
from tests.unit.gateway.served import SECRETS, Served

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENTS = [found for page in pages() for found in blocks(page, "json") if '"specversion"' in found.text]
RECORDS = [found for page in pages() for found in blocks(page) if re.match(r'\S+\|\{"specversion"', found.text)]
REQUESTS = [found for page in pages() for found in blocks(page, "sh") if found.text.startswith("curl ")]


def test_there_are_examples_of_every_kind() -> None:
    assert len(EVENTS) >= 2
    assert len(RECORDS) == 2
    assert len(REQUESTS) == 4


@pytest.mark.parametrize("example", EVENTS, ids=lambda found: found.place)
def test_every_event_in_the_documentation_is_accepted(example: Block) -> None:
    taken = check(example.text.encode(), "server", {})
    assert taken.id == json.loads(example.text)["id"]


@pytest.mark.parametrize("example", REQUESTS, ids=lambda found: found.place)
async def test_every_request_in_the_documentation_gets_202(example: Block) -> None:
    asked = request(example.text, "server-key")
    body = EVENTS[0].text if asked.body.startswith("@") else asked.body
    answer = await Served().ask(body.encode(), asked.headers, path=asked.path)
    assert answer.status == 202, answer.body
    assert answer.json["accepted"] == 1


@pytest.mark.parametrize("example", RECORDS, ids=lambda found: found.place)
def test_every_record_in_the_documentation_is_read_as_an_event_of_its_key(example: Block) -> None:
    for line in example.text.strip().splitlines():
        key, _, value = line.partition("|")
        record = StoredRecord(topics.EVENTS, 0, 0, int(NOW.timestamp() * 1000), key.encode(), value.encode(), ())
        arrival = decode(record, SECRETS, (), NOW)
        assert key in {identifier.value for identifier in arrival.identifiers}


def test_the_readmes_journey_checks_without_a_word_to_say(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes/en", tmp_path, dirs_exist_ok=True)
    (tmp_path / "journeys/cart-recovery.yaml").write_text(block("README.md", "yaml", "journey: cart-recovery"))
    # What the recipe's journey says, and this one does not.
    shutil.rmtree(tmp_path / "templates/cart-free-delivery")
    (tmp_path / "journeys/cart-recovery.test.yaml").unlink()
    loaded = load(tmp_path)
    assert loaded.findings == []
    assert loaded.workspace is not None


def test_the_sources_of_the_connecting_page_check(tmp_path: Path) -> None:
    (example,) = [b.text for b in blocks(ROOT / "docs/connect/http.md") if b.text.startswith("sources:")]
    shutil.copytree(ROOT / "recipes/en", tmp_path, dirs_exist_ok=True)
    settings = (tmp_path / "wici.yaml").read_text()
    own = re.compile(r"^sources:\n(?: .*\n)+", re.MULTILINE)
    assert own.search(settings)
    (tmp_path / "wici.yaml").write_text(own.sub(lambda _: example, settings))
    assert load(tmp_path).findings == []


def test_the_environment_of_the_distributed_shape_is_one_that_services_take() -> None:
    exported = dict(re.findall(r"^export (\w+)=(\S+)$", block("README.md", "sh", "wici run gateway"), re.MULTILINE))
    settings = from_environment({name: value for name, value in exported.items() if not name.endswith("_FILE")})
    assert settings.database_url
    assert settings.kafka
    assert "WICI_SECRET_KEY_FILE" in exported
