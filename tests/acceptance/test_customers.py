"""`wici explain` and `wici customers …` as they are typed, beside a running `wici up`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import Result

from services.cli.main import app
from services.kit.clock import monotonic
from tests.acceptance.installation import Installation, cart, event, order, phone, write_workspace
from tests.support.provider_sink import ProviderSink
from tests.support.shop import RUNNER
from tests.support.waiting import eventually

PATIENCE = 30.0  # seconds


@pytest.fixture(scope="module")
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as playing:
        yield playing


@pytest.fixture(scope="module")
def wici(tmp_path_factory: pytest.TempPathFactory, sink: ProviderSink) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("customers")
    write_workspace(folder / "workspace", sink.url)
    with Installation(folder, {}) as made:
        made.start("up")
        made.wait_until_ready()
        yield made


def typed(wici: Installation, *words: str) -> Result:
    """A command, typed in this process: a new one for each would take most of the time."""
    outside = dict.fromkeys(name for name in os.environ if name.startswith("WICI_"))
    done = RUNNER.invoke(app, list(words), env={**outside, **wici.environ})
    assert "Traceback" not in done.output
    return done


def told(wici: Installation, *words: str, code: int = 0) -> Any:
    done = typed(wici, *words, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def refused(wici: Installation, *words: str) -> str:
    done = typed(wici, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    return done.stderr


def buys(wici: Installation, sink: ProviderSink, *customers: str) -> None:
    """Customers order, and are thanked by e-mail and text."""
    assert wici.post(*(order(one) for one in customers)) == 202
    wanted = {to for one in customers for to in (f"{one}@example.com", phone(one).lstrip("+"))}
    asyncio.run(eventually(lambda: wanted <= {one.to for one in sink.messages}, 60))


def explained(wici: Installation, customer: str) -> str:
    """What explain says once the provider's answers are stored: it may have a message before that."""
    deadline = monotonic() + PATIENCE
    while "not answered yet" in (text := typed(wici, "explain", customer).stdout):
        assert monotonic() < deadline, text
    return text


def test_explain_tells_why_a_customer_got_this_and_not_that(wici: Installation, sink: ProviderSink) -> None:
    assert wici.post(cart("maria")) == 202
    buys(wici, sink, "maria")
    text = explained(wici, "maria@example.com")
    assert "cart.updated, from backend" in text
    assert "thanks: thanks by email queued at " in text
    assert "attempt 1 over main" in text
    assert "main says accepted as" in text
    assert typed(wici, "explain", phone("maria")).stdout == text
    never = typed(wici, "explain", "backend:maria", "--journey", "cart").stdout
    assert never.startswith("cart is entered by cart.abandoned, and the customer has no such event on record.")
    only = told(wici, "explain", "maria", "--journey", "thanks")
    assert only.keys() == {"profile", "moments", "never", "facts_are_of"}
    assert only["moments"][0].keys() == {"at", "kind", "what", "then", "journeys", "reasons", "version"}
    assert all("thanks" in one["journeys"] for one in only["moments"])
    assert told(wici, "explain", "maria", "--at", "2020-01-01")["moments"] == []
    assert "Write it like 2026-11-22" in refused(wici, "explain", "maria", "--at", "yesterday")


def test_the_export_is_one_json_object_of_every_table(wici: Installation, sink: ProviderSink) -> None:
    buys(wici, sink, "olga")
    shown = json.loads(typed(wici, "customers", "export", "olga").stdout)
    assert shown.keys() == told(wici, "customers", "export", "olga").keys()
    assert shown["profile"]["facts"]["first_name"][0] == "Łucja"
    assert {row["value"] for row in shown["engine.identifiers"]} >= {"olga", "olga@example.com", phone("olga")}
    assert {row["recipient"] for row in shown["queue.outbound"]} == {"olga@example.com", phone("olga")}
    assert {row["status"] for row in shown["notifier.deliveries"]} == {"accepted"}
    assert "customers/" not in json.dumps(shown)


@pytest.mark.parametrize(
    "words", [["explain"], ["customers", "export"], ["customers", "show"], ["customers", "erase", "--yes"]]
)
def test_who_is_not_known_is_said_to_be_unknown(wici: Installation, words: list[str]) -> None:
    assert "No customer is known as 'nobody@example.com'. Write" in refused(wici, *words, "nobody@example.com")
    assert told(wici, *words, "nobody@example.com", code=1)["error"].startswith("No customer is known as")


def test_a_name_of_two_customers_is_refused_with_the_ids_of_both(wici: Installation, sink: ProviderSink) -> None:
    visitor = event("page.viewed", "visitor") | {"subject": "visitor"}
    visitor["data"]["customer"]["anonymous_id"] = "twin"
    assert wici.post(visitor) == 202
    buys(wici, sink, "twin")
    for words in (["explain"], ["customers", "export"], ["customers", "erase", "--yes"]):
        said = refused(wici, *words, "twin")
        assert "'twin' names several customers. Write one of their profile ids: " in said
        for profile in said.strip().removesuffix(".").partition("ids: ")[2].split(", "):
            assert told(wici, "customers", "show", profile)["profile"] == profile


def test_erasing_asks_first_and_then_leaves_nothing(wici: Installation, sink: ProviderSink) -> None:
    """Of two at once; what comes of them again is erased again; and explain says when it was."""
    buys(wici, sink, "gone1", "gone2", "stays")
    who = ["gone1@example.com", phone("gone2")]
    assert "add --yes to agree" in refused(wici, "customers", "erase", *who)
    assert typed(wici, "customers", "show", "gone1").exit_code == 0
    ledger = wici.folder / "erased.jsonl"

    nothing = {"tables": {}, "records": 0, "perhaps": 0, "log_gone_by": None}
    assert told(wici, "customers", "erase", *who, "--yes", "--verify", "--also", "Brzęczyszczykiewicz") == nothing
    for one in ("gone1", "gone2"):
        assert "was erased" in typed(wici, "explain", f"{one}@example.com").stdout
        assert "No customer is known" in refused(wici, "customers", "show", one)
    assert told(wici, "customers", "show", "stays")["messages"]
    assert told(wici, "customers", "erased", "--out", str(ledger))["names"] >= 6
    assert typed(wici, "customers", "erased", "--reapply", str(ledger)).stdout.startswith("This database knows")
    assert "2026" in typed(wici, "customers", "erased").stdout

    late = order("gone1") | {"time": "2026-11-20T10:00:00Z"}
    assert wici.post(late) == 202
    buys(wici, sink, "after")
    assert told(wici, "customers", "erase", "gone1@example.com", "--yes", "--verify") == nothing


def test_verify_finds_what_is_searched_for_and_says_so_by_its_exit_code(wici: Installation, sink: ProviderSink) -> None:
    """The first name that everybody here has is no name of the one who was erased."""
    buys(wici, sink, "witness", "goes")
    found = told(wici, "customers", "erase", "goes", "--yes", "--verify", "--also", "witness@example.com", code=1)
    assert {"engine.identifiers.value", "queue.outbound.recipient", "engine.events.data"} <= found["tables"].keys()
    assert (found["records"], found["perhaps"] > 0) == (0, True)
    assert found["log_gone_by"] is not None
    assert told(wici, "customers", "erase", "goes", "--yes", "--verify")["tables"] == {}
