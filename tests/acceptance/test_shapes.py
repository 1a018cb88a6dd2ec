"""One scenario, two shapes: everything in one process, and separate processes over Kafka. They may not differ."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.installation import Installation, cart, order, phone, status, write_workspace
from tests.support.provider_ledger import Taken
from tests.support.provider_sink import ProviderSink
from tests.support.waiting import eventually


@pytest.fixture
def sink() -> Iterator[ProviderSink]:
    with ProviderSink() as playing:
        yield playing


@pytest.fixture(params=["embedded", "apart"])
def wici(
    request: pytest.FixtureRequest, tmp_path: Path, sink: ProviderSink, topic_prefix: str
) -> Iterator[Installation]:
    write_workspace(tmp_path / "workspace", sink.url)
    if request.param == "embedded":
        with Installation(tmp_path, {}) as made:
            made.start("up")
            made.wait_until_ready()
            yield made
        return
    shared = {
        "WICI_DATABASE_URL": request.getfixturevalue("database_url"),
        "WICI_KAFKA": request.getfixturevalue("kafka"),
        "WICI_TOPIC_PREFIX": topic_prefix,
    }
    with Installation(tmp_path, shared) as made:
        made.start_apart()
        made.wait_until_ready()
        yield made


def said_to(sink: ProviderSink, customer: str) -> list[Taken]:
    return [one for one in sink.ledger.messages if one.via == "resend" and one.to == f"{customer}@example.com"]


async def test_a_first_order_and_two_carts(wici: Installation, sink: ProviderSink) -> None:
    """Exactly one e-mail and one SMS for a first order, a delivery report heard, one reminder for the cart left."""
    assert wici.post(order("lucja"), key="wrong") == 401
    first = order("lucja")
    assert wici.post(first) == 202
    await eventually(lambda: len(sink.ledger.messages) == 2, 30)
    assert wici.post(first) == 202
    assert wici.post(cart("left"), cart("bought")) == 202
    assert wici.post(order("bought", cart_id="k-bought")) == 202
    await eventually(lambda: said_to(sink, "bought"), 30)
    await _hears_the_delivery_report(wici, sink)

    assert wici.command("clock", "+46m").returncode == 0
    await eventually(lambda: said_to(sink, "left"), 30)
    # What comes after it in the log shows that all before it is done.
    assert wici.post(order("last")) == 202
    await eventually(lambda: said_to(sink, "last"), 30)

    (mail,) = said_to(sink, "lucja")
    assert mail.subject == "Dziękujemy, Łucja!"
    assert "zażółć" in str(mail.raw)
    assert "List-Unsubscribe" in str(mail.raw)
    assert [one.subject for one in said_to(sink, "left")] == ["Koszyk czeka, Łucja!"]
    assert [one.subject for one in said_to(sink, "bought")] == ["Dziękujemy, Łucja!"]
    assert sum(one.via == "smsapi" for one in sink.ledger.messages) == 3


async def _hears_the_delivery_report(wici: Installation, sink: ProviderSink) -> None:
    (text,) = [one for one in sink.ledger.messages if one.via == "smsapi" and one.to in phone("lucja")]
    shown = wici.command("customers", "show", "lucja", "--json").stdout
    assert '"status": "delivered"' not in shown
    report = {
        "MsgId": "m-1",
        "idx": text.key or "",
        "status_name": "DELIVERED",
        "status": "404",
        "donedate": "1795341600",
    }
    query = urllib.parse.urlencode(report)
    assert status(f"{wici.notifier}/callbacks/pl/wrong-token?{query}") == 401
    assert status(f"{wici.notifier}/callbacks/pl/sms-callback-token?{query}") == 200
    await eventually(lambda: '"status": "delivered"' in wici.command("customers", "show", "lucja", "--json").stdout, 20)
