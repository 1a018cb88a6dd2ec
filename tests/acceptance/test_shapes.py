"""One scenario, two shapes: everything in one process, and separate processes over Kafka. They may not differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.callbacks import resend_delivers, smsapi_delivers
from tests.acceptance.installation import Installation, cart, order, phone, write_workspace
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


def texted_to(sink: ProviderSink, customer: str) -> list[Taken]:
    return [one for one in sink.ledger.messages if one.via == "smsapi" and one.to == phone(customer).lstrip("+")]


def statuses(wici: Installation, customer: str) -> dict[str, str]:
    """How the customer's messages stand, by channel."""
    shown = json.loads(wici.command("customers", "show", customer, "--json").stdout)
    return {one["channel"]: one["status"] for one in shown["messages"]}


async def all_before_is_done(wici: Installation, sink: ProviderSink, witness: str) -> None:
    """What comes last in the log is answered after all that came before it."""
    assert wici.post(order(witness)) == 202
    await eventually(lambda: said_to(sink, witness) and texted_to(sink, witness), 30)


async def test_a_first_order_gives_one_mail_and_one_sms_in_the_customers_language(
    wici: Installation, sink: ProviderSink
) -> None:
    """However often the event comes; and what the providers report is known of the customer."""
    assert wici.post(order("lucja"), key="wrong") == 401
    polish, english = order("lucja"), order("lucy", locale="en")
    assert wici.post(polish, english) == 202
    await eventually(lambda: len(sink.ledger.messages) == 4, 30)
    assert wici.post(polish, english) == 202
    await all_before_is_done(wici, sink, "last")

    ((mail,), (text,)) = said_to(sink, "lucja"), texted_to(sink, "lucja")
    said, way_out = str(text.body).split("\nRezygnacja: ")
    assert (mail.subject, said) == ("Dziękujemy, Łucja!", "Dziękujemy Łucja! Sklep")
    assert "/u/" in way_out
    assert "Zażółć gęślą jaźń." in str(mail.raw)
    assert "List-Unsubscribe" in str(mail.raw)
    ((mail,), (text,)) = said_to(sink, "lucy"), texted_to(sink, "lucy")
    said, way_out = str(text.body).split("\nOpt out: ")
    assert (mail.subject, said) == ("Thank you, Łucja!", "Thank you Łucja! The shop")
    assert "/u/" in way_out
    assert len(sink.ledger.messages) == 6
    await hears_what_the_providers_report(wici, mail, text)


async def hears_what_the_providers_report(wici: Installation, mail: Taken, text: Taken) -> None:
    assert resend_delivers(wici, mail, secret="whsec_" + "A" * 44) == 401
    assert smsapi_delivers(wici, text, token="wrong-token") == 401
    assert statuses(wici, "lucy") == {"email": "accepted", "sms": "accepted"}
    assert resend_delivers(wici, mail) == 200
    assert smsapi_delivers(wici, text) == 200
    await eventually(lambda: statuses(wici, "lucy") == {"email": "delivered", "sms": "delivered"}, 20)


async def test_an_abandoned_cart_gives_one_reminder_and_none_to_a_buyer_in_whatever_order_news_comes(
    wici: Installation, sink: ProviderSink
) -> None:
    """Marketing time is moved on: nothing after 44 minutes, the reminder after 46."""
    overtaken = cart("overtaken")
    assert wici.post(cart("left"), cart("foreign", locale="en"), cart("bought")) == 202
    assert wici.post(order("bought", cart_id="k-bought")) == 202
    assert wici.post(order("overtaken", cart_id="k-overtaken")) == 202
    await all_before_is_done(wici, sink, "first")
    assert wici.post(overtaken) == 202
    await all_before_is_done(wici, sink, "second")

    assert wici.command("clock", "+44m").returncode == 0
    await all_before_is_done(wici, sink, "third")
    assert said_to(sink, "left") == said_to(sink, "foreign") == []
    assert wici.command("clock", "+2m").returncode == 0
    await eventually(lambda: said_to(sink, "left") and said_to(sink, "foreign"), 30)
    await all_before_is_done(wici, sink, "fourth")

    assert [one.subject for one in said_to(sink, "left")] == ["Koszyk czeka, Łucja!"]
    assert [one.subject for one in said_to(sink, "foreign")] == ["Your cart waits, Łucja!"]
    for buyer in ("bought", "overtaken"):
        assert [one.subject for one in said_to(sink, buyer)] == ["Dziękujemy, Łucja!"]
